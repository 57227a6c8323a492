/*
 * What several jobs use at a time, such as the places of a server: who uses it, and for whom it is kept.
 * During a pass of the planner there is only ever less of it that is free, or can be kept.
 */

/** A job that was launched, and has a place. */
export interface User {
  readonly item: string
  readonly jobID: string
  readonly server: string
  readonly drive: string | undefined
  readonly place: number
  /** How much of a volume is reserved for it. */
  readonly bytes: number
}

/** A job that waits, and for which something is kept. */
export interface Turn {
  /** How many jobs are before it. */
  readonly rank: number
  readonly jobID: string
  readonly bytes: number
}

/** So many places. */
export class Places {
  readonly users: User[] = []
  /** Those for whom free ones are kept, by rank. */
  readonly turns: Turn[] = []
  /** Those who use one and after whom it is somebody's turn. */
  readonly #followed = new Set<User>()

  constructor(readonly count: number) {}

  /** Whether those who use them leave one. */
  get isLeft(): boolean {
    return this.users.length < this.count
  }

  /** Whether they leave one that is not kept for somebody of before that rank. */
  isFree(rank: number): boolean {
    return this.users.length + before(this.turns, rank).length < this.count
  }

  /** How many are free, and not kept for anybody. */
  get free(): number {
    return this.count - this.users.length - this.turns.length
  }

  /** Whether there is one, free or in use, that can be kept. */
  get canBeKept(): boolean {
    return this.free > 0 || this.next !== undefined
  }

  /** The first who uses one and whom nobody follows. */
  get next(): User | undefined {
    return this.users.find((user) => !this.#followed.has(user))
  }

  /** The lowest number that nobody has. */
  get freeNumber(): number {
    let place = 0
    while (this.users.some((user) => user.place === place)) place++
    return place
  }

  /**
   * Keeps the place of one who leaves, if that one has one here; otherwise a free one, or the next that will be.
   *
   * @returns who has it until then
   */
  keep(turn: Turn, leaving?: User): User | undefined {
    const here = this.users.find(({ item }) => item === leaving?.item)
    if (here !== undefined && !this.#followed.has(here)) return this.#follow(here)
    if (this.free <= 0) return this.next && this.#follow(this.next)
    this.turns.push(turn)
    return undefined
  }

  #follow(user: User): User {
    this.#followed.add(user)
    return user
  }
}

/** Of turns those of before a rank. */
export function before(turns: readonly Turn[], rank: number): readonly Turn[] {
  if (turns.length === 0 || rank === Infinity) return turns
  return turns.filter((turn) => turn.rank < rank)
}
