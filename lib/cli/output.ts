import { FsqError, type FsqErrorCode, reasonOf } from '../errors.js'

/**
 * What could not be written to stdout is an error where it was written (see print). Messages on
 * stderr may be lost, as on a log disk that is full; work may not. The streams are made when they are
 * first written to: to look at them costs time, which a program that has nothing to say does not have.
 */
function outlived(stream: 'stdout' | 'stderr'): NodeJS.WriteStream {
  if (!used.has(stream)) process[stream].on('error', () => undefined)
  used.add(stream)
  return process[stream]
}

const used = new Set<string>()

/** Writes lines to stderr as they are. */
export function complain(text: string): void {
  outlived('stderr').write(text)
}

/**
 * Writes a message to stderr, as `fsq scan: message`. Names come from anywhere, so what could steer
 * a terminal is written as an escape.
 */
export function say(program: string, message: string): void {
  complain(`${program}: ${harmless(message)}\n`)
}

/**
 * Writes to stdout, and waits until it is written.
 *
 * @throws {@link FsqError} `FSQ_OUTPUT`
 */
export async function print(text: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    outlived('stdout').write(text, (cause) => {
      if (!cause) resolve()
      else
        reject(new FsqError('FSQ_OUTPUT', `cannot write to stdout: ${reasonOf(cause)}`, { cause }))
    })
  })
}

/**
 * Writes lines to stdout, some at a time, so that they need not all be in memory.
 *
 * @throws {@link FsqError} `FSQ_OUTPUT`
 */
export async function printLines(lines: Iterable<string>): Promise<void> {
  let text = ''
  for (const line of lines) {
    text += `${line}\n`
    if (text.length < 65_536) continue
    await print(text)
    text = ''
  }
  if (text !== '') await print(text)
}

/** Writes to stdout without waiting, for a terminal, to which it is written at once. */
export function paint(text: string): void {
  outlived('stdout').write(text)
}

/** Writes lines to stdout, some at a time. */
export interface LineWriter {
  /** Takes a line, and waits where many have come together. */
  readonly write: (line: string) => Promise<void> | undefined
  /** Writes those that are still held. */
  readonly flush: () => Promise<void>
}

/** Holds lines until there are 64 KiB of them: to wait for each would take longer than all else. */
export function lineWriter(): LineWriter {
  let text = ''
  const flush = async (): Promise<void> => {
    const held = text
    text = ''
    if (held !== '') await print(held)
  }
  return {
    write(line) {
      text += line
      return text.length < 65_536 ? undefined : flush()
    },
    flush,
  }
}

/** Writes bytes to stdout, some at a time. */
export interface BytesWriter {
  /** Takes bytes, and waits where many have come together. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Writes those that are still held. */
  readonly flush: () => Promise<void>
}

/** {@link lineWriter} for bytes that may be no text. */
export function bytesWriter(): BytesWriter {
  let held: Uint8Array[] = []
  let length = 0
  const flush = async (): Promise<void> => {
    const all = Buffer.concat(held)
    held = []
    length = 0
    if (all.length > 0) await print(all)
  }
  return {
    async write(bytes) {
      held.push(bytes)
      length += bytes.length
      if (length >= 65_536) await flush()
    },
    flush,
  }
}

/** The text with control characters as \xNN, line breaks among them. */
export function harmless(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** {@link harmless}, and without the characters that change in which direction a text is written. */
export function plainText(text: string): string {
  return harmless(text).replace(/[\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** A value as a line of JSON, which escapes control characters, but of itself only those of ASCII. */
export function jsonLine(value: object): string {
  const text = JSON.stringify(value).replace(/[\x7f-\x9f]/g, (character) => {
    return `\\u00${character.charCodeAt(0).toString(16)}`
  })
  return `${text}\n`
}

/** An error in JSON. */
export function errorJson({ code, message }: FsqError): {
  readonly code: FsqErrorCode
  readonly message: string
} {
  return { code, message }
}
