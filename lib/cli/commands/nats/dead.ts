import type { CommandGroup } from '../../command-group.js'

export default {
  commands: {
    ls: {
      summary: 'list dead letters',
      load: () => import('./dead/ls.js'),
    },
    requeue: {
      summary: 'publish dead letters again, under their names',
      load: () => import('./dead/requeue.js'),
    },
    rm: {
      summary: 'remove dead letters for good',
      load: () => import('./dead/rm.js'),
    },
  },
} satisfies CommandGroup
