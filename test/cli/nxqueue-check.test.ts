import { mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { inventorySchema } from '../../lib/adapters/nxqueue/index.js'
import { byteText } from '../../lib/adapters/nxqueue/planner/byte-text.js'
import { inventoryLines } from '../../lib/cli/inventory-text.js'
import { check, place } from '../helpers/cli.js'

t.jobs = 4

t.test('fsq nxqueue check says what there is', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  const path = `${directory}/i.json`
  const servers = [{ name: 'a', slots: 2 }, { name: 'b' }]
  writeFileSync(path, JSON.stringify({ servers }))
  check(t, await fsq(['nxqueue', 'check', path]), {
    stdout: '2 servers for 3 jobs at a time\n0 drives\n0 volumes\n0 groups\n',
  })
  const { stdout } = await fsq(['nxqueue', 'check', '--json', path])
  t.strictSame(JSON.parse(stdout), {
    servers: [
      { name: 'a', slots: 2 },
      { name: 'b', slots: 1 },
    ],
    drives: [],
    volumes: [],
    groups: [],
  })
})

t.test('it says all that is wrong, and where', { buffered: true }, async (t) => {
  const { fsq, directory } = await place(t)
  const inventory = `${directory}/inventory`
  mkdirSync(inventory)
  writeFileSync(`${inventory}/1.yaml`, 'servers: [{ name: "\\u001b[2J" }]\nx: 1')
  writeFileSync(`${inventory}/2.yaml`, 'servers: [')
  const ended = await fsq(['nxqueue', 'check', inventory])
  check(t, ended, { status: 111, stderr: /^(\/[^\n]*\/[12]\.yaml:\d+:\d+: [^\n]*\n){3,}$/ })
  t.notMatch(ended.stderr, '\u001b', 'nothing that steers a terminal')
  const gone = await fsq(['nxqueue', 'check', `${directory}/none`])
  check(t, gone, {
    status: 111,
    stderr: /^\/.*\/none: cannot read it: no such file or directory\n$/,
  })
})

t.test('it prints the schema', { buffered: true }, async (t) => {
  const { fsq } = await place(t)
  const { stdout, status } = await fsq(['nxqueue', 'check', '--schema'])
  t.equal(status, 0)
  t.strictSame(JSON.parse(stdout), JSON.parse(JSON.stringify(inventorySchema)))
})

t.test('drives and volumes are told in a line', async (t) => {
  const drive = { type: '', reads: [], writes: [], servers: [] }
  const lines = inventoryLines({
    servers: [{ name: 'a', slots: 1 }],
    drives: [
      { ...drive, name: 'd', changer: 'c', enabled: true },
      { ...drive, name: 'e', changer: 'f', enabled: false },
    ],
    volumes: ([1, 1, 3, 0] as const).map((state, n) => ({
      name: String(n),
      state,
      changer: undefined,
      slot: undefined,
      group: undefined,
      generation: undefined,
      capacity: 1e12,
      used: 5e11,
      mounted: undefined,
      servers: undefined,
      jobs: 1,
    })),
    groups: [{ name: 'g', description: undefined }],
  })
  t.strictSame(lines, [
    '1 server for 1 job at a time',
    '2 drives in 2 changers (1 disabled)',
    '4 volumes: 1 unknown, 2 enabled, 1 disabled; 2 TB of 4 TB used',
    '1 group',
  ])
})

for (const [bytes, text] of [
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [1550, '1.5 kB'],
  [999_999, '999.9 kB'],
  [2.5e12, '2.5 TB'],
  [9e18, '9000 PB'],
] as const)
  t.equal(byteText(bytes), text)
