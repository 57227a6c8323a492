import { FsqError } from '../../errors.js'
import type { Node } from './node.js'

/** What comes of a job on a node, or before it has one. */
export type JobEnd =
  /** It is done. */
  | { readonly end: 'done' }
  /** There is nothing to do for it any more. */
  | { readonly end: 'dropped'; readonly why: string }
  /** It stays as it is, with its tries unspent: what it needs is not there for now. */
  | { readonly end: 'left' }
  /** It is tried again later. */
  | { readonly end: 'again'; readonly error: Error }
  /** No later try can succeed. */
  | { readonly end: 'failed'; readonly why: string }
  /** It is for these nodes. */
  | { readonly end: 'moved'; readonly nodes: readonly Node[] }

/** The job is done. */
export const done: JobEnd = { end: 'done' }

/** The job waits. */
export const left: JobEnd = { end: 'left' }

/** The job is tried again later. */
export function again(why: string): JobEnd {
  return { end: 'again', error: new FsqError('FSQ_CLUSTER', why) }
}

/** Nothing is to be done, since the file is not what the job was made for. */
export function dropped(why: string): JobEnd {
  return { end: 'dropped', why }
}
