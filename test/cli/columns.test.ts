import t from 'tap'
import { clip, pad, tableLines, widthOf } from '../../lib/cli/columns.js'

const columns = [{ heading: 'NAME' }, { heading: 'N', right: true }, { heading: 'REST' }]

t.test('columns are as wide as their widest cell, also where characters are', async (t) => {
  const rows = [
    ['a', '1', 'x'],
    ['日本語', '1000', ''],
    ['e\u0301', '20', 'y y'],
  ]
  t.strictSame(
    [...tableLines(columns, () => rows)],
    ['NAME       N  REST', 'a          1  x', '日本語  1000', 'e\u0301         20  y y'],
  )
  t.strictSame([...tableLines(columns, () => [])], [], 'no table of nothing')
})

t.test('a row that is wider the second time is not cut', async (t) => {
  let times = 0
  const rows = (): string[][] => [[times++ === 0 ? 'a' : 'longer', '1', 'x']]
  t.strictSame([...tableLines(columns, rows)], ['NAME  N  REST', 'longer  1  x'])
})

const clips: readonly [text: string, columns: number, clipped: string][] = [
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['abcd', 1, '…'],
  ['abcd', 0, ''],
  ['日本語', 6, '日本語'],
  ['日本語', 5, '日本…'],
  ['日本語', 4, '日…'],
  ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
  ['👨‍👩‍👧x', 3, '👨‍👩‍👧x'],
  ['👨‍👩‍👧xy', 3, '👨‍👩‍👧…'],
]

t.test('a text is cut to a width', async (t) => {
  for (const [text, width, clipped] of clips) {
    t.equal(clip(text, width), clipped, `${text} to ${width}`)
    t.ok(widthOf(clip(text, width)) <= width)
  }
})

t.test('a text is filled up to a width', async (t) => {
  t.equal(pad('日', 4), '日  ')
  t.equal(pad('日', 4, true), '  日')
  t.equal(pad('long', 2), 'long')
})
