// The command line of the benchmark.
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

export function readOptions(args = process.argv.slice(2)) {
  const { values } = parseArgs({
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
    only: only === undefined ? undefined : new RegExp(only, 'i'),
    out:
      values.out ?? (partial ? undefined : fileURLToPath(new URL('RESULTS.md', import.meta.url))),
  }
}

function number(name, given) {
  const value = Number(given)
  if (Number.isFinite(value) && value >= 0) return value
  throw new TypeError(`Expected --${name} to be a number, got ${given}`)
}
