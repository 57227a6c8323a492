import type { CommandGroup } from '../command-group.js'

export default {
  commands: {
    queue: {
      summary: 'print, take and add jobs, as the program of that name does',
      load: () => import('./ftpcluster/queue.js'),
    },
  },
} satisfies CommandGroup
