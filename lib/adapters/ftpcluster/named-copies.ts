import { setImmediate } from 'node:timers/promises'
import { type Copy, isSameCopy } from './link-file.js'
import { lastPart } from './node-path.js'
import { formatNode } from './node.js'
import { findLink, walkSpace, withFile } from './space.js'

/** That the link file of a file names a copy. */
interface Naming {
  readonly name: string
  readonly copy: Copy
}

/**
 * Which copies the link files of the FTP space name: what is named is not removed. To read them takes a while
 * in a large space, so that all who ask at a time share a reading; what it says is asked about again before it
 * is believed.
 */
export class NamedCopies {
  readonly #home: string
  readonly #onCopy: (copy: Copy, size: number) => void
  /** By what the copies are looked up by. */
  #namings: Map<string, Naming[]> | undefined
  /** When the reading of these began, by performance.now(). */
  #readAt = -Infinity
  #reading: Promise<void> | undefined

  /** @param onCopy - is told of each copy when they are read first */
  constructor(home: string, onCopy: (copy: Copy, size: number) => void) {
    this.#home = home
    this.#onCopy = onCopy
  }

  /** Reads the link files, unless that was done. */
  survey(): void {
    if (this.#namings === undefined) this.#read()
  }

  /** A link file names one more copy. */
  add(copy: Copy, name: string): void {
    if (this.#namings !== undefined) enter(this.#namings, { copy, name })
  }

  /**
   * The files whose link files name a copy now.
   *
   * @param since - by performance.now(); what was read before is not believed: somebody else may have made a
   * link file since that names it
   */
  async find(copy: Copy, since: number): Promise<string[]> {
    for (let before = since; ; before = performance.now()) {
      while (this.#readAt <= before) await this.#readAgain()
      const known = this.#known(copy)
      const naming: string[] = []
      for (const name of known) if (await this.#isNamedBy(name, copy)) naming.push(name)
      // A file that does not name it any more may have another name since, under which it does.
      if (naming.length === known.length) return naming
    }
  }

  #known(copy: Copy): string[] {
    const namings = this.#namings?.get(keyOf(copy)) ?? []
    const same = namings.filter((each) => isSameCopy(each.copy, copy))
    return [...new Set(same.map(({ name }) => name))]
  }

  /** Reads them a little later, for all who want that by then. */
  #readAgain(): Promise<void> {
    this.#reading ??= setImmediate().then(() => {
      this.#reading = undefined
      this.#read()
    })
    return this.#reading
  }

  #read(): void {
    const namings = new Map<string, Naming[]>()
    const isFirst = this.#namings === undefined
    const readAt = performance.now()
    for (const { name, link } of walkSpace(this.#home))
      for (const copy of link?.copies ?? []) {
        enter(namings, { copy, name })
        if (isFirst) this.#onCopy(copy, link?.size ?? 0)
      }
    this.#namings = namings
    this.#readAt = readAt
  }

  async #isNamedBy(name: string, copy: Copy): Promise<boolean> {
    const found = await withFile(this.#home, name, findLink)
    return found?.link.copies.some((each) => isSameCopy(each, copy)) === true
  }
}

function enter(namings: Map<string, Naming[]>, naming: Naming): void {
  const key = keyOf(naming.copy)
  const others = namings.get(key)
  if (others === undefined) namings.set(key, [naming])
  else others.push(naming)
}

function keyOf({ node, nodepath }: Copy): string {
  return `${formatNode(node)} ${lastPart(nodepath)}`
}
