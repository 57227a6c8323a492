import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startProgram } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const bench = fileURLToPath(new URL('../../bench/bench.mjs', import.meta.url))

/** What a run writes as its raw output: for each case what each variant gave, a record a round. */
interface Raw {
  readonly figures: Readonly<
    Record<string, Readonly<Record<string, readonly Readonly<Record<string, number>>[]>>>
  >
}

t.test('a tiny run gives figures for every case that is not skipped', async (t) => {
  const directory = temporaryDirectory(t)
  const out = `${directory}/results.md`
  const tiny = ['--dir', directory, '--scale', '0.002', '--million', '2000', '--rounds', '1']
  const run = async (...flags: string[]): Promise<string> => {
    const words = [bench, ...tiny, '--no-rivals', ...flags]
    const ended = await startProgram(process.execPath, words, { timeout: 110_000 }).ended
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
  const headings = text.toLowerCase()
  for (const group of new Set(lines.map((line) => line.split(': ')[0] ?? ''))) {
    t.ok(headings.includes(`## ${group}\n`), `${group} has its table`)
  }
})
