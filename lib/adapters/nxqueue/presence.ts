import type { KeyValues, WatchedEntries } from '../../key-values.js'
import type { ProcessIdentity } from '../../posix/process-identity.js'
import { StandingWatch } from './standing-watch.js'

/*
 * Who is there. Each server renews a value each second, and takes it away when it ends. Who watches goes by
 * his own clock alone: a server is there as long as its value is another than a while ago; one whose value stays
 * the same for too long is gone. So no clock that is wrong, and nothing that somebody wrote into the future,
 * makes anybody appear alive.
 */

/** What a server says of itself. */
export interface Presence {
  /** What it can execute. */
  readonly kinds: readonly string[]
  /** It is out of service, or ends. */
  readonly disabled?: boolean
  /** Which process. */
  readonly process: ProcessIdentity
  /** On which machine (own-machine.ts), where jobs are carried between machines. */
  readonly machine?: string
}

/** How often a presence is renewed, in seconds. */
export const renewal = 1

/** The presences of a cluster, by the names of its servers. */
export function presencesOf(keyValues: KeyValues): WatchedEntries<Presence> {
  return keyValues.entries('presence', { volatile: true })
}

/** That a server is there, as long as it is not disposed. */
export class Announcement implements AsyncDisposable {
  readonly #presences: WatchedEntries<Presence>
  readonly #server: string
  readonly #onError: (error: unknown) => void
  readonly #timer: NodeJS.Timeout
  #presence: Presence
  #renewing: Promise<void> | undefined
  #ended = false

  /** @param onError - is told once of each time that it cannot be renewed any more, and goes on trying */
  constructor(
    presences: WatchedEntries<Presence>,
    server: string,
    presence: Presence,
    onError: (error: unknown) => void,
  ) {
    this.#presences = presences
    this.#server = server
    this.#presence = presence
    this.#onError = onError
    this.#timer = setInterval(() => {
      void this.renew()
    }, renewal * 1000)
  }

  /** Says it now, and not only when it is time to. */
  async renew(change: Pick<Presence, 'disabled'> = {}): Promise<void> {
    if (change.disabled !== undefined) this.#presence = { ...this.#presence, ...change }
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    await this.#renewing
  }

  #failing = false

  /** Whatever is there is replaced: it is our own, of an earlier life, since nobody else has our name. */
  async #renew(): Promise<void> {
    try {
      for (;;) {
        if (this.#ended) return
        const presence = this.#presence
        const there = await this.#presences.get(this.#server)
        const revision =
          there === undefined
            ? await this.#presences.create(this.#server, presence)
            : await this.#presences.replace(this.#server, presence, there.revision)
        if (revision !== undefined && presence === this.#presence) break // Not changed meanwhile.
      }
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#onError(error)
      this.#failing = true
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    clearInterval(this.#timer)
    await this.#renewing
    await this.#presences.remove(this.#server).catch(this.#onError)
  }
}

/** Who watches others. */
export interface PresenceListener {
  /** A server came, or said something else of itself, or went. */
  readonly onChange: (server: string, presence: Presence | undefined) => void
  /** Nobody can be watched for now. */
  readonly onError: (error: unknown) => void
}

interface Seen {
  readonly presence: Presence
  readonly revision: number
  /** For how long it has been the same while we looked, in seconds. */
  silent: number
}

/** Watches who is there. */
export class PresenceWatch implements Disposable {
  readonly #presences: WatchedEntries<Presence>
  /** In seconds. */
  readonly #lostAfter: number
  readonly #listener: PresenceListener
  readonly #timer: NodeJS.Timeout
  readonly #watch: StandingWatch
  readonly #seen = new Map<string, Seen>()
  /** By the names of those that are there. */
  readonly #present = new Map<string, Presence>()
  /** When it was looked last, by a clock that nobody sets; undefined where that failed. */
  #looked: number | undefined
  #looking: Promise<void> | undefined
  #failing = false

  /** @param lostAfter - who says nothing for so many seconds is gone */
  constructor(presences: WatchedEntries<Presence>, lostAfter: number, listener: PresenceListener) {
    this.#presences = presences
    this.#lostAfter = lostAfter
    this.#listener = listener
    const onError = (error: unknown): void => {
      this.#fail(error)
    }
    // A server that takes itself away is gone at once; renewals are found when it is time to look.
    const onChange = (server: string | undefined): void => {
      if (server === undefined || !this.#present.has(server)) void this.look()
      else void this.#lookAt(server)
    }
    this.#watch = new StandingWatch(presences, onChange, onError)
    this.#timer = setInterval(() => {
      this.#watch.renew()
      void this.look()
    }, renewal * 1000)
  }

  /** By their names. */
  get present(): ReadonlyMap<string, Presence> {
    return this.#present
  }

  /** Looks at all of them; it is also done each second. */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#watch[Symbol.dispose]()
  }

  async #look(): Promise<void> {
    try {
      const found = await this.#presences.list()
      const now = performance.now()
      // What passed while we could not look, since we were stopped or the store was away, does not count.
      const passed = this.#looked === undefined ? 0 : (now - this.#looked) / 1000
      this.#looked = now
      for (const [server, { value, revision }] of found)
        this.#see(server, value, revision, Math.min(passed, 2 * renewal))
      for (const server of this.#seen.keys()) if (!found.has(server)) this.#forget(server)
      this.#failing = false
    } catch (error) {
      this.#looked = undefined
      this.#fail(error)
    }
  }

  async #lookAt(server: string): Promise<void> {
    try {
      const entry = await this.#presences.get(server)
      if (entry === undefined) this.#forget(server)
      else this.#see(server, entry.value, entry.revision, 0)
    } catch (error) {
      this.#fail(error)
    }
  }

  #see(server: string, presence: Presence, revision: number, passed: number): void {
    const before = this.#seen.get(server)
    if (before?.revision === revision) {
      before.silent += passed
      if (before.silent >= this.#lostAfter) this.#lose(server)
      return
    }
    this.#seen.set(server, { presence, revision, silent: 0 })
    const known = this.#present.get(server)
    this.#present.set(server, presence)
    if (JSON.stringify(known) !== JSON.stringify(presence))
      this.#listener.onChange(server, presence)
  }

  #forget(server: string): void {
    this.#seen.delete(server)
    this.#lose(server)
  }

  #lose(server: string): void {
    if (this.#present.delete(server)) this.#listener.onChange(server, undefined)
  }

  #fail(error: unknown): void {
    if (!this.#failing) this.#listener.onError(error)
    this.#failing = true
  }
}
