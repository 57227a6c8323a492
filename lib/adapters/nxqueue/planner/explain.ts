/*
 * Why jobs wait, of what a pass has left. What of that depends on little but how much is kept for others before
 * is worked out once, so that the reasons of ten thousand jobs are told in a moment, too.
 */
import type { AccessIndex } from './access-index.js'
import { narrowAccess } from './access-reasons.js'
import type { AccessList } from './access.js'
import { unique } from './narrow.js'
import type { Need, Shape } from './need.js'
import { obstaclesOf, type Circumstances } from './obstacles.js'
import type { Pass } from './pass.js'
import type { Reason } from './reason.js'
import type { VolumeStock } from './stock.js'
import { narrowToFit, narrowToFree } from './volume-reasons.js'

/** The volumes that will do if they are free. */
interface Fitting {
  readonly volumes: readonly VolumeStock[]
  readonly reasons: readonly Reason[]
}

export class Explainer {
  readonly #fits = new Map<Shape, Fitting>()
  readonly #known = new Map<string, readonly Reason[]>()
  readonly #numbers = new Map<AccessList, number>()

  constructor(
    private readonly index: AccessIndex,
    private readonly pass: Pass,
    private readonly circumstances: Circumstances,
  ) {}

  /** All reasons. None: it could run. */
  reasonsOf(need: Need): readonly Reason[] {
    return [...obstaclesOf(need, this.circumstances), ...this.#lacksOf(need)]
  }

  #lacksOf(need: Need): readonly Reason[] {
    const { volumes } = need.shape
    if (volumes === undefined) return this.#accessReasons([this.index.of(need, undefined)], need)
    if (volumes.length === 0) return []
    const fitting = this.#fits.get(need.shape) ?? this.#fitting(volumes, need)
    this.#fits.set(need.shape, fitting)
    const reasons = [...fitting.reasons]
    const nearest = narrowToFree(fitting.volumes, need, reasons)
    const lists = unique(nearest.map((volume) => this.index.of(need, volume)))
    return [...reasons, ...this.#accessReasons(lists, need)]
  }

  #fitting(all: readonly VolumeStock[], need: Need): Fitting {
    const reasons: Reason[] = []
    return { volumes: narrowToFit(all, need, this.index, reasons), reasons }
  }

  #accessReasons(lists: readonly AccessList[], need: Need): readonly Reason[] {
    const numbers = lists.map((list) => this.#numberOf(list))
    const { shape } = need
    const turns = this.pass.turns.filter((rank) => rank < need.rank).length
    const key = [shape.user, shape.mode, shape.volumes === undefined, turns, ...numbers].join('\0')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const reasons: Reason[] = []
    narrowAccess(unique(lists.flatMap(({ all }) => all)), need, reasons)
    this.#known.set(key, reasons)
    return reasons
  }

  #numberOf(list: AccessList): number {
    const number = this.#numbers.get(list) ?? this.#numbers.size
    this.#numbers.set(list, number)
    return number
  }
}
