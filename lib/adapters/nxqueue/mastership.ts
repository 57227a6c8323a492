import type { Hold, KeyValues } from '../../key-values.js'
import type { Inventory } from './inventory.js'
import type { Presence } from './presence.js'

/*
 * Who is master: the first server of the inventory that is there and in service. It holds `master`, of which
 * there is one, besides; so while two servers do not agree about who is there, one of them plans.
 *
 * A master that is stopped, as by SIGSTOP, or whose machine hangs, keeps its hold although it is not there.
 * Who comes after it then waits a while for the hold, and goes on without: nothing is safe because there is
 * one master (launch-job.ts), and nothing would be launched otherwise.
 */

/** What a mastership goes by. */
export interface MastershipParts {
  readonly keyValues: KeyValues
  readonly server: string
  readonly inventory: () => Inventory
  readonly present: () => ReadonlyMap<string, Presence>
  /** Whether a server is out of service. */
  readonly isDisabled: (server: string) => boolean
  /** The latest reign that left something. */
  readonly lastEpoch: () => Promise<number>
  /** For how long a hold is waited for, in seconds. */
  readonly patience: number
  /** We are master, of that reign; or another is, from the beginning or by now. */
  readonly onRole: (epoch: number | undefined) => void
  readonly onError: (error: unknown) => void
}

/** How often a hold that another has is tried again, in seconds. */
const again = 1

/** See above. */
export class Mastership implements AsyncDisposable {
  readonly #parts: MastershipParts
  #hold: Hold | undefined
  /** The reign, as long as we are master. */
  #epoch: number | undefined
  /** Since when the hold is waited for. */
  #waiting: number | undefined
  #timer: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined
  #again = false
  #ended = false
  /** Whether it was told who we are. */
  #isKnown = false

  constructor(parts: MastershipParts) {
    this.#parts = parts
  }

  /** The reign; undefined where we are not master. */
  get epoch(): number | undefined {
    return this.#epoch
  }

  /** We cannot do now what a master does: we are not any more, and try again after a while. */
  resign(): void {
    this.#stepDown(false)
    this.#later()
  }

  /** Something changed: who is there, who is in service, or the inventory. */
  check(): void {
    this.#again = true
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = undefined
      if (this.#again && !this.#ended) this.check()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    await this.#checking
    this.#stepDown(true)
  }

  async #checkAll(): Promise<void> {
    while (this.#again && !this.#ended) {
      this.#again = false
      try {
        await this.#check()
      } catch (error) {
        this.#parts.onError(error)
        this.#later()
      }
    }
  }

  async #check(): Promise<void> {
    const { inventory, present, isDisabled, server, keyValues, patience, lastEpoch } = this.#parts
    const first = inventory().servers.find(({ name }) => present().has(name) && !isDisabled(name))
    if (first?.name !== server) {
      this.#waiting = undefined
      this.#stepDown(first === undefined)
      return
    }
    if (this.#hold?.isHeld() === true) {
      this.#later()
      return
    }
    this.#hold?.[Symbol.dispose]()
    this.#hold = await keyValues.hold('master', server)
    if (this.#hold !== undefined) {
      this.#waiting = undefined
      this.#reign(this.#hold.epoch)
    } else if (this.#epoch === undefined) {
      this.#waiting ??= performance.now()
      // Without the hold there is no new number: one between those that are given.
      if (performance.now() - this.#waiting >= patience * 1000)
        this.#reign((await lastEpoch()) + 0.5)
    }
    this.#later()
  }

  #reign(epoch: number): void {
    if (this.#epoch === epoch) return
    this.#epoch = epoch
    this.#isKnown = true
    this.#parts.onRole(epoch)
  }

  /** @param silently - there is nothing to tell if we were not master */
  #stepDown(silently: boolean): void {
    this.#hold?.[Symbol.dispose]()
    this.#hold = undefined
    if (this.#epoch === undefined && (silently || this.#isKnown)) return
    this.#epoch = undefined
    this.#isKnown = true
    this.#parts.onRole(undefined)
  }

  /** A hold that is lost, or becomes free, tells nobody. */
  #later(): void {
    clearTimeout(this.#timer)
    if (this.#ended) return
    this.#timer = setTimeout(() => {
      this.check()
    }, again * 1000)
  }
}
