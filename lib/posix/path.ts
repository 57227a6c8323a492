/** A path for a system call; bytes where the name is not text in UTF-8. */
export type Path = string | Buffer

/**
 * The path of a directory's entry, whose name is a byte string (see toByteString): names in a
 * directory are bytes, which a string path can carry only where they are UTF-8.
 */
export function entryPath(directory: string, name: string): Path {
  const entry = entryName(name)
  return typeof entry === 'string'
    ? `${directory}/${entry}`
    : Buffer.concat([Buffer.from(`${directory}/`), entry])
}

/** The same, relative to the directory. */
export function entryName(name: string): Path {
  return /[^\0-\x7f]/.test(name) ? Buffer.from(name, 'latin1') : name
}
