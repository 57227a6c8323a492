/** Who sent a request, as far as it was told. */
export interface Caller {
  /** How the log calls it: the line of its token, as `token 3`, or the name in its certificate. */
  readonly name: string | undefined
  /** The queues that it may name; all where there is no list. */
  readonly queues: ReadonlySet<string> | undefined
}

/** Whether the caller may name that queue. */
export function mayUse({ queues }: Caller, queue: string): boolean {
  return queues?.has(queue) ?? true
}
