import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { type Ended, startProgram } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const bench = fileURLToPath(new URL('../../bench/bench.mjs', import.meta.url))

/** The benchmark with the fewest items that make sense, without what others make. */
function tinyRun(directory: string, ...flags: string[]): Promise<Ended> {
  const tiny = ['--scale', '0.002', '--million', '2000', '--rounds', '1', '--no-rivals']
  const words = [bench, '--dir', directory, ...tiny, ...flags]
  return startProgram(process.execPath, words, { timeout: 240_000 }).ended
}

/** What a run writes as its raw output: for each case what each variant gave, a record a round. */
interface Raw {
  readonly figures: Readonly<
    Record<string, Readonly<Record<string, readonly Readonly<Record<string, number>>[]>>>
  >
}

t.test('a tiny run gives figures for every case that is not skipped', async (t) => {
  const directory = temporaryDirectory(t)
  const out = `${directory}/results.md`
  const run = async (...flags: string[]): Promise<string> => {
    const ended = await tinyRun(directory, ...flags)
    t.equal(ended.status, 0, ended.stderr)
    return ended.stdout
  }
  const lines = (await run('--list')).trim().split('\n')
  await run('--out', out)
  const text = readFileSync(out, 'utf8')
  const { figures } = JSON.parse(/```json\n(.*)\n```/s.exec(text)?.[1] ?? '') as Raw

  const cases = lines.filter((line) => !line.includes(' (skipped: '))
  t.strictSame(Object.keys(figures).sort(), [...cases].sort())
  for (const [name, variants] of Object.entries(figures)) {
    t.ok(Object.keys(variants).includes('fsq'), name)
    for (const [variant, rounds] of Object.entries(variants)) {
      const numbers = rounds.flatMap((record) => Object.values(record))
      t.ok(numbers.length > 0 && numbers.every(Number.isFinite), `${name}: ${variant}`)
    }
  }
  const started = cases.map((name) => /^start-up: fsq ([\w-]+)/.exec(name)?.[1])
  t.strictSame(
    [...new Set(started)].filter((name) => name !== undefined && !name.startsWith('-')).sort(),
    Object.keys(commands).sort(),
    'every command of fsq is started',
  )
  t.notMatch(lines.filter((line) => line.startsWith('scan: ')).join('\n'), 'skipped')
  const headings = text.toLowerCase()
  for (const group of new Set(lines.map((line) => line.split(': ')[0] ?? ''))) {
    t.ok(headings.includes(`## ${group}\n`), `${group} has its table`)
  }
})

t.test('what makes no sense is told in a line, with status 2', async (t) => {
  const directory = temporaryDirectory(t)
  for (const [flags, message] of [
    [['--only', 'no such case'], '--only matches no case; --list names them'],
    [['--only', '('], /^bench: --only: Invalid regular expression/],
    [['--lits'], "Unknown option '--lits'"],
    [['word'], "Unexpected argument 'word'"],
    [['--rounds', 'x'], 'Expected --rounds to be a number, got x'],
    [['--dir', `${directory}/none`], 'is no directory to write to (ENOENT)'],
    [['--dir', bench], 'is no directory to write to (ENOTDIR)'],
  ] as const) {
    const { status, stdout, stderr } = await tinyRun(directory, ...flags)
    t.match({ status, stderr }, { status: 2, stderr: message }, flags.join(' '))
    t.match(stderr, /^bench: .*\n$/, 'it is one line')
    t.equal(stdout, '')
  }
  t.strictSame(readdirSync(directory), [], 'nothing is left behind')
})
