import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { close, openEntry, readSmall } from '../posix/files.js'

/** The version of the package. */
export function version(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string }
  return manifest.version
}

/** The licence of the package. */
export function readLicense(): Uint8Array {
  const fd = openEntry(fileURLToPath(new URL('../../LICENSE', import.meta.url)))
  try {
    return readSmall(fd) ?? new Uint8Array()
  } finally {
    close(fd)
  }
}
