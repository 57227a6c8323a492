import type { Address } from './address.js'
import type { Connections } from './connections.js'
import type { Answer, Payload } from './exchange.js'
import { callTrouble, connectionTrouble, objectIn, statusTrouble, Trouble } from './trouble.js'

/** One call travels alone, so that any id will do. */
const callId = 'fsq'

/** What travels to a remote and back: JSON-RPC calls, and bodies by themselves. */
export class Wire implements Disposable {
  readonly #address: Address
  readonly #connections: Connections

  constructor(address: Address, connections: Connections) {
    this.#address = address
    this.#connections = connections
  }

  /**
   * Calls a method, in the form that the Python fsq writes: JSON-RPC 2.0.
   *
   * @returns its result; the answer may be 2.0 or, as that of the Python fsq is, 1.0.
   * @throws {@link Trouble}, and the reason of the signal.
   */
  async call(
    method: string,
    params: Readonly<Record<string, unknown>> | readonly unknown[],
    signal?: AbortSignal,
  ): Promise<unknown> {
    const isEmpty = Object.keys(params).length === 0
    const request = { jsonrpc: '2.0', id: callId, method, ...(isEmpty ? {} : { params }) }
    const answer = await this.#send({
      method: 'POST',
      path: this.#address.path,
      type: 'application/json-rpc',
      payload: Buffer.from(JSON.stringify(request)),
      signal,
    })
    if (answer.status !== 200) throw statusTrouble(answer)
    const message = objectIn(answer.text)
    if (message === undefined || !('result' in message || 'error' in message))
      throw new Trouble('away', 'its answer is no JSON-RPC; is there an fsq at that address?')
    const { result, error, id } = message
    if (error !== undefined && error !== null) throw callTrouble(error)
    if (id !== callId) throw new Trouble('away', 'it answered another call')
    return result
  }

  /**
   * Puts the body of an item into a queue.
   *
   * @returns the name that the remote confirmed.
   * @throws {@link Trouble}; the reason of the signal; what the pieces of the body throw.
   */
  async put(queue: string, id: string, payload: Payload, signal?: AbortSignal): Promise<unknown> {
    const { base } = this.#address
    const answer = await this.#send({
      method: 'PUT',
      path: `${base}/queues/${encodeURIComponent(queue)}/items/${encodeURIComponent(id)}`,
      type: 'application/octet-stream',
      payload,
      signal,
    })
    if (answer.status !== 200 && answer.status !== 201) throw statusTrouble(answer)
    return objectIn(answer.text)?.['id']
  }

  /** Closes the connections. */
  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]()
  }

  async #send(request: Parameters<Connections['send']>[0]): Promise<Answer> {
    try {
      return await this.#connections.send(request)
    } catch (error) {
      request.signal?.throwIfAborted()
      throw connectionTrouble(error)
    }
  }
}
