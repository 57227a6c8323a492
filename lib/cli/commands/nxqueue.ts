import type { CommandGroup } from '../command-group.js'

export default {
  commands: {
    check: {
      summary: 'look whether an inventory is good',
      load: () => import('./nxqueue/check.js'),
    },
  },
} satisfies CommandGroup
