// What the figures depend on: machine, kernel, file system, versions.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, realpathSync, statfsSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { basename } from 'node:path'
import { natsVersion } from './nats.mjs'
import { median } from './statistics.mjs'

/** The lines that stand above every table. */
export function describeMachine(directory, { compiler, missing }) {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    fsq: revision(),
    processor: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `${process.platform} ${release()}`,
    'file system': fileSystem(directory),
    'Node.js': process.version,
    'compiler of the floor': compiler ?? missing,
    NATS: natsVersion() ?? 'no server',
  }
}

function output(command, words) {
  const { status, stdout } = spawnSync(command, words, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

function revision() {
  const here = new URL('.', import.meta.url).pathname
  return output('git', ['-C', here, 'describe', '--always', '--dirty']) ?? 'not from a repository'
}

function fileSystem(directory) {
  const found = output('findmnt', ['-n', '-o', 'SOURCE,FSTYPE,OPTIONS', '-T', directory])
  if (found === undefined) return output('stat', ['-f', '-c', '%T', directory]) ?? 'unknown'
  const [source = '', type = '', options = ''] = found.split(/\s+/)
  return [type, options, ...journal(source, type)].join(', ')
}

/** Whether ext4 has a journal decides what a sync costs. */
function journal(source, type) {
  if (!/^ext[34]$/.test(type)) return []
  try {
    const device = basename(realpathSync(source))
    const thread = readFileSync(`/sys/fs/ext4/${device}/journal_task`, 'utf8').trim()
    return [thread === '<none>' ? 'without a journal' : 'with a journal']
  } catch {
    return ['whether with a journal cannot be told']
  }
}

/** How many bytes and files the file system has room for. */
export function room(directory) {
  const { bavail, bsize, ffree } = statfsSync(directory)
  return { bytes: bavail * bsize, files: ffree }
}

/** What it takes to make an empty file in the directory, unsynced, in microseconds: the median. */
export function timeToMakeFile(directory) {
  const times = Array.from({ length: 501 }, (_, number) => {
    const begin = performance.now()
    closeSync(openSync(`${directory}/made-${number}`, 'wx'))
    return (performance.now() - begin) * 1000
  })
  return median(times)
}
