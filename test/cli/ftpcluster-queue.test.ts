import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { check, type Place, place } from '../helpers/cli.js'

t.jobs = 4

/** The home of an ftpcluster with these queue files. */
export function homeIn({ directory }: Place, files: Readonly<Record<string, string>> = {}): string {
  const home = `${directory}/cluster`
  mkdirSync(`${home}/.queue`, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(`${home}/.queue/${name}`, text)
  return home
}

const upload = 'upload pub/a%20b root 12 1044844761 n1:21'
const store = 'store  pub/c\troot 12 1044844761 n1:21,n2:21'
const remove = 'delete n1:21 1/2/c'
const files = {
  'uploads-030210-033921-c0de.q': `${upload}\n\n${remove}\n`,
  'store-1': `${store}\nupload pub/cut ro`,
  'mixed.q': `mystery x\nupload y\n`,
  'notes.txt': 'upload no queue-file 1 1\n',
  '.hidden.q': 'upload hidden root 1 1\n',
}

t.test('queue --files prints the jobs of a type', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here, files)
  const table: readonly [words: string[], expected: string[]][] = [
    [['upload'], [upload]],
    [['store'], [store]],
    [['remove'], [remove]],
    [['delete'], [remove]],
    [['replicate'], []],
    [['opaque'], ['mystery x', 'upload y']],
    [['mystery'], ['mystery x']],
    [['.'], ['mystery x', 'upload y', store, upload, remove]],
    [['-n', 'store'], [`store-1\t${store}`]],
  ]
  for (const [words, expected] of table) {
    const ended = await here.fsq(['ftpcluster', 'queue', '--files', '--home', home, ...words])
    check(t, ended, { stdout: expected.map((line) => `${line}\n`).join('') }, words.join(' '))
  }
})

t.test('what is no regular file, or no lines, is left out', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here, { 'a.q': `${upload}\n`, 'long.q': `${'x'.repeat(70_000)}\n` })
  symlinkSync('/etc/passwd', `${home}/.queue/link.q`)
  mkdirSync(`${home}/.queue/store-directory`)
  check(t, await here.fsq(['ftpcluster', 'queue', '--files', '--home', home, '.']), {
    stdout: `${upload}\n`,
    stderr: new RegExp(
      '^fsq ftpcluster queue: link.q: left out: it is no regular file\n' +
        'fsq ftpcluster queue: long.q: left out: line 1 is longer than 65536 bytes.*\n' +
        'fsq ftpcluster queue: store-directory: left out: it is no regular file\n$',
    ),
  })
})

t.test('queue prints the work-items of the cluster', { buffered: true }, async (t) => {
  const here = await place(t)
  const home = homeIn(here)
  const { root } = here
  const queue = await root.install('ftpc-store', { hosts: ['n1:21', 'n2:21'] })
  const name = (number: number, host = 'cluster', tries = 0): string =>
    `_20261121101500_${number}_7_${host}_${tries}_store`
  await queue.receive(name(2), `${store}\n`)
  await queue.host('n1:21').receive(name(1), 'store b root 1 1\n')
  await queue.host('n2:21').receive(name(1, 'cluster', 2), 'store b root 1 1\n')
  await queue.receive(name(3, 'other'), 'store c root 1 1\n')
  await queue.receive(name(4), 'store d root 1 1\nstore e root 1 1\n')
  const words = ['ftpcluster', 'queue', '--home', home]
  const stderr = `fsq ftpcluster queue: ftpc-store: ${name(4)}: left out: its body is not one line\n`
  check(t, await here.fsq([...words, '.']), {
    stdout: `store b root 1 1\n${store}\n`,
    stderr,
  })
  check(t, await here.fsq([...words, '-n', 'store']), {
    stdout: `${name(1)}\tstore b root 1 1\n${name(2)}\t${store}\n`,
    stderr,
  })
  check(t, await here.fsq([...words, '--name', 'other', '.']), { stdout: 'store c root 1 1\n' })
  check(t, await here.fsq([...words, 'upload']), {}, 'a queue that is not there is empty')
})

t.test('what is no home of a cluster is told', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  check(t, await fsq(['ftpcluster', 'queue', '--files', '--home', directory, '.']), {
    status: 111,
    stderr: `fsq ftpcluster queue: not the home of an ftpcluster: ${directory} has no .queue\n`,
  })
  check(t, await fsq(['ftpcluster', 'queue', '--home', `${directory}/none`, '.']), {
    status: 111,
    stderr: /^fsq ftpcluster queue: cannot use .* no such file or directory\n$/,
  })
})
