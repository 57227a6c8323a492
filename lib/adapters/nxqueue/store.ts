import type { Entries, Entry, KeyValues, WatchedEntries } from '../../key-values.js'
import type { ProcessIdentity } from '../../posix/process-identity.js'
import type { Claim, Resource } from './cluster-state.js'
import type { Inventory } from './inventory.js'

/*
 * What the servers of a cluster know together. Whatever is about one job changes only while the flock of
 * its item is held; so what is read under it is still so when something is done about it.
 */

/** Who executes a job, and since when. */
export interface Run {
  /** The service that started it. */
  readonly service: ProcessIdentity
  /** The program, once it is known. */
  readonly program?: ProcessIdentity
  /** In milliseconds of the epoch. */
  readonly began: number
}

/** A claim, as it is kept. */
export interface KeptClaim extends Claim {
  /** Tells this launch of the job from those before and after it. */
  readonly launch: string
}

/** A job that was launched: to whom, and with what. */
export interface Launched {
  /** Tells this launch of the job from those before and after it. */
  readonly launch: string
  /** Its jobID. */
  readonly jobID: string
  /** The server that it was launched to. */
  readonly server: string
  /** All that is claimed for it, in the order in which that was done. */
  readonly resources: readonly Resource[]
  /** The volume that it uses. */
  readonly volume?: string
  /** The drive that it uses. */
  readonly drive?: string
  /** How much of the volume is reserved for it, in bytes. */
  readonly bytes: number
  /** The reign of the master that launched it. */
  readonly epoch: number
  /** In milliseconds of the epoch. */
  readonly launched: number
  /** It runs, or was running when its service was lost. */
  readonly run?: Run
}

/** How a job ended. */
export type JobState = 'completed' | 'failed' | 'cancelled'

/** What is known of a job beside its item. */
export interface JobRecord {
  /** Undefined: it has not ended. */
  readonly ended?: JobState
  /** Why it failed, or failed temporarily the last time. */
  readonly why?: string
  /** Somebody wants it to be ended: by its server if it runs, or by the master if it is carried and waits. */
  readonly cancel?: true
  /** Where it was executed, if it has ended there. */
  readonly server?: string
  /**
   * The machine that submits it, as long as it is not certain that it is submitted (submit.ts); only of jobs that are
   * carried. One that is missing tells nothing: records of before have none.
   */
  readonly submitting?: string
  /** When that was, or when it was submitted, in milliseconds of the epoch. */
  readonly at: number
}

/** What was written to a volume since the inventory was. */
export interface Written {
  /** What the inventory said was used, in bytes: when that is edited, the counting begins anew. */
  readonly base: number
  /** In bytes. */
  readonly bytes: number
  /** The launch that was counted last: it is not counted again. Records of before have none. */
  readonly launch?: string
}

/** What is in a drive. */
export interface Mount {
  /** Undefined: it went elsewhere. */
  readonly volume?: string
  /**
   * What may be in it instead: the job for which `volume` was loaded had to unload that, and tells nobody when it
   * has. It is known to have once it succeeds.
   */
  readonly before?: readonly string[]
  /** Those of them of which it is not known that they ever were in it: no job that was to load them has succeeded. */
  readonly tried?: readonly string[]
  /** The job for which `volume` was to be loaded has failed, and none before had it there. */
  readonly hasFailed?: true
  /**
   * In which drives the inventory said that they are, and what it said is in this one: '' for none. If that was edited
   * since, the edit counts. Records of before have none.
   */
  readonly base?: Readonly<Record<string, string>>
  /** Which of two mounts of a volume was later: the time in milliseconds of the epoch, or more. */
  readonly at: number
}

/** An inventory that was accepted. */
export interface AcceptedInventory {
  /** What the cluster goes by. */
  readonly inventory: Inventory
  /** In milliseconds of the epoch. */
  readonly at: number
  /** Why a later edit of it was refused. */
  readonly refused?: string
}

/** See above. */
export interface Store {
  /** By {@link claimKey}. */
  readonly claims: WatchedEntries<KeptClaim>
  /** By the names of their items when they were launched. */
  readonly launches: WatchedEntries<Launched>
  /** By their jobIDs. */
  readonly jobs: WatchedEntries<JobRecord>
  /** By the names of volumes. */
  readonly written: WatchedEntries<Written>
  /** By the names of drives. */
  readonly mounts: WatchedEntries<Mount>
  /** Under `accepted`. */
  readonly inventory: WatchedEntries<AcceptedInventory>
}

/** The store of a cluster, in a place for values. */
export function openStore(keyValues: KeyValues): Store {
  return {
    claims: keyValues.entries('claims'),
    launches: keyValues.entries('launches'),
    jobs: keyValues.entries('jobs'),
    written: keyValues.entries('written'),
    mounts: keyValues.entries('mounts'),
    inventory: keyValues.entries('inventory'),
  }
}

/** Under which a resource is claimed: `volume/A00001`, and `server/nx1+2` for its third place. */
export function claimKey(resource: Resource): string {
  const place = 'place' in resource && resource.place > 0 ? `+${resource.place}` : ''
  return `${resource.kind}/${resource.name}${place}`
}

/**
 * Changes a value, whoever else does at the same time: `change` is called again with what they made of it.
 *
 * @returns its revision
 */
export async function update<T>(
  entries: Entries<T>,
  key: string,
  change: (value: T | undefined) => T,
): Promise<number> {
  for (;;) {
    const entry: Entry<T> | undefined = await entries.get(key)
    const value = change(entry?.value)
    const revision =
      entry === undefined
        ? await entries.create(key, value)
        : await entries.replace(key, value, entry.revision)
    if (revision !== undefined) return revision
  }
}

/** Whether all that was claimed for a launch is still there. */
export async function holdsAll(
  { claims }: Store,
  { resources, launch }: Launched,
): Promise<boolean> {
  for (const resource of resources)
    if ((await claims.get(claimKey(resource)))?.value.launch !== launch) return false
  return true
}

/**
 * Frees what a launch of an item has, last claimed first, and forgets it before the last of that: who sees
 * something freed finds the job launched no more. To be called by who holds the lock of the item, or when it is
 * gone. A later launch of the same item keeps what it has.
 */
export async function free(
  store: Store,
  item: string,
  launched: Launched | undefined,
): Promise<void> {
  if (launched === undefined) return
  const { launch, resources } = launched
  await freeClaims(store, { launch, resources: resources.slice(1) })
  const record = await store.launches.get(item)
  if (record?.value.launch === launch) await store.launches.remove(item, record.revision)
  await freeClaims(store, { launch, resources: resources.slice(0, 1) })
}

/** Frees those of the resources that a launch still has. */
export async function freeClaims(
  { claims }: Store,
  { resources, launch }: Pick<Launched, 'resources' | 'launch'>,
): Promise<void> {
  for (const key of resources.map(claimKey).reverse()) {
    const there = await claims.get(key)
    if (there?.value.launch === launch) await claims.remove(key, there.revision)
  }
}

/**
 * Frees what is claimed in the name of an item, with a record or without: who freed it before was cut. To be called by
 * who holds its lock.
 *
 * @returns of how many launches, or claims without one
 */
export async function freeAll(store: Store, item: string): Promise<number> {
  const launched = await launchOf(store, item)
  await free(store, item, launched)
  let freed = launched === undefined ? 0 : 1
  for (const [key, { value, revision }] of await store.claims.list()) {
    if (value.item !== item) continue
    await store.claims.remove(key, revision)
    freed++
  }
  return freed
}

/** What is recorded of an item that was launched. */
export async function launchOf({ launches }: Store, item: string): Promise<Launched | undefined> {
  return (await launches.get(item))?.value
}
