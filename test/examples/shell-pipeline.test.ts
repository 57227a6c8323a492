import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { check, type Ended, place, startProgram } from '../helpers/cli.js'
import { entriesOf } from '../helpers/temporary.js'

const pipeline = fileURLToPath(
  new URL('../../examples/shell-pipeline/pipeline.sh', import.meta.url),
)

interface Site {
  readonly archive: string
  readonly root: Awaited<ReturnType<typeof place>>['root']
  /** Runs the pipeline on files with these names, whose contents are their names. */
  readonly run: (...names: string[]) => Promise<Ended>
  readonly script: (name: string, text: string) => string
}

async function site(t: Test): Promise<Site> {
  const { directory, env, root, script } = await place(t)
  const archive = `${directory}/archive`
  return {
    archive,
    root,
    script,
    run: (...names) => {
      for (const name of names) writeFileSync(`${directory}/${name}`, name)
      const options = { env: { ...env, ARCHIVE: archive }, cwd: directory }
      return startProgram('sh', [pipeline, ...names], options).ended
    },
  }
}

/** What the archive has to be like, once these are in it. */
function checkArchive(t: Test, archive: string, names: readonly string[]): void {
  t.strictSame(
    entriesOf(archive).filter((name) => !name.startsWith('.')),
    [...names.map((name) => `${name}.gz`), 'SHA256SUMS'].sort(),
  )
  const sums = readFileSync(`${archive}/SHA256SUMS`, 'utf8').trim().split('\n').sort()
  const expected = names.map((name) => {
    const bytes = readFileSync(`${archive}/${name}.gz`)
    t.equal(gunzipSync(bytes).toString(), name)
    return `${createHash('sha256').update(bytes).digest('hex')}  ${name}.gz`
  })
  t.strictSame(sums, expected.sort())
}

t.test('each file goes through both steps', async (t) => {
  const { run, archive, root } = await site(t)
  check(t, await run('one.csv', 'two.csv'))
  check(t, await run('two.csv', 'three.csv'))
  checkArchive(t, archive, ['one.csv', 'three.csv', 'two.csv'])
  t.equal(entriesOf(root.queue('compress').context.paths.done).length, 4)
  t.strictSame(entriesOf(root.queue('check').context.paths.queue), [])
})

t.test('what a crash left between the steps is gone on with', async (t) => {
  const { run, archive, root, script } = await site(t)
  check(t, await run())
  const compress = root.queue('compress')
  await compress.enqueue('one.csv', ['one.csv'])
  // Killed when the next step has been told and this one is not finished: it is done twice.
  const step = fileURLToPath(new URL('../../examples/shell-pipeline/compress.sh', import.meta.url))
  const killed = script('killed', `ARCHIVE=${archive} sh ${step} "$1"; kill -9 $PPID`)
  const words = ['scan', 'compress', killed]
  const env = {
    FSQ_ROOT: root.settings.root,
    PATH: `${archive}/../bin:${process.env['PATH'] ?? ''}`,
  }
  t.equal((await startProgram('fsq', words, { env }).ended).status, 'SIGKILL')
  t.equal(entriesOf(compress.context.paths.queue).length, 1)
  check(t, await run())
  checkArchive(t, archive, ['one.csv'])
  t.equal(entriesOf(root.queue('check').context.paths.done).length, 2)
})

t.test('an archive that is damaged before it is checked fails, with its name', async (t) => {
  const { run, archive, root } = await site(t)
  check(t, await run('one.csv'))
  writeFileSync(`${archive}/bad.gz`, 'no gzip')
  const id = await root.queue('check').enqueue('', ['bad.gz'])
  const { stderr } = await run()
  t.match(stderr, `${id}: failed permanently`)
  t.strictSame(entriesOf(root.queue('check').context.paths.fail), [id])
  rmSync(`${archive}/bad.gz`)
  checkArchive(t, archive, ['one.csv'])
})
