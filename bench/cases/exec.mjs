// A program for each item: `fsq scan q /bin/true`.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { filledQueue, fsq } from '../place.mjs'
import { race } from '../race.mjs'
import { rate } from './measure.mjs'

export const truth = existsSync('/bin/true') ? '/bin/true' : '/usr/bin/true'

export function execCases({ place, floor, amount, reference }) {
  const count = amount(200)
  const scan = async (...command) => {
    const queue = await filledQueue(place, count, 1024)
    const begin = performance.now()
    const [file, ...words] = [...command, 'scan', queue.name, truth]
    execFileSync(file, words, { env: { ...process.env, FSQ_ROOT: place.root.settings.root } })
    return { rate: (count / (performance.now() - begin)) * 1000 }
  }
  return {
    name: 'a program for each item',
    about:
      'The whole process, start-up included; one program at a time. Floor: the C of claim and done with ' +
      'posix_spawn(3) and waitpid(2) in between, done/ synced. The Python fsq syncs nothing when it ' +
      'finishes an item.',
    cases: [
      {
        name: 'fsq scan q /bin/true',
        variants: {
          fsq: () => scan(process.execPath, fsq),
          floor: async () => {
            const { path } = await filledQueue(place, count, 1024)
            return rate(await race([floor.command('finish', path, count, 'full', 1, truth)]))
          },
          ...(reference === undefined ? {} : { 'Python fsq': () => scan(reference) }),
        },
      },
    ],
  }
}
