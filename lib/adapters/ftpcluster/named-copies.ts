import { type Copy, isSameCopy } from './link-file.js'
import { formatNode } from './node.js'
import { findLink, walkSpace, withFile } from './space.js'

/**
 * Which copies the link files of the FTP space name: what is named is not removed. It is read once, which
 * takes a while in a large space, and asked about again before it is believed.
 */
export class NamedCopies {
  readonly #home: string
  /** The names of the files, by their copies. */
  #names: Map<string, string> | undefined
  /** When these were read, in milliseconds of the epoch. */
  #readAt = 0

  constructor(home: string) {
    this.#home = home
  }

  /**
   * Reads the link files, unless that was done.
   *
   * @param onCopy - is told of each copy
   */
  survey(onCopy: (copy: Copy, size: number) => void = () => undefined): void {
    if (this.#names !== undefined) return
    const names = new Map<string, string>()
    this.#readAt = Date.now()
    for (const { name, link } of walkSpace(this.#home))
      for (const copy of link?.copies ?? []) {
        names.set(keyOf(copy), name)
        onCopy(copy, link?.size ?? 0)
      }
    this.#names = names
  }

  /** A link file names one more copy. */
  add(copy: Copy, name: string): void {
    this.#names?.set(keyOf(copy), name)
  }

  /**
   * The file whose link file names a copy now.
   *
   * @param since - when it was decided that the copy is to go: what was read later is believed
   */
  async find(copy: Copy, since: Date): Promise<string | undefined> {
    this.survey()
    const known = this.#known(copy)
    if (known === undefined || (await this.#isNamedBy(known, copy))) return known
    if (this.#readAt > since.getTime()) return undefined
    this.#names = undefined // The file may have got another name before that.
    this.survey()
    const found = this.#known(copy)
    return found !== undefined && (await this.#isNamedBy(found, copy)) ? found : undefined
  }

  #known(copy: Copy): string | undefined {
    return this.#names?.get(keyOf(copy))
  }

  async #isNamedBy(name: string, copy: Copy): Promise<boolean> {
    const found = await withFile(this.#home, name, findLink)
    return found?.link.copies.some((each) => isSameCopy(each, copy)) === true
  }
}

function keyOf({ node, nodepath }: Copy): string {
  return `${formatNode(node)} ${nodepath}`
}
