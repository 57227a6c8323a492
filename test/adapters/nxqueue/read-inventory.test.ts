import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import {
  formatProblem,
  type Inventory,
  InventoryError,
  readInventory,
} from '../../../lib/adapters/nxqueue/index.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

type Files = Readonly<Record<string, string | Uint8Array>>

/** A directory with these files. */
function directoryOf(t: Test, files: Files): string {
  const directory = temporaryDirectory(t)
  for (const [name, content] of Object.entries(files))
    writeFileSync(`${directory}/${name}`, content)
  return directory
}

/** What is wrong with an inventory, with file names that do not depend on where it is. */
async function problemsOf(path: string, directory: string): Promise<string[]> {
  try {
    await readInventory(path)
    return []
  } catch (error) {
    if (!(error instanceof InventoryError)) throw error
    return error.problems.map((each) => formatProblem(each).replaceAll(`${directory}/`, ''))
  }
}

async function readText(t: Test, text: string): Promise<Inventory> {
  return readInventory(`${directoryOf(t, { 'i.yaml': text })}/i.yaml`)
}

const whole = `
servers:
  - name: north
    slots: 3
  - { name: south }
drives:
  - { name: drive0, changer: library, generation: 6, servers: [north, south] }
  - { name: drive1, changer: library, generation: 8, servers: [south], enabled: false }
  - { name: old, changer: shelf, type: DDS, reads: [1, 2], writes: [2], servers: [north] }
volumes:
  - { name: A00001L6, changer: library, slot: 1, group: films, generation: 6, capacity: 2.5 TB,
      used: 100 GiB, mounted: drive0 }
  - { name: "000002", changer: library, slot: 2, generation: 5, capacity: 1500000000000, state: 2 }
  - { name: disk.1, group: films, capacity: 512B, state: read-only, servers: [south], jobs: 4 }
groups:
  - { name: films, description: What is seen }
`

t.test('an inventory is complete: what is not said is filled in', async (t) => {
  const tape = { servers: undefined, jobs: 1 }
  t.strictSame(await readText(t, whole), {
    servers: [
      { name: 'north', slots: 3 },
      { name: 'south', slots: 1 },
    ],
    drives: [
      {
        name: 'drive0',
        changer: 'library',
        type: 'LTO-6',
        reads: [4, 5, 6],
        writes: [5, 6],
        servers: ['north', 'south'],
        enabled: true,
      },
      {
        name: 'drive1',
        changer: 'library',
        type: 'LTO-8',
        reads: [7, 8],
        writes: [7, 8],
        servers: ['south'],
        enabled: false,
      },
      {
        name: 'old',
        changer: 'shelf',
        type: 'DDS',
        reads: [1, 2],
        writes: [2],
        servers: ['north'],
        enabled: true,
      },
    ],
    volumes: [
      {
        ...tape,
        name: 'A00001L6',
        state: 1,
        changer: 'library',
        slot: 1,
        group: 'films',
        generation: 6,
        capacity: 2.5e12,
        used: 100 * 1024 ** 3,
        mounted: 'drive0',
      },
      {
        ...tape,
        name: '000002',
        state: 2,
        changer: 'library',
        slot: 2,
        group: undefined,
        generation: 5,
        capacity: 1.5e12,
        used: 0,
        mounted: undefined,
      },
      {
        name: 'disk.1',
        state: 2,
        changer: undefined,
        slot: undefined,
        group: 'films',
        generation: undefined,
        capacity: 512,
        used: 0,
        mounted: undefined,
        servers: ['south'],
        jobs: 4,
      },
    ],
    groups: [{ name: 'films', description: 'What is seen' }],
  })
})

t.test('JSON is read as well, indented by tabs, with a mark and a $schema', async (t) => {
  const value = {
    $schema: 'https://example.org/x.json',
    servers: [{ name: 'a' }],
    groups: [{ name: 'g', description: '\u00e9 \ud83d\ude00 / "' }],
  }
  const text = JSON.stringify(value, undefined, '\t').replace('\ud83d\ude00', '\\ud83d\\ude00')
  const path = `${directoryOf(t, { 'i.json': `\ufeff${text}` })}/i.json`
  const { groups } = await readInventory(path)
  t.strictSame(groups, [value.groups[0]])
})

t.test('words that other versions of YAML take for something else are texts', async (t) => {
  const { servers } = await readText(t, 'servers: [{ name: no }, { name: on }, { name: y }]')
  t.strictSame(
    servers.map(({ name }) => name),
    ['no', 'on', 'y'],
  )
  const old = await readText(t, '%YAML 1.1\n---\nservers: [{ name: no }]')
  t.equal(old.servers[0]?.name, 'no')
})

t.test('aliases stand for what they name', async (t) => {
  const { drives } = await readText(
    t,
    `servers: [{ name: a }, { name: b }]
drives:
  - { name: x, changer: c, generation: 6, servers: &all [a, b] }
  - { name: y, changer: c, generation: 6, servers: *all }`,
  )
  t.strictSame(drives[1]?.servers, ['a', 'b'])
})

t.test('a directory is the files in it, in the order of their names', async (t) => {
  const directory = directoryOf(t, {
    '20.yaml': 'servers: [{ name: b }]\nvolumes: [{ name: v, capacity: 1 kB, group: g }]',
    '10.json': '{ "servers": [{ "name": "a" }] }',
    '9.yml': 'servers: [{ name: c }]\ngroups: [{ name: g }]',
    'empty.yaml': '# nothing yet\n',
    '.hidden.yaml': 'nonsense',
    '20.yaml~': 'nonsense',
    README: 'nonsense',
  })
  const { servers, volumes } = await readInventory(`${directory}/`)
  t.strictSame(
    servers.map(({ name }) => name),
    ['a', 'b', 'c'],
  )
  t.equal(volumes[0]?.group, 'g')
})

const small = 'servers: [{ name: a }]\n'
const drive = 'drives: [{ name: d, changer: c, generation: 6, servers: [a] }]\n'
const changers =
  'drives: [{ name: d, changer: c, generation: 6, servers: [a] }, { name: e, changer: f, generation: 6, servers: [a] }]\n'
const name =
  'a name of letters, digits, `-` and `_`, with single dots between, of at most 100 characters'
const bytes = 'bytes as a whole number, or a number with its unit, such as `2.5 TB` or `1500 GiB`'

/** What a file says, and what is wrong with it. */
const wrong: Readonly<Record<string, readonly [text: string, ...problems: string[]]>> = {
  nothing: ['', 'i.yaml: there is no server; `servers` names who executes jobs'],
  'a text': [
    'nonsense',
    '1:1: expected an inventory: an object with `servers`, `drives`, `volumes` and `groups`, got "nonsense"',
  ],
  'a member that is misspelt': [
    'servers: [{ name: a, slot: 3 }]\nvolume: []',
    '1:22: there is no member "slot"; did you mean slots?',
    '2:1: there is no member "volume"; did you mean volumes?',
  ],
  'a member that is like none': [
    'servers: [{ name: a, colour: red }]',
    '1:22: there is no member "colour"; there are name, slots',
  ],
  'members of other languages': [
    'servers: [{ name: a, __proto__: 1, toString: 2 }]',
    '1:22: there is no member "__proto__"; there are name, slots',
    '1:36: there is no member "toString"; there are name, slots',
  ],
  'a merge key': [
    'servers: [{ name: a, <<: { slots: 2 } }]',
    '1:22: there is no member "<<"; there are name, slots',
  ],
  'a member that is missing': [
    'servers: [{}]',
    `1:11: \`name\` is missing: ${name}, which is not \`any\``,
  ],
  'no list': ['servers: { name: a }', '1:10: expected a list of servers, got an object'],
  'no value': [`${small}drives:`, '2:8: expected a list of drives, got nothing'],
  'a null': [`${small}drives: ~`, '2:9: expected a list of drives, got ~'],
  'a name that is a number': [
    'servers: [{ name: 0012 }]',
    `1:19: expected ${name}, which is not \`any\`, got 0012, which is no text unless it is in quotes: "0012"`,
  ],
  'names that cannot be': [
    'servers: [{ name: any }, { name: a..b }, { name: .a }, { name: a/b }, { name: "" }]',
    ...[
      ['19', '"any"'],
      ['34', '"a..b"'],
      ['50', '".a"'],
      ['64', '"a/b"'],
      ['79', '""'],
    ].map(([at = '', got = '']) => `1:${at}: expected ${name}, which is not \`any\`, got ${got}`),
  ],
  'a name that is too long': [
    `servers: [{ name: ${'a'.repeat(101)} }]`,
    `1:19: expected ${name}, which is not \`any\`, got "${'a'.repeat(79)}...`,
  ],
  'numbers that cannot be': [
    'servers: [{ name: a, slots: 0 }, { name: b, slots: 1.5 }, { name: c, slots: "2" }]',
    '1:29: expected a whole number from 1 to 1000, got 0',
    '1:52: expected a whole number from 1 to 1000, got 1.5',
    '1:77: expected a whole number from 1 to 1000, got "2"',
  ],
  'sizes that cannot be': [
    `${small}volumes: [{ name: a, capacity: -1 }, { name: b, capacity: 1 Tb }, { name: c, capacity: 9007199254740993 }]`,
    `2:32: expected ${bytes}, got -1`,
    `2:59: expected ${bytes}, got "1 Tb"`,
    `2:88: expected ${bytes}, got 9007199254740993`,
  ],
  'a size that is too big for a number': [
    `${small}volumes: [{ name: a, capacity: 9999 PB }]`,
    '2:32: expected at most 9007199254740991 bytes, got 9999 PB',
  ],
  'a state that cannot be': [
    `${small}volumes: [{ name: a, capacity: 1, state: full }, { name: b, capacity: 1, state: 4 }]`,
    '2:42: expected `unknown`, `enabled`, `read-only` or `disabled`, or its number, 0 to 3, got "full"',
    '2:81: expected `unknown`, `enabled`, `read-only` or `disabled`, or its number, 0 to 3, got 4',
  ],
  'a name that is there twice': [
    'servers:\n- name: a\n- { name: a, slots: 9 }',
    '3:11: there is a server `a` already, at i.yaml:2:9',
  ],
  'a member that is there twice': [
    'servers: [{ name: a }]\nservers: [{ name: b }]',
    '2:1: map keys must be unique',
  ],
  'what is not there': [
    `${small}drives: [{ name: d, changer: c, generation: 6, servers: [a, b] }]
volumes:
- { name: v, changer: x, generation: 6, group: g, capacity: 1, mounted: d2 }
- { name: w, capacity: 1, servers: [aa] }`,
    '2:57: there is no server `b`',
    '4:23: there is no changer `x`: no drive is in it',
    '4:48: there is no group `g`',
    '4:73: there is no drive `d2`; did you mean d?',
    '5:36: there is no server `aa`; did you mean a?',
  ],
  'a server in a list twice': [
    `${small}drives: [{ name: d, changer: c, generation: 6, servers: [a, a] }]`,
    '2:61: "a" is there twice',
  ],
  'an empty list': [
    `${small}drives: [{ name: d, changer: c, generation: 6, servers: [] }]`,
    '2:57: expected a list of names of servers, each once, got an empty list',
  ],
  'more used than it holds': [
    `${small}volumes: [{ name: v, capacity: 1 MB, used: 1 MiB }]`,
    '2:44: 1048576 bytes of the volume `v` are used, but it holds only 1000000',
  ],
  'a tape without what a tape has': [
    `${small}${drive}volumes: [{ name: v, capacity: 1, changer: c }, { name: w, capacity: 1, slot: 1, mounted: d }]`,
    '3:35: `changer` needs `generation`, which is missing',
    '3:73: `slot` needs `changer`, which is missing',
    '3:82: `mounted` needs `changer`, which is missing',
  ],
  'a tape with what a disk has': [
    `${small}${drive}volumes: [{ name: v, capacity: 1, changer: c, generation: 6, servers: [a], jobs: 2 }]`,
    '3:71: a tape is reached by the servers that see a drive; see their `servers`',
    '3:82: a tape is used by one job at a time',
  ],
  'a volume in a drive of another changer': [
    `${small}${changers}volumes: [{ name: v, capacity: 1, changer: f, generation: 6, mounted: d }]`,
    '3:71: the drive `d` is in the changer `c`, the volume in `f`',
  ],
  'a volume in a drive that does not read it': [
    `${small}${drive}volumes: [{ name: v, capacity: 1, changer: c, generation: 7, mounted: d }]`,
    '3:71: the drive `d` does not read generation 7',
  ],
  'two volumes in a drive, and in a slot': [
    `${small}${changers}volumes:
- { name: v, capacity: 1, changer: c, generation: 6, slot: 1, mounted: d }
- { name: w, capacity: 1, changer: c, generation: 6, slot: 1, mounted: d }
- { name: x, capacity: 1, changer: f, generation: 6, slot: 1, mounted: e }`,
    '5:60: another volume is in slot 1 of the changer `c`, at i.yaml:4:60',
    '5:72: another volume is in the drive `d`, at i.yaml:4:72',
  ],
  'a drive that nobody knows the use of': [
    `${small}drives: [{ name: d, changer: c, servers: [a], reads: [1] }]`,
    '2:18: the drive `d` has neither `generation` nor `type`',
    '2:18: the drive `d` has neither `generation` nor `writes`',
  ],
  'a drive that cannot read what it writes': [
    `${small}drives: [{ name: d, changer: c, servers: [a], generation: 6, reads: [6] }]`,
    '2:69: the drive `d` writes generation 5, but does not read it',
  ],
  'what is no YAML': [
    'servers: [{ name: a }\nvolumes: []',
    '2:1: flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  'two documents': [
    'servers: []\n---\nservers: []\n',
    '2:1: a second document: there is one in a file',
  ],
  'a tag': ['servers: [{ name: !mine a }]', '1:19: unresolved tag: !mine'],
  'an alias of nothing': ['servers: [*a]', '1:11: there is no anchor &a before it'],
  'an alias of itself': ['servers: &a [*a]', '1:14: there is no anchor &a before it'],
  'a name with parts': [
    '? [servers]\n: []',
    '1:3: expected the name of a member, got one with parts',
  ],
  'all that aliases make of it': [
    `x: &a [${'1, '.repeat(1000)}]\ny: &b [${'*a, '.repeat(99)}]\nz: [*b, *b]`,
    '3:5: aliases stand for more than 100000 values',
  ],
  'a problem that several aliases lead to, once': [
    `servers: [{ name: a }]
drives: [{ name: d, changer: c, servers: &s [b], generation: 6 }, { name: e, changer: c, servers: *s, generation: 6 }]`,
    '2:45: there is no server `b`',
  ],
}

for (const [what, [text, ...problems]] of Object.entries(wrong))
  t.test(`an inventory is refused for ${what}`, async (t) => {
    const directory = directoryOf(t, { 'i.yaml': text })
    const expected = problems.map((each) => (each.startsWith('i.yaml') ? each : `i.yaml:${each}`))
    t.strictSame(await problemsOf(`${directory}/i.yaml`, directory), expected)
  })

t.test('what is nested too deep to be read is refused', async (t) => {
  for (const depth of [100, 400, 100_000]) {
    const directory = directoryOf(t, { 'i.yaml': `[${'['.repeat(depth)}${']'.repeat(depth)}]` })
    const [first = ''] = await problemsOf(directory, directory)
    t.match(first, depth < 1000 ? /expected an inventory/ : /nested too deep$/)
  }
})

t.test('problems of several files are told in order, each with its file', async (t) => {
  const directory = directoryOf(t, {
    '1.yaml': 'servers: [{ name: a }]\nvolumes: [{ name: v, capacity: 1, group: g }]',
    '2.yaml': 'servers: [{ name: a }]\nx: 1',
  })
  const problems = await problemsOf(directory, directory)
  t.strictSame(problems, [
    '1.yaml:2:42: there is no group `g`',
    '2.yaml:1:19: there is a server `a` already, at 1.yaml:1:19',
    '2.yaml:2:1: there is no member "x"; there are $schema, servers, drives, volumes, groups',
  ])
})

t.test('what a file that cannot be read may have is not missing', async (t) => {
  const directory = directoryOf(t, {
    '1.yaml': 'servers: [{ name: a }]\nvolumes: [{ name: v, capacity: 1, group: g }]',
    '2.yaml': 'groups: [{ name: g }',
  })
  t.match(await problemsOf(directory, directory), { length: 1, 0: /^2\.yaml:/ })
})

t.test('what is no inventory at all is refused with its path', async (t) => {
  const directory = directoryOf(t, { 'i.yaml': Buffer.from('# caf\xe9', 'latin1') })
  mkdirSync(`${directory}/empty`)
  mkdirSync(`${directory}/d.yaml`)
  symlinkSync('nowhere', `${directory}/l.yaml`)
  t.strictSame(await problemsOf(`${directory}/none`, directory), [
    'none: cannot read it: no such file or directory',
  ])
  t.strictSame(await problemsOf(`${directory}/empty`, directory), [
    'empty: no file in it is called *.yaml, *.yml or *.json',
  ])
  t.strictSame(await problemsOf(directory, directory), [
    'd.yaml: it is not a regular file',
    'i.yaml:1:6: expected UTF-8, got bytes that are none',
    'l.yaml: cannot read it: no such file or directory',
  ])
  await t.rejects(readInventory(`${directory}/none`), {
    code: 'FSQ_NXQUEUE_INVENTORY',
    path: `${directory}/none`,
    errno: 'ENOENT',
    message: `${directory}/none: cannot read it: no such file or directory`,
  })
  await t.rejects(readInventory(directory), { message: /regular file \(and 2 more\)$/ })
})

const isRoot = process.getuid?.() === 0

t.test('a file that is not ours to read', { skip: isRoot && 'root may read all' }, async (t) => {
  const directory = directoryOf(t, { 'i.yaml': small })
  chmodSync(`${directory}/i.yaml`, 0)
  t.strictSame(await problemsOf(directory, directory), [
    'i.yaml: cannot read it: permission denied',
  ])
})
