/** A time as the programs of the cluster have it in names: `YYMMDD-HHMMSS`, local. */
export function localStamp(time: Date): string {
  const day = [time.getFullYear() % 100, time.getMonth() + 1, time.getDate()]
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
  return `${twoDigits(day)}-${twoDigits(clock)}`
}

function twoDigits(numbers: readonly number[]): string {
  return numbers.map((number) => String(number).padStart(2, '0')).join('')
}
