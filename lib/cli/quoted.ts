import { harmless } from './output.js'

/** An argument as it is, or as JSON where that would be unclear. */
export function quoted(argument: string): string {
  return /^[\p{L}\p{N}%+,./:=@_-]+$/u.test(argument) ? argument : harmless(JSON.stringify(argument))
}
