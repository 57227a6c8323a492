import type { Test } from 'tap'
import { importCluster } from '../../lib/adapters/ftpcluster/import.js'
import { openRoot } from '../../lib/root/root.js'
import { startProgram } from './cli.js'
import { clusterPlace } from './ftpcluster.js'

/**
 * Appends lines as fast as a shell can, but for a pause now and then, without which no import would ever keep
 * up: to a file of one name, opened for each line; to a new file every now
 * and then; and to one that is held open for some lines, which are written in two parts.
 */
const writers = {
  fixed: `n=0; while [ ! -e "$1/stop" ]; do
    n=$((n+1)); echo "upload fixed-$n root 1 1" >>"$1/.queue/uploads.q"
    [ $((n % 20)) -ne 0 ] || sleep 0.02; done; echo $n`,
  dated: `n=0; while [ ! -e "$1/stop" ]; do
    n=$((n+1)); echo "store dated-$n root 1 1" >>"$1/.queue/store-$((n/50))"
    [ $((n % 20)) -ne 0 ] || sleep 0.02; done; echo $n`,
  held: `n=0; while [ ! -e "$1/stop" ]; do
    { for i in 1 2 3 4 5; do n=$((n+1)); printf 'replicate held-%s' $n; printf ' 1 1\\n'; done
    } >>"$1/.queue/replicate.q"; sleep 0.01; done; echo $n`,
}

/** Imports again and again while shells append; then every line is an item, once, and there is no other. */
export async function importLive(t: Test, seconds: number): Promise<void> {
  const place = clusterPlace(t)
  const { home } = place
  // Whether power cuts are survived is tested elsewhere; here imports are to be many.
  const root = openRoot({ root: `${place.directory}/root`, durability: 'none' })
  const shells = Object.values(writers).map((script) =>
    startProgram('sh', ['-c', script, 'sh', home], { timeout: seconds * 1000 + 120_000 }),
  )
  const end = Date.now() + seconds * 1000
  let imports = 0
  let busy = 0
  while (Date.now() < end || imports < 3) {
    const { left } = await importCluster(root, home)
    imports++
    busy += left
  }
  place.write('stop', '')
  const counts: number[] = []
  for (const shell of shells) {
    const { status, stdout } = await shell.ended
    t.equal(status, 0)
    counts.push(Number(stdout))
  }
  await importCluster(root, home)
  t.strictSame(place.files(), [], 'nothing is left in .queue')
  const [fixed = 0, dated = 0, held = 0] = counts
  t.comment(`${fixed + dated + held} lines, ${imports} imports, ${busy} times a file was in use`)
  const table = [
    ['ftpc-upload', (n: number) => `upload fixed-${n} root 1 1\n`, fixed],
    ['ftpc-store', (n: number) => `store dated-${n} root 1 1\n`, dated],
    ['ftpc-replicate', (n: number) => `replicate held-${n} 1 1\n`, held],
  ] as const
  for (const [queue, lineOf, count] of table) {
    t.ok(count > 0, `${count} lines were written`)
    const expected = Array.from({ length: count }, (_, at) => lineOf(at + 1)).sort()
    const found = place.bodies(queue).sort()
    t.equal(found.length, expected.length, queue)
    t.equal(found.join(''), expected.join(''), `${queue}: every line is there, and is there once`)
  }
}
