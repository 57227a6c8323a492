import { createHash, timingSafeEqual } from 'node:crypto'
import { FsqError, reasonOf } from '../../errors.js'
import { readPrivateFile } from '../../posix/private-file.js'
import type { Caller } from './caller.js'
import { checkName } from './queue-name.js'

/** What is shorter is guessed sooner or later. */
const shortest = 16

interface Token {
  readonly hash: Buffer
  readonly caller: Caller
}

/** The tokens of a file. Only their hashes are kept. */
export class Tokens {
  readonly #tokens: readonly Token[]

  private constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  /**
   * Reads a file of lines `TOKEN [QUEUE...]`: a token that is limited to queues names them. Empty lines
   * and those that begin with # are left out.
   *
   * @throws {@link FsqError} `FSQ_TOKENS`; no token is in its message.
   */
  static read(path: string): Tokens {
    const wrong = (why: string, cause?: unknown): FsqError =>
      new FsqError('FSQ_TOKENS', `cannot use the tokens of ${path}: ${why}`, { path, cause })
    const text = ((): string => {
      try {
        return readPrivateFile(path)
      } catch (error) {
        throw wrong(reasonOf(error), error)
      }
    })()
    const tokens = text.split('\n').flatMap((line, at) => {
      try {
        return readLine(line, at + 1)
      } catch (error) {
        throw wrong(`line ${at + 1}: ${reasonOf(error)}`)
      }
    })
    if (tokens.length === 0) throw wrong('there is none in it')
    return new Tokens(tokens)
  }

  /** Whose token that is. What is compared are hashes, all of them, in the same time for any token. */
  find(token: string): Caller | undefined {
    const hash = hashOf(token)
    let found: Caller | undefined
    for (const each of this.#tokens) if (timingSafeEqual(each.hash, hash)) found ??= each.caller
    return found
  }
}

function readLine(line: string, number: number): Token[] {
  const [token = '', ...queues] = line.split(/[ \t\r]+/).filter((word) => word !== '')
  if (token === '' || token.startsWith('#')) return []
  if (!/^[!-~]+$/.test(token)) throw new Error('a token is made of visible ASCII characters')
  if (token.length < shortest) throw new Error(`a token has ${shortest} characters or more`)
  for (const queue of queues) checkName('queue', queue)
  const allowed = queues.length === 0 ? undefined : new Set(queues)
  return [{ hash: hashOf(token), caller: { name: `token ${number}`, queues: allowed } }]
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
