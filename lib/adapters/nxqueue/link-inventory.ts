import { suggestion } from '../../suggestion.js'
import { bytesOf } from './byte-size.js'
import type { MapValue } from './document.js'
import { formatPlace, type FilePlace } from './inventory-error.js'
import { good, type Named, namedParts, type Part, type Report } from './inventory-parts.js'
import { volumeStates } from './inventory-schema.js'
import type { Drive, Group, Inventory, Server, Volume, VolumeState } from './inventory.js'
import { compatibilityOf } from './lto.js'

/*
 * Makes an inventory of what its files say, which have the form of the schema: fills in what is not given,
 * and looks whether it fits together.
 */

interface GivenDrive {
  readonly name: string
  readonly changer: string
  readonly generation?: number
  readonly type?: string
  readonly reads?: readonly number[]
  readonly writes?: readonly number[]
  readonly servers: readonly string[]
  readonly enabled: boolean
}

interface GivenVolume {
  readonly name: string
  readonly state: VolumeState | (typeof volumeStates)[number]
  readonly changer?: string
  readonly slot?: number
  readonly group?: string
  readonly generation?: number
  readonly capacity: number | string
  readonly used: number | string
  readonly mounted?: string
  readonly servers?: readonly string[]
  readonly jobs: number
}

interface GivenGroup {
  readonly name: string
  readonly description?: string
}

/**
 * The inventory that files are, in their order.
 *
 * @param isGood - whether an object has the form of the schema
 * @param report - is told of all that does not fit; then what is returned is of no use
 */
export function linkInventory(
  roots: readonly MapValue[],
  isGood: (value: MapValue) => boolean,
  report: Report,
): Inventory {
  const named = <T extends { readonly name: string }>(what: string): Named<T> =>
    namedParts<T>(roots, what, isGood, report)
  const servers = named<Server>('server')
  const drives = named<GivenDrive>('drive')
  const volumes = named<GivenVolume>('volume')
  const groups = named<GivenGroup>('group')
  const known: Known = {
    servers,
    drives,
    groups,
    changers: new Set([...drives.values()].map(({ given }) => given.changer)),
    report,
  }
  return {
    servers: good(servers).map(({ given: { name, slots } }) => ({ name, slots })),
    drives: good(drives).map((drive) => linkDrive(drive, known)),
    volumes: linkVolumes(good(volumes), known),
    groups: good(groups).map(({ given: { name, description } }): Group => ({ name, description })),
  }
}

/** What a part may name. */
interface Known {
  readonly servers: Named<Server>
  readonly drives: Named<GivenDrive>
  readonly groups: Named<GivenGroup>
  readonly changers: ReadonlySet<string>
  readonly report: Report
}

function linkDrive({ given, at }: Part<GivenDrive>, { servers, report }: Known): Drive {
  const { name, changer, generation, enabled } = given
  const { reads, writes, type } = {
    ...(generation === undefined
      ? {}
      : { ...compatibilityOf(generation), type: `LTO-${generation}` }),
    ...given,
  }
  for (const [member, value] of Object.entries({ type, reads, writes }))
    if (value === undefined)
      report({
        ...at('name'),
        message: `the drive \`${name}\` has neither \`generation\` nor \`${member}\``,
      })
  for (const written of writes ?? [])
    if (reads !== undefined && !reads.includes(written))
      report({
        ...at(given.writes === undefined ? 'reads' : 'writes'),
        message: `the drive \`${name}\` writes generation ${written}, but does not read it`,
      })
  for (const server of given.servers) mustBe('server', server, servers, at('servers'), report)
  return {
    name,
    changer,
    type: type ?? '',
    reads: reads ?? [],
    writes: writes ?? [],
    servers: given.servers,
    enabled,
  }
}

function linkVolumes(volumes: readonly Part<GivenVolume>[], known: Known): Volume[] {
  const slots = new Map<string, FilePlace>()
  const drives = new Map<string, FilePlace>()
  return volumes.map((volume) => {
    const { given, at } = volume
    const { changer, slot, mounted } = given
    if (changer !== undefined && slot !== undefined)
      mustBeOnly(`slot ${slot} of the changer \`${changer}\``, slots, at('slot'), known.report)
    if (mounted !== undefined)
      mustBeOnly(`the drive \`${mounted}\``, drives, at('mounted'), known.report)
    return linkVolume(volume, known)
  })
}

function linkVolume(volume: Part<GivenVolume>, known: Known): Volume {
  const { given, at } = volume
  const { name, changer, slot, group, generation, mounted, servers, jobs } = given
  const { report } = known
  const wrong = (member: keyof GivenVolume, message: string): void => {
    report({ ...at(member), message })
  }
  const [capacity, used] = [bytesOf(given.capacity), bytesOf(given.used)]
  for (const [member, bytes] of [['capacity', capacity] as const, ['used', used] as const])
    if (!Number.isSafeInteger(bytes))
      wrong(member, `expected at most ${Number.MAX_SAFE_INTEGER} bytes, got ${given[member]}`)
  if (used > capacity)
    wrong('used', `${used} bytes of the volume \`${name}\` are used, but it holds only ${capacity}`)
  if (group !== undefined) mustBe('group', group, known.groups, at('group'), report)
  for (const server of servers ?? []) mustBe('server', server, known.servers, at('servers'), report)
  if (changer !== undefined) {
    mustBe('changer', changer, known.changers, at('changer'), report)
    if (servers !== undefined)
      wrong('servers', 'a tape is reached by the servers that see a drive; see their `servers`')
    if (jobs !== 1) wrong('jobs', 'a tape is used by one job at a time')
  }
  if (mounted !== undefined) checkMounted(volume, mounted, known)
  return {
    name,
    state: stateOf(given.state),
    changer,
    slot,
    group,
    generation,
    capacity,
    used,
    mounted,
    servers,
    jobs,
  }
}

function checkMounted({ given, at }: Part<GivenVolume>, mounted: string, known: Known): void {
  const { changer, generation } = given
  const { report } = known
  if (!mustBe('drive', mounted, known.drives, at('mounted'), report)) return
  const drive = known.drives.get(mounted)
  if (drive?.good !== true) return
  const wrong = (message: string): void => {
    report({ ...at('mounted'), message })
  }
  if (drive.given.changer !== changer)
    wrong(
      `the drive \`${mounted}\` is in the changer \`${drive.given.changer}\`, ` +
        `the volume in \`${changer ?? ''}\``,
    )
  const { generation: own } = drive.given
  const reads = drive.given.reads ?? (own === undefined ? undefined : compatibilityOf(own).reads)
  if (generation !== undefined && reads?.includes(generation) === false)
    wrong(`the drive \`${mounted}\` does not read generation ${generation}`)
}

function stateOf(given: GivenVolume['state']): VolumeState {
  return typeof given === 'number' ? given : (volumeStates.indexOf(given) as VolumeState)
}

/** Whether there is one of that name; tells if not. */
function mustBe(
  what: string,
  name: string,
  known: ReadonlyMap<string, unknown> | ReadonlySet<string>,
  at: FilePlace,
  report: Report,
): boolean {
  if (known.has(name)) return true
  const likely = suggestion(name, known.keys())
  const where = what === 'changer' ? ': no drive is in it' : ''
  report({ ...at, message: `there is no ${what} \`${name}\`${where}${likely}` })
  return false
}

/** Tells if a volume is where another is. */
function mustBeOnly(
  where: string,
  seen: Map<string, FilePlace>,
  at: FilePlace,
  report: Report,
): void {
  const first = seen.get(where)
  if (first === undefined) seen.set(where, at)
  else report({ ...at, message: `another volume is in ${where}, at ${formatPlace(first)}` })
}
