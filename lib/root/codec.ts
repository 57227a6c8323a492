import type { Argument } from '../name/encode.js'

/**
 * A validator after the Standard Schema (https://standardschema.dev), as zod, Valibot and ArkType make
 * them; only what is used of the interface, so that no package is needed for it.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the standard asks for. */
  readonly '~standard': {
    /** The version of the standard. */
    readonly version: 1
    /** Who made the validator. */
    readonly vendor: string
    /** What the value is once it is validated, or what is wrong with it. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** For the types only. */
    readonly types?: SchemaTypes<Input, Output> | undefined
  }
}

/** The types of a {@link StandardSchema}: there are no such values. */
export interface SchemaTypes<Input, Output> {
  /** What it takes. */
  readonly input: Input
  /** What it makes of that. */
  readonly output: Output
}

/** What a {@link StandardSchema} says of a value. */
export type SchemaResult<Output> =
  | {
      /** The value, as the validator has made it. */
      readonly value: Output
      /** Nothing is wrong. */
      readonly issues?: undefined
    }
  | {
      /** What is wrong. */
      readonly issues: readonly SchemaIssue[]
    }

/** Something that is wrong with a value. */
export interface SchemaIssue {
  /** What, in words. */
  readonly message: string
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | SchemaPathPart)[] | undefined
}

/** A step on the way to a part of a value. */
export interface SchemaPathPart {
  /** The name, or the index. */
  readonly key: PropertyKey
}

/** Two functions that turn a body into bytes, or text, and back; either may throw to refuse it. */
export interface BodyFunctions<BodyIn, BodyOut = BodyIn> {
  /** What is written; text is written in FSQ_CHARSET. */
  readonly encode: (body: BodyIn) => string | Uint8Array
  /** What the bytes mean. */
  readonly decode: (bytes: Uint8Array) => BodyOut | Promise<BodyOut>
}

/** Two functions that turn arguments into those of a name and back; either may throw to refuse them. */
export interface ArgumentsFunctions<ArgumentsIn, ArgumentsOut = ArgumentsIn> {
  /** The arguments of the name: short ones. */
  readonly encode: (args: ArgumentsIn) => readonly Argument[]
  /** What those of a name mean. */
  readonly decode: (args: readonly string[]) => ArgumentsOut | Promise<ArgumentsOut>
}

/** Any validator, whatever its types. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a parameter of any other type is one that some lack
export type AnySchema = StandardSchema<any, any>

/** How arguments are checked, or made. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any schema, whatever its types
export type ArgumentsCodec = AnySchema | ArgumentsFunctions<any, any>

/** How a body is checked, or made. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any schema, whatever its types
export type BodyCodec = AnySchema | BodyFunctions<any, any>

/**
 * What the items of a queue are. By a schema a body is JSON, and arguments are text: what is enqueued is
 * validated, and stored as it was given; what a worker gets is what the validator has made of it.
 *
 * @typeParam A - how the arguments are checked, or made
 * @typeParam B - how the body is
 */
export interface Codec<
  A extends ArgumentsCodec | undefined = undefined,
  B extends BodyCodec | undefined = undefined,
> {
  /** Of the arguments. @defaultValue any text */
  readonly arguments?: A
  /** Of the body. @defaultValue any JSON */
  readonly body?: B
}

/**
 * The type of a part of a codec; `undefined` where it has none.
 *
 * @typeParam C - the codec, inferred as a whole: a part that is inferred by itself is taken for left out where a
 * function in it leaves the type of its parameter to TypeScript
 */
export type PartOf<C, K extends keyof Codec> = K extends keyof C
  ? Exclude<C[K], undefined>
  : undefined

/** The arguments as they are enqueued. */
export type ArgumentsIn<A> =
  A extends StandardSchema<infer In, unknown>
    ? In
    : A extends Pick<ArgumentsFunctions<infer In, unknown>, 'encode'>
      ? In
      : readonly Argument[]

/** The arguments as a worker gets them. */
export type ArgumentsOut<A> =
  A extends StandardSchema<unknown, infer Out>
    ? Out
    : A extends Pick<ArgumentsFunctions<never, infer Out>, 'decode'>
      ? Awaited<Out>
      : readonly string[]

/** The body as it is enqueued. */
export type BodyIn<B> =
  B extends StandardSchema<infer In, unknown>
    ? In
    : B extends Pick<BodyFunctions<infer In, unknown>, 'encode'>
      ? In
      : unknown

/** The body as a worker gets it. */
export type BodyOut<B> =
  B extends StandardSchema<unknown, infer Out>
    ? Out
    : B extends Pick<BodyFunctions<never, infer Out>, 'decode'>
      ? Awaited<Out>
      : unknown

/** Whether a part of a codec is a schema; a schema may have functions called encode and decode too. */
export function isSchema(part: ArgumentsCodec | BodyCodec): part is AnySchema {
  return '~standard' in part
}

/** A value that a schema refuses: what is wrong with it, and where. */
export class InvalidValue extends Error {
  /** @internal */
  constructor(issues: readonly SchemaIssue[]) {
    super(issues.map(textOf).join('; ') || 'it is refused without a reason')
  }
}

/** Validates a value by a schema; throws {@link InvalidValue}. */
export async function validate(schema: StandardSchema, value: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(value)
  if (result.issues !== undefined) throw new InvalidValue(result.issues)
  return result.value
}

function textOf({ message, path = [] }: SchemaIssue): string {
  const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return where === '' ? message : `${where}: ${message}`
}
