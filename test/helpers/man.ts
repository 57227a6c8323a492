import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A manual page: its path from the top of the package, as `man/man1/fsq.1`, and its source. */
export interface ManPage {
  readonly path: string
  readonly source: string
}

const top = new URL('../../', import.meta.url)

/** The file of the package with that path. */
export function fileOf(path: string): string {
  return fileURLToPath(new URL(path, top))
}

/** The page with that path. */
export function readPage(path: string): ManPage {
  return { path, source: readFileSync(fileOf(path), 'utf8') }
}

/** Every page of the package. */
export function readPages(): ManPage[] {
  return ['man/man1', 'man/man5', 'man/man7'].flatMap((folder) =>
    readdirSync(fileOf(folder))
      .sort()
      .map((name) => readPage(`${folder}/${name}`)),
  )
}

/** The literal displays of a page, as a reader sees them. */
export function displaysOf({ source }: ManPage): string[] {
  return [...source.matchAll(/^\.Bd -literal[^\n]*\n(.*?)^\.Ed$/gms)].map(([, text = '']) =>
    unescaped(text),
  )
}

/** The lines of one section, by its heading. */
export function sectionOf({ source }: ManPage, heading: string): string[] {
  const [, section = ''] = new RegExp(`^\\.Sh ${heading}\\n(.*?)(?=^\\.Sh|$(?![^]))`, 'ms').exec(
    source,
  ) ?? ['', '']
  return section.split('\n')
}

const escapes: Readonly<Record<string, string>> = {
  '\\-': '-',
  '\\&': '',
  '\\e': '\\',
  '\\(aq': "'",
  '\\(ga': '`',
  '\\(ha': '^',
  '\\(ti': '~',
}

/** Text without the escapes of roff(7) that the pages use; any other is an error. */
export function unescaped(text: string): string {
  return text.replace(/\\(?:\(..|.)/g, (escape) => {
    const character = escapes[escape]
    if (character === undefined) throw new Error(`an escape that is not known here: ${escape}`)
    return character
  })
}
