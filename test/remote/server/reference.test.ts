import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { place, startProgram } from '../../helpers/cli.js'
import { served } from '../../helpers/serve.js'
import { contentsOf, nothing, temporaryDirectory } from '../../helpers/temporary.js'

/*
 * The push of the original fsq, written in Python 2 (jsonrpclib 0.1.7): as it was recorded, and where the
 * variable FSQ_REFERENCE names a program that starts it, itself.
 */

const reference = process.env['FSQ_REFERENCE'] ?? ''
const canPush =
  reference !== '' && (await startProgram(reference, ['push', '-h']).ended).status === 0
const skip = canPush ? false : 'FSQ_REFERENCE does not name a Python fsq that can push'

const token = 'the-token-of-the-recording'

const recorded = JSON.parse(
  readFileSync(new URL('../../vectors/reference-push.json', import.meta.url), 'utf8'),
) as { readonly what: string; readonly request: string }[]

for (const { what, request } of recorded)
  t.test(`${what}, as the original sent it, is answered`, async (t) => {
    const file = `${temporaryDirectory(t)}/tokens`
    writeFileSync(file, token, { mode: 0o600 })
    const tokens = request.includes('Authorization') ? { tokenFile: file } : {}
    const { open, root } = await served(t, tokens)
    const queue = await root.install('trgq', { triggered: true })
    const { write, until, socket } = await open()
    write(Buffer.from(request, 'latin1'))
    const text = await until(/\r\n\r\n.+/s)
    socket.destroy()
    const sent = JSON.parse(request.slice(request.indexOf('\r\n\r\n'))) as {
      id: string
      method: string
      params: string[]
    }
    t.match(text, /^HTTP\/1.1 200 OK\r\nContent-Type: application\/json-rpc\r\n/)
    const answer: unknown = JSON.parse(text.slice(text.indexOf('\r\n\r\n')))
    if (sent.method === 'trigger_pull') {
      t.match(answer, { id: sent.id, error: { data: { code: 'FSQ_NO_LISTENER' } } })
      return
    }
    const [name = '', , body] = sent.params
    t.match(answer, { id: sent.id, result: Buffer.from(name).toString('latin1') })
    t.strictSame(contentsOf(queue), { ...nothing, queue: [name] })
    t.equal(readFileSync(`${queue.path}/queue/${name}`, 'utf8'), body)
  })

t.test('the original pushes to us', { skip }, async (t) => {
  const file = `${temporaryDirectory(t)}/tokens`
  writeFileSync(file, token, { mode: 0o600 })
  const { port, queue, events } = await served(t, { tokenFile: file })
  const here = await place(t)
  await here.queue.installHost('h')
  const bodies = ['', 'Dear Alice\n', 'Ünïcödé 漢😀\n', `${'x'.repeat(300_000)}"\\\u0001`]
  const ids: string[] = []
  for (const body of bodies) ids.push(await here.queue.host('h').enqueue(body, ['a/b', 'ü', '_%']))
  const push = async (userinfo: string): Promise<number | string> => {
    const url = `http://${userinfo}127.0.0.1:${port}/`
    const words = ['push', url, 'q', 'q', 'h', ...ids]
    return (await startProgram(reference, words, { env: here.env }).ended).status
  }
  t.not(await push(''), 0, 'it needs a token')
  t.strictSame(contentsOf(queue), nothing)
  t.equal(await push(`user:${token}@`), 0)
  t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() })
  for (const [at, id] of ids.entries())
    t.equal(readFileSync(`${queue.path}/queue/${id}`, 'utf8'), bodies[at])
  t.equal(await push(`user:${token}@`), 0, 'again, which adds nothing')
  t.strictSame(contentsOf(queue), { ...nothing, queue: [...ids].sort() })
  t.notOk(JSON.stringify(events).includes(token))
})
