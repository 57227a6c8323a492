import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { type Place, places } from './promises.js'
import type { Call } from './strace.js'

/*
 * What a program did to the directories of a queue, read from a trace, and what of it a loss of
 * power may leave.
 *
 * A change of names is safe once fsync(2) of a directory that it concerns, or syncfs(2), has begun
 * after it and has ended; bytes, once that of their file has. Of the other changes
 *
 *   ordered   those up to some moment are there, as with a journal of metadata
 *   weak      any are there, each on its own: what POSIX allows at the worst, but that rename(2) is
 *             one change, as on every file system that keeps queues
 *   split     the same, but a rename is two changes, the new name first
 *
 * and of the other bytes all, a part, none, or zeros in their place.
 */

export type Model = 'ordered' | 'weak' | 'split'

/** A name of a file that appears or goes. */
interface Edit {
  readonly place: Place
  readonly name: string
  readonly file: number
  readonly isThere: boolean
}

/** What happened, in the order in which it took effect. */
export type Step =
  /** One change of names. */
  | { readonly kind: 'names'; readonly at: number; readonly edits: readonly Edit[] }
  | { readonly kind: 'bytes'; readonly at: number; readonly file: number; readonly bytes: string }
  | {
      readonly kind: 'sync'
      readonly at: number
      /** What ended before this is safe after it. */
      readonly began: number
      readonly what: number | Place | 'everything'
    }
  /** A line of the ledger was written. */
  | { readonly kind: 'told'; readonly at: number; readonly line: string }

/** The steps of a trace that changed that queue, empty at the start, and what was told meanwhile. */
export function stepsOf(calls: readonly Call[], queueDirectory: string): Step[] {
  const steps: Step[] = []
  const descriptors = new Map<string, string>()
  const files = new Map<string, number>() // By path.
  const open = new Map<string, number>() // By descriptor.
  let count = 0

  const resolve = (path: string): string =>
    path.replace(/^\/proc\/self\/fd\/([0-9]+)/, (whole, fd: string) => descriptors.get(fd) ?? whole)
  const placeOf = (path: string): { place: Place; name: string } | undefined => {
    const [place, name, ...rest] = path.slice(queueDirectory.length + 1).split('/')
    if (!path.startsWith(`${queueDirectory}/`) || rest.length > 0 || name === undefined)
      return undefined
    return isPlace(place) ? { place, name } : undefined
  }
  const edit = (path: string, isThere: boolean, file = files.get(path)): Edit[] => {
    const where = placeOf(path)
    if (where === undefined || file === undefined) return []
    if (isThere) files.set(path, file)
    else files.delete(path)
    return [{ ...where, file, isThere }]
  }
  const change = (at: number, ...edits: readonly Edit[]): void => {
    if (edits.length > 0) steps.push({ kind: 'names', at, edits })
  }

  for (const { name, arguments: words, result, began, ended } of inOrderOfEnd(calls)) {
    const value = Number.parseInt(result)
    if (!(value >= 0)) continue
    const fd = /^[0-9]+/.exec(words[0] ?? '')?.[0] ?? ''
    const paths = pathsOf(name, words).map(resolve)
    const [path = '', target = ''] = paths
    switch (name) {
      case 'open':
      case 'openat': {
        const opened = /^[0-9]+<(.*)>$/s.exec(result)?.[1] ?? path
        descriptors.set(String(value), opened)
        if (!files.has(opened) && words.some((word) => word.includes('O_CREAT')))
          change(ended, ...edit(opened, true, ++count))
        const file = files.get(opened)
        if (file === undefined) open.delete(String(value))
        else open.set(String(value), file)
        break
      }
      case 'write':
      case 'pwrite64': {
        const file = open.get(fd)
        const bytes = (words[1] ?? '').slice(0, value)
        if (file !== undefined) steps.push({ kind: 'bytes', at: ended, file, bytes })
        else if (descriptors.get(fd)?.endsWith('/ledger') === true)
          steps.push({ kind: 'told', at: ended, line: bytes })
        break
      }
      case 'fsync':
      case 'fdatasync': {
        const place = descriptors.get(fd)?.slice(queueDirectory.length + 1)
        const what = open.get(fd) ?? (isPlace(place) ? place : undefined)
        if (what !== undefined) steps.push({ kind: 'sync', at: ended, began, what })
        break
      }
      case 'syncfs':
        steps.push({ kind: 'sync', at: ended, began, what: 'everything' })
        break
      case 'link':
      case 'linkat':
        change(ended, ...edit(target, true, files.get(path)))
        break
      case 'rename':
      case 'renameat':
      case 'renameat2': {
        const file = files.get(path)
        change(ended, ...edit(path, false), ...edit(target, true, file))
        break
      }
      case 'unlink':
      case 'unlinkat':
        change(ended, ...edit(path, false))
        break
    }
  }
  return steps
}

function isPlace(name: string | undefined): name is Place {
  return places.some((place) => place === name)
}

function inOrderOfEnd(calls: readonly Call[]): Call[] {
  return [...calls].sort((one, other) => one.ended - other.ended)
}

/** How bytes that are not safe are found after the loss of power. */
export type Bytes = 'all' | 'part' | 'none' | 'zeros'

/** What is on the disk after the loss of power. */
export interface Disk {
  readonly names: ReadonlyMap<Place, ReadonlyMap<string, number>>
  readonly files: ReadonlyMap<number, string>
}

/** A change of names, which is there in any case if it is safe. */
interface Change {
  readonly edits: readonly Edit[]
  readonly isSafe: boolean
  /** Whether it is the second half of the change before it, and never there without that. */
  readonly isSecond: boolean
}

/** The moment after some steps: what may be there, and what was told. */
export interface Moment {
  readonly told: string
  readonly changes: readonly Change[]
  readonly files: ReadonlyMap<number, { readonly bytes: string; readonly safe: number }>
}

/** The moment after the first `count` steps. */
export function momentOf(all: readonly Step[], count: number, model: Model): Moment {
  const steps = all.slice(0, count)
  const isSafe = (at: number, ...what: readonly (number | Place)[]): boolean =>
    steps.some(
      (step) =>
        step.kind === 'sync' &&
        step.began > at &&
        (step.what === 'everything' || what.includes(step.what)),
    )
  const files = new Map<number, { bytes: string; safe: number }>()
  const changes: Change[] = []
  let told = ''
  for (const step of steps) {
    switch (step.kind) {
      case 'bytes': {
        const before = files.get(step.file) ?? { bytes: '', safe: 0 }
        const bytes = before.bytes + step.bytes
        const safe = isSafe(step.at, step.file) ? bytes.length : before.safe
        files.set(step.file, { bytes, safe })
        break
      }
      case 'names': {
        const halves = model === 'split' ? splitOf(step.edits) : [step.edits]
        for (const [half, edits] of halves.entries()) {
          const safe = isSafe(step.at, ...edits.map(({ place }) => place))
          changes.push({ edits, isSafe: safe, isSecond: half === 1 })
        }
        break
      }
      case 'told':
        told += step.line
        break
      case 'sync':
        break
    }
  }
  return { told, changes, files }
}

/** The new name of a rename, then the old one. */
function splitOf(edits: readonly Edit[]): (readonly Edit[])[] {
  return [...edits]
    .sort((one, other) => Number(other.isThere) - Number(one.isThere))
    .map((e) => [e])
}

/** The disk with the changes that are safe and those that are chosen, and files as `bytesOf` says. */
export function diskOf(
  { changes, files }: Moment,
  isChosen: (change: number) => boolean,
  bytesOf: (file: number) => Bytes,
): Disk {
  const names = new Map(places.map((place) => [place, new Map<string, number>()]))
  const there: boolean[] = []
  for (const [at, { isSafe, isSecond }] of changes.entries()) {
    there.push(isSafe || (isChosen(at) && (!isSecond || there[at - 1] === true)))
    if (isSecond && isSafe) there[at - 1] = true
  }
  for (const [at, { edits }] of changes.entries()) {
    if (there[at] !== true) continue
    for (const edit of edits) {
      const directory = names.get(edit.place)
      if (edit.isThere) directory?.set(edit.name, edit.file)
      else if (directory?.get(edit.name) === edit.file) directory.delete(edit.name)
    }
  }
  const found = new Map<number, string>()
  for (const directory of names.values()) {
    for (const file of directory.values()) {
      const { bytes, safe } = files.get(file) ?? { bytes: '', safe: 0 }
      found.set(file, bytes.slice(0, safe) + survivorOf(bytes.slice(safe), bytesOf(file)))
    }
  }
  return { names, files: found }
}

function survivorOf(bytes: string, found: Bytes): string {
  switch (found) {
    case 'all':
      return bytes
    case 'part':
      return bytes.slice(0, bytes.length / 2)
    case 'none':
      return ''
    case 'zeros':
      return '\0'.repeat(bytes.length)
  }
}

/** What makes two disks the same. */
export function keyOf({ names, files }: Disk): string {
  return [...names]
    .flatMap(([place, directory]) =>
      [...directory].map(([name, file]) => `${place}/${name} ${file} ${files.get(file) ?? ''}`),
    )
    .sort()
    .join('\n')
}

/** Makes the queue of a disk in a directory that is not there yet. */
export function layOut({ names, files }: Disk, queueDirectory: string): void {
  const first = new Map<number, string>()
  mkdirSync(queueDirectory)
  for (const [place, directory] of names) {
    mkdirSync(`${queueDirectory}/${place}`)
    for (const [name, file] of directory) {
      const path = `${queueDirectory}/${place}/${name}`
      const known = first.get(file)
      first.set(file, path)
      if (known === undefined) writeFileSync(path, files.get(file) ?? '', 'latin1')
      else linkSync(known, path)
    }
  }
}

/** The paths among the arguments of a call; a name behind a directory's descriptor is one in it. */
function pathsOf(call: string, words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    if (word.startsWith('/')) return [word]
    const directory = /^[0-9]+<(\/.*)>$/s.exec(words[index - 1] ?? '')?.[1]
    return /at2?$/.test(call) && directory !== undefined ? [`${directory}/${word}`] : []
  })
}
