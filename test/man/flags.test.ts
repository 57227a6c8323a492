import t from 'tap'
import { commands } from '../../lib/cli/commands.js'
import { check, place } from '../helpers/cli.js'
import { allCommands } from '../helpers/commands.js'
import { type ManPage, readPage, sectionOf, unescaped } from '../helpers/man.js'

t.jobs = 2

/** The flags of a usage, as `-m, --max-tries <>`: short, long, and whether a value follows. */
function flagsOfUsage(usage: string): string[] {
  const [, options = ''] = usage.split('\nOptions:\n')
  return [...options.matchAll(/^ {2}(-[^<\n]*?)( <[^>]*>)?(?: {2,}.*)?$/gm)].map(
    ([, names = '', value]) => `${names}${value === undefined ? '' : ' <>'}`,
  )
}

/** The same of a page: of the lines `.It Fl m , Fl -max-tries Ar n`. */
function flagsOfPage({ source }: ManPage): string[] {
  return [...source.matchAll(/^\.It (Fl .*)$/gm)].map(([, line = '']) => {
    const names = [...line.matchAll(/\bFl (-?\w\S*)/g)].map(
      ([, name = '']) => `-${unescaped(name)}`,
    )
    return `${names.join(', ')}${line.includes(' Ar ') ? ' <>' : ''}`
  })
}

/** The flags in the synopsis: each letter of `Fl hv`, or a long name as in `Fl -batch`; not `Fl -`, a lone --. */
function flagsOfSynopsis(page: ManPage): Set<string> {
  const lines = sectionOf(page, 'SYNOPSIS').join('\n')
  const words = [...lines.matchAll(/\bFl (-?\w\S*)/g)].map(([, word = '']) => unescaped(word))
  return new Set(
    words.flatMap((word) =>
      word.startsWith('-') ? [`-${word}`] : word.split('').map((x) => `-${x}`),
    ),
  )
}

/** The page of a command; of one in a group, what the page of the group says of it. */
function pageOf(program: string): ManPage {
  const [group = '', name = '', ...words] = program.split(' ')
  const page = readPage(`man/man1/${[group, name].filter(Boolean).join('-')}.1`)
  if (words.length === 0) return page
  const inner = words.join(' ')
  const cut = (heading: string, rest: string): string =>
    new RegExp(`^${heading}\n(.*?)(?=^\\.Ss |^\\.Sh |^\\.Nm fsq |$(?![^]))`, 'ms').exec(
      rest,
    )?.[1] ?? ''
  const synopsis = cut(`\\.Nm ${program}`, sectionOf(page, 'SYNOPSIS').join('\n'))
  const text = cut(`\\.Ss ${inner}`, page.source)
  return { ...page, source: `.Sh SYNOPSIS\n${synopsis}\n.Sh DESCRIPTION\n${text}` }
}

for (const { name } of [{ name: '' }, ...(await allCommands())]) {
  const program = `fsq ${name}`.trim()
  t.test(`the page of ${program} has its flags, and no others`, { buffered: true }, async (t) => {
    const { fsq } = await place(t)
    const ended = await fsq([...name.split(' ').filter(Boolean), '-h'])
    check(t, ended, { stdout: /^Usage: / })
    const page = pageOf(program)
    const flags = flagsOfUsage(ended.stdout)
    t.ok(flags.includes('-h, --help'))
    t.strictSame(flagsOfPage(page), flags, 'in the same order, with the same values')
    const shortest = flags.map((flag) => flag.split(/[ ,]/)[0])
    t.strictSame([...flagsOfSynopsis(page)].sort(), shortest.sort(), 'in the synopsis too')
  })
}

t.test('fsq(1) names the commands whose flags end at their first operand', async (t) => {
  const [, names = ''] =
    /^Flags of\n(.*?)\nstand before/ms.exec(readPage('man/man1/fsq.1').source) ?? []
  const strict: string[] = []
  for (const { name, command } of await allCommands())
    if (command.flagsAnywhere !== true) strict.push(name)
  t.strictSame(
    (names.match(/[a-z-]+/g) ?? []).filter((word) => Object.hasOwn(commands, word)),
    strict,
  )
})
