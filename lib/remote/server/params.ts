import { own, RpcError, rpcCodes } from './json-rpc.js'

/** A kind of parameter: its type in words, and how it is told. */
export interface Param<T> {
  readonly type: string
  readonly is: (value: unknown) => value is T
  /** What stands for it where it is left out, if it may be. */
  readonly fallback?: T
}

/** The parameters of a method, in order. */
export type Params = Readonly<Record<string, Param<unknown>>>

/** The values of parameters. */
export type Values<P extends Params> = {
  readonly [K in keyof P]: P[K] extends Param<infer T> ? T : never
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** Text. */
export const text: Param<string> = { type: 'string', is: isText }

/** Text that may be left out. */
export const textOr = (fallback: string): Param<string> => ({ ...text, fallback })

/** Text or null, which is the same as to leave it out. */
export const textOrNull: Param<string | null> = {
  type: 'string',
  is: (value): value is string | null => value === null || isText(value),
  fallback: null,
}

/** Yes or no; no where it is left out. */
export const flag: Param<boolean> = {
  type: 'boolean',
  is: (value): value is boolean => typeof value === 'boolean',
  fallback: false,
}

/**
 * The values of a call, given by position or by name.
 *
 * @throws {@link RpcError} -32602
 */
export function readValues<P extends Params>(
  params: P,
  given: readonly unknown[] | Readonly<Record<string, unknown>>,
): Values<P> {
  checkGiven(Object.keys(params), given)
  const values = Object.entries(params).map(([name, param], at) => {
    const value = isList(given) ? given[at] : own(given, name)
    if (value === undefined && param.fallback !== undefined) return [name, param.fallback]
    if (value === undefined) throw wrong(`${name} is missing`)
    if (!param.is(value)) throw wrong(`${name} is not a ${param.type}`)
    return [name, value]
  })
  return Object.fromEntries(values) as Values<P>
}

function checkGiven(
  names: readonly string[],
  given: readonly unknown[] | Readonly<Record<string, unknown>>,
): void {
  const unknown = isList(given)
    ? given.length > names.length
    : Object.keys(given).some((name) => !names.includes(name))
  if (unknown) throw wrong(`there are no others than ${names.join(', ') || 'none'}`)
}

function isList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given)
}

function wrong(why: string): RpcError {
  return new RpcError(rpcCodes.params, `wrong parameters: ${why}`)
}
