import stringWidth from 'string-width'

/** A column of a table. */
export interface Column {
  readonly heading: string
  /** Whether its cells stand at the right, as numbers do. @defaultValue false */
  readonly right?: boolean
}

/** What stands between two columns. */
const gap = '  '

/**
 * The lines of a table, headings first; none where there are no rows. The rows are asked for twice,
 * once for the widths and once for the lines, so that a table of a million does not have to be held;
 * a cell that is wider the second time only moves the others.
 */
export function* tableLines(
  columns: readonly Column[],
  rows: () => Iterable<readonly string[]>,
): Generator<string> {
  const widths = columns.map(({ heading }) => widthOf(heading))
  let any = false
  for (const row of rows()) {
    any = true
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell))
  }
  if (!any) return
  const line = (row: readonly string[]): string => {
    const cells = row.map((cell, at) => pad(cell, widths[at] ?? 0, columns[at]?.right))
    return cells.join(gap).trimEnd()
  }
  yield line(columns.map(({ heading }) => heading))
  for (const row of rows()) yield line(row)
}

/** The text with spaces behind it, or before it, up to a width. */
export function pad(text: string, width: number, right = false): string {
  const spaces = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? spaces + text : text + spaces
}

const ascii = /^[\x20-\x7e]*$/

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  return ascii.test(text) ? text.length : stringWidth(text)
}

/** As much of a text as has room in so many columns; what is left out shows as `…`. */
export function clip(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  if (columns < 1) return ''
  if (ascii.test(text)) return `${text.slice(0, columns - 1)}…`
  let clipped = ''
  let width = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += widthOf(segment)
    if (width > columns - 1) break
    clipped += segment
  }
  return `${clipped}…`
}
