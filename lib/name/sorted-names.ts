import TinyQueue from 'tinyqueue'
import { compareNames, sortNames } from './order.js'

/*
 * A queue may have millions of names. As strings they would fill the heap for as long as a scan lasts, and
 * the garbage collector would look at each of them again and again. So they are sorted in runs, as for an
 * external merge sort; a run is one piece of memory, of which a name becomes a string only when its turn comes.
 */

/** How many names there are in a run. Fewer than that are not packed at all. */
const runLength = 32_768

/** The next name of those that a run still has. */
interface Head {
  name: string
  readonly rest: Iterator<string, undefined>
}

/** Names in the order of {@link sortNames}, all of which are read at once. Each is a byte string. */
export function sortedNames(names: Iterable<string>): Iterable<string> {
  const runs: Iterator<string, undefined>[] = []
  let run: string[] = []
  for (const name of names) {
    run.push(name)
    if (run.length < runLength) continue
    runs.push(unpacked(packed(sortRun(run))))
    run = []
  }
  sortRun(run)
  return runs.length === 0 ? run : merged([...runs, run.values()])
}

/** Sorted by bytes first, which costs little, they are in nearly that order. */
function sortRun(names: string[]): string[] {
  return sortNames(names.sort())
}

interface Packed {
  readonly bytes: Buffer
  /** Where each of them ends. */
  readonly ends: Uint32Array
}

function packed(names: readonly string[]): Packed {
  const bytes = Buffer.from(names.join(''), 'latin1')
  const ends = new Uint32Array(names.length)
  let end = 0
  for (const [i, name] of names.entries()) ends[i] = end += name.length
  return { bytes, ends }
}

function* unpacked({ bytes, ends }: Packed): Generator<string, undefined> {
  let begin = 0
  for (const end of ends) {
    yield bytes.toString('latin1', begin, end)
    begin = end
  }
  return undefined
}

function* merged(runs: readonly Iterator<string, undefined>[]): Generator<string, undefined> {
  const heads = new TinyQueue<Head>([], (a, b) => compareNames(a.name, b.name))
  for (const rest of runs) {
    const { value: name } = rest.next()
    if (name !== undefined) heads.push({ name, rest })
  }
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    yield head.name
    const { value: name } = head.rest.next()
    if (name === undefined) continue
    head.name = name
    heads.push(head)
  }
  return undefined
}
