import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { check, type Ended, program, startProgram } from '../../helpers/cli.js'
import {
  addJobs,
  numbersIn,
  queuesIn,
  type SourceAndQueues,
} from '../../helpers/filespooler-queues.js'
import { noFspl } from '../../helpers/fspl.js'

/*
 * The recipe of https://www.complete.org/parallel-processing-of-filespooler-queues/: an incoming queue, whose
 * jobs are linked into the queue of the processor that has none. With our program for fspl, and with that.
 */

const names = ['proc1', 'proc2'] as const

type Name = (typeof names)[number]

interface Place extends SourceAndQueues<typeof names> {
  /** Runs what stands in crontab for a processor. */
  readonly run: (name: Name) => Promise<Ended>
  /** Which jobs were done, and by whom. */
  readonly done: () => string[]
}

/** @param most - flags for the command that takes jobs out of the incoming queue */
async function prepare(t: Test, isOurs: boolean, most: string): Promise<Place> {
  const queues = await queuesIn(t, ...names)
  const { directory, source } = queues
  const script = (path: string, text: string): void => {
    writeFileSync(`${directory}/${path}`, text, { mode: 0o755 })
  }
  mkdirSync(`${directory}/bin`)
  if (isOurs) script('bin/fspl', `#!/bin/sh\nexec ${process.execPath} ${program} fspl "$@"\n`)
  script(
    'take.sh',
    `#!/bin/bash
set -euo pipefail
ln "$FSPL_JOB_FULLPATH" "$1/jobs/$FSPL_JOB_FILENAME"
cat >/dev/null
`,
  )
  script('work.sh', `#!/bin/sh\nread -r number\necho "$number $1" >>${directory}/done\n`)
  for (const name of names)
    script(
      `${name}.sh`,
      `#!/bin/bash
set -euo pipefail
queue=${directory}/${name}
if ! fspl queue-ls -q "$queue" | grep -q fspl-; then
  fspl queue-process -q ${source.directory} ${most} ${directory}/take.sh -- "$queue"
fi
fspl queue-process --order-by=Timestamp -q "$queue" ${directory}/work.sh -- ${name}
`,
    )
  return {
    ...queues,
    run: async (name) =>
      startProgram('bash', [`${directory}/${name}.sh`], {
        env: { PATH: `${directory}/bin:${process.env['PATH'] ?? ''}` },
      }).ended,
    done: () => readFileSync(`${directory}/done`, 'utf8').split('\n').filter(Boolean),
  }
}

for (const [name, { isOurs, skip }] of Object.entries({
  'fsq fspl': { isOurs: true, skip: false as const },
  fspl: { isOurs: false, skip: noFspl },
})) {
  t.test(`with ${name}, one processor alone does all jobs, in order`, { skip }, async (t) => {
    const { source, run, done } = await prepare(t, isOurs, '')
    await addJobs(source, 1, 2, 3, 5)
    check(t, await run('proc1'), { stderr: /^$|job 4 is missing/ })
    t.strictSame(done(), ['1 proc1', '2 proc1', '3 proc1'])
    t.strictSame(await numbersIn(source), [5], 'up to a gap')
  })

  t.test(`with ${name} and -n 1, two processors share the jobs`, { skip }, async (t) => {
    const { source, run, done } = await prepare(t, isOurs, '-n 1')
    const all = [1, 2, 3, 4]
    await addJobs(source, ...all)
    for (let round = 0; round < 30 && (await numbersIn(source)).length > 0; round++)
      // Either may find that the other has the incoming queue, and end with 1.
      await Promise.all(names.map(run))
    await Promise.all(names.map(run))
    const numbers = done().map((line) => parseInt(line, 10))
    t.strictSame(numbers.sort(), all, 'each is done, and none twice')
  })
}
