import { mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Copy, isSameCopy } from '../../../lib/adapters/ftpcluster/link-file.js'
import { NamedCopies } from '../../../lib/adapters/ftpcluster/named-copies.js'
import { lastPart } from '../../../lib/adapters/ftpcluster/node-path.js'
import { nextTurn } from '../../../lib/turn.js'
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
  return { home, name, named: new NamedCopies(home) }
}

t.test('all the files that name a copy are told', async (t) => {
  const { name, named } = space(t)
  for (const file of ['a', 'b', 'c']) name(file)
  t.strictSame(await named.find(copy, performance.now()), ['a', 'b', 'c'])
})

t.test('a file that names it since the others were read is told', async (t) => {
  const { name, named } = space(t)
  await named.survey()
  name('late')
  t.strictSame(await named.find(copy, performance.now()), ['late'])
})

t.test('a file that has another name since it was read is told by that', async (t) => {
  const { home, name, named } = space(t)
  name('before')
  await named.survey()
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

/** Files that are no link files: it takes some turns of the event loop to read them. */
function many(home: string): void {
  for (let i = 0; i < 3000; i++) writeFileSync(`${home}/a${i}`, 'x')
}

t.test('who reads them lets others have their turn', async (t) => {
  const { home, named } = space(t)
  many(home)
  let turns = 0
  const reading = named.survey().finally(() => (turns = -turns))
  while (turns >= 0) {
    turns++
    await nextTurn()
  }
  await reading
  t.ok(turns < -4, `${-turns} turns`)
})

t.test('what a node has is counted once, whenever its link file comes or goes', async (t) => {
  const { home, name, named } = space(t)
  many(home)
  for (const file of ['z1', 'z2']) name(file)
  const [other, empty] = ['W', 'E'].map((last) => ({ node, nodepath: `61/47/${last}` }))
  if (other === undefined || empty === undefined) return
  const reading = named.survey()
  await nextTurn()
  await nextTurn()
  named.add(copy, 'z1', 1) // That file is read later.
  named.add(other, 'of somebody else', 5)
  await reading
  t.strictSame(named.useOf(node), { files: 3, used: 7 })
  named.add(empty, 'empty', 0)
  named.add(empty, 'empty', 0)
  t.strictSame(named.useOf(node), { files: 4, used: 7 })
  named.remove(empty, 'empty')
  named.remove(other, 'of somebody else')
  named.remove(other, 'of somebody else')
  t.strictSame(named.useOf(node), { files: 2, used: 2 })
  unlinkSync(`${home}/z2`)
  t.strictSame(await named.find(copy, performance.now()), ['z1'])
  t.strictSame(named.useOf(node), { files: 1, used: 1 })
})

t.test('the reading ends with the signal', async (t) => {
  const { home } = space(t)
  many(home)
  await t.rejects(new NamedCopies(home, AbortSignal.abort()).survey(), { name: 'AbortError' })
})
