import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { check, type Ended, place, startProgram } from '../helpers/cli.js'
import { entriesOf } from '../helpers/temporary.js'

const script = (name: string): string =>
  fileURLToPath(new URL(`../../examples/filespooler/${name}.sh`, import.meta.url))

/** What jobs are made of on their way. */
interface Coding {
  readonly needs: readonly string[]
  /** Makes keys in a directory; the commands. */
  readonly prepare: (directory: string, t: Test) => { ENCODE?: string; DECODE?: string }
  /** Whether what is in the file of a job can be read on the way. */
  readonly isOpen?: true
}

const codings: Readonly<Record<string, Coding>> = {
  'as they are': { needs: [], prepare: () => ({}), isOpen: true },
  'compressed by gzip': {
    needs: ['gzip'],
    prepare: () => ({ ENCODE: 'gzip', DECODE: 'gzip -dc' }),
  },
  'encrypted by age, and compressed': {
    needs: ['age', 'age-keygen', 'gzip'],
    prepare: (directory) => {
      const key = `${directory}/key.txt`
      execFileSync('age-keygen', ['-o', key], { stdio: 'pipe' })
      const recipient = execFileSync('age-keygen', ['-y', key], { encoding: 'utf8' }).trim()
      return { ENCODE: `gzip | age -r ${recipient}`, DECODE: `age -d -i ${key} | gzip -dc` }
    },
  },
  'encrypted by gpg': {
    needs: ['gpg', 'gpgconf'],
    prepare: (directory, t) => {
      const home = `${directory}/gnupg`
      mkdirSync(home)
      chmodSync(home, 0o700)
      const gpg = `gpg --homedir ${home} --batch --quiet`
      const words = ['--passphrase', '', '--quick-generate-key', 'receiver', 'future-default']
      t.teardown(() => spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']))
      execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', ...words], { stdio: 'pipe' })
      return { ENCODE: `${gpg} --encrypt -r receiver`, DECODE: `${gpg} --decrypt 2>/dev/null` }
    },
  },
}

t.test('a file may have any name, and nothing is written elsewhere', async (t) => {
  const { directory, env } = await place(t)
  const [OUTBOX, FILES] = [`${directory}/box`, `${directory}/files`]
  const variables = { ...env, OUTBOX, INBOX: OUTBOX, FILES }
  const run = async (part: string, ...words: string[]): Promise<Ended> =>
    startProgram('sh', [script(part), ...words], { env: variables, cwd: directory }).ended
  check(t, await run('receive'))
  const names = ['-', '-n', 'a\n']
  for (const name of names) writeFileSync(`${directory}/${name}`, name)
  check(t, await run('send', ...names))
  check(t, await run('receive'))
  t.strictSame(entriesOf(FILES), names)
  for (const name of names) t.equal(readFileSync(`${FILES}/${name}`, 'utf8'), name)

  const before = entriesOf(directory)
  for (const name of ['..', '.', '', '/', '../x', `${directory}/x`, '.new']) {
    const words = `prepare -s ${OUTBOX}/next -- '${name}' | fsq fspl queue-write -q ${OUTBOX}/queue`
    check(t, await startProgram('sh', ['-c', `fsq fspl ${words}`], { env: variables }).ended)
    const { status, stderr } = await run('receive')
    t.equal(status, 1)
    t.match(stderr, `receive.sh: no name of a file: ${name}\n`)
    t.strictSame([entriesOf(directory), entriesOf(FILES)], [before, names], name)
    for (const job of entriesOf(`${OUTBOX}/queue/jobs`)) unlinkSync(`${OUTBOX}/queue/jobs/${job}`)
    const skip = `n=$(fsq fspl queue-get-next -q ${OUTBOX}/queue) && fsq fspl queue-set-next -q`
    const next = `${skip} ${OUTBOX}/queue $((n + 1))`
    check(t, await startProgram('sh', ['-c', next], { env: variables }).ended)
  }
})

for (const [name, { needs, prepare, isOpen = false }] of Object.entries(codings)) {
  const missing = ['rsync', ...needs].filter(
    (program) => spawnSync(program, ['--version']).error !== undefined,
  )
  const skip = missing.length === 0 ? false : `there is no ${missing.join(', no ')} here`
  t.test(`jobs go from queue to queue by rsync, ${name}`, { skip }, async (t) => {
    const { directory, env } = await place(t)
    const paths = ['out', 'in', 'files'].map((part) => `${directory}/${part}`)
    const [OUTBOX = '', INBOX = '', FILES = ''] = paths
    const variables = { ...env, OUTBOX, INBOX, FILES, ...prepare(directory, t) }
    const run = async (part: string, ...words: string[]): Promise<Ended> =>
      startProgram('sh', [script(part), ...words], { env: variables, cwd: directory }).ended
    writeFileSync(`${directory}/one.csv`, 'the first\n')
    writeFileSync(`${directory}/two words.csv`, 'the second\n')

    check(t, await run('receive'), {}, 'there is nothing yet')
    check(t, await run('send', 'one.csv', 'two words.csv'))
    t.strictSame(entriesOf(OUTBOX), ['next', 'next.lock', 'queue'])
    const sent = entriesOf(`${OUTBOX}/queue/jobs`)
    t.equal(sent.length, 2)
    for (const job of sent) {
      const content = readFileSync(`${OUTBOX}/queue/jobs/${job}`, 'latin1')
      t.equal(/the (first|second)/.test(content), isOpen, 'who carries it can read it, or not')
    }
    writeFileSync(`${OUTBOX}/queue/jobs/tmp-x.tmp`, 'on its way')
    check(t, await run('carry'))
    t.strictSame(entriesOf(`${OUTBOX}/queue/jobs`), ['tmp-x.tmp'])
    t.strictSame(entriesOf(`${INBOX}/queue/jobs`), sent)
    check(t, await run('receive'))
    t.strictSame(entriesOf(FILES), ['one.csv', 'two words.csv'])
    t.equal(readFileSync(`${FILES}/two words.csv`, 'utf8'), 'the second\n')
    t.strictSame(entriesOf(`${INBOX}/queue/jobs`), [])

    if (isOpen) return
    check(t, await run('send', 'one.csv'))
    check(t, await run('carry'))
    const [last = ''] = entriesOf(`${INBOX}/queue/jobs`)
    const path = `${INBOX}/queue/jobs/${last}`
    truncateSync(path, readFileSync(path).length - 4)
    t.notOk((await run('receive')).stdout)
    t.strictSame(
      entriesOf(`${INBOX}/queue/jobs`),
      [last],
      'what is not whole is not taken for done',
    )
  })
}
