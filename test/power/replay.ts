import { mkdirSync } from 'node:fs'
import { judge, type Ledger, snapshot, type Violation } from '../crash/oracle.js'
import type { Durability } from '../crash/promises.js'
import { recover } from '../crash/recover.js'
import { startProgram } from '../helpers/cli.js'
import { cutsOf } from './cuts.js'
import { Image } from './image.js'
import { type Epoch, readEpochs } from './log.js'
import { checkFileSystem, type FileSystem, makeFileSystem, mount, serveDisk } from './machine.js'
import { itemsAt, itemsOf, parseMarks } from './marks.js'

/** What a program did to a disk that was new. */
export interface Recording {
  readonly fileSystem: FileSystem
  /** The disk before that. */
  readonly image: Image
  readonly epochs: readonly Epoch[]
}

/**
 * Runs a program on a new file system. It gets its directory, and the path of `marks`, as its last
 * arguments.
 */
export async function record(
  fileSystem: FileSystem,
  directory: string,
  words: readonly string[],
): Promise<Recording> {
  const [disk, log, served, mounted] = ['disk', 'log', 'served', 'mounted'].map(
    (name) => `${directory}/${name}`,
  ) as [string, string, string, string]
  mkdirSync(served)
  mkdirSync(mounted)
  const image = new Image(disk, makeFileSystem(fileSystem, disk))
  const endServing = await serveDisk(served, disk, log)
  const unmount = mount(fileSystem, `${served}/disk`, mounted)
  const { status, stderr } = await startProgram(process.execPath, [
    ...words,
    mounted,
    `${served}/marks`,
  ]).ended
  if (status !== 0) throw new Error(`${words.join(' ')}: ${status}\n${stderr}`)
  unmount()
  await endServing()
  return { fileSystem, image, epochs: readEpochs(log) }
}

/** How a recording is replayed. */
export interface ReplayOptions {
  /** What the program promises. */
  readonly durability: Durability
  /** How many subsets of the writes after each flush are tried. */
  readonly subsets: number
  readonly seed: number
}

/** What came of a replay. */
export interface Verdict {
  /** How many images of the disk were mounted and judged. */
  readonly images: number
  /** What was promised and does not hold. */
  readonly broken: readonly Violation[]
  /** What would not hold if it were promised: the violations of `full`. */
  readonly ofFull: readonly Violation[]
}

/**
 * Mounts every image that the loss of power could have left, judges what is there, and where that is
 * as promised, repairs and drains it.
 */
export async function replay(
  { fileSystem, image, epochs }: Recording,
  directory: string,
  { durability, subsets, seed }: ReplayOptions,
): Promise<Verdict> {
  const marks = epochs.map((epoch) => parseMarks(epoch.marks))
  const all = itemsOf(marks.flat())
  const begin = marks.findIndex((list) => list.some(({ event }) => event === 'begin'))
  const [disk, mounted] = [`${directory}/image`, `${directory}/mounted`]
  const queue = `${mounted}/root/q`
  const broken: Violation[] = []
  const ofFull: Violation[] = []
  let images = 0
  let applied = 0
  for (const { epoch, writes } of cutsOf(epochs, begin, subsets, seed)) {
    while (applied < epoch) image.apply(epochs[applied++]?.writes ?? [])
    const takeBack = image.apply(writes)
    image.save(disk)
    takeBack()
    checkFileSystem(fileSystem, disk)
    const unmount = mount(fileSystem, disk, mounted)
    const entries = snapshot(queue)
    const items = itemsAt(marks.slice(0, epoch + 1).flat(), all)
    const ledgerOf = (promise: Durability): Ledger => ({
      durability: promise,
      crash: 'power',
      items,
    })
    const found = judge(entries, ledgerOf(durability))
    if (found.length === 0) found.push(...(await recover(queue, ledgerOf(durability))))
    for (const { kind, detail } of found)
      broken.push({ kind, detail: `${detail} (cut ${epoch}, ${writes.length} writes survive)` })
    ofFull.push(...judge(entries, ledgerOf('full')))
    unmount()
    images += 1
  }
  return { images, broken, ofFull }
}
