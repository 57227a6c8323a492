import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Client } from 'basic-ftp'
import t, { type Test } from 'tap'
import { eventually, place, type Started, startProgram } from '../helpers/cli.js'
import { withoutServer } from '../helpers/ftp-servers.js'
import { entriesOf } from '../helpers/temporary.js'

const script = fileURLToPath(new URL('../../examples/ftpcluster/ftpcluster.sh', import.meta.url))
const skip = withoutServer()

/** Starts the example; it puts all that it makes into `temporary`. */
async function start(
  t: Test,
  ...words: string[]
): Promise<{ readonly started: Started; readonly temporary: string }> {
  const { directory, env } = await place(t)
  const temporary = `${directory}/tmp`
  mkdirSync(temporary)
  const started = startProgram('sh', [script, ...words], {
    env: { ...env, TMPDIR: temporary },
    timeout: 240_000,
  })
  t.teardown(async () => {
    started.kill('SIGTERM')
    await started.ended
  })
  return { started, temporary }
}

/** Nothing is left of it: no file, and no server on the ports that it named. */
async function checkGone(t: Test, temporary: string, output: string): Promise<void> {
  t.strictSame(entriesOf(temporary), [])
  const ports = new Set(Array.from(output.matchAll(/127\.0\.0\.1:(\d+)/g), ([, port = '']) => port))
  t.ok(ports.size >= 3)
  for (const port of ports) {
    const socket = connect(Number(port), '127.0.0.1')
    await t.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' }, port)
    socket.destroy()
  }
}

t.test('the scene plays to its end', { skip, buffered: true }, async (t) => {
  const { started, temporary } = await start(t, '--demo')
  const { status, stdout, stderr } = await started.ended
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const [, first = '', second = '', third = '', fourth = '', fifth = ''] = stdout.split('\n== ')
  t.match(first, /one\.txt: upload done on .*one\.txt: upload done on /s)
  t.match(second + third, /is left alone for now/, 'which the processor may say a moment later')
  t.match(second, /^jobs: 1 upload/m)
  t.match(third, /^ +2 +3893 .* pub\/one\.txt$/m)
  t.match(third, /^ +2 +8893 .* pub\/three %\.txt$/m)
  t.match(third, /^ +2 +8893 .* pub\/two\.txt$/m)
  t.match(fourth, 'each has two copies, which are what was uploaded')
  t.match(fifth, /^files: 2 with 2 copies\njobs: none$/m)
  await checkGone(t, temporary, stdout)
})

t.test(
  'it takes files by FTP and by copying until it is ended',
  { skip, buffered: true },
  async (t) => {
    const { started, temporary } = await start(t)
    await eventually(() => started.output().includes('Ctrl-C'))
    const text = started.output()
    const [, password = '', port] = /ftp:\/\/cluster1:(\w+)@127\.0\.0\.1:(\d+)\//.exec(text) ?? []
    const [, space = ''] = /cp FILE (\S+)\//.exec(text) ?? []
    const client = new Client()
    t.teardown(() => {
      client.close()
    })
    await client.access({ host: '127.0.0.1', port: Number(port), user: 'cluster1', password })
    await client.uploadFrom(Readable.from(['by FTP\n']), 'by ftp %20.txt')
    writeFileSync(`${space}/.unfinished`, 'a part')
    mkdirSync(`${space}/below`)
    writeFileSync(`${space}/below/copied`, 'copied\n')
    const isStored = (name: string): boolean =>
      readFileSync(`${space}/${name}`, 'latin1').split('\nserver ').length === 3
    await eventually(() => isStored('by ftp %20.txt') && isStored('below/copied'))
    await t.rejects(client.remove('by ftp %20.txt'), { code: 550 }, 'a link file stays')
    await t.rejects(client.uploadFrom(Readable.from(['again\n']), 'by ftp %20.txt'))
    t.ok(isStored('by ftp %20.txt'))
    t.equal(readFileSync(`${space}/.unfinished`, 'latin1'), 'a part')
    started.kill('SIGTERM')
    const { status, stderr, stdout } = await started.ended
    t.strictSame({ status, stderr }, { status: 143, stderr: '' })
    t.notMatch(stdout, 'unfinished')
    await checkGone(t, temporary, stdout)
  },
)
