import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  check,
  eventually,
  place,
  type Place,
  program,
  type Started,
  startProgram,
} from '../helpers/cli.js'
import { itemName } from '../helpers/entries.js'
import { modeOf } from '../helpers/mode.js'
import { type Answer, openTo, type Raw, sendTo } from '../helpers/serve.js'
import { contentsOf, nothing } from '../helpers/temporary.js'

t.jobs = 4

const id = itemName({ args: ['x'] })

/** A server that runs, and where it listens. */
interface Running extends Started {
  readonly url: string
  readonly port: number
}

/** Starts one; what it says on stderr comes out as its stdout, to be waited for. */
async function start(t: Test, here: Place, words: readonly string[]): Promise<Running> {
  const all = ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, program, 'jsonrpcd', ...words]
  const started = startProgram('sh', all, { env: here.env })
  t.teardown(async () => {
    started.kill('SIGKILL')
    await started.exited
  })
  const [, url = ''] = /^fsq jsonrpcd: listening on (\S+)$/.exec(await started.line()) ?? []
  return { ...started, url, port: url.startsWith('http') ? Number(new URL(url).port) : 0 }
}

/** The processes that one has started, in the order in which it did. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
}

const enqueue = (where: number | string, name: string, headers = {}): Promise<Answer> =>
  sendTo(where, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json-rpc', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'enqueue', params: [name, 'q', 'x'] }),
  })

t.test('it says where it listens, serves, and ends when it is asked to', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const here = await place(t)
    const server = await start(t, here, ['127.0.0.1', '0'])
    t.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9][0-9]*\/$/)
    t.equal((await enqueue(server.port, id)).status, 200)
    t.strictSame(contentsOf(here.queue), { ...nothing, queue: [id] })
    const line = await server.line()
    t.match(
      line,
      new RegExp(
        `^time=[-0-9T:.]+Z client=127\\.0\\.0\\.1:[0-9]+ method=POST path=/ call=enqueue queue=q ` +
          `id=${id} status=200 bytes=[0-9]+ seconds=0\\.[0-9]{3}$`,
      ),
    )
    server.kill(signal)
    t.match(await server.ended, { status: 0, stderr: '' })
  }
})

t.test('its log can be JSON, and steers no terminal', async (t) => {
  const here = await place(t)
  const server = await start(t, here, ['--log', 'json', '127.0.0.1', '0'])
  const strange = itemName({ args: ['\n\x1b[2J\x9b'] })
  t.equal((await enqueue(server.port, strange)).status, 200)
  const line = await server.line()
  t.match(JSON.parse(line), { id: strange, status: 200, method: 'POST', seconds: Number })
  t.match(line, /^[ -~]*$/)
  server.kill('SIGTERM')
  await server.ended
  const text = await start(t, here, ['127.0.0.1', '0'])
  await enqueue(text.port, strange)
  t.match(await text.line(), / id="_[^"]*\\n\\u001b\[2J\\x9b" /)
})

t.test('with -t the trigger is pulled', async (t) => {
  const here = await place(t)
  await here.queue.trigger()
  const server = await start(t, here, ['-t', '127.0.0.1', '0'])
  const words = ['work', '--sweep', '1h', 'q', '--', 'sh', '-c', 'echo "got $FSQ_ITEM_ID"']
  const worker = here.start(words)
  await enqueue(server.port, id)
  t.equal(await worker.line(), `got ${id}`)
})

t.test('it listens on a unix socket', async (t) => {
  const here = await place(t)
  const socket = `${here.directory}/s`
  const words = ['--socket', socket, '--socket-mode', '660']
  const server = await start(t, here, words)
  t.equal(server.url, `unix://${socket}`)
  t.equal(modeOf(socket), '660')
  t.equal((await enqueue(socket, id)).status, 200)
  t.match(await server.line(), / client=unix /)
  check(t, await here.fsq(['jsonrpcd', ...words]), {
    status: 111,
    stderr: `fsq jsonrpcd: cannot listen on ${socket}: somebody listens there already\n`,
  })
  server.kill('SIGKILL')
  await server.ended
  const next = await start(t, here, words)
  t.equal((await enqueue(socket, id)).status, 200, 'what a killed one left is replaced')
  next.kill('SIGTERM')
  t.equal((await next.ended).status, 0)
  t.notOk(existsSync(socket))
})

t.test('SIGHUP reads the tokens again; a bad file changes nothing', async (t) => {
  const here = await place(t)
  const file = `${here.directory}/tokens`
  const [first, second] = ['the-first-token-of-all', 'the-second-token-of-all']
  writeFileSync(file, first, { mode: 0o600 })
  const server = await start(t, here, ['-v', '--token-file', file, '127.0.0.1', '0'])
  const status = async (token: string): Promise<number> => {
    const answer = await enqueue(server.port, id, { Authorization: `Bearer ${token}` })
    t.match(await server.line(), / status=/)
    return answer.status
  }
  t.strictSame([await status(first), await status(second)], [200, 401])
  writeFileSync(file, second)
  server.kill('SIGHUP')
  t.equal(await server.line(), 'fsq jsonrpcd: read tokens and certificates again')
  t.strictSame([await status(first), await status(second)], [401, 200])
  writeFileSync(file, 'short')
  server.kill('SIGHUP')
  t.match(
    await server.line(),
    /^fsq jsonrpcd: cannot use the tokens of .*; those from before stay$/,
  )
  t.strictSame([await status(first), await status(second)], [401, 200])
  for (const token of [first, second]) t.notOk(server.output().includes(token))
  server.kill('SIGTERM')
  t.equal((await server.ended).status, 0)
})

t.test('several workers serve one address; one that dies is replaced', async (t) => {
  for (const where of ['port', 'socket']) {
    const here = await place(t)
    const socket = `${here.directory}/s`
    const at = where === 'port' ? ['127.0.0.1', '0'] : ['--socket', socket]
    const server = await start(t, here, ['-w', '2', ...at])
    if (where === 'socket') t.equal(modeOf(socket), '600')
    const to = where === 'port' ? server.port : socket
    const names = Array.from({ length: 20 }, (_, entropy) => itemName({ entropy }))
    const answers = await Promise.all(names.map((name) => enqueue(to, name)))
    t.ok(answers.every(({ status }) => status === 200))
    t.strictSame(contentsOf(here.queue)['queue'], [...names].sort())
    const workers = (): number[] => childrenOf(server.pid)
    const [one = 0] = workers()
    t.equal(workers().length, 2)
    process.kill(one, 'SIGKILL')
    await eventually(() => server.output().includes('another takes its place'))
    await eventually(() => workers().length === 2 && !workers().includes(one))
    t.equal((await enqueue(to, names[0] ?? '')).status, 200)
    server.kill('SIGTERM')
    t.equal((await server.ended).status, 0)
    t.notOk(existsSync(socket))
  }
})

t.test('workers share the connections, and the memory for calls', async (t) => {
  const here = await place(t)
  const openAll = async (words: readonly string[], count: number): Promise<Raw[]> => {
    const { port } = await start(t, here, ['-w', '4', ...words, '127.0.0.1', '0'])
    const opened = await Promise.all(Array.from({ length: count }, () => openTo(port)))
    t.teardown(() => {
      for (const { socket } of opened) socket.destroy()
    })
    return opened
  }
  const idle = await openAll(['--max-connections', '10'], 20)
  await eventually(() => idle.filter(({ socket }) => !socket.closed).length <= 10)

  const calls = await openAll(['--max-body', '1M'], 8)
  for (const { write } of calls) {
    write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n')
    write(`Content-Length: 1000000\r\n\r\n${' '.repeat(700_000)}`)
  }
  await eventually(() => calls.filter(({ text }) => text().includes(' 503 ')).length >= 4)
})

t.test('workers that die all at once are replaced, and found by who is to find them', async (t) => {
  for (const where of ['port', 'socket']) {
    const here = await place(t)
    const socket = `${here.directory}/s`
    const at = where === 'port' ? ['127.0.0.1', '0'] : ['--socket', socket, '--socket-mode', '666']
    const server = await start(t, here, ['-w', '2', ...at])
    for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL')
    await eventually(() => server.output().split('another takes its place').length === 3)
    if (where === 'socket') await eventually(() => existsSync(socket) && modeOf(socket) === '666')
    const to = (): number | string => {
      const url =
        server
          .output()
          .match(/(?<=listening on )\S+/g)
          ?.at(-1) ?? ''
      return where === 'socket' ? socket : Number(new URL(url).port)
    }
    let answer: Answer | undefined
    while (answer === undefined)
      answer = await enqueue(to(), id).catch(() => setImmediate(undefined))
    t.equal(answer.status, 200)
    server.kill('SIGTERM')
    t.equal((await server.ended).status, 0)
  }
})

t.test('workers end when who supervises them dies', async (t) => {
  const here = await place(t)
  const server = await start(t, here, ['-w', '2', '127.0.0.1', '0'])
  t.equal(childrenOf(server.pid).length, 2)
  server.kill('SIGKILL')
  t.equal((await server.ended).status, 'SIGKILL', 'nobody has its stderr open any more')
})

const bad: readonly [words: readonly string[], message: RegExp][] = [
  [[], /a host and a port are needed/],
  [['127.0.0.1'], /a host and a port are needed/],
  [['127.0.0.1', 'http'], /Expected a port from 0 to 65535/],
  [['127.0.0.1', '65536'], /Expected a port from 0 to 65535/],
  [['127.0.0.1', '-1'], /Expected a port from 0 to 65535/],
  [['127.0.0.1', '0', 'x'], /too many arguments: x/],
  [['', '0'], /the host is empty/],
  [['--socket', '/tmp/s', '127.0.0.1', '0'], /--socket takes the place of/],
  [['--socket-mode', '600', '127.0.0.1', '0'], /--socket-mode needs --socket/],
  [['--max-body', '4095', '127.0.0.1', '0'], /--max-body is from 4K to 256M/],
  [['--max-body', '1G', '127.0.0.1', '0'], /--max-body is from 4K to 256M/],
  [['-w', '4', '--max-connections', '3', '127.0.0.1', '0'], /--workers is at most .*, 3:/],
  [['-w', '257', '127.0.0.1', '0'], /--workers is at most .*, 256:/],
  [['--cert', 'c', '127.0.0.1', '0'], /--cert and --key go together/],
  [['--client-ca', 'c', '127.0.0.1', '0'], /--client-ca needs --cert/],
  [['--cert', 'c', '--key', 'k', '--socket', '/tmp/s'], /no TLS on a unix socket/],
]

t.test('bad usage is told', async (t) => {
  const here = await place(t)
  for (const [words, message] of bad) {
    const ended = await here.fsq(['jsonrpcd', ...words])
    t.match(ended, { status: 100, stderr: message }, words.join(' '))
  }
})

t.test(
  'a worker that cannot take the place of another is told of, and the others serve',
  async (t) => {
    const here = await place(t)
    const file = `${here.directory}/tokens`
    const token = 'the-token-of-all-workers'
    writeFileSync(file, token, { mode: 0o600 })
    const server = await start(t, here, ['-w', '2', '--token-file', file, '127.0.0.1', '0'])
    writeFileSync(file, 'short')
    process.kill(childrenOf(server.pid)[0] ?? 0, 'SIGKILL')
    await eventually(() => server.output().includes('cannot use the tokens of'))
    const answer = await enqueue(server.port, id, { Authorization: `Bearer ${token}` })
    t.equal(answer.status, 200)
    writeFileSync(file, token)
    await eventually(() => childrenOf(server.pid).length === 2)
    server.kill('SIGTERM')
    t.equal((await server.ended).status, 0)
  },
)

t.test('a port that is taken is told of once', async (t) => {
  const here = await place(t)
  const { port } = await start(t, here, ['127.0.0.1', '0'])
  check(t, await here.fsq(['jsonrpcd', '127.0.0.1', String(port)]), {
    status: 111,
    stderr: `fsq jsonrpcd: cannot listen on 127.0.0.1, port ${port}: somebody listens there already\n`,
  })
})

t.test('what cannot be used is told, by one process and by several', async (t) => {
  const here = await place(t)
  for (const workers of ['1', '2'])
    for (const words of [
      ['0.0.0.0', '0'],
      ['--token-file', '/nonexistent', '127.0.0.1', '0'],
      ['--cert', '/nonexistent', '--key', '/nonexistent', '127.0.0.1', '0'],
    ]) {
      const ended = await here.fsq(['jsonrpcd', '-w', workers, ...words])
      check(t, ended, { status: 111, stderr: /^fsq jsonrpcd: [^\n]*\n$/ }, words.join(' '))
    }
})
