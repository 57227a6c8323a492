import { isDeepStrictEqual } from 'node:util'
import {
  acceptedInventory,
  publishInventory,
  lastInventory,
  refuseInventory,
} from './accepted-inventory.js'
import type { Cluster } from './cluster.js'
import { InventoryError } from './inventory-error.js'
import type { Inventory } from './inventory.js'
import { asFsqError } from './as-fsq-error.js'
import type { FsqError } from '../../errors.js'
import { readInventory } from './read-inventory.js'
import { StandingWatch } from './standing-watch.js'
import { watchInventory } from './watch-inventory.js'

/** Who is told of inventories. */
export interface InventoryListener {
  /** Another is in use. */
  readonly onChange: () => void
  /** An edit was refused, or it cannot be looked at; the last one stays. */
  readonly onTrouble: (error: FsqError) => void
}

/**
 * The inventory that a server goes by: its own, as long as it is good, or what the cluster has accepted. What
 * the master goes by the cluster has accepted.
 */
export class InventoryFeed implements Disposable {
  readonly #cluster: Cluster
  readonly #listener: InventoryListener
  #current: Inventory
  #refused: FsqError | undefined
  #watch: Disposable | undefined
  /** Of what the cluster has accepted, where that is what we go by. */
  #accepted: StandingWatch | undefined
  #isMaster = false

  private constructor(cluster: Cluster, listener: InventoryListener, current: Inventory) {
    this.#cluster = cluster
    this.#listener = listener
    this.#current = current
  }

  /**
   * @param path - of our own; undefined: none
   * @throws `FsqError` `FSQ_NXQUEUE_INVENTORY` where ours is not good and none was accepted before,
   * `FSQ_NXQUEUE` where there is none at all
   */
  static async open(
    cluster: Cluster,
    path: string | undefined,
    listener: InventoryListener,
  ): Promise<InventoryFeed> {
    if (path === undefined) {
      const feed = new InventoryFeed(
        cluster,
        listener,
        (await acceptedInventory(cluster)).inventory,
      )
      feed.#followStore()
      return feed
    }
    const [inventory, refused] = await firstInventory(cluster, path)
    const feed = new InventoryFeed(cluster, listener, inventory)
    if (refused !== undefined) feed.#refuse(refused)
    feed.#watch = watchInventory(path, {
      current: refused === undefined ? inventory : undefined,
      onChange: (changed) => {
        feed.#refused = undefined
        feed.#use(changed)
      },
      onError: (error) => {
        // Any other is not of an edit.
        if (error instanceof InventoryError) feed.#refuse(error)
        else listener.onTrouble(error)
      },
    })
    return feed
  }

  get current(): Inventory {
    return this.#current
  }

  /** From now on others go by ours, if we have one, or not. */
  async setMaster(isMaster: boolean): Promise<void> {
    this.#isMaster = isMaster
    if (!isMaster) return
    await this.look()
    await this.#accept()
  }

  /** Looks at what the cluster has accepted, for changes that nobody told of. Never rejects. */
  async look(): Promise<void> {
    if (this.#accepted === undefined) return
    this.#accepted.renew()
    try {
      const accepted = await lastInventory(this.#cluster)
      if (accepted !== undefined) this.#use(accepted.inventory)
    } catch (error) {
      this.#listener.onTrouble(asFsqError(error))
    }
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]()
    this.#accepted?.[Symbol.dispose]()
  }

  #followStore(): void {
    const onChange = (): void => {
      void this.look()
    }
    this.#accepted = new StandingWatch(this.#cluster.store.inventory, onChange, (error) => {
      this.#listener.onTrouble(asFsqError(error))
    })
  }

  #use(inventory: Inventory): void {
    const isNew = !isDeepStrictEqual(inventory, this.#current)
    this.#current = inventory
    void this.#accept()
    if (isNew) this.#listener.onChange()
  }

  #refuse(error: FsqError): void {
    if (this.#refused?.message === error.message) return
    this.#refused = error
    this.#listener.onTrouble(error)
    void this.#accept()
  }

  /** What is written again without a change would wake all who look; what we have from the store may be old. */
  async #accept(): Promise<void> {
    if (!this.#isMaster || this.#accepted !== undefined) return
    try {
      const accepted = await lastInventory(this.#cluster)
      const isSame = isDeepStrictEqual(accepted?.inventory, this.#current)
      if (!isSame || (accepted?.refused !== undefined && this.#refused === undefined))
        await publishInventory(this.#cluster, this.#current)
      if (this.#refused !== undefined && accepted?.refused !== this.#refused.message)
        await refuseInventory(this.#cluster, this.#refused)
    } catch (error) {
      this.#listener.onTrouble(asFsqError(error))
    }
  }
}

async function firstInventory(
  cluster: Cluster,
  path: string,
): Promise<[Inventory, FsqError | undefined]> {
  try {
    return [await readInventory(path), undefined]
  } catch (error) {
    if (!(error instanceof InventoryError)) throw error
    const last = await lastInventory(cluster)
    if (last === undefined) throw error
    return [last.inventory, error]
  }
}
