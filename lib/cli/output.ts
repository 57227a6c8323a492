import { FsqError, reasonOf } from '../errors.js'

/**
 * Writes a message to stderr, as `fsq scan: message`. Names come from anywhere, so what could steer
 * a terminal is written as an escape.
 */
export function say(program: string, message: string): void {
  process.stderr.write(`${program}: ${harmless(message)}\n`)
}

/**
 * Writes to stdout, and waits until it is written.
 *
 * @throws {@link FsqError} `FSQ_OUTPUT`
 */
export async function print(text: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (cause) => {
      if (!cause) resolve()
      else
        reject(new FsqError('FSQ_OUTPUT', `cannot write to stdout: ${reasonOf(cause)}`, { cause }))
    })
  })
}

/** The text with control characters as \xNN, line breaks among them. */
export function harmless(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
