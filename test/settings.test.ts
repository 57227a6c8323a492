import t from 'tap'
import {
  isPathComponent,
  readSetting,
  resolveSettings,
  type Settings,
  settingsTable,
} from '../lib/settings.js'

const keys = Object.keys(settingsTable) as (keyof Settings)[]

t.test('without options and variables every setting is its default', async (t) => {
  t.strictSame(resolveSettings({}, {}), {
    root: '/var/fsq',
    queueDir: 'queue',
    doneDir: 'done',
    failDir: 'fail',
    tmpDir: 'tmp',
    downFile: 'down',
    triggerFifo: 'trigger-s',
    hostsDir: 'hosts',
    hostsTriggerFifo: 'hosts-trigger-s',
    delimiter: '_',
    encode: '%',
    timefmt: '%Y%m%d%H%M%S',
    charset: 'utf8',
    itemUser: undefined,
    itemGroup: undefined,
    queueUser: undefined,
    queueGroup: undefined,
    itemMode: 0o640,
    queueMode: 0o2770,
    success: 0,
    failTmp: 111,
    failPerm: 100,
    useTrigger: false,
    lock: true,
    maxTries: 1,
    ttl: 0,
    durability: 'full',
    syncfs: 'auto',
  })
})

const directory = {
  good: { '/srv/q': '/srv/q', '/srv/../q/': '/srv/../q' },
  bad: ['', '/a\0b'],
  accepts: 'the path of a directory',
}
const component = {
  good: { other: 'other', '.hidden': '.hidden', 'é b': 'é b' },
  bad: ['', '.', '..', 'a/b', '/', 'a\0'],
  accepts: 'a name without / that is not empty, . or ..',
}
const character = {
  good: { '+': '+', '\x01': '\x01', '~': '~' },
  bad: ['', '++', '/', '\0', 'é', '😀', '\x80'],
  accepts: 'exactly one ASCII character that is neither / nor NUL',
}
const word = { good: { latin1: 'latin1' }, bad: [''], accepts: 'text that is not empty' }
const owner = { good: { root: 'root', 0: '0', '': undefined }, bad: [], accepts: 'a name or an id' }
const mode = {
  good: { 640: 0o640, '0640': 0o640, '02770': 0o2770, 0: 0, 7777: 0o7777 },
  bad: ['', '648', '10000', '0o640', 'rw', '-1', ' 640', '0000640'],
  accepts: 'a file mode in octal, as 640',
}
const exitStatus = (...good: number[]): Row => ({
  good: Object.fromEntries([75, 255, ...good].map((status) => [status, status])),
  bad: ['', '256', '-1', '1.5', '0x1', 'none', ' 1', '1e2'],
  accepts: 'an exit status from 0 to 255',
})
const flag = {
  good: { 0: false, 1: true },
  bad: ['', 'true', 'yes', '2', '00', ' 1'],
  accepts: '0 or 1',
}
const whole = (accepts: string): Row => ({
  good: { 0: 0, 3: 3, '007': 7, 9007199254740991: 9007199254740991 },
  bad: ['', '-1', '1.5', '1e3', 'soon', '9007199254740992', '9'.repeat(400)],
  accepts,
})

interface Row {
  /** The text of the variable, and the setting that it stands for. */
  readonly good: Readonly<Record<string, unknown>>
  readonly bad: readonly string[]
  readonly accepts: string
}

const rows: Readonly<Record<keyof Settings, Row & { readonly variable: string }>> = {
  root: { variable: 'FSQ_ROOT', ...directory },
  queueDir: { variable: 'FSQ_QUEUE', ...component },
  doneDir: { variable: 'FSQ_DONE', ...component },
  failDir: { variable: 'FSQ_FAIL', ...component },
  tmpDir: { variable: 'FSQ_TMP', ...component },
  downFile: { variable: 'FSQ_DOWN', ...component },
  triggerFifo: { variable: 'FSQ_TRIGGER', ...component },
  hostsDir: { variable: 'FSQ_HOSTS', ...component },
  hostsTriggerFifo: { variable: 'FSQ_HOSTS_TRIGGER', ...component },
  delimiter: { variable: 'FSQ_DELIMITER', ...character },
  encode: { variable: 'FSQ_ENCODE', ...character },
  timefmt: { variable: 'FSQ_TIMEFMT', ...word },
  charset: { variable: 'FSQ_CHARSET', ...word },
  itemUser: { variable: 'FSQ_ITEM_USER', ...owner },
  itemGroup: { variable: 'FSQ_ITEM_GROUP', ...owner },
  queueUser: { variable: 'FSQ_QUEUE_USER', ...owner },
  queueGroup: { variable: 'FSQ_QUEUE_GROUP', ...owner },
  itemMode: { variable: 'FSQ_ITEM_MODE', ...mode },
  queueMode: { variable: 'FSQ_QUEUE_MODE', ...mode },
  success: { variable: 'FSQ_SUCCESS', ...exitStatus(0) },
  failTmp: { variable: 'FSQ_FAIL_TMP', ...exitStatus(111) },
  failPerm: { variable: 'FSQ_FAIL_PERM', ...exitStatus(0, 111) },
  useTrigger: { variable: 'FSQ_USE_TRIGGER', ...flag },
  lock: { variable: 'FSQ_LOCK', ...flag },
  maxTries: { variable: 'FSQ_MAX_TRIES', ...whole('a whole number of tries, 0 for ever') },
  ttl: { variable: 'FSQ_TTL', ...whole('a whole number of seconds, 0 for none') },
  durability: {
    variable: 'FSQ_DURABILITY',
    good: { full: 'full', enqueue: 'enqueue', none: 'none' },
    bad: ['', 'Full', 'all', ' none'],
    accepts: 'full, enqueue or none',
  },
  syncfs: {
    variable: 'FSQ_SYNCFS',
    good: { auto: 'auto', always: 'always', never: 'never' },
    bad: ['', '1', 'yes'],
    accepts: 'auto, always or never',
  },
}

for (const key of keys) {
  const { variable, good, bad, accepts } = rows[key]
  for (const [text, value] of Object.entries(good)) {
    t.test(`${variable}=${JSON.stringify(text)} sets ${key}`, async (t) => {
      t.equal(resolveSettings({}, { [variable]: text })[key], value)
    })
  }
  for (const text of bad) {
    const message = `to be ${accepts}, got ${JSON.stringify(text)}`
    t.test(`${variable}=${JSON.stringify(text).slice(0, 30)} is refused`, async (t) => {
      t.throws(() => resolveSettings({}, { [variable]: text }), {
        name: 'FsqError',
        code: 'FSQ_ENV',
        message: `Expected ${variable} ${message}`,
        exitStatus: 111,
      })
    })
    t.test(`the flag for ${key} refuses ${JSON.stringify(text).slice(0, 30)}`, async (t) => {
      t.throws(() => readSetting(key, text), {
        name: 'TypeError',
        message: `Expected ${accepts}, got ${JSON.stringify(text)}`,
      })
    })
  }
}

const badOptions: Record<string, Record<string, unknown>> = {
  'a root that is a number': { root: 1 },
  'an empty root': { root: '' },
  'a directory with a slash': { tmpDir: 'a/b' },
  'a delimiter of two characters': { delimiter: '__' },
  'a mode that is text': { itemMode: '640' },
  'a mode with more than its bits': { itemMode: 0o10000 },
  'a mode with a fraction': { queueMode: 1.5 },
  'an exit status of 256': { failPerm: 256 },
  'a flag that is a number': { lock: 1 },
  'tries that are negative': { maxTries: -1 },
  'tries without end': { maxTries: Infinity },
  'a time to live that is no number': { ttl: NaN },
  'a time to live that is text': { ttl: 'soon' },
  'an owner that is a number': { itemUser: 0 },
}

for (const [what, options] of Object.entries(badOptions)) {
  t.test(`${what} is a TypeError that names the option`, async (t) => {
    t.throws(() => resolveSettings(options, {}), {
      name: 'TypeError',
      message: new RegExp(`^Expected ${Object.keys(options).join()} to be .*, got `),
    })
  })
}

t.test('an option that is no setting is a TypeError that lists those that there are', async (t) => {
  t.throws(() => resolveSettings({ rot: '/srv' } as never, {}), {
    name: 'TypeError',
    message: `Expected a setting, got rot; there are ${keys.join(', ')}`,
  })
  for (const options of ['/srv', null])
    t.throws(() => resolveSettings(options as never, {}), {
      name: 'TypeError',
      message: /^Expected (options such as .* got string|an object, got null)$/,
    })
})

t.test('a relative root is taken from the working directory of the moment', async (t) => {
  t.equal(resolveSettings({}, { FSQ_ROOT: 'a/b' }).root, `${process.cwd()}/a/b`)
  t.equal(resolveSettings({ root: '.' }, {}).root, process.cwd())
  t.equal(resolveSettings({ root: '/a/.//b/' }, {}).root, '/a/b')
  t.equal(resolveSettings({ root: '/' }, {}).root, '/')
})

t.test('an option goes before its variable, and that before the default', async (t) => {
  t.equal(resolveSettings({ ttl: 7 }, { FSQ_TTL: '8' }).ttl, 7)
  t.equal(resolveSettings({ ttl: undefined }, { FSQ_TTL: '8' }).ttl, 8)
  t.equal(resolveSettings({ ttl: undefined }, {}).ttl, 0)
  t.equal(resolveSettings({ ttl: 0 }, { FSQ_TTL: '8' }).ttl, 0, 'the option 0 is an option')
})

t.test('a variable that an option overrides is not looked at', async (t) => {
  t.equal(resolveSettings({ ttl: 7 }, { FSQ_TTL: 'soon' }).ttl, 7)
})

t.test('the environment is that of the process, read on each call', async (t) => {
  const before = process.env['FSQ_TTL']
  t.teardown(() => {
    if (before === undefined) delete process.env['FSQ_TTL']
    else process.env['FSQ_TTL'] = before
  })
  process.env['FSQ_TTL'] = '61'
  t.equal(resolveSettings().ttl, 61)
  process.env['FSQ_TTL'] = '62'
  t.equal(resolveSettings().ttl, 62)
})

t.test('the options that are given stay as they are', async (t) => {
  const options = Object.freeze({ root: '/r' })
  resolveSettings(options, { FSQ_TTL: '1' })
  t.strictSame(options, { root: '/r' })
})

t.test('the parts of a queue have names that differ', async (t) => {
  t.throws(() => resolveSettings({}, { FSQ_QUEUE: 'done' }), {
    code: 'FSQ_ENV',
    message: 'Expected FSQ_QUEUE and FSQ_DONE to differ, got "done" for each',
  })
  t.throws(() => resolveSettings({ downFile: 'x' }, { FSQ_TRIGGER: 'x', FSQ_HOSTS: 'x' }), {
    name: 'TypeError',
    message: 'Expected downFile and FSQ_TRIGGER and FSQ_HOSTS to differ, got "x" for each',
  })
})

t.test('success and another try have exit statuses that differ', async (t) => {
  t.throws(() => resolveSettings({}, { FSQ_FAIL_TMP: '0' }), {
    code: 'FSQ_ENV',
    message: 'Expected FSQ_SUCCESS and FSQ_FAIL_TMP to differ, got 0 for each',
  })
  t.throws(() => resolveSettings({ success: 111 }, {}), {
    name: 'TypeError',
    message: 'Expected success and FSQ_FAIL_TMP to differ, got 111 for each',
  })
})

t.test('the delimiter cannot be the encode character', async (t) => {
  const variables: NodeJS.ProcessEnv[] = [
    { FSQ_DELIMITER: '%' },
    { FSQ_ENCODE: '_' },
    { FSQ_DELIMITER: '+', FSQ_ENCODE: '+' },
  ]
  for (const environment of variables) {
    t.throws(() => resolveSettings({}, environment), {
      code: 'FSQ_ENV',
      message: /^Expected FSQ_DELIMITER and FSQ_ENCODE to differ, got "." for each$/,
    })
  }
  t.throws(() => resolveSettings({ delimiter: '%' }, {}), {
    name: 'TypeError',
    message: 'Expected delimiter and FSQ_ENCODE to differ, got "%" for each',
  })
  t.throws(() => resolveSettings({ encode: '+' }, { FSQ_DELIMITER: '+' }), {
    name: 'TypeError',
    message: 'Expected FSQ_DELIMITER and encode to differ, got "+" for each',
  })
  t.match(resolveSettings({ delimiter: '%', encode: '_' }, {}), { delimiter: '%', encode: '_' })
})

t.test('a flag of the command line is read as its variable', async (t) => {
  t.equal(readSetting('itemMode', '640'), 0o640)
  t.equal(readSetting('lock', '0'), false)
  t.equal(readSetting('maxTries', '12'), 12)
  t.equal(readSetting('root', '/srv'), '/srv')
})

t.test('a path component is one name', async (t) => {
  for (const name of ['a', '.a', '...', 'é', ' ']) t.ok(isPathComponent(name), name)
  for (const name of ['', '.', '..', 'a/b', '/', '../a', 'a\0b']) {
    t.notOk(isPathComponent(name), JSON.stringify(name))
  }
})
