import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { env } from 'node:process'
import t from 'tap'
import { decodeHeader } from '../../../lib/adapters/filespooler/header.js'
import type { Job } from '../../../lib/adapters/filespooler/job.js'
import { whyUnsafe } from '../../../lib/adapters/filespooler/screen.js'
import { FsqError } from '../../../lib/errors.js'
import { startProgram } from '../../helpers/cli.js'
import { FilespoolerCases } from '../../helpers/filespooler-cases.js'
import { bytesOf, vectors } from '../../helpers/filespooler-vectors.js'
import { noFspl } from '../../helpers/fspl.js'
import { numberFrom } from '../../helpers/number-from.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

/*
 * What `fspl stdin-info` says of a file, and what we say. FSQ_FUZZ_RUNS and FSQ_FUZZ_SEED choose how many
 * files, and which.
 */

const runs = numberFrom(env, 'FSQ_FUZZ_RUNS', 2000)
const seed = numberFrom(env, 'FSQ_FUZZ_SEED', 1)

/** So many run at a time. */
const groups = 4

/** Runs fspl on files; a process for each would cost more in Node.js than what is tested. */
const script = `
ulimit -c 0
cd "$1"
for file in *.fspl; do
  fspl stdin-info <"$file" >"$file.out" 2>"$file.err"
  echo $? >"$file.status"
done`

/** What fspl says: the lines that it prints, but for what depends on the time zone; or `panics`, `refuses`. */
async function saidByFspl(directory: string, files: readonly Buffer[]): Promise<string[]> {
  const pathOf = (index: number): string => `${directory}/${index % groups}/${index}.fspl`
  for (let group = 0; group < groups; group++) mkdirSync(`${directory}/${group}`)
  for (const [index, file] of files.entries()) writeFileSync(pathOf(index), file)
  const shells = Array.from({ length: groups }, async (_, group) => {
    const { status } = await startProgram('sh', ['-c', script, 'sh', `${directory}/${group}`]).ended
    if (status !== 0) throw new Error(`sh ended with ${String(status)}`)
  })
  await Promise.all(shells)
  return files.map((_, index) => {
    const status = readFileSync(`${pathOf(index)}.status`, 'latin1').trim()
    if (status === '1') return 'refuses'
    if (status !== '0') return 'panics'
    const lines = readFileSync(`${pathOf(index)}.out`, 'latin1').split('\n')
    return lines.filter((line) => !line.startsWith('FSPL_CTIME_RFC3339')).join('\n')
  })
}

/** The same of us. */
function saidByUs(file: Buffer): string {
  try {
    const { job } = decodeHeader(file)
    return whyUnsafe({ ...job, type: 'nop' }) === undefined ? linesOf(job) : 'panics'
  } catch (error) {
    if (!(error instanceof FsqError) || error.code !== 'FSQ_JOB') throw error
    return 'refuses'
  }
}

function linesOf(job: Job): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
  const { sequence, created } = job
  const lines = [
    `FSPL_SEQ=${String(sequence)}`,
    `FSPL_CTIME_SECS=${String(created.seconds)}`,
    `FSPL_CTIME_NANOS=${created.nanoseconds}`,
  ]
  if (job.type === 'command') {
    lines.push(...job.parameters.map((value, at) => `FSPL_PARAM_${at + 1}=${text(value)}`))
    lines.push(...job.environment.map(([name, value]) => `FSPL_SET_${text(name)}=${text(value)}`))
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** fspl dies of a length that it believes; that it cannot be a job's is what we say. */
function dies(file: Buffer): boolean {
  return file.length >= 30 && file.readBigUInt64BE(14) > 2n ** 32n
}

t.test(
  `fspl and we say the same of ${runs} files (FSQ_FUZZ_SEED=${seed})`,
  { skip: noFspl },
  async (t) => {
    const cases = new FilespoolerCases(seed)
    const files = [...vectors.map(bytesOf), ...Array.from({ length: runs }, () => cases.next())]
    const theirs = await saidByFspl(temporaryDirectory(t), files)
    const counts = { read: 0, refused: 0, panicked: 0, died: 0 }
    for (const [index, file] of files.entries()) {
      const [fspl, we] = [theirs[index] ?? '', saidByUs(file)]
      if (fspl === 'panics' && dies(file)) {
        counts.died++
        t.equal(we, 'refuses', file.toString('hex'))
        continue
      }
      if (fspl === 'refuses') counts.refused++
      else if (fspl === 'panics') counts.panicked++
      else counts.read++
      if (we !== fspl)
        t.equal(we, fspl, `file ${index}: ${file.subarray(30).toString('hex').slice(0, 2000)}`)
    }
    t.comment(JSON.stringify(counts))
    t.ok(counts.read > runs / 4, 'many files can be read')
    t.ok(counts.refused > runs / 4, 'many cannot')
    t.ok(counts.panicked > 0 && counts.died > 0, 'and some are poison')
  },
)
