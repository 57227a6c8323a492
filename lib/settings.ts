import { isAbsolute } from 'node:path'
import envVar from 'env-var'
import { FsqError } from './errors.js'
import { checkMembers } from './members.js'

/**
 * Everything that can be set about queues (fsq(7), ENVIRONMENT). Each setting comes from an option,
 * or else from its variable, or else it is the default.
 */
export interface Settings {
  /** The directory that holds the queues, as an absolute path: FSQ_ROOT. @defaultValue `/var/fsq` */
  readonly root: string
  /** The directory of items that are ready: FSQ_QUEUE. @defaultValue `queue` */
  readonly queueDir: string
  /** The directory of items that succeeded: FSQ_DONE. @defaultValue `done` */
  readonly doneDir: string
  /** The directory of items that failed permanently: FSQ_FAIL. @defaultValue `fail` */
  readonly failDir: string
  /** The directory of items under construction: FSQ_TMP. @defaultValue `tmp` */
  readonly tmpDir: string
  /** The file that marks a queue as down: FSQ_DOWN. @defaultValue `down` */
  readonly downFile: string
  /** The FIFO that wakes a listener: FSQ_TRIGGER. @defaultValue `trigger-s` */
  readonly triggerFifo: string
  /** The directory of host queues: FSQ_HOSTS. @defaultValue `hosts` */
  readonly hostsDir: string
  /** The FIFO of the host queues: FSQ_HOSTS_TRIGGER. @defaultValue `hosts-trigger-s` */
  readonly hostsTriggerFifo: string
  /** Separates the fields of new names; one ASCII character: FSQ_DELIMITER. @defaultValue `_` */
  readonly delimiter: string
  /** Begins an escape in names; one ASCII character: FSQ_ENCODE. @defaultValue `%` */
  readonly encode: string
  /**
   * The strftime(3) format of timestamps, written in local time: FSQ_TIMEFMT.
   *
   * @defaultValue `%Y%m%d%H%M%S`
   */
  readonly timefmt: string
  /** The charset of names and of bodies that are strings: FSQ_CHARSET. @defaultValue `utf8` */
  readonly charset: string
  /** The owner of new items, a name or an id: FSQ_ITEM_USER. @defaultValue as open(2) gives */
  readonly itemUser: string | undefined
  /** The group of new items, a name or an id: FSQ_ITEM_GROUP. @defaultValue as open(2) gives */
  readonly itemGroup: string | undefined
  /** The owner of new queues, a name or an id: FSQ_QUEUE_USER. @defaultValue as mkdir(2) gives */
  readonly queueUser: string | undefined
  /** The group of new queues, a name or an id: FSQ_QUEUE_GROUP. @defaultValue as mkdir(2) gives */
  readonly queueGroup: string | undefined
  /** The mode of new items, whatever the umask: FSQ_ITEM_MODE, octal. @defaultValue `0o640` */
  readonly itemMode: number
  /** The mode of new queues, whatever the umask: FSQ_QUEUE_MODE, octal. @defaultValue `0o2770` */
  readonly queueMode: number
  /** The exit status of a program that succeeded: FSQ_SUCCESS. @defaultValue `0` */
  readonly success: number
  /** The exit status of a program that failed temporarily: FSQ_FAIL_TMP. @defaultValue `111` */
  readonly failTmp: number
  /** The exit status of a program that failed permanently: FSQ_FAIL_PERM. @defaultValue `100` */
  readonly failPerm: number
  /** Whether install makes the trigger FIFO: FSQ_USE_TRIGGER, 0 or 1. @defaultValue `false` */
  readonly useTrigger: boolean
  /** Whether scan locks each item: FSQ_LOCK, 0 or 1. @defaultValue `true` */
  readonly lock: boolean
  /** How often an item is tried before it fails permanently, 0 for ever: FSQ_MAX_TRIES. @defaultValue `1` */
  readonly maxTries: number
  /** The age in seconds at which an item fails permanently, 0 for none: FSQ_TTL. @defaultValue `0` */
  readonly ttl: number
  /**
   * What outlives the loss of power: FSQ_DURABILITY.
   *
   * - `full`: what was acknowledged, be it enqueue, done, fail or retry, survives the loss of power.
   * - `enqueue`: an acknowledged enqueue survives the loss of power; an item that was finished may
   *   come back and is then worked on again.
   * - `none`: what was acknowledged survives a killed process; the loss of power may take or damage
   *   the items of the last seconds.
   *
   * @defaultValue `full`
   */
  readonly durability: 'full' | 'enqueue' | 'none'
  /**
   * Whether a batch of items is written to the disk by one syncfs(2) of the whole file system, which
   * waits for everything that anybody has written there, rather than by an fsync(2) for each:
   * FSQ_SYNCFS. `auto` does so from 64 items on, where the system is known to report failures.
   *
   * @defaultValue `auto`
   */
  readonly syncfs: 'auto' | 'always' | 'never'
}

/** Any of the {@link Settings}; those left out come from the environment. */
export type SettingsOptions = { readonly [K in keyof Settings]?: Settings[K] | undefined }

/** A kind of value: what is accepted, in words, and how it is told apart and read from a variable. */
interface Kind<T> {
  readonly accepts: string
  readonly check: (value: unknown) => boolean
  /** All values, where they are a few words. */
  readonly words?: readonly T[]
  /** The value that the text of a variable stands for; one that `check` refuses if it is no such. */
  readonly read: (text: string) => T | undefined
}

const text = (accepts: string, check: (value: string) => boolean): Kind<string> => ({
  accepts,
  check: (value) => typeof value === 'string' && check(value),
  read: (value) => value,
})

const directory = text('the path of a directory', (value) => value !== '' && !value.includes('\0'))
const component = text('a name without / that is not empty, . or ..', isPathComponent)
const character = text('exactly one ASCII character that is neither / nor NUL', (value) =>
  /^[^/\0\x80-\u{10ffff}]$/u.test(value),
)
const owner = text('a name or an id', (value) => value !== '')
const word = text('text that is not empty', (value) => value !== '')
const wholeNumber = (accepts: string, most = Number.MAX_SAFE_INTEGER): Kind<number> => ({
  accepts,
  check: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most,
  read: (value) => (/^[0-9]+$/.test(value) ? Number(value) : NaN),
})
const mode: Kind<number> = {
  ...wholeNumber('a file mode in octal, as 640', 0o7777),
  read: (value) => (/^[0-7]{1,6}$/.test(value) ? parseInt(value, 8) : NaN),
}
const exitStatus = wholeNumber('an exit status from 0 to 255', 255)
const choice = <T extends string>(...values: readonly T[]): Kind<T> => ({
  accepts: `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`,
  words: values,
  check: (value) => values.some((each) => each === value),
  read: (given) => values.find((each) => each === given),
})
const flag: Kind<boolean> = {
  accepts: '0 or 1',
  check: (value) => typeof value === 'boolean',
  read: (value) => (value === '1' ? true : value === '0' ? false : undefined),
}

interface Setting<T> {
  readonly variable: string
  readonly kind: Kind<NonNullable<T>>
  readonly fallback: T
}

/** The variable, the kind of value and the default of each setting: fsq(7) has the same table. */
export const settingsTable: { readonly [K in keyof Settings]: Setting<Settings[K]> } = {
  root: { variable: 'FSQ_ROOT', kind: directory, fallback: '/var/fsq' },
  queueDir: { variable: 'FSQ_QUEUE', kind: component, fallback: 'queue' },
  doneDir: { variable: 'FSQ_DONE', kind: component, fallback: 'done' },
  failDir: { variable: 'FSQ_FAIL', kind: component, fallback: 'fail' },
  tmpDir: { variable: 'FSQ_TMP', kind: component, fallback: 'tmp' },
  downFile: { variable: 'FSQ_DOWN', kind: component, fallback: 'down' },
  triggerFifo: { variable: 'FSQ_TRIGGER', kind: component, fallback: 'trigger-s' },
  hostsDir: { variable: 'FSQ_HOSTS', kind: component, fallback: 'hosts' },
  hostsTriggerFifo: {
    variable: 'FSQ_HOSTS_TRIGGER',
    kind: component,
    fallback: 'hosts-trigger-s',
  },
  delimiter: { variable: 'FSQ_DELIMITER', kind: character, fallback: '_' },
  encode: { variable: 'FSQ_ENCODE', kind: character, fallback: '%' },
  timefmt: { variable: 'FSQ_TIMEFMT', kind: word, fallback: '%Y%m%d%H%M%S' },
  charset: { variable: 'FSQ_CHARSET', kind: word, fallback: 'utf8' },
  itemUser: { variable: 'FSQ_ITEM_USER', kind: owner, fallback: undefined },
  itemGroup: { variable: 'FSQ_ITEM_GROUP', kind: owner, fallback: undefined },
  queueUser: { variable: 'FSQ_QUEUE_USER', kind: owner, fallback: undefined },
  queueGroup: { variable: 'FSQ_QUEUE_GROUP', kind: owner, fallback: undefined },
  itemMode: { variable: 'FSQ_ITEM_MODE', kind: mode, fallback: 0o640 },
  queueMode: { variable: 'FSQ_QUEUE_MODE', kind: mode, fallback: 0o2770 },
  success: { variable: 'FSQ_SUCCESS', kind: exitStatus, fallback: 0 },
  failTmp: { variable: 'FSQ_FAIL_TMP', kind: exitStatus, fallback: 111 },
  failPerm: { variable: 'FSQ_FAIL_PERM', kind: exitStatus, fallback: 100 },
  useTrigger: { variable: 'FSQ_USE_TRIGGER', kind: flag, fallback: false },
  lock: { variable: 'FSQ_LOCK', kind: flag, fallback: true },
  maxTries: {
    variable: 'FSQ_MAX_TRIES',
    kind: wholeNumber('a whole number of tries, 0 for ever'),
    fallback: 1,
  },
  ttl: {
    variable: 'FSQ_TTL',
    kind: wholeNumber('a whole number of seconds, 0 for none'),
    fallback: 0,
  },
  durability: {
    variable: 'FSQ_DURABILITY',
    kind: choice('full', 'enqueue', 'none'),
    fallback: 'full',
  },
  syncfs: { variable: 'FSQ_SYNCFS', kind: choice('auto', 'always', 'never'), fallback: 'auto' },
}

/**
 * Fills in what the options leave out from the environment and the defaults, and checks it all.
 *
 * @throws {@link FsqError} `FSQ_ENV` for a variable of the wrong form; `TypeError` for an option.
 */
export function resolveSettings(
  options: SettingsOptions = {},
  environment: NodeJS.ProcessEnv = process.env,
): Settings {
  if (typeof options !== 'object')
    throw new TypeError(`Expected options such as { root: '/srv/queues' }, got ${typeof options}`)
  checkMembers('a setting', options, new Set(Object.keys(settingsTable)))
  const variables = envVar.from(environment)
  const given = new Set<keyof Settings>()
  const pick = <K extends keyof Settings>(key: K): Settings[K] => {
    const { variable, kind, fallback } = settingsTable[key] as Setting<Settings[K]>
    const option = options[key]
    if (option !== undefined) {
      if (!kind.check(option)) throw new TypeError(expected(key, kind, JSON.stringify(option)))
      return option
    }
    // As for the Python fsq, an empty variable is as good as none where only a name can stand.
    const text =
      environment[variable] === undefined ? undefined : variables.get(variable).asString()
    if (text === undefined || (text === '' && fallback === undefined)) return fallback
    const value = kind.read(text)
    if (!kind.check(value)) throw badVariable(expected(variable, kind, JSON.stringify(text)))
    given.add(key)
    return value as Settings[K]
  }
  const settings = Object.fromEntries(
    (Object.keys(settingsTable) as (keyof Settings)[]).map((key) => [key, pick(key)]),
  ) as unknown as Settings
  checkTogether(settings, options)
  fromVariables.set(settings, given)
  // A root that is relative means the one below the directory that this process is in now.
  return changedSettings(settings, { root: absolute(settings.root) })
}

/**
 * A path from the top, without what says nothing in it. A `..` is left to the system: behind a symbolic
 * link it leads elsewhere than the text does.
 */
function absolute(path: string): string {
  const whole = isAbsolute(path) ? path : `${process.cwd()}/${path}`
  const parts = whole.split('/').filter((part) => part !== '' && part !== '.')
  return `/${parts.join('/')}`
}

/** Which settings have come from their variables. */
const fromVariables = new WeakMap<Settings, ReadonlySet<keyof Settings>>()

/** A copy of settings with some of them changed. */
export function changedSettings<S extends Partial<Settings>>(
  settings: Settings,
  changes: S,
): Settings & S {
  const changed = { ...settings, ...changes }
  fromVariables.set(changed, fromVariables.get(settings) ?? new Set())
  return changed
}

/**
 * Does what finds out whether the value of a setting is of use. If it is not, and has come from the
 * environment, the error names the variable: it may have been set far from here.
 *
 * @throws what `use` throws
 */
export function usingSetting<T>(settings: Settings, key: keyof Settings, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof FsqError) || fromVariables.get(settings)?.has(key) !== true) throw error
    const message = `${settingsTable[key].variable}: ${error.message}`
    throw new FsqError(error.code, message, { cause: error })
  }
}

/** The settings that name what is in the directory of a queue: all that can be in one. */
export const namesInQueue = [
  'queueDir',
  'doneDir',
  'failDir',
  'tmpDir',
  'downFile',
  'triggerFifo',
  'hostsDir',
  'hostsTriggerFifo',
] as const

function checkTogether(settings: Settings, options: SettingsOptions): void {
  checkDiffer(settings, options, namesInQueue)
  checkDiffer(settings, options, ['delimiter', 'encode'])
  checkDiffer(settings, options, ['success', 'failTmp'])
}

/** Looks whether settings differ; two that do not are called as they were given, or could have been. */
function checkDiffer(
  settings: Settings,
  options: SettingsOptions,
  keys: readonly (keyof Settings)[],
): void {
  const second = keys.find((key, index) =>
    keys.slice(0, index).some((other) => settings[other] === settings[key]),
  )
  if (second === undefined) return
  const same = keys.filter((key) => settings[key] === settings[second])
  const names = same.map((key) => (options[key] === undefined ? settingsTable[key].variable : key))
  const got = JSON.stringify(settings[second])
  const message = `Expected ${names.join(' and ')} to differ, got ${got} for each`
  throw same.some((key) => options[key] !== undefined)
    ? new TypeError(message)
    : badVariable(message)
}

/** Checks a value that a caller gave in place of a setting. */
export function checkedSetting<K extends keyof Settings>(key: K, value: Settings[K]): Settings[K] {
  const { kind } = settingsTable[key]
  if (!kind.check(value)) throw new TypeError(expected(key, kind, JSON.stringify(value)))
  return value
}

/** Reads a setting as its variable is read: for flags of the command line, which have names of their own. */
export function readSetting<K extends keyof Settings>(key: K, given: string): Settings[K] {
  const { kind } = settingsTable[key] as Setting<Settings[K]>
  const value = kind.read(given)
  if (!kind.check(value))
    throw new TypeError(`Expected ${kind.accepts}, got ${JSON.stringify(given)}`)
  return value as Settings[K]
}

/** Whether a name can be that of a queue, host, directory or item: one component of a path. */
export function isPathComponent(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)
}

function expected(name: string, kind: Kind<unknown>, got: string): string {
  return `Expected ${name} to be ${kind.accepts}, got ${got}`
}

function badVariable(message: string): FsqError {
  return new FsqError('FSQ_ENV', message)
}
