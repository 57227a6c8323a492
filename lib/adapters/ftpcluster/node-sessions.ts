import { type Deferred, deferred } from '../../deferred.js'
import { untilAborted } from '../../until-aborted.js'
import type { ConfiguredNode } from './cluster-conf.js'
import { NodeError } from './node-error.js'
import { NodeSession, type SessionOptions } from './node-session.js'

/**
 * The connections to a node: few at most, each kept for the next request. None that was cut is used
 * again, and none that is idle keeps the process alive.
 */
export class NodeSessions {
  readonly #node: ConfiguredNode
  readonly #options: SessionOptions
  readonly #idle: NodeSession[] = []
  readonly #waiting: Deferred<undefined>[] = []
  #free: number
  #closed = false

  constructor(node: ConfiguredNode, options: SessionOptions, connections: number) {
    this.#node = node
    this.#options = options
    this.#free = connections
  }

  /** Does something with a connection that is nobody else's meanwhile. The signal ends the connection. */
  async use<T>(
    act: (session: NodeSession) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    await this.#slot(signal)
    try {
      const session = await this.#session(signal)
      const abort = (): void => {
        session.close(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      try {
        signal?.throwIfAborted()
        return await act(session)
      } catch (error) {
        // In which state it is after anything else nobody knows.
        if (!(error instanceof NodeError) || error.ofNode) session.close(error)
        throw error
      } finally {
        signal?.removeEventListener('abort', abort)
        this.#keep(session)
      }
    } finally {
      this.#release()
    }
  }

  /** Closes the connections that are idle, and the others when they have done what they are at. */
  close(): void {
    this.#closed = true
    for (const session of this.#idle.splice(0)) session.close()
  }

  async #session(signal: AbortSignal | undefined): Promise<NodeSession> {
    for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop()) {
      session.keepAlive(true)
      if (!session.closed && (await isAlive(session, signal))) return session
      session.close()
    }
    return NodeSession.open(this.#node, this.#options, signal)
  }

  #keep(session: NodeSession): void {
    if (this.#closed) session.close()
    if (session.closed) return
    session.keepAlive(false)
    this.#idle.push(session)
  }

  async #slot(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return
    }
    const turn = deferred<undefined>()
    this.#waiting.push(turn)
    try {
      await untilAborted(turn.promise, signal)
    } catch (error) {
      const at = this.#waiting.indexOf(turn)
      if (at >= 0) this.#waiting.splice(at, 1)
      else this.#release() // It was given to us at the same moment.
      throw error
    }
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next.resolve(undefined)
  }
}

/**
 * A connection that was cut while nobody used it may look alive. That it was says nothing about the node,
 * so it is worth a question.
 */
async function isAlive(session: NodeSession, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const { refusal } = await untilAborted(session.attempt('NOOP'), signal)
    return refusal?.code !== 421
  } catch (error) {
    session.close(error)
    signal?.throwIfAborted()
    return false
  }
}
