import type { CommandGroup } from '../command-group.js'

export default {
  commands: {
    check: {
      summary: 'look whether an inventory is good',
      load: () => import('./nxqueue/check.js'),
    },
    publish: {
      summary: 'let a cluster go by this inventory',
      load: () => import('./nxqueue/publish.js'),
    },
    submit: {
      summary: 'submit a job',
      load: () => import('./nxqueue/submit.js'),
    },
    serve: {
      summary: 'execute jobs as a server, and plan as long as it is master',
      load: () => import('./nxqueue/serve.js'),
    },
    status: {
      summary: 'tell what servers, drives and jobs are doing',
      load: () => import('./nxqueue/status.js'),
    },
    explain: {
      summary: 'say why a job waits, or where it is',
      load: () => import('./nxqueue/explain.js'),
    },
    plan: {
      summary: 'launch what can run, once, or say what that would be',
      load: () => import('./nxqueue/plan.js'),
    },
    'run-again': {
      summary: 'let jobs run again that have ended',
      load: () => import('./nxqueue/run-again.js'),
    },
    cancel: {
      summary: 'cancel jobs',
      load: () => import('./nxqueue/cancel.js'),
    },
    release: {
      summary: 'say that jobs of a server that is gone do not run any more',
      load: () => import('./nxqueue/release.js'),
    },
    server: {
      summary: 'take servers out of service, and put them into it',
      load: () => import('./nxqueue/server.js'),
    },
  },
} satisfies CommandGroup
