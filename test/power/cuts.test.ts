import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { temporaryDirectory } from '../helpers/temporary.js'
import { cutsOf } from './cuts.js'
import { Image } from './image.js'
import { type Epoch, readEpochs } from './log.js'
import { itemsAt, itemsOf, parseMarks } from './marks.js'

/* What can be tested of the power cuts without root. */

function record(kind: 'W' | 'F' | 'M', offset = 0, text = ''): Buffer {
  const header = Buffer.alloc(13)
  header.write(kind)
  header.writeBigUInt64LE(BigInt(offset), 1)
  header.writeUInt32LE(text.length, 9)
  return Buffer.concat([header, Buffer.from(text)])
}

/** An epoch with so many writes of so many bytes. */
function epoch(count: number, size = 1): Epoch {
  const writes = Array.from({ length: count }, (_, n) => ({
    offset: n * size,
    data: Buffer.alloc(size, n + 1),
  }))
  return { writes, marks: [] }
}

t.test('a log is read as epochs between flushes', async (t) => {
  const path = `${temporaryDirectory(t)}/log`
  const records = [record('W', 5, 'a'), record('M', 0, 'x\n'), record('F'), record('W', 7, 'bc')]
  writeFileSync(path, Buffer.concat(records))
  t.strictSame(readEpochs(path), [
    { writes: [{ offset: 5, data: Buffer.from('a') }], marks: ['x\n'] },
    { writes: [{ offset: 7, data: Buffer.from('bc') }], marks: [] },
  ])
})

t.test(
  'each flush is cut with none and with some of its writes, the last also with all',
  async (t) => {
    const epochs = [epoch(1), epoch(3), epoch(0), epoch(2)]
    const cuts = [...cutsOf(epochs, 1, 50, 1)]
    const seen = new Set(
      cuts.map(({ epoch, writes }) => `${epoch}: ${writes.map((w) => w.offset).join()}`),
    )
    t.strictSame([...seen].sort(), [
      ...['1: ', '1: 0', '1: 0,1', '1: 0,2', '1: 1', '1: 1,2', '1: 2'],
      ...['3: ', '3: 0', '3: 0,1', '3: 1'],
    ])
    t.equal(cuts.length, seen.size, 'none of them twice')
    t.strictSame([...cutsOf(epochs, 1, 50, 1)], cuts, 'a seed repeats them')
  },
)

t.test('a write is torn between blocks only', async (t) => {
  const lengths = new Set<number>()
  for (const { writes } of cutsOf([epoch(1, 10_000)], 0, 200, 1))
    for (const { data } of writes) lengths.add(data.length)
  t.strictSame([...lengths].sort(), [10_000, 4096, 8192])
})

t.test('an image has what was written, until that is taken back', async (t) => {
  const path = `${temporaryDirectory(t)}/disk`
  const size = 1 << 18
  const before = Buffer.alloc(size)
  before.write('here before', 100)
  writeFileSync(path, before)
  const image = new Image(path, size)
  const saved = (): Buffer => {
    image.save(path)
    return readFileSync(path)
  }
  const across = { offset: (1 << 16) - 1, data: Buffer.from('two chunks') }
  const after = Buffer.from(before)
  after.write('two chunks', across.offset)
  const takeBack = image.apply([across, { offset: 100, data: Buffer.from('gone') }])
  takeBack()
  t.ok(saved().equals(before))
  image.apply([across])
  t.ok(saved().equals(after))
})

t.test('the marks before a cut say what had to hold', async (t) => {
  const marks = parseMarks([
    '{"event":"begin"}\n{"event":"enqueued","sha256":"a","id":"1"}\n',
    '{"event":"finishing","sha256":"a","operation":"done"}\n',
    '{"event":"finished","sha256":"a","id":"1"}\n',
    '{"event":"refused","sha256":"b"}\n',
  ])
  const all = itemsOf(marks)
  const at = (count: number): unknown => itemsAt(marks.slice(0, count), all)
  t.strictSame(at(1), [{ sha256: 'a' }, { sha256: 'b' }])
  t.strictSame(at(2), [{ sha256: 'a', id: '1' }, { sha256: 'b' }])
  const done = { operation: 'done' }
  t.strictSame(at(3), [{ sha256: 'a', id: '1', finish: done }, { sha256: 'b' }])
  t.strictSame(at(5), [
    { sha256: 'a', id: '1', finish: { ...done, id: '1' } },
    { sha256: 'b', refused: true },
  ])
})
