import type { Entry } from '../../key-values.js'
import type { Drive, Inventory } from './inventory.js'
import type { Mount } from './store.js'

/*
 * In which drive each volume is: as far as a job put it there; else as the inventory says. One that has to make room
 * for that of a job may be there until a job that uses the drive succeeds. Whoever edits the inventory has looked: what
 * it says of a volume, or a drive, counts from then on until the next job.
 */

/** Where a volume is. */
export interface Mounted {
  readonly drive: string
  /** Whether it is not known that it ever was: no job that was to load it there has succeeded. */
  readonly isTried: boolean
  /** Whether the last of those has failed. */
  readonly hasFailed: boolean
}

/** See above. */
export function mountedVolumes(
  inventory: Inventory,
  mounts: ReadonlyMap<string, Entry<Mount>>,
): Map<string, Mounted> {
  const newest = new Map<string, Mounted & { readonly at: number }>()
  const said = saidBy(inventory)
  for (const drive of inventory.drives) {
    const mount = mounts.get(drive.name)?.value
    const at = mount?.at ?? 0
    for (const volume of volumesIn(drive, mount, said)) {
      const isSaid = said.driveOf.get(volume) === drive.name
      const isTried = !isSaid && mount?.tried?.includes(volume) === true
      // What could not be loaded into a drive that is out of service now is not in there for ever.
      if (isTried && !drive.enabled) continue
      const hasFailed = isTried && mount.hasFailed === true && volume === mount.volume
      const known = newest.get(volume)
      if (known === undefined || known.at < at)
        newest.set(volume, { drive: drive.name, isTried, hasFailed, at })
    }
  }
  return newest
}

/** What is recorded when a job is to load a volume. */
export function mountOf(
  inventory: Inventory,
  mounts: ReadonlyMap<string, Entry<Mount>>,
  { drive, volume }: { readonly drive: string; readonly volume: string },
  now: number,
): Mount {
  const mounted = mountedVolumes(inventory, mounts)
  const inIt = [...mounted].filter(([, where]) => where.drive === drive)
  const before = inIt.map(([each]) => each).filter((each) => each !== volume)
  const isThere = inIt.some(([each, { isTried }]) => each === volume && !isTried)
  const tried = inIt.flatMap(([each, { isTried }]) => (isTried && each !== volume ? [each] : []))
  if (!isThere) tried.push(volume)
  const { driveOf, volumeIn } = saidBy(inventory)
  const named = [volume, ...before, ...(volumeIn.get(drive) ?? [])]
  return {
    volume,
    ...(before.length > 0 && { before }),
    ...(tried.length > 0 && { tried }),
    base: Object.fromEntries(named.map((each) => [each, driveOf.get(each) ?? ''])),
    // Later than all that are known, whatever the clocks of those who recorded them say.
    at: Math.max(now, ...[...mounts.values()].map(({ value }) => value.at + 1)),
  }
}

/** What the inventory says: in which drive each volume is, and which volume in each drive. */
interface Said {
  readonly driveOf: ReadonlyMap<string, string>
  readonly volumeIn: ReadonlyMap<string, readonly [string]>
}

function saidBy({ volumes }: Inventory): Said {
  const pairs = volumes.flatMap(({ name, mounted }): [string, string][] => {
    return mounted === undefined ? [] : [[name, mounted]]
  })
  return {
    driveOf: new Map(pairs),
    volumeIn: new Map(pairs.map(([name, drive]) => [drive, [name]])),
  }
}

/** What may be in a drive: what was seen there, unless the inventory was edited since. */
function volumesIn(
  { name: drive }: Drive,
  mount: Mount | undefined,
  { driveOf, volumeIn }: Said,
): readonly string[] {
  const inventoried = volumeIn.get(drive) ?? []
  if (mount === undefined) return inventoried
  const { volume, before = [], base } = mount
  const seen = volume === undefined ? before : [volume, ...before]
  if (base === undefined) return seen
  if (inventoried.some((each) => base[each] !== drive)) return inventoried
  return seen.filter((each) => base[each] === (driveOf.get(each) ?? ''))
}
