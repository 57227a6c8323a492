import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { fileKeyValues } from '../../../lib/adapters/nxqueue/file-key-values.js'
import type { Hold, KeyValues } from '../../../lib/key-values.js'
import { KeyValuesProcess } from '../../helpers/file-key-values-process.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

function place(t: Test): { directory: string; file: string; keyValues: KeyValues } {
  const directory = `${temporaryDirectory(t)}/.nxqueue`
  return { directory, file: `${directory}/master.lock`, keyValues: fileKeyValues(directory) }
}

async function taken(keyValues: KeyValues): Promise<Hold> {
  const hold = await keyValues.hold('master', 'S1')
  if (hold === undefined) throw new Error('somebody has it')
  return hold
}

const hold = `const hold = await keyValues.hold('master', 'S2')
  say(hold?.epoch)
  await hear()`

void t.test('the file says who has it', async (t) => {
  const { file, keyValues } = place(t)
  const { epoch } = await taken(keyValues)
  t.strictSame(JSON.parse(readFileSync(file, 'utf8')), { epoch, holder: 'S1', pid: process.pid })
})

void t.test('it ends with its process, and not while that is stopped', async (t) => {
  const { directory, keyValues } = place(t)
  const other = new KeyValuesProcess(t, directory, hold)
  const epoch = Number(await other.hear())
  t.equal(await keyValues.hold('master', 'S1'), undefined)
  other.signal('SIGSTOP')
  t.equal(await keyValues.hold('master', 'S1'), undefined)
  await other.kill()
  const ours = await taken(keyValues)
  t.equal(ours.epoch, epoch + 1)
  const third = new KeyValuesProcess(t, directory, hold)
  t.equal(await third.hear(), null)
})

void t.test('one of several processes has it at a time, each under a higher epoch', async (t) => {
  const { directory } = place(t)
  const script = `const epochs = []
    while (epochs.length < 100) {
      const hold = await keyValues.hold('master', 'S')
      if (hold === undefined) continue
      epochs.push(hold.epoch)
      hold[Symbol.dispose]()
    }
    say(epochs)`
  const processes = [1, 2].map(() => new KeyValuesProcess(t, directory, script))
  const epochs = (await Promise.all(processes.map(async (each) => each.hear()))) as number[][]
  t.equal(new Set(epochs.flat()).size, 200)
  for (const each of epochs)
    t.strictSame(
      each,
      [...each].sort((one, other) => one - other),
    )
})

void t.test('who lost its file has lost it', async (t) => {
  for (const [what, lose] of [
    ['is removed', rmSync],
    [
      'is renamed',
      (file: string) => {
        renameSync(file, `${file}-before`)
      },
    ],
    [
      'is replaced',
      (file: string) => {
        writeFileSync(`${file}-new`, '')
        renameSync(`${file}-new`, file)
      },
    ],
  ] as const) {
    const { file, keyValues } = place(t)
    const first = await taken(keyValues)
    t.ok(first.isHeld())
    lose(file)
    t.notOk(first.isHeld(), `it ${what}`)
    const second = await taken(keyValues)
    t.ok(second.isHeld())
    t.ok(second.epoch > first.epoch, 'the epoch grows')
    first[Symbol.dispose]()
    t.ok(second.isHeld(), 'the end of the first is not that of the second')
  }
})

void t.test('the epoch grows, whatever is in the file', async (t) => {
  for (const text of [
    '',
    '\0'.repeat(40),
    '{"epoch":12',
    'null',
    '[]',
    '{"epoch":"99999999999999"}',
    '{"epoch":-1}',
    '{"epoch":1.5}',
    '{"epoch":9007199254740991}',
    '{"epoch":1e308}',
    '{}',
    'x'.repeat(1_000_000),
  ]) {
    const { file, keyValues } = place(t)
    const first = await taken(keyValues)
    first[Symbol.dispose]()
    writeFileSync(file, text)
    while (Date.now() <= first.epoch); // By the time, which has to go on.
    const second = await taken(keyValues)
    t.ok(second.epoch > first.epoch, `${second.epoch} > ${first.epoch} after ${text.slice(0, 40)}`)
    t.ok(Number.isSafeInteger(second.epoch + 1e9))
    second[Symbol.dispose]()
    t.equal((await taken(keyValues)).epoch, second.epoch + 1)
  }
})

void t.test('what is no file of ours', async (t) => {
  for (const plant of [
    (file: string) => {
      symlinkSync('/tmp/elsewhere', file)
    },
    (file: string) => {
      mkdirSync(file)
    },
    (file: string) => {
      spawnSync('mkfifo', [file])
    },
  ]) {
    const { directory, file, keyValues } = place(t)
    mkdirSync(directory)
    plant(file)
    await t.rejects(keyValues.hold('master', 'S1'), { path: file, message: /not written by fsq/ })
  }
})
