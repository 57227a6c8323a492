/** A request that was answered, or not: what an access log has of it. No token is ever in it. */
export interface RequestEvent {
  /** When it was over. */
  readonly time: Date
  /** Who sent it: an address, or `unix`. */
  readonly client: string
  /** How it was known: the line of its token, as `token 3`, or the name in its certificate. */
  readonly caller?: string
  /** The HTTP method. */
  readonly method: string
  /** The path, without what stands behind a `?`. */
  readonly path: string
  /** The method that was called, or `batch`. */
  readonly call?: string
  /** How many calls there were in a batch. */
  readonly calls?: number
  /** The queue that was named; in a batch, the last. */
  readonly queue?: string
  /** The item that was named; in a batch, the last. */
  readonly id?: string
  /** The HTTP status; 0 where the client went away before there was one. */
  readonly status: number
  /** What went wrong. */
  readonly error?: {
    /** One of the codes of fsq, of JSON-RPC, or of Node.js. */
    readonly code: string | number
    /** What the client was told. */
    readonly message: string
  }
  /** The size of its body, as far as it came, in bytes. */
  readonly bytes: number
  /** How long it took, in seconds. */
  readonly seconds: number
}
