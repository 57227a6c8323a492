import { type Job } from './job.js'
import { jobTypes } from './queue-file-name.js'
import { wordsOf } from './words.js'

/**
 * Which jobs a word means, as the program `queue` of an ftpcluster takes it: those of that type, `.` for all.
 * `remove` and `delete` are the same; another word means lines that begin with it, and `opaque` all that are
 * no job that we know.
 */
export function choosesJobs(word: string): (job: Job) => boolean {
  if (word === '.') return () => true
  const type = word === 'delete' ? 'remove' : word
  if (type === 'opaque' || jobTypes.some((each) => each === type)) return (job) => job.type === type
  return ({ type, line }) => type === 'opaque' && wordsOf(line)[0]?.toString('latin1') === word
}

/** The types of the jobs that such a word may mean. */
export function typesOf(word: string): readonly Job['type'][] {
  if (word === '.') return [...jobTypes, 'opaque']
  const type = word === 'delete' ? 'remove' : word
  return [jobTypes.find((each) => each === type) ?? 'opaque']
}
