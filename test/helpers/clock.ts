import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { startProgram } from './cli.js'

/*
 * Programs whose clock shows what a test wants, by libfaketime (Debian: faketime). It stands still
 * there, so that nothing depends on how fast the test is. Only the time of day is faked: the
 * monotonic clock, by which Node.js waits, goes on, and the times that the kernel gives to files are
 * real.
 */

/** The library, where there is one. */
const library = ['/usr/lib', '/usr/lib64', ...multiarch()]
  .map((directory) => `${directory}/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path))

function multiarch(): string[] {
  if (!existsSync('/usr/lib')) return []
  return readdirSync('/usr/lib')
    .filter((name) => name.includes('-linux-'))
    .map((name) => `/usr/lib/${name}`)
}

/** Seconds since the epoch. */
const seconds = (time: string): number => Date.parse(time) / 1000

const common = (timeZone: string): Record<string, string> => ({
  LD_PRELOAD: library ?? '',
  TZ: timeZone,
  FAKETIME_FMT: '%s',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1', // The same, to older versions.
})

/** The variables that let it be that time, such as `2038-01-19T03:14:08Z`, for a program. */
export function timeIs(time: string, timeZone = 'UTC'): Record<string, string> {
  return { ...common(timeZone), FAKETIME: String(seconds(time)) }
}

/** The variables for a clock that is set by the contents of a file, at any moment. */
export function timeIsIn(file: string, timeZone = 'UTC'): Record<string, string> {
  return { ...common(timeZone), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' }
}

/** Lets the clock of {@link timeIsIn} run, so many seconds fast. */
export function setOffset(file: string, fast: number): void {
  writeFileSync(`${file}.new`, `${fast < 0 ? '' : '+'}${fast}\n`)
  renameSync(`${file}.new`, file)
}

/** Removes what libfaketime leaves in shared memory of a process that was killed. */
export function forgetClock(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
    rmSync(`/dev/shm/${name}`, { force: true })
}

/** Sets the clock of {@link timeIsIn}. */
export function setTime(file: string, time: string): void {
  writeFileSync(`${file}.new`, `${seconds(time)}\n`)
  renameSync(`${file}.new`, file) // Who looks at it meanwhile sees a whole time.
}

/** Why tests with another time are skipped, if they are. */
export async function withoutFakeTime(): Promise<string | false> {
  if (library === undefined) return 'needs libfaketime (Debian: faketime), to set the clock'
  const print = 'console.log(new Date().toISOString())'
  const { stdout } = await startProgram(process.execPath, ['-e', print], {
    env: timeIs('2038-01-19T03:14:08Z'),
  }).ended
  return stdout === '2038-01-19T03:14:08.000Z\n' ? false : 'libfaketime does not set our clock here'
}
