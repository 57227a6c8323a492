import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { fileOf, readPages } from '../helpers/man.js'

const pages = readPages()
const names = Object.keys(commands)

t.test(
  'there is a page for each command, for the program, for the standard and for files',
  async (t) => {
    const expected = [
      'man/man1/fsq.1',
      'man/man5/fsq-ftpcluster.5',
      'man/man5/fsq-nxqueue.5',
      'man/man7/fsq.7',
      ...names.map((name) => `man/man1/fsq-${name}.1`),
    ]
    t.strictSame(pages.map(({ path }) => path).sort(), expected.sort())
  },
)

t.test('package.json lists every page', async (t) => {
  const manifest = JSON.parse(readFileSync(fileOf('package.json'), 'utf8')) as { man?: string[] }
  t.strictSame(
    [...(manifest.man ?? [])].sort(),
    pages.map(({ path }) => `./${path}`),
  )
})

t.test('fsq.1 lists every command with the summary that fsq --list prints', async (t) => {
  const page = pages.find(({ path }) => path === 'man/man1/fsq.1')
  const [, list = ''] = /^\.Bl .* -compact\n(.*?)^\.El$/ms.exec(page?.source ?? '') ?? []
  const items = list.split(/^\.It Cm /m).slice(1)
  const plain = items.map((item) =>
    item
      .replace(/^\.Pa (.*)$/m, '$1/')
      .trim()
      .split('\n'),
  )
  const listed = plain.map(([name = '', ...words]) => [name, words.join(' ')])
  t.strictSame(listed, [
    ...Object.entries(commands).map(([name, { summary }]) => [name, summary]),
    ['help Op Ar command', 'print the usage of the program, or of a command'],
  ])
  for (const name of names) t.match(page?.source, `.Xr fsq-${name} 1`)
})

const hasMandoc = spawnSync('mandoc', ['-Tlint', '/dev/null']).error === undefined
const skip = hasMandoc ? false : 'mandoc(1) is not installed here'

for (const { path, source } of pages) {
  t.test(`${path} is clean`, { skip }, async (t) => {
    const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', '-W', 'warning', fileOf(path)], {
      encoding: 'utf8',
    })
    t.equal(stdout + stderr, '')
  })

  t.test(`${path} refers only to pages that exist`, async (t) => {
    const [, own = '', section = ''] = /man\/man[157]\/(.*)\.([157])$/.exec(path) ?? []
    t.match(source, `\n.Dt ${own.toUpperCase()} ${section}\n.Os fsq\n`)
    for (const [, name = '', number = ''] of source.matchAll(/^\.Xr (fsq\S*) (\d)/gm)) {
      const target = `man/man${number}/${name}.${number}`
      t.ok(
        pages.some((page) => page.path === target),
        target,
      )
      t.not(target, path, 'not to itself')
    }
  })
}
