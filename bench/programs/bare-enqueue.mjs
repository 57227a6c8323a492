// { path, count, size, settings }: what the floor does for each item, by fs.*Sync of Node.js in a plain
// loop: what is above that is fsq, and what is below is Node.js.
import fs from 'node:fs'
import { measured, practised, task } from './gate.mjs'

const { path, count, size, settings = {} } = task
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = fs.constants
const lasts = settings.durability !== 'none'
const body = Buffer.alloc(size, 'x')
let entropy = 0

function enqueue(directory) {
  const name = `_${timestamp()}_${entropy++}_${process.pid}_bare_0_bench`
  const draft = `${directory}/tmp/${name}`
  const ready = `${directory}/queue`
  const fd = fs.openSync(draft, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o640)
  fs.fchmodSync(fd, 0o640)
  fs.writeSync(fd, body, 0, size)
  if (lasts) {
    fs.fstatSync(fd)
    fs.fsyncSync(fd)
  }
  const parent = lasts ? fs.openSync(ready, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : undefined
  fs.linkSync(draft, `${ready}/${name}`)
  if (parent !== undefined) {
    if (fs.fstatSync(parent).ino !== fs.lstatSync(ready).ino) throw new Error('it was moved away')
    fs.fsyncSync(parent)
    fs.closeSync(parent)
  }
  fs.closeSync(fd)
  fs.unlinkSync(draft)
}

function timestamp() {
  return new Date()
    .toISOString()
    .replace(/[^0-9]/g, '')
    .slice(0, 14)
}

for (let i = 0; i < practised; i++) enqueue(task.practice)
await measured(async () => {
  for (let i = 0; i < count; i++) enqueue(path)
  return { count }
})
