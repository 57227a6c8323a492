import { readFileSync } from 'node:fs'

/** A file for /etc/cron.d. */
export interface Crontab {
  readonly variables: Readonly<Record<string, string>>
  readonly jobs: readonly CronJob[]
}

export interface CronJob {
  /** Minute, hour, day, month, weekday. */
  readonly when: readonly string[]
  readonly user: string
  /** For a shell. */
  readonly command: string
}

/** One field of a time: star, list, range, step. */
const field = /^(\*|\d+(-\d+)?)(\/\d+)?(,(\d+(-\d+)?)(\/\d+)?)*$/

/** Reads such a file as crontab(5) has it; throws where cron(8) would refuse it, or take it amiss. */
export function readCrontab(path: string): Crontab {
  const text = readFileSync(path, 'utf8')
  if (!text.endsWith('\n')) throw new Error('cron passes over a last line without a line break')
  const variables: Record<string, string> = {}
  const jobs: CronJob[] = []
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, value = ''] = /^([A-Z_]+)\s*=\s*(.*)$/.exec(line) ?? []
    if (name !== undefined) {
      variables[name] = value
      continue
    }
    const [, times = '', user = '', command = ''] =
      /^((?:\S+\s+){5})(\S+)\s+(\S.*)$/.exec(line) ?? []
    const when = times.trim().split(/\s+/)
    if (when.length !== 5 || !when.every((each) => field.test(each)))
      throw new Error(`no time: ${line}`)
    if (/(^|[^\\])%/.test(command)) throw new Error(`% is a line break to cron: ${line}`)
    jobs.push({ when, user, command })
  }
  return { variables, jobs }
}
