import type { Node } from './node.js'

/** What comes of a job on a node, or before it has one. */
export type JobEnd =
  /** It is done. */
  | { readonly end: 'done' }
  /** There is nothing to do for it any more. */
  | { readonly end: 'dropped'; readonly why: string }
  /** It is tried again later. */
  | { readonly end: 'again'; readonly error: Error }
  /** No later try can succeed. */
  | { readonly end: 'failed'; readonly why: string }
  /** It is for these nodes. */
  | { readonly end: 'moved'; readonly nodes: readonly Node[] }

/** The job is done. */
export const done: JobEnd = { end: 'done' }

/** Nothing is to be done, since the file is not what the job was made for. */
export function dropped(why: string): JobEnd {
  return { end: 'dropped', why }
}
