import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout } from 'node:timers/promises'
import { type Ended, program } from '../helpers/cli.js'
import type { Fleet, Role } from './fleet.js'
import { readRecords, writeRecord } from './fleet-log.js'
import { sha256 } from './oracle.js'

/*
 * What the members of a fleet do: each of these runs one process until it ends or is killed, and
 * writes down what a process cannot say of itself.
 */

const path = (name: string): string => fileURLToPath(new URL(`fleet/${name}`, import.meta.url))

/** Enqueues with the library, some at the same time. */
export const producer: Role = async ({ start }) => {
  await start('producer', process.execPath, [path('producer.mjs'), 'q']).ended
}

/** Works with the library on some items at the same time. */
export const worker: Role = async ({ start }) => {
  await start('worker', process.execPath, [path('worker.mjs'), 'q']).ended
}

/** `fsq enqueue`, once. */
export const enqueueProgram: Role = async ({ start, log }) => {
  const body = newBody(200_000)
  const digest = sha256(body)
  writeRecord(log, { at: 'enqueue', sha256: digest })
  const words = [program, 'enqueue', '-p', 'q', 'an argument']
  const { by, ended } = start('enqueue', process.execPath, words, { input: body })
  const { status, stdout, stderr } = await ended
  if (stdout !== '') writeRecord(log, { at: 'enqueued', sha256: digest, id: stdout.trim() })
  else if (status !== 'SIGKILL')
    writeRecord(log, { at: 'odd', by, message: `fsq enqueue: ${status} ${stderr}` })
}

/** `fsq enqueue --batch`, line after line until it is killed. */
export const batchProgram: Role = async ({ start, log, env }) => {
  const words = [program, 'enqueue', '--batch', 'q']
  const { by, line, write, ended } = start('batch', process.execPath, words, {
    input: { later: true },
  })
  const all: Promise<void>[] = []
  let running = true
  void ended.then(() => (running = false))
  const isRunning = (): boolean => running
  while (isRunning()) {
    const body = newBody(200)
    const digest = sha256(body)
    writeRecord(log, { at: 'enqueue', sha256: digest })
    write(`${JSON.stringify({ args: ['batch'], body })}\n`)
    all.push(
      line().then(
        (id) => {
          if (id !== '') writeRecord(log, { at: 'enqueued', sha256: digest, id })
        },
        () => undefined, // It was killed before it answered.
      ),
    )
    if (all.length % 16 === 0) await Promise.race([setTimeout(burstGap(env)), ended])
  }
  await Promise.all(all)
  const { status, stderr } = await ended
  if (status !== 'SIGKILL')
    writeRecord(log, { at: 'odd', by, message: `fsq enqueue --batch: ${status} ${stderr}` })
}

/** `fsq scan`, once over the queue, with a shell script as its program. */
export const scanProgram: Role = async (fleet) => {
  const { by, status, stderr } = await runHandler(fleet, ['scan', '-v', 'q', path('handler.sh')])
  const isFine =
    [0, 'SIGKILL', 'SIGTERM'].includes(status) ||
    (status === 111 && /terminated by signal SIGKILL|: q is down$/m.test(stderr))
  if (!isFine) writeRecord(fleet.log, { at: 'odd', by, message: `fsq scan: ${status} ${stderr}` })
}

/**
 * `fsq work`, with the same program for four items at a time, until it is asked to end. Then it waits for
 * its programs, so that no item is cut.
 */
export const workProgram: Role = async (fleet) => {
  const flags = ['-v', '-j', '4', '--backoff', '0'] // All that is left is to be there at the end.
  const words = ['work', ...flags, 'q', '--', path('handler.sh')]
  const { by, status, stderr } = await runHandler(fleet, words)
  // Before it says that it works, a signal ends it as it ends any program; and seldom, under libfaketime,
  // the C library finds its heap damaged before fsq has begun.
  const isFine =
    [0, 'SIGKILL'].includes(status) ||
    (status === 'SIGTERM' && stderr === '') ||
    (status === 'SIGABRT' && 'LD_PRELOAD' in fleet.env && stderr.startsWith('Fatal glibc error'))
  if (!isFine) writeRecord(fleet.log, { at: 'odd', by, message: `fsq work: ${status} ${stderr}` })
}

/** Runs fsq with a program that works on items, and writes down which it finished. */
async function runHandler(
  { start, log }: Fleet,
  words: readonly string[],
): Promise<Ended & { readonly by: string }> {
  const [command = ''] = words
  const { by, ended } = start(command, process.execPath, [program, ...words])
  const { stderr, ...rest } = await ended
  // What it says of an item that it finished is the acknowledgement.
  const said = stderr.matchAll(/^fsq \w+: (.+): (?:succeeded|failed permanently)$/gm)
  const finished = new Set(Array.from(said, ([, id]) => id))
  for (const record of readRecords(log)) {
    if (record.at !== 'begin' || !record.by.startsWith(`${by}/`) || !finished.has(record.id))
      continue
    writeRecord(log, { at: 'finished', sha256: record.sha256, by: record.by, id: record.id })
  }
  return { ...rest, stderr, by }
}

/** How long a producer does nothing after a burst, in milliseconds: producer.mjs does the same. */
function burstGap(env: Readonly<Record<string, string>>): number {
  return Number(env['FLEET_GAP'] ?? 20)
}

let bodies = 0

/** A body unlike all others, of any size up to that. */
function newBody(size: number): string {
  const number = ++bodies
  return `${process.pid} ${number} ${'y'.repeat((number * 7919) % size)}`
}

/** Enqueues by the protocol, in Python. */
export const pythonProducer: Role = async ({ start, queue }) => {
  await start('python', 'python3', [path('protocol.py'), 'produce', queue.path]).ended
}

/** Works by the protocol, in Python. */
export const pythonWorker: Role = async ({ start, queue }) => {
  await start('python', 'python3', [path('protocol.py'), 'work', queue.path]).ended
}

/** What starts the original fsq, in Python 2. */
export const reference = process.env['FSQ_REFERENCE'] ?? ''

/** The original's `fsq enqueue`, once. It does not say the name; success is the acknowledgement. */
export const referenceEnqueue: Role = async ({ start, log }) => {
  const body = newBody(20_000)
  const digest = sha256(body)
  const file = `${dirname(log)}/${digest}`
  writeFileSync(file, body)
  writeRecord(log, { at: 'enqueue', sha256: digest })
  const { by, ended } = start('theirs', reference, ['enqueue', '-f', file, 'q', 'theirs'])
  const { status, stderr } = await ended
  if (status === 0) writeRecord(log, { at: 'enqueued', sha256: digest, id: `one of ${by}` })
  else if (status !== 'SIGKILL')
    writeRecord(log, { at: 'odd', by, message: `enqueue: ${status} ${stderr}` })
}

/** The original's `fsq scan`, once over the queue. */
export const referenceScan: Role = async ({ start }) => {
  await start('theirs', reference, ['scan', 'q', path('handler.sh')]).ended
}
