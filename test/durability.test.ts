import { readFileSync } from 'node:fs'
import t from 'tap'

/** A file in one line, without what only formats it. */
function wordsOf(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
    .replace(/^ *(\*|\/\/) ?/gm, '')
    .replace(/\s+/g, ' ')
}

const levels = ['full', 'enqueue', 'none'] as const
const promises = [
  ...wordsOf('docs/guarantees.md').matchAll(/`(full|enqueue|none)`(?:, the default)?: ([^.]*\.)/g),
].map(([, level = '', promise = '']) => [level, promise] as const)

t.strictSame(
  promises.map(([level]) => level),
  levels,
  'each level promises one sentence',
)

// What the oracle of the crash tests reads is what a user reads.
for (const [level, promise] of promises) {
  for (const path of ['README.md', 'man/man7/fsq.7', 'lib/settings.ts']) {
    t.test(`${path} promises of ${level} what docs/guarantees.md does`, async (t) => {
      t.match(wordsOf(path).toLowerCase(), promise.toLowerCase())
    })
  }
}
