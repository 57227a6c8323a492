import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { FsqError } from '../../../lib/errors.js'
import { Tokens } from '../../../lib/remote/server/tokens.js'
import { itemName } from '../../helpers/entries.js'
import { served } from '../../helpers/serve.js'
import { contentsOf, nothing, temporaryDirectory } from '../../helpers/temporary.js'

const all = 'token-for-every-queue'
const some = 'token-for-some-queues'

function tokenFile(t: Test, text: string, mode = 0o600): string {
  const path = `${temporaryDirectory(t)}/tokens`
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

t.test('a line is a token and the queues that it is for', async (t) => {
  const tokens = Tokens.read(tokenFile(t, `# comment\n\n${all}\n  ${some}\tq  other \r\n`))
  t.strictSame(tokens.find(all), { name: 'token 3', queues: undefined })
  t.strictSame(tokens.find(some), { name: 'token 4', queues: new Set(['q', 'other']) })
  for (const none of ['', '#', 'comment', all.slice(1), `${all} `, all.toUpperCase()])
    t.equal(tokens.find(none), undefined)
})

const unusable: readonly [what: string, text: string, reason: RegExp][] = [
  ['no token', '# none\n\n', /there is none in it/],
  ['a short token', `${all}\nshort q\n`, /line 2: a token has 16 characters or more/],
  ['a token that is not ASCII', 'ü'.repeat(20), /line 1: .*visible ASCII/],
  ['a queue that cannot be', `${all} a/b`, /line 1: illegal queue name: "a\/b"/],
  ['a hidden queue', `${all} .q`, /line 1: illegal queue name/],
]

for (const [what, text, reason] of unusable)
  t.test(`a file with ${what} cannot be used, and no token is in the message`, async (t) => {
    const path = tokenFile(t, text)
    const error = await Promise.resolve()
      .then(() => Tokens.read(path))
      .catch((thrown: unknown) => thrown)
    t.ok(error instanceof FsqError)
    t.match(error, { code: 'FSQ_TOKENS', message: reason, path })
    t.notOk(String(error).includes(all))
    t.notOk(String(error).includes('short q'))
  })

t.test('a file that others may read, or that is none, cannot be used', async (t) => {
  for (const mode of [0o604, 0o602, 0o644, 0o666])
    t.throws(() => Tokens.read(tokenFile(t, all, mode)), { code: 'FSQ_TOKENS', message: /others/ })
  for (const mode of [0o400, 0o600, 0o640]) t.ok(Tokens.read(tokenFile(t, all, mode)).find(all))
  const directory = temporaryDirectory(t)
  mkdirSync(`${directory}/x`)
  t.throws(() => Tokens.read(`${directory}/x`), { code: 'FSQ_TOKENS', message: /regular file/ })
  t.throws(() => Tokens.read(`${directory}/y`), { code: 'FSQ_TOKENS', message: /no such file/ })
})

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

t.test('a request needs a token, and may name the queues of that', async (t) => {
  const path = tokenFile(t, `${all}\n${some} q\n`)
  const { post, send, queue, root, events } = await served(t, { tokenFile: path })
  await root.install('other')
  const params = (name: string) => [itemName(), name, 'x']
  const status = async (name: string, authorization?: string): Promise<number> => {
    const headers = authorization === undefined ? {} : { Authorization: authorization }
    const put = {
      method: 'PUT',
      path: `/queues/${name}/items/${itemName({ entropy: 1 })}`,
      headers,
    }
    const call = { jsonrpc: '2.0', id: 1, method: 'enqueue', params: params(name) }
    const [first, second] = [await post(call, headers), await send(put)]
    const statuses = [first.status, second.status === 201 ? 200 : second.status]
    t.equal(statuses[0], statuses[1], `${String(authorization)}: a call and a PUT alike`)
    if (first.status === 401) t.match(first.headers['www-authenticate'], /^Bearer.*Basic/)
    return first.status
  }
  for (const wrong of [
    undefined,
    '',
    'Bearer',
    `Bearer ${all}x`,
    `Bearer ${all} ${all}`,
    all,
    `Digest ${all}`,
    basic(all),
    basic(`${all}:`),
    basic(`user:${all}x`),
    'Basic !!!',
  ])
    t.equal(await status('q', wrong), 401)
  t.strictSame(contentsOf(queue), nothing)
  t.equal(await status('q', `Bearer ${all}`), 200)
  t.equal(await status('other', `bearer  ${all}`), 200)
  t.equal(await status('q', basic(`anybody:${some}`)), 200)
  t.equal(await status('other', `Bearer ${some}`), 403)
  t.equal(await status('nosuch', `Bearer ${some}`), 403, 'nor does it learn which there are')
  const log = JSON.stringify(events)
  for (const token of [all, some, basic(`anybody:${some}`)]) t.notOk(log.includes(token))
  t.match(
    events.filter(({ status }) => status === 200 || status === 201).map(({ caller }) => caller),
    ['token 1', 'token 1', 'token 1', 'token 1', 'token 2'],
  )
})

t.test('of a batch, the calls for other queues fail', async (t) => {
  const path = tokenFile(t, `${some} q\n`)
  const { post, root } = await served(t, { tokenFile: path })
  const other = await root.install('other')
  const batch = ['other', 'q'].map((name, id) => ({
    id,
    method: 'enqueue',
    params: [itemName(), name, 'x'],
  }))
  const { status, text } = await post(batch, { Authorization: `Bearer ${some}` })
  t.equal(status, 200)
  t.match(JSON.parse(text), [{ error: { code: -32000 } }, { result: itemName() }])
  t.strictSame(contentsOf(other), nothing)
})

t.test('every method that names a queue asks whether it may', async (t) => {
  const path = tokenFile(t, `${some} q\n`)
  const { post, root } = await served(t, { tokenFile: path })
  await root.install('other')
  const params: Readonly<Record<string, readonly string[]>> = {
    enqueue: [itemName(), 'other', ''],
    enqueue_base64: [itemName(), 'other', ''],
    enqueue_url: [itemName(), 'other'],
    is_down: ['other'],
    trigger_pull: ['other'],
  }
  for (const [method, given] of Object.entries(params)) {
    const headers = { Authorization: `Bearer ${some}` }
    t.equal((await post({ id: 1, method, params: given }, headers)).status, 403, method)
  }
})

t.test('tokens are read again, unless the file cannot be used', async (t) => {
  const path = tokenFile(t, `${all}\n`)
  const { post, server } = await served(t, { tokenFile: path })
  const status = async (token: string): Promise<number> =>
    (await post({ id: 1, method: 'api_version' }, { Authorization: `Bearer ${token}` })).status
  writeFileSync(path, `${some}\n`)
  t.strictSame([await status(all), await status(some)], [200, 401])
  server.reload()
  t.strictSame([await status(all), await status(some)], [401, 200])
  writeFileSync(path, 'short\n')
  t.throws(
    () => {
      server.reload()
    },
    { code: 'FSQ_TOKENS' },
  )
  t.strictSame([await status(all), await status(some)], [401, 200])
})
