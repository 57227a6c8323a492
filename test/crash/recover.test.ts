import { linkSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { Queue } from '../../lib/root/queue.js'
import { temporaryQueue } from '../helpers/temporary.js'
import { type Ledger, type LedgerItem, sha256, type ViolationKind } from './oracle.js'
import { recover } from './recover.js'

const body = 'the body'

type Row = [
  what: string,
  /** What is known of the item beside its name. */
  known: (id: string) => Omit<LedgerItem, 'sha256'>,
  ledger: Pick<Ledger, 'durability' | 'crash'>,
  /** What the crash did to the queue, in which the item waits. */
  crash: (queue: Queue, id: string) => void,
  expected: readonly ViolationKind[],
]

const full = { durability: 'full', crash: 'power' } as const
const enqueue = { durability: 'enqueue', crash: 'power' } as const
const none = { durability: 'none', crash: 'power' } as const
const acknowledged = (id: string): { id: string } => ({ id })
const begun = (id: string) => ({ id, finish: { operation: 'done' } }) as const
const done = (id: string) => ({ id, finish: { operation: 'done', id } }) as const
const retry = (id: string) => ({ id, finish: { operation: 'retry', id: retried(id) } }) as const

const retried = (id: string): string => id.replace(/_0$/, '_1')
const untouched = (): void => undefined

function path({ path }: Queue, place: string, id: string): string {
  return `${path}/${place}/${id}`
}

function rename(queue: Queue, id: string, place: string, name = id): void {
  renameSync(path(queue, 'queue', id), path(queue, place, name))
}

const table: readonly Row[] = [
  ['an item that waits', acknowledged, full, untouched, []],
  [
    'an item whose name in tmp is left, and part of another',
    acknowledged,
    full,
    (queue, id) => {
      linkSync(path(queue, 'queue', id), path(queue, 'tmp', id))
      writeFileSync(path(queue, 'tmp', 'part'), 'the b')
    },
    [],
  ],
  [
    'an item that is on its way to done',
    begun,
    full,
    (queue, id) => {
      linkSync(path(queue, 'queue', id), path(queue, 'done', id))
    },
    [],
  ],
  [
    'an item under its names before and after a retry',
    acknowledged,
    full,
    (queue, id) => {
      linkSync(path(queue, 'queue', id), path(queue, 'queue', retried(id)))
    },
    [],
  ],
  ['an item that may be handled again', begun, full, untouched, []],
  ['a finished item that came back, as it may', done, enqueue, untouched, []],
  ['a finished item that came back', done, full, untouched, ['back', 'again']],
  [
    'a finished item',
    done,
    full,
    (queue, id) => {
      rename(queue, id, 'done')
    },
    [],
  ],
  [
    'an item that is tried again',
    retry,
    full,
    (queue, id) => {
      rename(queue, id, 'queue', retried(id))
    },
    [],
  ],
  [
    'an acknowledged item in done that nobody handled',
    acknowledged,
    full,
    (queue, id) => {
      rename(queue, id, 'done')
    },
    ['unhandled'],
  ],
  [
    'an item that is gone',
    acknowledged,
    full,
    (queue, id) => {
      unlinkSync(path(queue, 'queue', id))
    },
    ['lost', 'unhandled'],
  ],
  [
    'an item that is gone, as it may be',
    acknowledged,
    none,
    (queue, id) => {
      unlinkSync(path(queue, 'queue', id))
    },
    [],
  ],
  [
    'an item as two files',
    acknowledged,
    full,
    (queue, id) => {
      writeFileSync(path(queue, 'queue', retried(id)), body)
    },
    ['double', 'again'],
  ],
]

for (const [what, known, ledger, crash, expected] of table) {
  t.test(`recovery finds ${expected.join() || 'nothing wrong'} with ${what}`, async (t) => {
    const queue = await temporaryQueue(t)
    const id = await queue.enqueue(body)
    crash(queue, id)
    const items = [{ sha256: sha256(body), ...known(id) }]
    const violations = await recover(queue.path, { ...ledger, items })
    t.strictSame(
      violations.map(({ kind }) => kind),
      expected,
    )
    t.strictSame([...readdirSync(`${queue.path}/tmp`), ...readdirSync(`${queue.path}/queue`)], [])
  })
}

t.test('recovery finds what a scan does not drain', async (t) => {
  const queue = await temporaryQueue(t)
  const id = await queue.enqueue(body)
  const held = await queue.claim(id)
  t.teardown(() => {
    held.close()
  })
  const violations = await recover(queue.path, { ...full, items: [{ sha256: sha256(body), id }] })
  t.strictSame(
    violations.map(({ kind }) => kind),
    ['undrained', 'unhandled'],
  )
})
