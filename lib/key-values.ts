/*
 * Values by keys that several processes, perhaps on several machines, change at the same time: each change
 * is made only by who knows what is there. The file system is one place for them, JetStream another.
 */

/** A value, and the revision by which it can be replaced. */
export interface Entry<T> {
  /** It can be written as JSON. */
  readonly value: T
  /** Another after each change. */
  readonly revision: number
}

/** Values by keys, each replaced only by who knows the one that is there. */
export interface Entries<T> {
  /** Undefined where there is none. */
  get(key: string): Promise<Entry<T> | undefined>
  /** The new revision; undefined where there is one. */
  create(key: string, value: T): Promise<number | undefined>
  /** The new revision; undefined where somebody else has replaced it. */
  replace(key: string, value: T, revision: number): Promise<number | undefined>
  /** Harmless where there is none. */
  remove(key: string): Promise<void>
}

/** {@link Entries} that can be listed, and watched. */
export interface WatchedEntries<T> extends Entries<T> {
  /** Harmless where there is none; with a revision also where there is another. */
  remove(key: string, revision?: number): Promise<void>
  /** All that are there. */
  list(): Promise<ReadonlyMap<string, Entry<T>>>
  /**
   * Tells of each key that was created, replaced, or removed since, soon, until it is disposed; undefined:
   * look at all of them.
   *
   * @param onError - it can no longer be watched; whoever looks from time to time misses nothing. Never called before
   * this returns.
   * @throws what keeps it from being watched at all
   */
  watch(onChange: (key: string | undefined) => void, onError: (error: unknown) => void): Disposable
}

/** What only one has at a time, until it ends or is cut off. */
export interface Hold extends Disposable {
  /** Another each time that it is taken: the later holder has the higher number. */
  readonly epoch: number
  /** Whether it is still ours, as far as we can know. */
  isHeld(): boolean
}

/** How entries are kept. */
export interface EntriesOptions {
  /** They may be lost when all of the servers, or the power, is; then they are quicker. @defaultValue false */
  readonly volatile?: boolean
}

/** A place for values. */
export interface KeyValues extends AsyncDisposable {
  /**
   * The entries of that name, which has letters, digits and `-`. Keys are any text of at most 255 bytes, without NUL;
   * values are JSON.
   */
  entries<T>(name: string, options?: EntriesOptions): WatchedEntries<T>
  /** Takes what only one has at a time; undefined where another has it. */
  hold(name: string, holder: string): Promise<Hold | undefined>
}

/** The longest key, in bytes. */
const longestKey = 255

/** @throws `TypeError` for what is no key. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key === 'string' && !key.includes('\0') && Buffer.byteLength(key) <= longestKey) return
  throw new TypeError(
    `Expected a key to be text of at most ${longestKey} bytes without NUL, got ${JSON.stringify(key)}`,
  )
}

/** @throws `TypeError` for what is no value: JSON has no undefined. */
export function checkValue(value: unknown): void {
  if (value === undefined) throw new TypeError('Expected a value that JSON has, got undefined')
}

/** @throws `TypeError` for what cannot be the name of entries, or of a hold. */
export function checkEntriesName(name: string): void {
  if (/^[A-Za-z0-9-]{1,64}$/.test(name)) return
  throw new TypeError(
    `Expected a name of letters, digits and "-" for values, got ${JSON.stringify(name)}`,
  )
}
