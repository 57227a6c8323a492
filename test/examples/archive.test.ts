import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readInventory } from '../../lib/adapters/nxqueue/index.js'
import { check, place, startProgram } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/archive/${name}`, import.meta.url))

t.jobs = 2

/** By turns on tapes of two groups, which hold 2 MB and 1 MB, and on a disk. */
const sizes = [1_200_000, 400_000, 0, 1_200_000, 400_000, 10, 1_200_000, 400_000]

t.test('what was archived comes back, from more tapes than there are drives', async (t) => {
  const { env, directory } = await place(t)
  const files = sizes.map((size, at) => {
    const path = `${directory}/file ${at}`
    writeFileSync(path, Buffer.alloc(size, `${at}: `))
    return path
  })
  const words = [example('run.sh'), ...files]
  // It starts servers, which would outlive it.
  const { ended } = startProgram('sh', words, { env, detached: true })
  const { status, stdout, stderr } = await ended
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const volumes = files.map((path) => {
    const start = `${path} was on `
    const line = stdout.split('\n').find((each) => each.startsWith(start)) ?? ''
    return /^(\S+), and came back$/.exec(line.slice(start.length))?.[1]
  })
  const of = (turn: number): (string | undefined)[] =>
    volumes.filter((_, at) => at % 3 === turn).sort()
  t.equal(new Set(of(0)).size, 3, 'no tape of films holds two of them')
  for (const name of of(0)) t.match(name, /^A0000[1-4]L6$/)
  const backups = of(1)
  t.strictSame(new Set(backups), new Set(['A00005L5', 'A00006L5']), 'a tape of backups holds two')
  t.equal(backups.length, 3)
  t.strictSame(of(2), ['disk2', 'disk2'])
})

t.test('its inventory is good', async (t) => {
  const { servers, drives, volumes } = await readInventory(example('inventory.yaml'))
  t.strictSame([servers.length, drives.length, volumes.length], [3, 2, 10])
})

const { error } = spawnSync('systemd-analyze', ['--version'])
const skip = error === undefined ? false : 'needs systemd-analyze(1) (Debian: systemd)'

t.test('systemd finds nothing wrong with the unit', { skip }, async (t) => {
  const unit = readFileSync(example('fsq-nxqueue@.service'), 'utf8')
  const path = `${temporaryDirectory(t)}/fsq-nxqueue@north.service`
  // Programs and users that need not be here.
  const here = unit.replaceAll('/usr/bin/fsq', '/bin/sh').replace('User=fsq', 'User=root')
  writeFileSync(path, here)
  check(t, await startProgram('systemd-analyze', ['verify', '--man=no', path]).ended)
})

t.test('the unit runs what there is, and waits for it', async (t) => {
  const { start, directory, root } = await place(t)
  await root.install('nxqueue')
  copyFileSync(example('inventory.yaml'), `${directory}/inventory.yaml`)
  const unit = readFileSync(example('fsq-nxqueue@.service'), 'utf8')
  const [, line = ''] = /^ExecStart=\/usr\/bin\/fsq (.*)$/m.exec(unit) ?? []
  const words = line
    .replace('%i', 'north')
    .replace('/etc/fsq/inventory', `${directory}/inventory.yaml`)
    .split(' ')
  const service = start([...words, '--log', 'json'])
  t.match(await service.line(), /^\{/, 'it serves')
  service.kill('SIGTERM')
  check(t, await service.ended, { stdout: /./ })
  const [, drain = ''] = /--drain (\d+)s/.exec(unit) ?? []
  const [, stop = ''] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? []
  t.ok(Number(stop) >= Number(drain) + 10, 'and for its end')
})
