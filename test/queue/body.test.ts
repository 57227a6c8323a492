import {
  createReadStream,
  openSync,
  readFileSync,
  readSync,
  closeSync,
  writeFileSync,
} from 'node:fs'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { FsqErrorCode } from '../../lib/errors.js'
import type { Body } from '../../lib/queue/body.js'
import type { Queue } from '../../lib/root/queue.js'
import { contentsOf, nothing, temporaryDirectory, temporaryQueue } from '../helpers/temporary.js'

const fileWith = (t: Test, content: string | Uint8Array): string => {
  const path = `${temporaryDirectory(t)}/body`
  writeFileSync(path, content)
  return path
}

const descriptorOf = (t: Test, path: string): number => {
  const fd = openSync(path, 'r')
  t.teardown(() => {
    closeSync(fd)
  })
  return fd
}

/** The bytes in pieces, none of them of a round size. */
async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 99_991) yield bytes.subarray(at, at + 99_991)
}

/** Every kind of body that gives the bytes. */
const kinds: Record<string, (t: Test, bytes: Buffer) => Body> = {
  'a string': (_, bytes) => bytes.toString(),
  'a Buffer': (_, bytes) => bytes,
  'a Uint8Array': (_, bytes) => new Uint8Array(bytes),
  'a file': (t, bytes) => ({ file: fileWith(t, bytes) }),
  'a descriptor': (t, bytes) => ({ fd: descriptorOf(t, fileWith(t, bytes)) }),
  'a stream of bytes': (t, bytes) => createReadStream(fileWith(t, bytes)),
  'a stream of strings': (_, bytes) => Readable.from([bytes.toString()]),
  'a web stream': (_, bytes) =>
    Readable.toWeb(Readable.from(piecesOf(bytes))) as AsyncIterable<Uint8Array>,
  'an async generator': (_, bytes) => piecesOf(bytes),
}

/** Text of that length, in which a piece that is lost, repeated or moved shows. */
const textOf = (length: number): Buffer => {
  const lines = Array.from(
    { length: Math.ceil(length / 8) },
    (_, i) => String(i).padStart(7) + '\n',
  )
  return Buffer.from(lines.join('').slice(0, length))
}

const bodies: Record<string, Buffer> = {
  '0 bytes': textOf(0),
  '1 byte': textOf(1),
  '64 KiB and a byte': textOf(64 * 1024 + 1),
  '8 MiB': textOf(8 * 1024 * 1024),
}

for (const [kind, make] of Object.entries(kinds)) {
  for (const [size, bytes] of Object.entries(bodies)) {
    t.test(`${kind} of ${size} is the body`, async (t) => {
      const queue = await temporaryQueue(t)
      const id = await queue.enqueue(make(t, bytes))
      t.ok(readFileSync(`${queue.context.paths.queue}/${id}`).equals(bytes))
    })
  }
}

const hexOf = (queue: Queue, id: string): string =>
  readFileSync(`${queue.context.paths.queue}/${id}`, 'hex')

const charsets: [charset: string, text: string, hex: string][] = [
  ['utf8', 'é€', 'c3a9e282ac'],
  ['latin-1', 'éÿ', 'e9ff'],
  ['windows-1252', 'é€', 'e980'],
]

for (const [charset, text, hex] of charsets) {
  t.test(`strings are written in ${charset}`, async (t) => {
    const queue = await temporaryQueue(t, { charset })
    t.equal(hexOf(queue, await queue.enqueue(text)), hex)
    t.equal(hexOf(queue, await queue.enqueue(Readable.from(text.split('')))), hex)
    t.equal(hexOf(queue, await queue.enqueue(Buffer.from('80ff', 'hex'))), '80ff', 'bytes are not')
  })
}

t.test('a string that the charset cannot write is refused, and nothing is left', async (t) => {
  const queue = await temporaryQueue(t, { charset: 'latin-1' })
  await t.rejects(queue.enqueue('€'), { code: 'FSQ_COERCE' })
  await t.rejects(queue.enqueue(Readable.from(['a', '€'])), { code: 'FSQ_COERCE' })
  t.strictSame(contentsOf(queue), nothing)
})

t.test('a descriptor gives what is ahead of it, and stays open', async (t) => {
  const queue = await temporaryQueue(t)
  const fd = descriptorOf(t, fileWith(t, 'abcdef'))
  readSync(fd, Buffer.alloc(2))
  const id = await queue.enqueue({ fd })
  t.equal(readFileSync(`${queue.context.paths.queue}/${id}`, 'utf8'), 'cdef')
  t.equal(readSync(fd, Buffer.alloc(1)), 0, 'at its end')
})

interface Expected {
  readonly code: FsqErrorCode
  readonly message?: string | RegExp
  readonly path?: string
  readonly errno?: string
}

t.test('a source that fails is an error that says so, and nothing is left', async (t) => {
  const directory = temporaryDirectory(t)
  const broken = async function* (): AsyncGenerator<string> {
    yield 'half of the body'
    throw new Error('the source broke')
  }
  const missing = `${directory}/missing`
  const sources: [what: string, body: () => Body, error: Expected][] = [
    [
      'a generator',
      broken,
      { code: 'FSQ_BODY', message: 'cannot read the body: the source broke' },
    ],
    ['a stream', () => Readable.from(broken()), { code: 'FSQ_BODY', message: /the source broke$/ }],
    [
      'a stream of a file that is missing',
      () => createReadStream(missing),
      { code: 'FSQ_BODY', errno: 'ENOENT' },
    ],
    [
      'a file that is missing',
      () => ({ file: missing }),
      {
        code: 'FSQ_BODY',
        message: `cannot read the body from ${missing}: no such file or directory`,
        path: missing,
        errno: 'ENOENT',
      },
    ],
    ['a directory', () => ({ file: directory }), { code: 'FSQ_BODY', errno: 'EISDIR' }],
    [
      'a descriptor that is not open',
      () => ({ fd: 999_999 }),
      { code: 'FSQ_BODY', errno: 'EBADF' },
    ],
  ]
  for (const [what, body, error] of sources) {
    t.test(what, async (t) => {
      const queue = await temporaryQueue(t)
      await t.rejects(queue.enqueue(body()), error)
      t.strictSame(contentsOf(queue), nothing)
    })
  }
})

t.test('a stream that was read to its end is refused, an empty one is not', async (t) => {
  const queue = await temporaryQueue(t)
  const read = Readable.from(['a body'])
  t.equal(await text(read), 'a body')
  await t.rejects(queue.enqueue(read), {
    code: 'FSQ_BODY',
    message: 'cannot read the body: its stream was read to its end before',
  })
  t.strictSame(contentsOf(queue), nothing)
  await queue.enqueue(Readable.from([]))
  t.equal(contentsOf(queue)['queue']?.length, 1)
})

t.test('what is no body is a TypeError, and nothing is left', async (t) => {
  const none: Record<string, unknown> = {
    nothing: undefined,
    null: null,
    'a number': 42,
    'a function': () => 'a body',
    'an empty object': {},
    'an array': ['a body'],
    'a stream of objects': Readable.from([{}]),
    'a stream of numbers': Readable.from([1]),
  }
  for (const [what, body] of Object.entries(none)) {
    t.test(what, async (t) => {
      const queue = await temporaryQueue(t)
      await t.rejects(queue.enqueue(body as Body), { name: 'TypeError' })
      t.strictSame(contentsOf(queue), nothing)
    })
  }
})

t.test('an abort', async (t) => {
  const reason = new Error('enough')
  const rejectsWith = async (t: Test, promise: Promise<unknown>): Promise<void> => {
    const error: unknown = await promise.then(
      () => undefined,
      (error: unknown) => error,
    )
    t.equal(error, reason)
  }

  t.test('before it begins leaves nothing', async (t) => {
    const queue = await temporaryQueue(t)
    await rejectsWith(t, queue.enqueue('a body', [], { signal: AbortSignal.abort(reason) }))
    t.strictSame(contentsOf(queue), nothing)
  })

  t.test('while the source keeps it waiting leaves nothing, at once', async (t) => {
    const queue = await temporaryQueue(t)
    const controller = new AbortController()
    const stalled = async function* (): AsyncGenerator<string> {
      yield 'half of the body'
      t.equal(contentsOf(queue)['tmp']?.length, 1, 'it was under construction')
      setImmediate(() => {
        controller.abort(reason)
      })
      await new Promise(() => undefined)
    }
    await rejectsWith(t, queue.enqueue(stalled(), [], { signal: controller.signal }))
    t.strictSame(contentsOf(queue), nothing)
  })

  t.test('of a stream that stalls leaves nothing either', async (t) => {
    const queue = await temporaryQueue(t)
    const controller = new AbortController()
    const stalled = new Readable({ read: () => undefined })
    stalled.push('half of the body')
    const enqueued = queue.enqueue(stalled, [], { signal: controller.signal })
    setImmediate(() => {
      controller.abort(reason)
    })
    await rejectsWith(t, enqueued)
    t.strictSame(contentsOf(queue), nothing)
  })

  t.test('after the last piece leaves nothing', async (t) => {
    const queue = await temporaryQueue(t)
    const controller = new AbortController()
    const late = async function* (): AsyncGenerator<string> {
      yield 'the whole body'
      controller.abort(reason)
    }
    await rejectsWith(t, queue.enqueue(late(), [], { signal: controller.signal }))
    t.strictSame(contentsOf(queue), nothing)
  })

  t.test('that does not come changes nothing', async (t) => {
    const queue = await temporaryQueue(t)
    const { signal } = new AbortController()
    const bytes = textOf(300_000)
    const id = await queue.enqueue(piecesOf(bytes), [], { signal })
    t.ok(readFileSync(`${queue.context.paths.queue}/${id}`).equals(bytes))
  })
})

t.test('an abort ends the stream that keeps it waiting', async (t) => {
  const queue = await temporaryQueue(t)
  const controller = new AbortController()
  const stalled = new Readable({
    read() {
      controller.abort(new Error('enough'))
    },
  })
  await t.rejects(queue.enqueue(stalled, [], { signal: controller.signal }), { message: 'enough' })
  t.equal(stalled.destroyed, true)
  t.strictSame(contentsOf(queue), nothing)
})
