import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openRoot } from '../../lib/root/root.js'
import { check, eventually, type Place, place, type Started, startProgram } from '../helpers/cli.js'
import { natsServer, withoutNats } from '../helpers/nats.js'
import { freePorts } from '../helpers/ports.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

const skip = withoutNats()
const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))

t.test('what is enqueued in one region is worked on in the other', { skip }, async (t) => {
  const { env } = await place(t)
  const [east = '', west = '', leaf = '', link = ''] = (await freePorts(4)).map(String)
  const { status, stdout, stderr } = await startProgram(
    'sh',
    [example('two-regions/two-regions.sh'), 'alice', 'bob smith', 'carol'],
    {
      env: {
        ...env,
        PATH: `${env['PATH'] ?? ''}:/usr/sbin`,
        ...{ EAST_PORT: east, WEST_PORT: west, LEAF_PORT: leaf, LINK_PORT: link },
      },
    },
  ).ended
  t.strictSame({ status, stderr }, { status: 0, stderr: 'the line is cut\n' })
  t.strictSame(stdout.trim().split('\n').sort(), [
    'alice: for alice',
    'bob smith: for bob smith',
    'carol: for carol',
  ])
})

/** Starts a program at one of the machines of an application, until the test ends. */
function part(t: Test, at: Place, machine: string, file: string, words: string[]): Started {
  const { directory, env } = at
  const started = startProgram(file, words, {
    env: { ...env, FSQ_ROOT: `${directory}/${machine}`, PROGRAM: `${directory}/send`, PORT: '0' },
  })
  t.teardown(async () => {
    started.kill('SIGTERM')
    await started.ended
  })
  return started
}

t.test(
  'an application runs as it is, its queue forwarded to another machine',
  { skip },
  async (t) => {
    const here = await place(t)
    const { directory, fsq, script } = here
    const { url } = await natsServer(t)
    const withNats = { ...here, env: { ...here.env, NATS_URL: url } }
    check(t, await fsq(['nats', 'setup', '-s', url, 'mail']), {
      stdout: /^created stream FSQ_WORK$/m,
    })
    const web = await openRoot({ root: `${directory}/web` }).install('mail')
    const worker = await openRoot({ root: `${directory}/worker` }).install('mail')
    script('send', `cat >> ${directory}/sent`)

    part(t, withNats, 'web', 'fsq', ['nats', 'forward', 'mail'])
    part(t, withNats, 'worker', 'fsq', ['nats', 'receive', 'mail'])
    const endpoint = part(t, here, 'web', process.execPath, [example('http-endpoint/server.mjs')])
    part(t, here, 'worker', 'sh', [example('supervised-worker/run')])

    const address = await endpoint.line()
    const mails = ['alice', 'bob', 'carol'].map((name) => {
      return JSON.stringify({ to: `${name}@example.org`, template: 'hi' })
    })
    const ids: string[] = []
    for (const body of mails) {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(address, { method: 'POST', headers, body })
      t.equal(response.status, 202)
      ids.push(((await response.json()) as { id: string }).id)
    }
    await eventually(() => contentsOf(worker)['done']?.length === mails.length)
    t.strictSame(contentsOf(worker)['done'], ids.sort(), 'under the names that the endpoint told')
    t.strictSame(
      readFileSync(`${directory}/sent`, 'utf8')
        .split(/(?<=\})/)
        .sort(),
      mails,
      'each was sent once',
    )
    await eventually(() => contentsOf(web)['done']?.length === mails.length)
    t.strictSame(contentsOf(web), { ...nothing, done: ids })
  },
)
