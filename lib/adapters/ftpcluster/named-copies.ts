import { nextTurn, turn } from '../../turn.js'
import { type Copy, isSameCopy } from './link-file.js'
import { lastPart } from './node-path.js'
import { formatNode, type Node } from './node.js'
import { findLink, stepThroughSpace, withFile } from './space.js'

/** That the link file of a file names a copy. */
interface Naming {
  readonly name: string
  readonly copy: Copy
  /** The size of the file. */
  readonly size: number
}

/** How many copies a node has, and how many bytes these are. */
export interface Use {
  readonly files: number
  readonly used: number
}

/** What the link files say: as they were read, and what was done to them since. */
class Survey {
  /** When the reading began, by performance.now(). */
  readonly readAt = performance.now()
  /** By what the copies are looked up by. */
  readonly #namings = new Map<string, Naming[]>()
  readonly #uses = new Map<string, Use>()
  /** What was added while they were read, and may be read after that. */
  readonly #added = new Set<string>()
  #isRead = false

  /** A link file that is read names a copy. */
  read(naming: Naming): void {
    if (!this.#added.has(identityOf(naming))) this.#enter(naming)
  }

  /** They are all read. */
  end(): void {
    this.#isRead = true
    this.#added.clear()
  }

  /** A link file names one more copy; it may have been read by now. */
  add(naming: Naming): void {
    const identity = identityOf(naming)
    const others = this.#namings.get(keyOf(naming.copy)) ?? []
    if (others.some((other) => identityOf(other) === identity)) return
    if (!this.#isRead) this.#added.add(identity)
    this.#enter(naming)
  }

  remove(copy: Copy, name: string): void {
    const key = keyOf(copy)
    const rest: Naming[] = []
    for (const each of this.#namings.get(key) ?? [])
      if (each.name === name && isSameCopy(each.copy, copy)) this.#count(each, -1)
      else rest.push(each)
    this.#namings.set(key, rest)
  }

  files(copy: Copy): string[] {
    const namings = this.#namings.get(keyOf(copy)) ?? []
    const same = namings.filter((each) => isSameCopy(each.copy, copy))
    return [...new Set(same.map(({ name }) => name))]
  }

  useOf(node: Node): Use {
    return this.#uses.get(formatNode(node)) ?? { files: 0, used: 0 }
  }

  #enter(naming: Naming): void {
    const key = keyOf(naming.copy)
    const others = this.#namings.get(key)
    if (others === undefined) this.#namings.set(key, [naming])
    else others.push(naming)
    this.#count(naming, 1)
  }

  #count({ copy: { node }, size }: Naming, by: 1 | -1): void {
    const { files, used } = this.useOf(node)
    this.#uses.set(formatNode(node), { files: files + by, used: used + by * size })
  }
}

/**
 * Which copies the link files of the FTP space name: what is named is not removed. To read them takes a while
 * in a large space, so that all who ask at a time share a reading; what it says is asked about again before it
 * is believed.
 */
export class NamedCopies {
  readonly #home: string
  readonly #signal: AbortSignal | undefined
  #survey: Survey | undefined
  /** The one that is being made. */
  #next: Survey | undefined
  #reading: Promise<void> | undefined

  /** @param signal - ends the reading */
  constructor(home: string, signal?: AbortSignal) {
    this.#home = home
    this.#signal = signal
  }

  /** Reads the link files, unless that was done. */
  async survey(): Promise<void> {
    if (this.#survey === undefined) await this.#readAgain()
  }

  /** What a node has by the link files; nothing before these are read. */
  useOf(node: Node): Use {
    return this.#survey?.useOf(node) ?? { files: 0, used: 0 }
  }

  /** The link file of a file of that size names one more copy. */
  add(copy: Copy, name: string, size: number): void {
    for (const survey of [this.#survey, this.#next]) survey?.add({ copy, name, size })
  }

  /** The link file of a file names a copy no more. */
  remove(copy: Copy, name: string): void {
    for (const survey of [this.#survey, this.#next]) survey?.remove(copy, name)
  }

  /**
   * The files whose link files name a copy now.
   *
   * @param since - by performance.now(); what was read before is not believed: somebody else may have made a
   * link file since that names it
   */
  async find(copy: Copy, since: number): Promise<string[]> {
    for (let before = since; ; before = performance.now()) {
      while ((this.#survey?.readAt ?? -Infinity) <= before) await this.#readAgain()
      const known = this.#survey?.files(copy) ?? []
      const naming: string[] = []
      for (const name of known) if (await this.#isNamedBy(name, copy)) naming.push(name)
      // A file that does not name it any more may have another name since, under which it does.
      if (naming.length === known.length) return naming
    }
  }

  /** Reads them a little later, for all who want that by then. */
  #readAgain(): Promise<void> {
    this.#reading ??= nextTurn()
      .then(() => this.#read())
      .finally(() => {
        this.#reading = undefined
        this.#next = undefined
      })
    return this.#reading
  }

  async #read(): Promise<void> {
    const next = new Survey()
    this.#next = next
    for (const file of stepThroughSpace(this.#home)) {
      for (const copy of file?.link?.copies ?? [])
        next.read({ copy, name: file?.name ?? '', size: file?.link?.size ?? 0 })
      const due = turn()
      if (due === undefined) continue
      await due
      this.#signal?.throwIfAborted()
    }
    next.end()
    this.#survey = next
  }

  async #isNamedBy(name: string, copy: Copy): Promise<boolean> {
    const found = await withFile(this.#home, name, findLink)
    return found?.link.copies.some((each) => isSameCopy(each, copy)) === true
  }
}

function identityOf({ name, copy: { node, nodepath } }: Naming): string {
  return `${formatNode(node)} ${name}\0${nodepath}`
}

function keyOf({ node, nodepath }: Copy): string {
  return `${formatNode(node)} ${lastPart(nodepath)}`
}
