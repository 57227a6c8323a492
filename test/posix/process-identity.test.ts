import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import {
  bootId,
  isRunning,
  type ProcessIdentity,
  processIdentity,
  startTicks,
} from '../../lib/posix/process-identity.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const skip = existsSync('/proc/self/stat') ? false : 'there is no /proc of Linux'

void t.test('who a process is', { skip }, async (t) => {
  await t.test('the boot has one id', (t) => {
    t.match(bootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    t.equal(bootId(), bootId())
    t.end()
  })

  await t.test('we run, and nobody else does under our number', (t) => {
    const ours = identityOf(process.pid)
    t.strictSame(processIdentity(), ours)
    t.equal(isRunning(JSON.parse(JSON.stringify(ours)) as ProcessIdentity), true)
    for (const [what, other, running] of [
      ['that began at another time', { startTicks: ours.startTicks - 1 }, false],
      ['of another boot', { boot: '00000000-0000-0000-0000-000000000000' }, false],
      ['of another container', { namespace: 'pid:[1]' }, undefined],
      ['of a number that nobody has', { pid: 2 ** 22 + 1 }, false],
      ['of a number that cannot be', { pid: Number.NaN }, false],
    ] as const)
      t.equal(isRunning({ ...ours, ...other }), running, `one ${what}`)
    t.end()
  })

  await t.test('one runs until it ends, also while it is stopped', async (t) => {
    const child = spawn('sleep', ['60'])
    const identity = identityOf(child.pid)
    t.equal(isRunning(identity), true)
    child.kill('SIGSTOP')
    t.equal(isRunning(identity), true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    t.equal(isRunning(identity), false)
    t.equal(startTicks(identity.pid), undefined)
  })

  await t.test('one with a name that looks like what follows it', (t) => {
    const program = `${temporaryDirectory(t)}/a) Z 1 1 (`
    copyFileSync('/bin/sleep', program)
    const child = spawn(program, ['60'])
    const identity = identityOf(child.pid)
    t.equal(isRunning(identity), true)
    t.ok(identity.startTicks >= (startTicks(process.pid) ?? Infinity), 'it began after us')
    child.kill('SIGKILL')
    t.end()
  })

  await t.test('one that has ended, while its parent does not know, does not run', async (t) => {
    // The shell becomes a program that never asks how its child ended.
    const parent = spawn('sh', ['-c', 'read -r line <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    })
    const { stdout, stdio } = parent as ChildProcess & { stdout: NodeJS.ReadableStream }
    const [line] = (await once(stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    const identity = identityOf(pid)
    t.equal(isRunning(identity), true)
    // Until then the shell may ask.
    while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n')
      await new Promise(setImmediate)
    ;(stdio[3] as unknown as NodeJS.WritableStream).end('\n')
    while (!readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '))
      await new Promise(setImmediate)
    t.equal(isRunning(identity), false)
    t.equal(processIdentity(pid), undefined)
    parent.kill('SIGKILL')
  })
})

function identityOf(pid: number | undefined): ProcessIdentity {
  const identity = processIdentity(pid)
  if (identity === undefined) throw new Error(`there is no process ${pid}`)
  return identity
}
