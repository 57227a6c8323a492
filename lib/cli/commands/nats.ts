import type { CommandGroup } from '../command-group.js'

export default {
  commands: {
    setup: {
      summary: 'create what queues need in NATS, or say what would be',
      load: () => import('./nats/setup.js'),
    },
    forward: {
      summary: 'publish the items of queues as they arrive',
      load: () => import('./nats/forward.js'),
    },
    receive: {
      summary: 'fill queues with what was published for them',
      load: () => import('./nats/receive.js'),
    },
    status: {
      summary: 'tell how much waits, for whom, and what is dead',
      load: () => import('./nats/status.js'),
    },
    drain: {
      summary: 'publish all that is in queues, and end',
      load: () => import('./nats/drain.js'),
    },
    dead: {
      summary: 'list dead letters, and bring them back',
      load: () => import('./nats/dead.js'),
    },
  },
} satisfies CommandGroup
