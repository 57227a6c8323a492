import fc from 'fast-check'
import t from 'tap'
import {
  formatClusterConf,
  parseClusterConf,
} from '../../../lib/adapters/ftpcluster/cluster-conf.js'
import { decodeName, encodeName } from '../../../lib/adapters/ftpcluster/escape.js'
import {
  makeLinkFile,
  parseLinkFile,
  withCopy,
  withoutCopy,
} from '../../../lib/adapters/ftpcluster/link-file.js'
import { nodePath } from '../../../lib/adapters/ftpcluster/node-path.js'
import {
  dateInName,
  isQueueFileName,
  makeQueueFileName,
} from '../../../lib/adapters/ftpcluster/queue-file-name.js'

t.test('any name survives its word', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const word = Buffer.from(bytes)
      // A word that has no escapes stands for its bytes.
      const plain = Buffer.from(word.filter((byte) => byte !== 0x25))
      const encoded = encodeName(decodeName(plain))
      t.match(encoded, /^[A-Za-z0-9._~/%-]*$/)
      t.strictSame(Buffer.from(unescaped(encoded)), plain)
    }),
  )
})

function unescaped(word: string): number[] {
  return Array.from(word.matchAll(/%(..)|(.)/gs), ([, hex, character = '']) =>
    hex === undefined ? character.charCodeAt(0) : parseInt(hex, 16),
  )
}

t.test('escapes are decoded once', async (t) => {
  t.equal(decodeName(Buffer.from('a%2520b')), 'a%20b')
  t.equal(encodeName('a%20b'), 'a%2520b')
  t.equal(encodeName('ä b\n'), '%C3%A4%20b%0A')
})

const example =
  'rfc-0959.txt 147316 root 1044844761\n' +
  'server 192.168.0.2:21 61/47/030210-033921-rfc-0959.txt\n' +
  'server 192.168.0.3:21 61/47/030210-033921-rfc-0959.txt\n'

t.test('a link file', async (t) => {
  const link = parseLinkFile(Buffer.from(example))
  if (link === undefined) return t.fail('it is one')
  const nodepath = '61/47/030210-033921-rfc-0959.txt'
  const copies = [2, 3].map((last) => ({ node: { host: `192.168.0.${last}`, port: 21 }, nodepath }))
  const { bytes, ...parts } = link
  const expected = { name: 'rfc-0959.txt', size: 147316, owner: 'root', mtime: 1044844761, copies }
  t.strictSame(parts, expected)
  t.equal(bytes.toString(), example)
  t.equal(makeLinkFile(expected).bytes.toString(), example)
  const [first] = copies
  if (first === undefined) return t.fail('it has copies')
  const fewer = withoutCopy(link, first)
  t.equal(fewer.copies.length, 1)
  t.equal(
    withCopy(fewer, first).bytes.toString().split('\n').sort().join(),
    example.split('\n').sort().join(),
  )
})

t.test('what a link file has beside its copies stays', async (t) => {
  const odd = Buffer.from('a%20b 1 u 2\ncomment\nserver h:1 p\nserver h p')
  const link = parseLinkFile(odd)
  if (link === undefined) return t.fail('it is one')
  t.strictSame(link.copies, [{ node: { host: 'h', port: 1 }, nodepath: 'p' }])
  const copy = { node: { host: 'g', port: 2 }, nodepath: 'q r' }
  t.equal(withCopy(link, copy).bytes.toString(), `${odd.toString()}\nserver g:2 q%20r\n`)
  t.equal(
    withoutCopy(link, { node: { host: 'h', port: 1 }, nodepath: 'p' }).bytes.toString(),
    'a%20b 1 u 2\ncomment\nserver h p\n',
  )
})

t.test('files that are no link files', async (t) => {
  for (const text of ['', '\n', 'a 1 u', 'a 1 u 2 3', 'a one u 2', 'x'.repeat(70_000)])
    t.equal(parseLinkFile(Buffer.from(text)), undefined, text.slice(0, 20))
  const copies = [{ node: { host: 'h', port: 1 }, nodepath: '' }]
  t.throws(() => makeLinkFile({ name: 'a', size: 1, owner: 'u', mtime: 2, copies }), TypeError)
  t.throws(() => makeLinkFile({ name: '', size: 1, owner: 'u', mtime: 2, copies: [] }), TypeError)
})

t.test('the nodes of a cluster', async (t) => {
  const text = '# nodes\nserver 192.168.0.2:210 cluster1:secret:pw\n\nserver x\nserver h:1 u:\n'
  const { nodes, unknown } = parseClusterConf(text)
  t.strictSame(unknown, [4])
  t.strictSame(nodes, [
    { host: '192.168.0.2', port: 210, user: 'cluster1', password: 'secret:pw' },
    { host: 'h', port: 1, user: 'u', password: '' },
  ])
  t.strictSame(parseClusterConf(formatClusterConf(nodes)).nodes, nodes)
  const [node] = nodes
  if (node === undefined) return
  for (const wrong of [{ user: 'a:b' }, { user: '' }, { password: 'a b' }, { user: 'a\n' }])
    t.throws(() => formatClusterConf([{ ...node, ...wrong }]), TypeError)
})

t.test('names of queue files', async (t) => {
  const table: readonly (readonly [string, string[]])[] = [
    ['x.q', ['store', 'replicate', 'remove']],
    ['store-1', ['store']],
    ['uploads-1', ['store']],
    ['replicator-1', ['replicate']],
    ['replicate-1', ['replicate']],
    ['remove-1', ['remove']],
    ['removed', []],
    ['.store-1', []],
    ['.x.q', []],
    ['x.q~', []],
  ]
  for (const [name, processors] of table) {
    const taken = (['store', 'replicate', 'remove'] as const).filter((each) =>
      isQueueFileName(name, each),
    )
    t.strictSame(taken, processors, name)
    t.equal(isQueueFileName(name), processors.length > 0, name)
  }
})

t.test('the time in the name of a queue file', async (t) => {
  const date = new Date(2003, 1, 10, 3, 39, 21)
  for (const name of ['store-030210-033921-c0de.q', 'a20030210-033921', 'x-20030210033921.q'])
    t.strictSame(dateInName(name), date, name)
  for (const name of ['store-1.q', 'x-030230-033921.q', 'x-030210-243921', '1030210-033921'])
    t.equal(dateInName(name), undefined, name)
  const made = makeQueueFileName('store', date)
  t.match(made, /^store-030210-033921-[0-9a-f]{4}\.q$/)
  t.strictSame(dateInName(made), date)
})

t.test('where a node keeps a copy', async (t) => {
  const mtime = 1044844761
  t.match(nodePath('rfc-0959.txt', mtime), /^61\/47\/0302(09|10)-\d{6}-rfc-0959\.txt$/)
  t.throws(() => nodePath('a/b', mtime), TypeError)
})
