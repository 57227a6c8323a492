// The command line of the benchmark.
import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const usage = `Usage: npm run bench [-- flags]

  --rounds N      how many rounds (default: 5, with --quick 2)
  --dir DIR       measure the file system of this directory (default: the temporary one)
  --only PATTERN  only cases whose "group: case" matches this regular expression
  --scale X       so many times the items of each case (default: 1, with --quick 0.1)
  --quick         smaller and shorter, and without the queues of a million items
  --million N     so many items are a million (default: 1000000, with --quick 0: left out)
  --no-rivals     leave out other queues
  --node24 FILE   a Node.js that is new enough for the rivals that need 22.18 (FSQ_BENCH_NODE24)
  --out FILE      write the report there (default for a whole run: bench/RESULTS.md)
  --keep          leave what was made in DIR
  --list          name the cases, and what is skipped and why; run nothing
  --calls         count the system calls an item of fsq and of the floor, with strace(1); no figures`

/** What is wrong with the command line, in a line. */
export class UsageError extends Error {}

/** Throws a {@link UsageError}. */
export function readOptions(args = process.argv.slice(2)) {
  const values = parse({
    args,
    options: {
      rounds: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      only: { type: 'string' },
      scale: { type: 'string' },
      quick: { type: 'boolean', default: false },
      million: { type: 'string' },
      'no-rivals': { type: 'boolean', default: false },
      node24: { type: 'string', default: process.env.FSQ_BENCH_NODE24 },
      out: { type: 'string' },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      calls: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const { quick, only } = values
  const partial =
    quick ||
    ['rounds', 'only', 'scale', 'million'].some((key) => values[key] !== undefined) ||
    values['no-rivals']
  return {
    ...values,
    rounds: number('rounds', values.rounds ?? (quick ? 2 : 5)),
    scale: number('scale', values.scale ?? (quick ? 0.1 : 1)),
    million: number('million', values.million ?? (quick ? 0 : 1_000_000)),
    rivals: !values['no-rivals'],
    dir: writable(values.dir),
    only: only === undefined ? undefined : pattern(only),
    out:
      values.out ?? (partial ? undefined : fileURLToPath(new URL('RESULTS.md', import.meta.url))),
  }
}

function parse(config) {
  try {
    return parseArgs(config).values
  } catch (error) {
    // Only its first sentence is about this command line; the others advise what does not work here.
    throw new UsageError(error.message.split(/\.\s|\n/)[0])
  }
}

function writable(directory) {
  try {
    accessSync(`${directory}/.`, constants.W_OK)
    return directory
  } catch (error) {
    throw new UsageError(`--dir ${directory} is no directory to write to (${error.code})`)
  }
}

function pattern(given) {
  try {
    return new RegExp(given, 'i')
  } catch (error) {
    throw new UsageError(`--only: ${error.message}`)
  }
}

function number(name, given) {
  const value = Number(given)
  if (Number.isFinite(value) && value >= 0) return value
  throw new UsageError(`Expected --${name} to be a number, got ${given}`)
}
