import t from 'tap'
import { judge, NatsError, natsError } from '../../../lib/adapters/jetstream/nats-error.js'

/** An error as the packages throw them. */
function made(
  name: string,
  fields: { message?: string; code?: number; cause?: Error } = {},
): Error {
  const error = new Error(fields.message ?? 'it did not work', { cause: fields.cause })
  error.name = name
  return Object.assign(error, fields.code === undefined ? {} : { code: fields.code })
}

const table: [string, Error, NatsError['trouble'], string][] = [
  ['no answer', made('TimeoutError'), 'away', 'FSQ_NATS'],
  ['no leader', made('RequestError', { cause: made('NoResponders') }), 'away', 'FSQ_NATS'],
  ['a stream that is full', made('JetStreamApiError', { code: 10077 }), 'away', 'FSQ_NATS'],
  ['an account at its limit', made('JetStreamApiError', { code: 10002 }), 'away', 'FSQ_NATS'],
  ['no peers', made('JetStreamApiError', { code: 10005 }), 'away', 'FSQ_NATS'],
  ['a message in process', made('JetStreamApiError', { code: 10201 }), 'away', 'FSQ_NATS'],
  ['a refused pull', made('JetStreamStatusError', { code: 409 }), 'away', 'FSQ_NATS'],
  ['a message too large', made('JetStreamApiError', { code: 10054 }), 'refused', 'FSQ_NATS'],
  [
    'the same, at the server',
    made('Error', { message: 'server max_payload' }),
    'refused',
    'FSQ_NATS',
  ],
  ['no stream', made('StreamNotFoundError', { code: 10059 }), 'setup', 'FSQ_NATS_SETUP'],
  ['no consumer', made('JetStreamApiError', { code: 10014 }), 'setup', 'FSQ_NATS_SETUP'],
  ['another password', made('AuthorizationError'), 'denied', 'FSQ_DENIED'],
  [
    'no permission',
    made('RequestError', { cause: made('PermissionViolationError') }),
    'denied',
    'FSQ_DENIED',
  ],
  [
    'bad credentials',
    made('Error', { message: 'unable to parse credentials' }),
    'denied',
    'FSQ_DENIED',
  ],
]

for (const [what, cause, trouble, code] of table) {
  t.test(`${what} is ${trouble}`, async (t) => {
    const error = natsError('cannot do it', cause)
    t.ok(error instanceof NatsError)
    t.match(error, { trouble, code, cause })
    t.strictSame(judge(error)?.remote, trouble === 'away' ? 'away' : 'there')
  })
}

t.test('of a stream that is full it is said what helps', async (t) => {
  const error = natsError('cannot do it', made('Error', { message: 'maximum bytes exceeded' }))
  t.match(error, { message: /^cannot do it: maximum bytes exceeded; .*--max-bytes/ })
})

t.test('what is no trouble of NATS stays what it is', async (t) => {
  for (const error of [new TypeError('x'), new NatsError('away', 'x'), 'text', undefined]) {
    t.equal(natsError('cannot do it', error), error)
    if (!(error instanceof NatsError)) t.equal(judge(error), undefined)
  }
})
