import type { CommandGroup } from '../command-group.js'

export default {
  commands: {
    import: {
      summary: 'turn the jobs in queue files into work-items',
      load: () => import('./ftpcluster/import.js'),
    },
    export: {
      summary: 'turn work-items into queue files again',
      load: () => import('./ftpcluster/export.js'),
    },
    queue: {
      summary: 'print, take and add jobs, as the program of that name does',
      load: () => import('./ftpcluster/queue.js'),
    },
    store: {
      summary: 'do the jobs upload and store: put files on nodes',
      load: () => import('./ftpcluster/store.js'),
    },
    replicate: {
      summary: 'do the jobs replicate: copy files to further nodes',
      load: () => import('./ftpcluster/replicate.js'),
    },
    remove: {
      summary: 'do the jobs remove: delete copies from nodes',
      load: () => import('./ftpcluster/remove.js'),
    },
    work: {
      summary: 'do all jobs',
      load: () => import('./ftpcluster/work.js'),
    },
    down: {
      summary: 'take nodes out of service',
      load: () => import('./ftpcluster/down.js'),
    },
    up: {
      summary: 'put nodes into service again',
      load: () => import('./ftpcluster/up.js'),
    },
    list: {
      summary: 'print the files and their copies',
      load: () => import('./ftpcluster/list.js'),
    },
    status: {
      summary: 'print nodes, jobs and ages',
      load: () => import('./ftpcluster/status.js'),
    },
  },
} satisfies CommandGroup
