import { FsqError } from '../errors.js'
import type { Charset } from '../name/charset.js'
import type { Item } from '../queue/item.js'
import { Trouble } from './trouble.js'
import type { Wire } from './wire.js'

/*
 * An item goes to a remote in one of three ways, of which the first is taken that the remote has:
 *
 *   1. PUT: the bytes as they are, of any size, in constant memory. Listed as enqueue_url.
 *   2. enqueue_base64: a call with the bytes in Base64
 *   3. enqueue: a call with the body as text in FSQ_CHARSET; all that the Python fsq has. The remote
 *      writes the text in its own charset, so both have to be the same.
 */

/** The largest body that travels in a call, in bytes: it is in memory at both ends, several times. */
const largestCall = 64 * 1024 * 1024

/** Up to this size a body is read into memory to be put, in bytes. */
const readUpTo = 64 * 1024

/**
 * Sends an item.
 *
 * @param methods - what the remote can
 * @throws {@link Trouble}; the reason of the signal; `FSQ_BODY` and `FSQ_NO_ITEM` of the item.
 */
export async function sendItem(
  wire: Wire,
  item: Item,
  queue: string,
  methods: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<void> {
  const confirmed = methods.has('enqueue_url')
    ? await wire.put(queue, item.id, await payloadOf(item), signal)
    : await callWith(wire, item, queue, methods, signal)
  if (confirmed !== item.id)
    throw new Trouble(
      'away',
      'its answer does not confirm the item; is there an fsq at that address?',
    )
}

async function payloadOf(item: Item) {
  const { size } = item
  return size <= readUpTo ? item.bytes() : { size, pieces: () => item.pieces() }
}

async function callWith(
  wire: Wire,
  item: Item,
  queue: string,
  methods: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (item.size > largestCall) {
    throw new Trouble(
      'refused',
      `its body has ${item.size} bytes, and without PUT the remote takes at most ${largestCall}`,
    )
  }
  const bytes = await item.bytes()
  if (methods.has('enqueue_base64')) {
    const data = bytes.toString('base64')
    return wire.call('enqueue_base64', [item.id, queue, data], signal)
  }
  const { charset } = item.context.writing
  return wire.call('enqueue', [item.id, queue, textOf(bytes, charset)], signal)
}

/** @throws {@link Trouble} for bytes that are no text: others would arrive. */
function textOf(bytes: Uint8Array, charset: Charset): string {
  try {
    return charset.decode(bytes)
  } catch (cause) {
    if (!(cause instanceof FsqError)) throw cause
    const { name } = charset
    throw new Trouble('refused', `its body is no text in ${name}, and the remote takes only text`, {
      cause,
    })
  }
}
