/** Has what is done about an item wait for what is under way about it, so that the two do not meet. */
export class Turns {
  readonly #byId = new Map<string, Promise<void>>()

  /** Whether something is under way about an item. */
  isTaken(id: string): boolean {
    return this.#byId.has(id)
  }

  /** Does something about an item once all else about it has ended, in whatever way. */
  async take(id: string, act: () => Promise<void>): Promise<void> {
    const before = this.#byId.get(id)
    const turn = (async () => {
      await before?.catch(() => undefined)
      await act()
    })()
    this.#byId.set(id, turn)
    try {
      await turn
    } finally {
      if (this.#byId.get(id) === turn) this.#byId.delete(id)
    }
  }
}
