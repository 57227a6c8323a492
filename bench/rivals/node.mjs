// The programs of rivals that are npm packages, and a Node.js that is new enough for them.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { race } from '../race.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** What installs the packages, and with them a Node.js. */
export const install = 'npm ci --prefix bench/rivals'

/** The first of those there are that is at least 22.18. */
export function findNode({ node24 }) {
  const candidates = [node24, process.execPath, here('node_modules/node/bin/node')]
  const found = candidates.find((file) => file !== undefined && isNewEnough(file))
  if (found === undefined) throw new Error('there is no Node.js 22.18 or later')
  return found
}

function isNewEnough(file) {
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(stdout ?? '') ?? []
  return Number(major) > 22 || (Number(major) === 22 && Number(minor) >= 18)
}

export function checkPackage(name) {
  if (!existsSync(here(`node_modules/${name}/package.json`))) {
    throw new Error(`the npm package ${name} is not installed`)
  }
}

/** A session whose program of rivals/programs does all the work. */
export function programSession(node, program, common) {
  const run = (task) =>
    race([[node, here(`programs/${program}.mjs`), JSON.stringify({ ...common, ...task })]], {
      env: { NODE_NO_WARNINGS: '1' },
    })
  return {
    enqueue: (queue, count, many) => run({ queue, count, many, work: false }),
    work: (queue, count, many) => run({ queue, count, many, work: true }),
  }
}
