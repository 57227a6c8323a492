/** How times are written. */
export interface TimeFormat {
  /** In UTC, with a Z, and not in local time. @defaultValue false */
  readonly utc?: boolean | undefined
  /** With milliseconds. @defaultValue false */
  readonly milliseconds?: boolean
}

/** A time by ISO 8601: local with its offset, `2026-11-21T10:15:00+01:00`, or in UTC with `Z`. */
export function formatTime(
  time: Date,
  { utc = false, milliseconds = false }: TimeFormat = {},
): string {
  const offset = utc ? 0 : -Math.round(time.getTimezoneOffset())
  const text = new Date(time.getTime() + offset * 60_000).toISOString()
  return text.replace(/(\.\d+)Z$/, milliseconds ? '$1' : '') + (utc ? 'Z' : zone(offset))
}

/** The object with its times as texts, to be printed as JSON. */
export function withTimes(value: object, { utc }: TimeFormat): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, unknown]) => {
      return [
        key,
        member instanceof Date ? formatTime(member, { utc, milliseconds: true }) : member,
      ]
    }),
  )
}

/** Minutes east of Greenwich as `+hh:mm`. */
function zone(offset: number): string {
  const two = (number: number): string => String(Math.floor(number)).padStart(2, '0')
  const minutes = Math.abs(offset)
  return `${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}
