import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Copy, isSameCopy } from '../../../lib/adapters/ftpcluster/link-file.js'
import { NamedCopies } from '../../../lib/adapters/ftpcluster/named-copies.js'
import { lastPart } from '../../../lib/adapters/ftpcluster/node-path.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

const node = { host: 'n1', port: 21 }
const copy: Copy = { node, nodepath: '61/47/V' }

const paths: readonly (readonly [one: string, other: string, isSame: boolean])[] = [
  ['61/47/V', '61/47/V', true],
  ['61/47/V', '61//47/V', true],
  ['61/47/V', './61/./47/V', true],
  ['61/47/V', '/61/47/V', true],
  ['61/47/V', '/srv/ftp/61/47/V', true],
  ['/61/47/V', '//61/47/./V', true],
  ['61/47/V', '61/47/W', false],
  ['61/47/V', '47/V', false],
  ['61/47/V', '/47/V', false],
  ['/61/47/V', '/47/V', false],
  ['47/V', '/61/147/V', false],
]

t.test('paths on a node are compared by what they may mean', async (t) => {
  for (const [one, other, isSame] of paths) {
    const [a, b] = [one, other].map((nodepath) => ({ node, nodepath }))
    if (a === undefined || b === undefined) return
    t.equal(isSameCopy(a, b), isSame, `${one} ${other}`)
    t.equal(isSameCopy(b, a), isSame, `${other} ${one}`)
    t.notOk(isSameCopy(a, { ...b, node: { ...node, port: 22 } }), 'on another node')
    if (isSame) t.equal(lastPart(one), lastPart(other), 'one is found by the other')
  }
})

function space(t: Test): { home: string; name: (file: string) => void; named: NamedCopies } {
  const home = temporaryDirectory(t)
  const name = (file: string): void => {
    writeFileSync(`${home}/${file}`, `${file} 1 ftp 1\nserver n1:21 61/47/V\n`)
  }
  return { home, name, named: new NamedCopies(home, () => undefined) }
}

t.test('all the files that name a copy are told', async (t) => {
  const { name, named } = space(t)
  for (const file of ['a', 'b', 'c']) name(file)
  t.strictSame(await named.find(copy, performance.now()), ['a', 'b', 'c'])
})

t.test('a file that names it since the others were read is told', async (t) => {
  const { name, named } = space(t)
  named.survey()
  name('late')
  t.strictSame(await named.find(copy, performance.now()), ['late'])
})

t.test('a file that has another name since it was read is told by that', async (t) => {
  const { home, name, named } = space(t)
  name('before')
  named.survey()
  mkdirSync(`${home}/below`)
  renameSync(`${home}/before`, `${home}/below/after`)
  t.strictSame(await named.find(copy, -1), ['below/after'])
})

t.test('who asks at a time has them read once', async (t) => {
  const { name, named } = space(t)
  const since = performance.now()
  const first = named.find(copy, since)
  const second = named.find(copy, since)
  t.strictSame(await first, [])
  name('late')
  t.strictSame(await second, [])
  t.strictSame(await named.find(copy, since), [], 'what was read after that is believed')
})
