import { createHash } from 'node:crypto'
import * as zlib from 'node:zlib'

/** A checksum of a file that an FTP server is able to tell. */
export interface Checksum {
  /** What has to be said once on a connection before the first question. */
  readonly select?: string
  /** The question. */
  readonly command: (path: string) => string
  /** The checksum in the last line of the answer, in hexadecimal; undefined where there is none. */
  readonly read: (reply: string) => string | undefined
  /** Something to compute it with. */
  readonly digest: () => Digest
}

/** A checksum as it grows. */
export interface Digest {
  readonly update: (bytes: Uint8Array) => void
  /** In hexadecimal, in lower case. */
  readonly hex: () => string
}

/** An algorithm, by its name in Node.js; how FTP servers call it; how many digits it has. */
type Algorithm = readonly [name: string, hash: string, commands: readonly string[], digits: number]

/** The best first. */
const algorithms: readonly Algorithm[] = [
  ['sha256', 'SHA-256', ['XSHA256'], 64],
  ['sha512', 'SHA-512', ['XSHA512'], 128],
  ['sha1', 'SHA-1', ['XSHA1', 'XSHA'], 40],
  ['md5', 'MD5', ['XMD5', 'MD5'], 32],
  ['crc32', 'CRC32', ['XCRC'], 8],
]

/**
 * The best checksum that a server offers, by its answer to FEAT; undefined where it offers none. There is
 * no standard: HASH is of a draft (draft-bryan-ftpext-hash), as is MD5, and what begins with X is custom.
 */
export function chooseChecksum(features: ReadonlyMap<string, string>): Checksum | undefined {
  const hashes = (features.get('HASH') ?? '').split(';').map((name) => name.replace('*', ''))
  for (const [name, hash, commands, digits] of algorithms) {
    if (name === 'crc32' && !('crc32' in zlib)) continue // Node.js has it since 20.15.
    const offered = hashes.includes(hash)
    const command = offered ? 'HASH' : commands.find((each) => features.has(each))
    if (command === undefined) continue
    const read = readerOf(command, digits)
    const digest = name === 'crc32' ? crc32 : (): Digest => digestBy(name)
    const ask = (path: string): string => `${command} ${path}`
    return { command: ask, read, digest, ...(offered ? { select: `OPTS HASH ${hash}` } : {}) }
  }
  return undefined
}

/** `213 SHA-256 0-49 <hash> name`, `251 "name" <hash>`, `250 <hash>`: the name may look like a checksum. */
function readerOf(command: string, digits: number): Checksum['read'] {
  const hex = `([0-9a-fA-F]{${digits}})`
  const form = {
    HASH: new RegExp(`^213 \\S+ \\S+ ${hex}(?: |$)`),
    MD5: new RegExp(`^25[01] .* ${hex}$`),
  }[command]
  const pattern = form ?? new RegExp(`^2\\d\\d (?:[A-Za-z0-9-]+: ?)?${hex}(?: |$)`)
  return (reply) => {
    const last = reply.trimEnd().split('\n').at(-1) ?? ''
    return pattern.exec(last)?.[1]?.toLowerCase()
  }
}

/** A checksum that Node.js computes itself. */
export function digestBy(name: string): Digest {
  const hash = createHash(name)
  return { update: (bytes) => hash.update(bytes), hex: () => hash.digest('hex') }
}

function crc32(): Digest {
  let value = 0
  return {
    update: (bytes) => (value = zlib.crc32(bytes, value)),
    hex: () => value.toString(16).padStart(8, '0'),
  }
}
