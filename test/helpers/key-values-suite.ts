import type { Test } from 'tap'
import type { KeyValues, WatchedEntries } from '../../lib/key-values.js'

/** Opens the same place for values once more, as another process would, until the test ends. */
export type OpenKeyValues = () => Promise<KeyValues>

/** Keys that somebody may choose. */
export const oddKeys: readonly string[] = [
  'volume/A00001',
  'volume/A00001/',
  'volume/',
  'volume',
  'drive/../volume/A00001',
  '',
  '.',
  '..',
  '../../escape',
  '/etc/passwd',
  '//',
  '.hidden',
  '%',
  '%2F',
  '*',
  '>',
  'a.b',
  'a.>',
  'a..b',
  '.a.',
  ' ',
  '$SYS',
  '\n\r\t\x7f\x01',
  '-rf',
  '__proto__',
  'Bänder \u{1f4fc}',
  '\ufeff',
  'A',
  'a',
  '\ud800',
  '\udfff',
  'x'.repeat(255),
  '/'.repeat(255),
  `volume/${'%'.repeat(248)}`,
]

/** What holds of every place for values. */
export async function testKeyValues(
  t: Test,
  make: (t: Test) => Promise<OpenKeyValues>,
): Promise<void> {
  for (const volatile of [false, true])
    await t.test(volatile ? 'what may be lost' : 'what lasts', async (t) => {
      const open = await make(t)
      const ours = (await open()).entries<unknown>('things', { volatile })
      const theirs = (await open()).entries<unknown>('things', { volatile })

      await t.test('a value is created, replaced, and removed', async (t) => {
        t.equal(await ours.get('k'), undefined)
        t.equal(await ours.replace('k', 1, 1), undefined, 'there is nothing to replace')
        await ours.remove('k')
        const first = defined(await ours.create('k', { n: [1, null, 'ä'] }))
        t.strictSame(await theirs.get('k'), { value: { n: [1, null, 'ä'] }, revision: first })
        t.equal(await theirs.create('k', 2), undefined, 'there is one')
        const second = defined(await theirs.replace('k', 2, first))
        t.not(second, first)
        t.equal(await ours.replace('k', 3, first), undefined, 'somebody else was faster')
        t.strictSame(await ours.get('k'), { value: 2, revision: second })
        await ours.remove('k')
        t.equal(await theirs.get('k'), undefined)
        t.equal(await theirs.replace('k', 4, second), undefined, 'it is gone')
        const again = defined(await theirs.create('k', 5))
        t.equal(await ours.replace('k', 6, first), undefined, 'another is not taken for it')
        t.equal(await ours.replace('k', 6, second), undefined)
        t.strictSame(await ours.get('k'), { value: 5, revision: again })
        await ours.remove('k')
      })

      await t.test('every key is another', async (t) => {
        t.equal((await ours.list()).size, 0)
        const expected = new Map<string, unknown>()
        for (const [value, key] of oddKeys.entries()) {
          const revision = await ours.create(key, value)
          expected.set(key, { value, revision })
        }
        t.strictSame(byKey(await theirs.list()), byKey(expected))
        for (const [key, entry] of expected) t.strictSame(await theirs.get(key), entry)
        for (const key of oddKeys) await theirs.remove(key)
        t.equal((await ours.list()).size, 0)
      })

      await t.test('those of another name are others', async (t) => {
        const others = (await open()).entries<unknown>('things-2', { volatile })
        await ours.create('k', 1)
        t.equal(await others.get('k'), undefined)
        t.ok(await others.create('k', 2))
        t.strictSame(
          [...(await others.list()).values()].map(({ value }) => value),
          [2],
        )
        await others.remove('k')
        t.match(await ours.get('k'), { value: 1 })
        await ours.remove('k')
      })

      await t.test('one of many creates a value', async (t) => {
        const keys = Array.from({ length: 50 }, (_, index) => `volume/${index}`)
        const won = await Promise.all(
          keys.flatMap((key) => [ours.create(key, 'ours'), theirs.create(key, 'theirs')]),
        )
        t.equal(won.filter((revision) => revision !== undefined).length, keys.length)
        await Promise.all(keys.map(async (key) => ours.remove(key)))
      })

      await t.test('no replacement is lost', async (t) => {
        await ours.create('count', 0)
        const add = async (entries: WatchedEntries<unknown>): Promise<void> => {
          for (let added = 0; added < 10;) {
            const { value, revision } = defined(await entries.get('count'))
            if ((await entries.replace('count', Number(value) + 1, revision)) !== undefined) added++
          }
        }
        await Promise.all([add(ours), add(theirs), add(ours)])
        t.match(await ours.get('count'), { value: 30 })
        await ours.remove('count')
      })

      await t.test('who watches is told of each change', async (t) => {
        const revision = defined(await ours.create('volume/before', 1))
        const told = new Told()
        {
          using watch = theirs.watch(told.add, (error) => {
            throw error
          })
          t.ok(watch)
          await ours.create('k', 1)
          await told.of('k')
          t.notOk(told.has('volume/before'), 'what was there is not told')
          await ours.replace('volume/before', 2, revision)
          await told.of('volume/before')
          await ours.create('drive/D1', 1)
          await told.of('drive/D1')
          await ours.create('drive/D2', 1)
          await told.of('drive/D2')
          told.forget()
          await ours.remove('k')
          await told.of('k')
          await ours.create('/'.repeat(255), 1)
          await told.of('/'.repeat(255))
          told.forget()
        }
        await ours.remove('volume/before')
        await ours.remove('drive/D1')
        await ours.create('after', 1)
        t.equal((await theirs.list()).size, 3)
        t.notOk(told.any, 'whoever does not watch any more is told nothing')
      })

      await t.test('what is no key', async (t) => {
        for (const key of ['\0', 'x'.repeat(256), 7 as unknown as string]) {
          await t.rejects(ours.get(key), TypeError)
          await t.rejects(ours.create(key, 1), TypeError)
          await t.rejects(ours.replace(key, 1, 1), TypeError)
          await t.rejects(ours.remove(key), TypeError)
        }
        await t.rejects(ours.create('k', undefined), TypeError)
      })
    })

  await t.test('what is no name', async (t) => {
    const keyValues = await (await make(t))()
    for (const name of ['', '.', '..', 'a/b', 'a.b', 'a\0', 'ä', 'x'.repeat(65)]) {
      t.throws(() => keyValues.entries(name), TypeError)
      await t.rejects(keyValues.hold(name, 'S1'), TypeError)
    }
  })

  await t.test('what only one has', async (t) => {
    const open = await make(t)
    const [one, two] = [await open(), await open()]
    const first = defined(await one.hold('master', 'S1'))
    t.ok(first.isHeld())
    t.equal(await two.hold('master', 'S2'), undefined, 'another has it')
    t.equal(await one.hold('master', 'S1'), undefined, 'and has it once')
    const other = defined(await two.hold('other', 'S2'))
    t.ok(other.isHeld(), 'one of another name is another')
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    t.notOk(first.isHeld())
    const second = defined(await taken(two, 'S2'))
    t.ok(second.isHeld())
    t.ok(second.epoch > first.epoch, `${second.epoch} > ${first.epoch}`)
    await two[Symbol.asyncDispose]()
    t.notOk(second.isHeld(), 'what is closed holds nothing')
    const third = defined(await taken(one, 'S1'))
    t.ok(third.epoch > second.epoch, `${third.epoch} > ${second.epoch}`)
  })
}

/** Takes the hold as soon as who has given it up has done so. */
async function taken(keyValues: KeyValues, holder: string): ReturnType<KeyValues['hold']> {
  for (;;) {
    const hold = await keyValues.hold('master', holder)
    if (hold !== undefined) return hold
  }
}

/** What was told. */
class Told {
  readonly #keys: (string | undefined)[] = []
  #wake: () => void = () => undefined

  readonly add = (key: string | undefined): void => {
    this.#keys.push(key)
    this.#wake()
  }

  get any(): boolean {
    return this.#keys.length > 0
  }

  /** Whether it was told, or that one had better look at all. */
  has(key: string): boolean {
    return this.#keys.includes(key) || this.#keys.includes(undefined)
  }

  forget(): void {
    this.#keys.length = 0
  }

  async of(key: string): Promise<void> {
    while (!this.has(key))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    if (this.#keys.includes(undefined)) this.forget()
  }
}

function byKey<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1))
}

function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}
