// The package without @opentelemetry/api, and with one that tells when it is loaded. What is run is a copy
// of the built package: elsewhere, so that it finds no more packages than its dependencies.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { copySync } from 'fs-extra/esm'
import t, { type Test } from 'tap'
import { check, type Ended, startProgram } from '../helpers/cli.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const top = fileURLToPath(new URL('../..', import.meta.url))
const { dependencies, optionalDependencies } = JSON.parse(
  readFileSync(`${top}package.json`, 'utf8'),
) as Record<string, Record<string, string>>

/** Runs a module of an application that has installed fsq. */
function application(t: Test): { directory: string; run: (module: string) => Promise<Ended> } {
  const directory = temporaryDirectory(t)
  const packages = `${directory}/node_modules`
  mkdirSync(`${packages}/fsq`, { recursive: true })
  for (const part of ['package.json', 'dist']) copySync(`${top}${part}`, `${packages}/fsq/${part}`)
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    mkdirSync(dirname(`${packages}/${name}`), { recursive: true })
    symlinkSync(`${top}node_modules/${name}`, `${packages}/${name}`)
  }
  return {
    directory,
    async run(module) {
      writeFileSync(`${directory}/application.mjs`, module)
      return startProgram(process.execPath, [`${directory}/application.mjs`]).ended
    },
  }
}

t.test('without @opentelemetry/api the import says what to install', async (t) => {
  const { run } = application(t)
  const module = `
    import { FsqError } from 'fsq'
    const error = await import('fsq/opentelemetry').catch((error) => error)
    console.log(error instanceof FsqError, error.code)
    console.log(error.message)
    console.log(error.cause.code)`
  check(t, await run(module), {
    stdout:
      'true FSQ_UNSUPPORTED\n' +
      'fsq/opentelemetry needs the package @opentelemetry/api, which cannot be loaded: ' +
      'npm install @opentelemetry/api\n' +
      'MODULE_NOT_FOUND\n',
  })
})

t.test('fsq itself never loads it', async (t) => {
  const { directory, run } = application(t)
  const api = `${directory}/node_modules/@opentelemetry/api`
  mkdirSync(api, { recursive: true })
  writeFileSync(`${api}/index.js`, "console.log('loaded')")
  const uses = `
    import { openRoot } from 'fsq'
    const queue = await openRoot({ root: '${directory}/root' }).install('q')
    await queue.enqueue('')
    let ended
    const done = new Promise((resolve) => (ended = resolve))
    const worker = queue.work(() => undefined, { onEvent: ({ type }) => type === 'done' && ended() })
    await done
    await worker.stop()`
  check(t, await run(uses))
  check(t, await run("import 'fsq/opentelemetry'"), { stdout: 'loaded\n' }, 'but this does')
})
