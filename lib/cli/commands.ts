import type { CommandEntry } from './command-group.js'

/** The commands, in the order in which they are listed. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  install: {
    summary: 'make queues',
    load: () => import('./commands/install.js'),
  },
  uninstall: {
    summary: 'remove queues',
    load: () => import('./commands/uninstall.js'),
  },
  enqueue: {
    summary: 'put an item into a queue',
    load: () => import('./commands/enqueue.js'),
  },
  scan: {
    summary: 'run a program for each item of a queue',
    load: () => import('./commands/scan.js'),
  },
  work: {
    summary: 'run a program for each item as it arrives',
    load: () => import('./commands/work.js'),
  },
  done: {
    summary: 'move items to done/',
    load: () => import('./commands/done.js'),
  },
  fail: {
    summary: 'move items to fail/',
    load: () => import('./commands/fail.js'),
  },
  retry: {
    summary: 'spend a try of items, which fail after the last',
    load: () => import('./commands/retry.js'),
  },
  requeue: {
    summary: 'put items that failed back into the queue',
    load: () => import('./commands/requeue.js'),
  },
  mv: {
    summary: 'move items that wait to another queue',
    load: () => import('./commands/mv.js'),
  },
  disperse: {
    summary: 'spread the items of a queue over several others',
    load: () => import('./commands/disperse.js'),
  },
  push: {
    summary: 'send items to a queue on another machine',
    load: () => import('./commands/push.js'),
  },
  ls: {
    summary: 'list queues, or the items of a queue',
    load: () => import('./commands/ls.js'),
  },
  show: {
    summary: 'tell all that is known of an item',
    load: () => import('./commands/show.js'),
  },
  path: {
    summary: 'print the path of a queue or an item',
    load: () => import('./commands/path.js'),
  },
  stat: {
    summary: 'count the items of queues, and tell how they go',
    load: () => import('./commands/stat.js'),
  },
  top: {
    summary: 'watch queues and their failures on a terminal',
    load: () => import('./commands/top.js'),
  },
  prune: {
    summary: 'remove what was finished long ago',
    load: () => import('./commands/prune.js'),
  },
  audit: {
    summary: 'report what crashes left in a queue',
    load: () => import('./commands/audit.js'),
  },
  repair: {
    summary: 'mend what is safe to mend',
    load: () => import('./commands/repair.js'),
  },
  down: {
    summary: 'keep queues from being scanned',
    load: () => import('./commands/down.js'),
  },
  up: {
    summary: 'let queues be scanned again',
    load: () => import('./commands/up.js'),
  },
  trigger: {
    summary: 'make the trigger FIFO of queues',
    load: () => import('./commands/trigger.js'),
  },
  untrigger: {
    summary: 'remove the trigger FIFO of queues',
    load: () => import('./commands/untrigger.js'),
  },
  'trigger-pull': {
    summary: 'wake who listens to the trigger of queues',
    load: () => import('./commands/trigger-pull.js'),
  },
  'add-host': {
    summary: 'make host queues',
    load: () => import('./commands/add-host.js'),
  },
  'rm-host': {
    summary: 'remove host queues',
    load: () => import('./commands/rm-host.js'),
  },
  'down-host': {
    summary: 'keep host queues from being scanned',
    load: () => import('./commands/down-host.js'),
  },
  'up-host': {
    summary: 'let host queues be scanned again',
    load: () => import('./commands/up-host.js'),
  },
  'host-dist': {
    summary: 'spread the items of a queue into its host queues',
    load: () => import('./commands/host-dist.js'),
  },
  jsonrpcd: {
    summary: 'take items that other machines push',
    load: () => import('./commands/jsonrpcd.js'),
  },
  nats: {
    summary: 'send items through NATS JetStream, and take them from it',
    load: () => import('./commands/nats.js'),
  },
  nxqueue: {
    summary: 'dispatch jobs that need tapes, drives and servers',
    load: () => import('./commands/nxqueue.js'),
  },
  ftpcluster: {
    summary: 'work with the jobs of an ftpcluster',
    load: () => import('./commands/ftpcluster.js'),
  },
  filespooler: {
    summary: 'work with queues of Filespooler',
    load: () => import('./commands/filespooler.js'),
  },
  completion: {
    summary: 'print a script that lets a shell complete fsq',
    load: () => import('./commands/completion.js'),
  },
}

/** Other names of commands. */
const aliases: Readonly<Record<string, string>> = { fspl: 'filespooler' }

/** The words of a call, the first of them the name of the command, if it was another. */
export function withoutAlias([name, ...rest]: readonly string[]): readonly string[] {
  if (name === undefined) return []
  return [(Object.hasOwn(aliases, name) ? aliases[name] : undefined) ?? name, ...rest]
}
