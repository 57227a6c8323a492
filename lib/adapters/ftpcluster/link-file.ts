import { decodeName, encodeName } from './escape.js'
import { isSamePath } from './node-path.js'
import { formatNode, type Node, parseNode } from './node.js'
import { epochSeconds, wholeNumber, wordsOf } from './words.js'

/*
 * The link file of a file of the cluster, which stands in the FTP space in its place:
 *
 *   rfc-0959.txt 147316 root 1044844761
 *   server 192.168.0.2:21 61/47/030210-033921-rfc-0959.txt
 *
 * Name, size in bytes, owner and mtime, then a line for each copy. Without one the file was uploaded, and
 * is not stored yet. Lines that are neither are kept where they are.
 */

/** A copy of a file. */
export interface Copy {
  /** The node that has it. */
  readonly node: Node
  /** Its path there. */
  readonly nodepath: string
}

/** What a link file says. */
export interface LinkFile {
  /** The name of the file. */
  readonly name: string
  /** Its size in bytes. */
  readonly size: number
  /** Whose it is. */
  readonly owner: string
  /** When it was changed last, in seconds of the epoch. */
  readonly mtime: number
  /** Its copies. */
  readonly copies: readonly Copy[]
  /** The file itself, byte for byte. */
  readonly bytes: Buffer
}

/** What a link file is made of. */
export type NewLinkFile = Omit<LinkFile, 'bytes'>

/** A link file is not larger than that, in bytes. What is may be any file. */
export const longestLinkFile = 64 * 1024

/** What a file says if it is a link file; undefined where it is another, which is to be left alone. */
export function parseLinkFile(bytes: Uint8Array): LinkFile | undefined {
  if (bytes.length > longestLinkFile) return undefined
  const whole = Buffer.from(bytes)
  const [first, ...others] = linesIn(whole)
  if (first === undefined) return undefined
  const [name, size, owner, mtime, ...more] = wordsOf(first)
  const [sizeValue, mtimeValue] = [wholeNumber(size), epochSeconds(mtime)]
  if (name === undefined || owner === undefined || more.length > 0) return undefined
  if (sizeValue === undefined || mtimeValue === undefined) return undefined
  return {
    name: decodeName(name),
    size: sizeValue,
    owner: decodeName(owner),
    mtime: mtimeValue,
    copies: others.map(copyOf).filter((copy) => copy !== undefined),
    bytes: whole,
  }
}

/**
 * Makes a link file.
 *
 * @throws `TypeError` for what none can say.
 */
export function makeLinkFile({ name, size, owner, mtime, copies }: NewLinkFile): LinkFile {
  const head = [encodeName(name), String(size), encodeName(owner), String(mtime)].join(' ')
  const made = parseLinkFile(
    Buffer.from([head, ...copies.map(lineOf)].map((line) => `${line}\n`).join('')),
  )
  if (made?.copies.length !== copies.length)
    throw new TypeError(
      `Expected what a link file can say, got ${JSON.stringify({ name, size, owner, mtime, copies })}`,
    )
  return made
}

/** Whether they are one: on the same node, at the same path, however that is spelled. */
export function isSameCopy(one: Copy, other: Copy): boolean {
  return formatNode(one.node) === formatNode(other.node) && isSamePath(one.nodepath, other.nodepath)
}

/** The link file with one more copy; what else is in it stays as it is. */
export function withCopy(link: LinkFile, copy: Copy): LinkFile {
  const before = link.bytes.at(-1) === 0x0a ? '' : '\n'
  return read(Buffer.concat([link.bytes, Buffer.from(`${before}${lineOf(copy)}\n`)]))
}

/** The link file without a copy; what else is in it stays as it is. */
export function withoutCopy(link: LinkFile, gone: Copy): LinkFile {
  const lines = linesIn(link.bytes).filter((line) => {
    const copy = copyOf(line)
    return copy === undefined || !isSameCopy(copy, gone)
  })
  return read(Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])))
}

function read(bytes: Buffer): LinkFile {
  const link = parseLinkFile(bytes)
  if (link === undefined) throw new TypeError('Expected a link file to stay one')
  return link
}

function linesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return start < bytes.length ? [...lines, bytes.subarray(start)] : lines
}

function copyOf(line: Buffer): Copy | undefined {
  const [keyword, where, nodepath, ...more] = wordsOf(line)
  if (keyword?.toString('latin1') !== 'server' || nodepath === undefined || more.length > 0)
    return undefined
  const node = parseNode(where?.toString('latin1') ?? '')
  return node && { node, nodepath: decodeName(nodepath) }
}

function lineOf({ node, nodepath }: Copy): string {
  return `server ${formatNode(node)} ${encodeName(nodepath)}`
}
