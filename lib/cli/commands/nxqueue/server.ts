import type { CommandGroup } from '../../command-group.js'

export default {
  commands: {
    disable: {
      summary: 'take servers out of service: they are launched nothing more',
      load: () => import('./server/disable.js'),
    },
    enable: {
      summary: 'put servers into service again',
      load: () => import('./server/enable.js'),
    },
  },
} satisfies CommandGroup
