// Batches while somebody else writes to the same file system: syncfs waits for his data too.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { lacking } from '../features.mjs'
import { batchVariants } from './batch.mjs'

export function neighbourCases(bench) {
  const { place, features, amount } = bench
  const cases = ['always', 'never'].flatMap((syncfs) => {
    const variants = batchVariants(bench, { count: amount(2000), batch: 500, syncfs })
    return [
      { name: `batches of 500, syncfs ${syncfs}`, variants },
      {
        name: `batches of 500, syncfs ${syncfs}, beside dd`,
        variants: Object.fromEntries(
          Object.entries(variants).map(([name, run]) => [name, () => besideWriter(place, run)]),
        ),
      },
    ]
  })
  return {
    name: 'noisy neighbour',
    about:
      'The same batches with and without a dd(1) that streams 1 MiB blocks into a file of the same file ' +
      'system all the while.',
    cases: cases.map((each) => ({ skip: lacking(features, 'enqueueMany', 'syncfs'), ...each })),
  }
}

/** Runs something while dd writes the same 512 MiB again and again. */
async function besideWriter(place, run) {
  const file = place.newPath('neighbour')
  const script = `trap 'kill $! 2>/dev/null; exit' TERM; while :; do
    dd if=/dev/zero of="$0" bs=1M count=512 conv=notrunc status=none & wait $!; done`
  const writer = spawn('sh', ['-c', script, file], { stdio: 'ignore' })
  const closed = once(writer, 'close')
  try {
    await setTimeout(1000)
    return await run()
  } finally {
    writer.kill('SIGTERM')
    await closed
  }
}
