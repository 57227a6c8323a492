import type { QueueContext } from '../../queue/context.js'
import type { Incoming } from '../../queue/incoming.js'
import type { Patience } from '../../work/patience.js'
import type { Answerable, Engine, Source, SourceInfo } from './engine.js'
import type { NatsEvent } from './events.js'
import type { Receiving } from './receive-options.js'

/** What a landing has to do with; each of its parts names those of them that it uses. */
export interface LandingOptions {
  readonly queue: QueueContext
  readonly source: Source
  readonly engine: Engine
  readonly incoming: Incoming
  readonly info: SourceInfo
  readonly receiving: Receiving
  readonly patience: Patience
  /** Nothing is begun any more. */
  readonly ending: AbortSignal
  /** What has come to be landed, and is not begun: it is kept from being delivered to somebody else. */
  readonly ahead: () => Iterable<Answerable>
  readonly tell: (event: NatsEvent) => void
  /** For what the next delivery would meet as well. */
  readonly fail: (error: unknown) => void
}
