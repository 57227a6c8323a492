// Each command as a whole process, beside one that starts Node.js and does nothing.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { fsq } from '../place.mjs'
import { median } from '../statistics.mjs'
import { truth } from './exec.mjs'

export function startUpCases({ place, options }) {
  const times = Math.ceil(Math.min(1, options.scale) * 7)
  const { root } = place.root.settings
  let made = 0

  /** The words of a command, each time on a queue in which it has something to do. */
  const commands = {
    '--version': async () => ['--version'],
    install: async () => ['install', `installed-${made++}`],
    'enqueue -e': async () => ['enqueue', '-e', (await place.newQueue()).name, 'x'],
    scan: async () => ['scan', (await queueOfOne()).name, truth],
    work: async () => ['work', (await queueOfOne()).name, '--', '/bin/sh', '-c', 'kill $PPID'],
    ls: async () => ['ls', (await queueOfOne()).name],
    'ls -l': async () => ['ls', '-l', (await queueOfOne()).name],
    done: async () => byName('done'),
    fail: async () => byName('fail'),
    retry: async () => byName('retry'),
    requeue: async () => ['requeue', '--all', (await queueOfOneFailed()).name],
    mv: async () => ['mv', '--all', (await queueOfOne()).name, (await place.newQueue()).name],
    disperse: async () => ['disperse', (await queueOfOne()).name, (await place.newQueue()).name],
    push: async () => [
      'push',
      '--all',
      'http://127.0.0.1/',
      (await place.newQueue()).name,
      'q',
      '-',
    ],
    show: async () => byName('show'),
    path: async () => ['path', (await place.newQueue()).name],
    stat: async () => ['stat', (await queueOfOne()).name],
    top: async () => ['top', (await queueOfOne()).name],
    prune: async () => ['prune', '--older', '1d', (await queueOfOne()).name],
    audit: async () => ['audit', (await queueOfOne()).name],
    repair: async () => ['repair', '--older', '0s', (await queueOfOneCut()).name],
    down: async () => ['down', (await place.newQueue()).name],
    up: async () => ['up', (await place.newQueue()).name],
    trigger: async () => ['trigger', (await place.newQueue()).name],
    untrigger: async () => ['untrigger', (await place.newQueue({ triggered: true })).name],
    'trigger-pull': async () => [
      'trigger-pull',
      '-i',
      (await place.newQueue({ triggered: true })).name,
    ],
    'add-host': async () => ['add-host', 'h', (await place.newQueue()).name],
    'rm-host': async () => ['rm-host', 'h', (await place.newQueue({ hosts: ['h'] })).name],
    'down-host': async () => ['down-host', 'h', (await place.newQueue({ hosts: ['h'] })).name],
    'up-host': async () => ['up-host', 'h', (await place.newQueue({ hosts: ['h'] })).name],
    'host-dist': async () => ['host-dist', (await queueOfOneWithHost()).name],
    jsonrpcd: async () => ['jsonrpcd', '-h'], // Which loads what it serves with.
    nats: async () => ['nats', 'status', '-h'], // The clients are loaded only to connect.
    nxqueue: async () => ['nxqueue', 'check', '--schema'], // What reads YAML is loaded only to read.
    ftpcluster: async () => ['ftpcluster', 'queue', '--home', cluster(), '.'],
    filespooler: async () => ['filespooler', 'prepare', '-s', '-'],
    completion: async () => ['completion', 'bash'],
    uninstall: async () => ['uninstall', (await place.newQueue()).name],
  }

  /** The home of an ftpcluster in which there is nothing. */
  function cluster() {
    const home = mkdtempSync(`${root}/.cluster-`)
    mkdirSync(`${home}/.queue`)
    return home
  }

  async function queueOfOneWithHost() {
    const queue = await place.newQueue({ hosts: ['h'] })
    await queue.enqueue('', ['x'])
    return queue
  }

  async function queueOfOne() {
    const queue = await place.newQueue()
    await queue.enqueue('', ['x'])
    return queue
  }

  /** With what an enqueue that was killed leaves. */
  async function queueOfOneCut() {
    const queue = await queueOfOne()
    writeFileSync(`${queue.path}/tmp/cut`, '')
    return queue
  }

  async function queueOfOneFailed() {
    const queue = await queueOfOne()
    for await (const item of queue.scan()) await item.failPerm()
    return queue
  }

  async function byName(command) {
    const queue = await place.newQueue()
    return [command, queue.name, await queue.enqueue('', ['x'])]
  }

  const time = async (wordsOf) => {
    const all = []
    for (let i = 0; i < times; i++) {
      const words = await wordsOf()
      const begin = performance.now()
      const { status, stderr } = spawnSync(process.execPath, words, {
        env: { ...process.env, FSQ_ROOT: root },
      })
      all.push(performance.now() - begin)
      if (status !== 0) throw new Error(`node ${words.join(' ')} exited with ${status}: ${stderr}`)
    }
    return { time: median(all) }
  }
  const nothing = () => time(async () => ['-e', '0'])
  return {
    name: 'start-up',
    about: 'The whole process, from spawn to exit. Floor: `node -e 0`.',
    metrics: [{ key: 'time', unit: 'ms' }],
    cases: Object.entries(commands).map(([name, words]) => ({
      name: `fsq ${name}`,
      variants: { fsq: () => time(async () => [fsq, ...(await words())]), floor: nothing },
    })),
  }
}
