// Tables of figures, in Markdown that reads as plain text too.
import { ratios, series } from './rounds.mjs'
import { spread } from './statistics.mjs'

const defaultMetrics = [{ key: 'rate', unit: 'items/s' }]

/** The heading of a report: what the figures depend on. */
export function machineText(machine) {
  return Object.entries(machine)
    .map(([key, value]) => `- ${key}: ${value}`)
    .join('\n')
}

/** A group of cases: a row for each case and metric, fsq beside the floor. */
export function groupText(group, figures) {
  const { name, about, cases, metrics = defaultMetrics, sequential } = group
  const others = [...new Set(cases.flatMap(({ variants }) => Object.keys(variants)))].filter(
    (variant) => variant !== 'fsq',
  )
  const withCpu = cases.some((each) => series(figures, idOf(group, each), 'fsq', 'cpu'))
  const head = [
    'case',
    'unit',
    'fsq',
    ...others.flatMap((other) => [other, `fsq ÷ ${other}`]),
    ...(sequential === undefined ? [] : ['fsq ÷ sequential floor']),
    ...(withCpu ? ['CPU µs an item: fsq', ...others.map((other) => `CPU: ${other}`)] : []),
  ]
  const rows = cases.flatMap((each) => {
    const id = idOf(group, each)
    if (each.skip !== undefined) return []
    const given = metrics.filter(({ key }) => hasFigures(figures, id, key))
    return given.map(({ key, label, unit }, number) => {
      const of = (variant, metric = key) => series(figures, id, variant, metric)
      const cell = (variant) =>
        each.variants[variant] === undefined
          ? ''
          : (failure(figures, id, variant) ?? spreadText(of(variant)))
      const cpu = (variant) => (number === 0 ? spreadText(of(variant, 'cpu'), true) : '')
      return [
        label === undefined ? each.name : `${each.name}: ${label}`,
        unit,
        cell('fsq'),
        ...others.flatMap((other) => [cell(other), spreadText(ratios(of('fsq'), of(other)))]),
        ...(sequential === undefined
          ? []
          : [spreadText(ratios(of('fsq'), series(figures, sequential, 'floor', key)), true)]),
        ...(withCpu ? ['fsq', ...others].map(cpu) : []),
      ]
    })
  })
  const parts = [`## ${heading(name)}`, about]
  if (rows.length > 0) parts.push(table([head, ...rows]))
  return [...parts, ...skippedText(cases)].join('\n\n')
}

/** A group of rivals: a row for each system, and what each promises. */
export function rivalText(group, figures) {
  const { name, systems, missing, cases } = group
  const of = (each, system) => series(figures, idOf(group, each), system, 'rate')
  const head = ['items/s', ...cases.flatMap((each) => [each.name, 'fsq ÷ this'])]
  const rows = systems.map(({ name: system }) => [
    system,
    ...cases.flatMap((each) => {
      const numbers = of(each, system)
      const own = failure(figures, idOf(group, each), system) ?? spreadText(numbers)
      return [own, system === 'fsq' ? '' : spreadText(ratios(of(each, 'fsq'), numbers), true)]
    }),
  ])
  const promises = systems.map(({ name: system, promise }) => `- ${system}: ${promise}`)
  const skipped = missing.map((reason) => `- skipped: ${reason}`)
  const parts = [`## ${heading(name)}`, [...promises, ...skipped].join('\n')]
  if (rows.length > 0) parts.push(table([head, ...rows]))
  return parts.join('\n\n')
}

/** A paragraph for each reason for which cases were skipped. */
function skippedText(cases) {
  const reasons = new Set(cases.map(({ skip }) => skip).filter((skip) => skip !== undefined))
  return [...reasons].map((reason) => {
    const names = cases.filter(({ skip }) => skip === reason).map(({ name }) => name)
    return `Skipped (${reason}): ${names.join('; ')}.`
  })
}

/** Not every case of a group gives every metric; one that failed shows by all of them. */
function hasFigures(figures, id, key) {
  const variants = Object.values(figures.get(id) ?? {})
  return variants.some((all) => all instanceof Error || all.some((record) => key in record))
}

export function idOf(group, { name }) {
  return `${group.name}: ${name}`
}

export function heading(name) {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

function failure(figures, id, variant) {
  const all = figures.get(id)?.[variant]
  return all instanceof Error ? 'failed' : undefined
}

/** The median, with the lowest and the highest. */
export function spreadText(numbers, short = false) {
  if (numbers === undefined) return ''
  const { median, low, high } = spread(numbers)
  if (short || numbers.length === 1) return numberText(median)
  return `${numberText(median)} (${numberText(low)} to ${numberText(high)})`
}

/** Three digits, or as many as a whole number has. */
export function numberText(number) {
  const size = Math.abs(number)
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2
  return number.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** A table whose columns are aligned: the first to the left, numbers to the right. */
export function table(rows) {
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row) =>
    `| ${widths.map((width, column) => pad(row[column] ?? '', width, column)).join(' | ')} |`
  const [head, ...rest] = rows
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(head), rule, ...rest.map(line)].join('\n')
}

function pad(text, width, column) {
  return column === 0 || !/^[-\d]/.test(text) ? text.padEnd(width) : text.padStart(width)
}
