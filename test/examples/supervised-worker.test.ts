import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { eventually, place, startProgram } from '../helpers/cli.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/supervised-worker/${name}`, import.meta.url))

t.test('a worker that is killed comes back, and ends when it is asked to', async (t) => {
  const here = await place(t)
  const mail = await here.root.install('mail')
  const log = `${here.directory}/log`
  const program = here.script('mail', `echo "$1 $PPID" >>${log}; case $1 in last) sleep 1 ;; esac`)
  const supervisor = startProgram('sh', [example('supervise.sh'), example('run')], {
    env: { ...here.env, PROGRAM: program },
  })
  t.teardown(() => {
    supervisor.kill('SIGTERM')
  })
  const lines = (): string[] => readFileSync(log, 'utf8').trim().split('\n')
  const done = (): number => readdirSync(mail.context.paths.done).length

  const ids = [await mail.enqueue('', ['first'])]
  await eventually(() => done() === 1)
  const pid = Number(lines()[0]?.split(' ')[1])
  process.kill(pid, 'SIGKILL')
  ids.push(await mail.enqueue('', ['second']))
  await eventually(() => done() === 2)
  t.not(Number(lines()[1]?.split(' ')[1]), pid, 'by another')
  ids.push(await mail.enqueue('', ['last']))
  await eventually(() => lines().length === 3)
  supervisor.kill('SIGTERM')
  const { status, stdout } = await supervisor.ended
  t.equal(status, 0)
  t.match(stdout, new RegExp(`fsq work: ${ids[2] ?? ''}: succeeded\n`), 'what it had is finished')
  t.strictSame(contentsOf(mail), { ...nothing, done: [...ids].sort() })
})
