import { FsqError } from '../../errors.js'
import { textOf } from './escape.js'
import { formatNode, type Node } from './node.js'

/**
 * Why a node did not do as it was asked:
 *
 * - `away`: it cannot be reached, does not answer, or ended the connection. Nothing else will fare better
 *   there for now.
 * - `full`: it cannot write this, in all likelihood for want of space: few servers tell that from other
 *   trouble with their disk.
 * - `denied`: it does not let us, be it log in (then {@link NodeError.ofNode} is true), be it this.
 * - `gone`: what is to be copied from it is not there.
 * - `taken`: another file is where this one is to be stored; it is left as it is.
 * - `changed`: what is to be stored has not the size that it is said to have.
 * - `refused`: FTP has no way to say such a path.
 * - `failed`: anything else; another try may fare better.
 */
export type NodeErrorKind =
  'away' | 'full' | 'denied' | 'gone' | 'taken' | 'changed' | 'refused' | 'failed'

/** What the calls of a {@link NodeClient} throw. Its code is `FSQ_NODE`. */
export class NodeError extends FsqError {
  /** Why. */
  readonly kind: NodeErrorKind
  /** The node, without the password. */
  readonly node: Node
  /** Whether it is about the node as such, so that any other request would meet it now as well. */
  readonly ofNode: boolean

  /** @internal */
  constructor(node: Node, kind: NodeErrorKind, message: string, more: NodeErrorFields = {}) {
    const { cause, ofNode = kind === 'away' } = more
    super('FSQ_NODE', `${formatNode(node)}: ${message}`, cause === undefined ? {} : { cause })
    this.kind = kind
    this.node = { host: node.host, port: node.port }
    this.ofNode = ofNode
  }
}

interface NodeErrorFields {
  readonly cause?: unknown
  readonly ofNode?: boolean
}

/** A reply of an FTP server that says no. */
export interface Refusal {
  /** Three digits, the first 4 or 5. */
  readonly code: number
  /** The reply, a character a byte. */
  readonly message: string
}

/** Whether that is what a server replied, rather than something that befell the connection. */
export function isRefusal(error: unknown): error is Refusal & Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'number'
}

/** A refusal that stays one when it is asked again at once: 4xx are of the moment. */
export function isPermanent({ code }: Refusal): boolean {
  return code >= 500
}

/** Why a server says no. Its words count too: few servers tell a full disk by the code alone. */
export function kindOfRefusal({ code, message }: Refusal): NodeErrorKind {
  if (code === 421) return 'away'
  if (code === 452 || code === 552 || /no space|disk full|quota/i.test(message)) return 'full'
  if (code === 530 || code === 532) return 'denied'
  return isDenial(message) ? 'denied' : 'failed'
}

/** Whether it is about permissions, by its words. */
export function isDenial(message: string): boolean {
  return /permission denied|access denied|not permitted|not allowed|not privileged/i.test(message)
}

/** How much of what a server says is passed on. */
const enough = 500

/** What a server said, in one line, without the password in case it was in it. */
export function wordsOf({ message }: Refusal, password: string): string {
  const text = textOf(Buffer.from(message, 'latin1')).replace(/\s+/g, ' ').slice(0, enough)
  return password === '' ? text : text.replaceAll(password, '***')
}
