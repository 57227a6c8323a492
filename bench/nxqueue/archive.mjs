// A tape archive, and what happens to it in some days: all of it is decided by the seed before the first job is
// launched, so that each scheduler has the same to do.
import { chances } from './random.mjs'

const [GB, TB] = [1e9, 1e12]
export const hour = 3600
export const day = 24 * hour

/** What an archive is made of, unless told otherwise. */
export const defaults = { days: 1, seed: 1, machines: 160, drives: 12, volumes: 240 }

const [changers, groups, servers] = [3, 10, 12]
const names = (letter, count) => Array.from({ length: count }, (_, at) => `${letter}${at + 1}`)

/** The inventory, the jobs and the mishaps; times are seconds from the beginning. */
export function makeArchive(options) {
  const inventory = makeInventory(options)
  return { inventory, jobs: makeJobs(options, inventory), mishaps: makeMishaps(options, inventory) }
}

/** Most drives are of the newer type, which reads tapes of the older, too. */
function makeInventory({ seed, drives, volumes }) {
  const { whole, between, any, is } = chances(seed)
  const generationOf = (at) => (Math.floor(at / changers) % 3 === 2 ? 7 : 8)
  return {
    servers: names('server', servers).map((name) => ({ name, slots: 4 })),
    drives: names('drive', drives).map((name, at) => ({
      name,
      changer: `changer${(at % changers) + 1}`,
      type: `LTO-${generationOf(at)}`,
      reads: generationOf(at) === 7 ? [7] : [7, 8],
      writes: [generationOf(at)],
      servers: names('server', 4).map((_, number) => `server${((at + 3 * number) % servers) + 1}`),
      enabled: true,
    })),
    volumes: names('tape', volumes).map((name, at) => ({
      name,
      state: is(0.25) ? 2 : 1,
      changer: `changer${whole(changers) + 1}`,
      slot: at + 1,
      group: `group${whole(groups) + 1}`,
      generation: any([7, 8, 8]),
      capacity: 12 * TB,
      used: (is(0.8) ? between(11.5, 12) : between(0, 12)) * TB,
      mounted: undefined,
      servers: undefined,
      jobs: 1,
    })),
    groups: names('group', groups).map((name) => ({ name, description: undefined })),
  }
}

/** Each night all machines are archived; by day, some of them again, and people want files back. */
function makeJobs(options, { volumes }) {
  const { seed, days, machines } = options
  const { any, whole, between, skewed, is } = chances(seed + 1)
  const popular = volumes.filter(() => is(0.1))
  const jobs = []
  const add = (date, what, of) =>
    jobs.push({ what, date, group: undefined, volume: undefined, media: undefined, ...of })
  for (let begin = 0; begin < days * day; begin += day) {
    const at = (from, to) => begin + between(from, to) * hour
    const many = (count, make) => Array.from({ length: Math.round(count) }, (_, n) => make(n))
    const archive = (machine, bytes) => ({
      kind: 'archive',
      group: `group${(machine % groups) + 1}`,
      bytes,
    })
    many(machines * 4, (number) =>
      add(at(0, 4), 'archive, by night', { ...archive(number, skewed(100 * GB, 1)), priority: 3 }),
    )
    many(machines * 2, () =>
      add(at(6, 22), 'archive, by day', {
        ...archive(whole(machines), skewed(100 * GB, 1)),
        priority: 4,
      }),
    )
    many(machines / 20, () =>
      add(at(5, 15), 'archive of terabytes', {
        ...archive(whole(machines), between(2, 4) * TB),
        media: 'LTO-8',
        priority: 4,
      }),
    )
    many(machines * 1.5, () => {
      const volume = any(is(0.5) ? popular : volumes).name
      add(at(8, 18), 'restore', { kind: 'restore', volume, bytes: skewed(10 * GB, 1), priority: 7 })
    })
    many(machines / 3, () => add(at(0, 24), 'other', { kind: 'other', bytes: 0, priority: 5 }))
  }
  jobs.sort((a, b) => a.date - b.date)
  return jobs.map((job, at) => ({ ...job, date: Math.floor(job.date), number: at }))
}

/** Each drive fails every fourth day, for hours; every server is gone for an hour once in ten days. */
function makeMishaps({ seed, days }, { drives, servers }) {
  const { gap, between } = chances(seed + 2)
  const of = (what, names, every, least, most) =>
    names.flatMap(({ name }) => {
      const all = []
      for (let at = gap(1 / every); at < days * day; at += gap(1 / every)) {
        const back = at + between(least, most)
        all.push({ what, name, date: Math.floor(at), back: Math.floor(back) })
        at = back
      }
      return all
    })
  return [
    ...of('drive', drives, 4 * day, 2 * hour, 6 * hour),
    ...of('server', servers, 10 * day, hour, hour),
  ]
}
