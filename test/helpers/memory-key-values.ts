import {
  checkEntriesName,
  checkKey,
  checkValue,
  type Entry,
  type Hold,
  type KeyValues,
  type WatchedEntries,
} from '../../lib/key-values.js'

type Listener = (key: string | undefined) => void

/** A place for values in memory, which several in this process can open, and which can be away. */
export class MemoryPlace {
  readonly #entries = new Map<string, Map<string, Entry<unknown>>>()
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #held = new Map<string, object>()
  #number = 0
  /** Whether everything fails. */
  isAway = false
  /** It is away after so many operations more; undefined: after none. */
  awayAfter: number | undefined

  open(): KeyValues {
    const holds = new Set<Hold>()
    return {
      entries: (name) => this.#open(name),
      hold: async (name) => {
        await this.#turn()
        checkEntriesName(name)
        if (this.#held.has(name)) return undefined
        const epoch = ++this.#number
        const isOurs = (): boolean => this.#held.get(name) === hold
        const hold: Hold = {
          epoch,
          isHeld: isOurs,
          [Symbol.dispose]: () => {
            if (isOurs()) this.#held.delete(name)
          },
        }
        this.#held.set(name, hold)
        holds.add(hold)
        return hold
      },
      [Symbol.asyncDispose]: async () => {
        await this.#turn()
        for (const hold of holds) hold[Symbol.dispose]()
      },
    }
  }

  /** What is held. */
  get held(): readonly string[] {
    return [...this.#held.keys()]
  }

  /** Takes a hold away from who has it. */
  takeAway(name: string): void {
    this.#held.delete(name)
  }

  #open<T>(name: string): WatchedEntries<T> {
    checkEntriesName(name)
    const entries = (this.#entries.get(name) ?? new Map()) as Map<string, Entry<T>>
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#entries.set(name, entries)
    this.#listeners.set(name, listeners)
    const change = (key: string, value: T): number => {
      const revision = ++this.#number
      entries.set(key, { value: JSON.parse(JSON.stringify(value)) as T, revision })
      tell(key)
      return revision
    }
    const tell = (key: string): void => {
      for (const listener of listeners)
        queueMicrotask(() => {
          if (listeners.has(listener)) listener(key)
        })
    }
    return {
      get: async (key) => {
        await this.#turn()
        checkKey(key)
        return entries.get(key)
      },
      create: async (key, value) => {
        await this.#turn()
        checkKey(key)
        checkValue(value)
        return entries.has(key) ? undefined : change(key, value)
      },
      replace: async (key, value, revision) => {
        await this.#turn()
        checkKey(key)
        checkValue(value)
        return entries.get(key)?.revision === revision ? change(key, value) : undefined
      },
      remove: async (key, revision) => {
        await this.#turn()
        checkKey(key)
        if (revision !== undefined && entries.get(key)?.revision !== revision) return
        if (entries.delete(key)) tell(key)
      },
      list: async () => {
        await this.#turn()
        return new Map(entries)
      },
      watch: (onChange) => {
        const listener: Listener = (key) => {
          onChange(key)
        }
        listeners.add(listener)
        return { [Symbol.dispose]: () => void listeners.delete(listener) }
      },
    }
  }

  async #turn(): Promise<void> {
    await Promise.resolve()
    if (this.awayAfter !== undefined && this.awayAfter-- === 0) this.isAway = true
    if (this.isAway) throw new Error('it is away')
  }
}
