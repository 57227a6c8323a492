/*
 * Why jobs wait, of what a pass has left. What of that depends on little but how much is kept for others before
 * is worked out once, so that the reasons of ten thousand jobs are told in a moment, too.
 */
import type { AccessIndex } from './access-index.js'
import { narrowAccess } from './access-reasons.js'
import type { AccessList } from './access.js'
import { unique } from './narrow.js'
import type { Need } from './need.js'
import { obstaclesOf, type Circumstances } from './obstacles.js'
import type { Pass } from './pass.js'
import type { Reason } from './reason.js'
import type { VolumeStock } from './stock.js'
import { narrowVolumes } from './volume-reasons.js'

export class Explainer {
  readonly #known = new Map<string, readonly Reason[]>()
  readonly #numbers = new Map<AccessList, number>()

  constructor(
    private readonly index: AccessIndex,
    private readonly pass: Pass,
    private readonly circumstances: Circumstances,
  ) {}

  /** All reasons. None: it could run. */
  reasonsOf(need: Need): readonly Reason[] {
    return [...obstaclesOf(need, this.circumstances), ...this.lacksOf(need, need.volumes)]
  }

  /** What it lacks if it has to be one of those volumes. */
  lacksOf(need: Need, volumes: readonly VolumeStock[] | undefined): readonly Reason[] {
    if (volumes?.length === 0) return []
    const reasons: Reason[] = []
    const nearest = volumes && narrowVolumes(volumes, need, this.index, reasons)
    const lists = unique((nearest ?? [undefined]).map((volume) => this.index.of(need, volume)))
    return [...reasons, ...this.#accessReasons(lists, need)]
  }

  #accessReasons(lists: readonly AccessList[], need: Need): readonly Reason[] {
    const numbers = lists.map((list) => this.#numberOf(list))
    const turns = this.pass.turns.filter((rank) => rank < need.rank).length
    const key = [need.user, need.mode, need.volumes === undefined, turns, ...numbers].join('\0')
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
