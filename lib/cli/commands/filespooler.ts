import type { CommandGroup } from '../command-group.js'
import { version } from '../version.js'
import { anyCase, logLevels } from './filespooler/fspl-command.js'

export default {
  // Those of fspl(1).
  statusOf: ({ code }) => (code === 'FSQ_USAGE' ? 2 : 1),
  flags: (parser) =>
    parser
      .option(
        '-l, --log-level <level>',
        'how much to tell: error, warn, info, debug or trace',
        anyCase(logLevels),
        'info',
      )
      .version(`fsq ${version()}`, '-V, --version', 'print the version and exit'),
  commands: {
    prepare: {
      summary: 'write a job to stdout',
      load: () => import('./filespooler/prepare.js'),
    },
    'prepare-fail': {
      summary: 'write a job that always fails to stdout',
      load: () => import('./filespooler/prepare-fail.js'),
    },
    'prepare-nop': {
      summary: 'write a job that does nothing to stdout',
      load: () => import('./filespooler/prepare-nop.js'),
    },
    'prepare-get-next': {
      summary: 'print the number of the next job of a sender',
      load: () => import('./filespooler/prepare-get-next.js'),
    },
    'prepare-set-next': {
      summary: 'set the number of the next job of a sender',
      load: () => import('./filespooler/prepare-set-next.js'),
    },
    'queue-init': {
      summary: 'make a queue',
      load: () => import('./filespooler/queue-init.js'),
    },
    'queue-write': {
      summary: 'put the job on stdin into a queue',
      load: () => import('./filespooler/queue-write.js'),
    },
    'queue-ls': {
      summary: 'list the jobs of a queue',
      load: () => import('./filespooler/queue-ls.js'),
    },
    'queue-info': {
      summary: 'print the variables that the command of a job gets',
      load: () => import('./filespooler/queue-info.js'),
    },
    'queue-payload': {
      summary: 'print the payload of a job',
      load: () => import('./filespooler/queue-payload.js'),
    },
    'queue-process': {
      summary: 'run a command for the jobs of a queue',
      load: () => import('./filespooler/queue-process.js'),
    },
    'queue-get-next': {
      summary: 'print the number of the job that is run next',
      load: () => import('./filespooler/queue-get-next.js'),
    },
    'queue-set-next': {
      summary: 'set the number of the job that is run next',
      load: () => import('./filespooler/queue-set-next.js'),
    },
    'queue-check': {
      summary: 'report, or move away, what is no job and what is unsafe',
      load: () => import('./filespooler/queue-check.js'),
    },
    disperse: {
      summary: 'move jobs from a queue to the least loaded of others',
      load: () => import('./filespooler/disperse.js'),
    },
    'stdin-info': {
      summary: 'print the variables of the job on stdin',
      load: () => import('./filespooler/stdin-info.js'),
    },
    'stdin-payload': {
      summary: 'print the payload of the job on stdin',
      load: () => import('./filespooler/stdin-payload.js'),
    },
    'stdin-process': {
      summary: 'run a command for the job on stdin',
      load: () => import('./filespooler/stdin-process.js'),
    },
    import: {
      summary: 'turn the jobs of a queue into work-items',
      load: () => import('./filespooler/import.js'),
    },
    export: {
      summary: 'turn work-items into jobs, or into those that they were',
      load: () => import('./filespooler/export.js'),
    },
    'gen-filename': {
      summary: 'print a new name for a job',
      load: () => import('./filespooler/gen-filename.js'),
    },
    'gen-uuid': {
      summary: 'print a new UUID',
      load: () => import('./filespooler/gen-uuid.js'),
    },
    'show-license': {
      summary: 'print the licence',
      load: () => import('./filespooler/show-license.js'),
    },
  },
} satisfies CommandGroup
