// Counts the system calls that an item costs fsq and the floor, by strace(1): what keeps the floor
// honest. Each program runs with so many items and with twice as many, and the difference is what the
// items cost, without the start of the process and the items of its practice.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { filledQueue, nodeProgram } from './place.mjs'
import { table } from './report.mjs'
import { race } from './race.mjs'
import { taskOf } from './cases/measure.mjs'

const items = 500
const size = 1024

/** The tables, or why there are none. */
export async function callsText(bench) {
  if (spawnSync('strace', ['--version']).status !== 0) return 'strace(1) is not installed'
  if (bench.floor.missing !== undefined) return bench.floor.missing
  const parts = []
  for (const [name, { queueOf, fsq, floor }] of Object.entries(pairs(bench))) {
    const ours = await callsOf(bench.place, queueOf, fsq)
    const theirs = await callsOf(bench.place, queueOf, floor)
    const names = [...new Set([...theirs.keys(), ...ours.keys()])]
    const rows = names
      .map((call) => [call, ours.get(call) ?? 0, theirs.get(call) ?? 0])
      .filter(([, ...counts]) => counts.some((count) => count >= 0.005))
      .map(([call, ...counts]) => [call, ...counts.map((count) => count.toFixed(2))])
    parts.push(`## ${name}\n\n${table([['calls an item', 'fsq', 'floor'], ...rows])}`)
  }
  return parts.join('\n\n')
}

function pairs({ place, floor, features }) {
  const none = { durability: 'none' }
  const task = { size, practised: items }
  const empty = () => place.newQueue()
  const full = (count) => filledQueue(place, count, size)
  const enqueue = (level, settings) => ({
    queueOf: empty,
    fsq: (queue, count) =>
      nodeProgram('enqueue', taskOf(place, queue, { ...task, count, settings })),
    floor: ({ path }, count) => floor.command('enqueue', path, count, size, level, 1),
  })
  const finish = (level, settings) => ({
    queueOf: full,
    fsq: (queue, count) =>
      nodeProgram('finish', taskOf(place, queue, { ...task, count, settings })),
    floor: ({ path }, count) => floor.command('finish', path, count, level, 1),
  })
  const batch = {
    queueOf: empty,
    fsq: (queue, count) =>
      nodeProgram('enqueue', taskOf(place, queue, { ...task, count, batch: items })),
    floor: ({ path }, count) => floor.command('batch', path, count, size, items, 'syncfs'),
  }
  return {
    'enqueue, durable': enqueue('full'),
    ...(features.durability ? { 'enqueue, level none': enqueue('none', none) } : {}),
    ...(features.enqueueMany ? { [`a batch of ${items}`]: batch } : {}),
    'claim and done, durable': finish('full'),
    ...(features.durability ? { 'claim and done, level none': finish('none', none) } : {}),
  }
}

async function callsOf(place, queueOf, commandOf) {
  const once = await traced(place, commandOf(await queueOf(items), items))
  const twice = await traced(place, commandOf(await queueOf(items * 2), items * 2))
  return new Map([...twice].map(([call, count]) => [call, (count - (once.get(call) ?? 0)) / items]))
}

async function traced(place, command) {
  const file = place.newPath('calls')
  await race([['strace', '-f', '-c', '-U', 'name,calls', '-o', file, ...command]])
  return new Map(
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => /^(\w+) +(\d+)$/.exec(line.trim()))
      .filter((found) => found !== null && found[1] !== 'total')
      .map(([, call, count]) => [call, Number(count)]),
  )
}
