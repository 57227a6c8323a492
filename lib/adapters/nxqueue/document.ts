import type * as Yaml from 'yaml'
import type { InventoryProblem, FilePlace } from './inventory-error.js'

/** A value of a file, and where it stands. */
export type Value = MapValue | ListValue | ScalarValue

/** An object. */
export interface MapValue {
  readonly kind: 'map'
  readonly at: FilePlace
  readonly members: ReadonlyMap<string, Member>
}

/** A member of an object: where its name stands, and its value. */
export interface Member {
  readonly at: FilePlace
  readonly value: Value
}

/** A list. */
export interface ListValue {
  readonly kind: 'list'
  readonly at: FilePlace
  readonly items: readonly Value[]
}

/** What has no parts. */
export interface ScalarValue {
  readonly kind: 'scalar'
  readonly at: FilePlace
  readonly value: unknown
  /** As it stands there. */
  readonly source: string
}

/** What a file says. */
export interface Document {
  /** Undefined where it says nothing. */
  readonly root: Value | undefined
  /** What is wrong with it as YAML. */
  readonly problems: readonly InventoryProblem[]
}

/** So many values may stand where others were named by aliases: more could fill the memory. */
const mostByAliases = 100_000

/**
 * Reads YAML 1.2, of which JSON is a part, by its core schema: `no` is a text, and there are neither merge keys
 * nor tags of its own. Takes about a second for 6,000 objects.
 */
export async function readDocument(text: string, file: string): Promise<Document> {
  const yaml = await import('yaml')
  try {
    return parse(yaml, text, file)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { root: undefined, problems: [{ file, message: tooDeep }] }
  }
}

function parse(yaml: typeof Yaml, text: string, file: string): Document {
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    prettyErrors: false,
    lineCounter: lines,
  })
  const reader = new Reader(yaml, (offset) => placeOf(file, lines, offset))
  const said = reader.read(document.contents)
  const isNothing = said?.kind === 'scalar' && said.value === null && said.source === ''
  const wrong = [...document.errors, ...document.warnings].map((error) => ({
    ...placeOf(file, lines, error.pos[0]),
    message: messageOf(error),
  }))
  return { root: isNothing ? undefined : said, problems: [...wrong, ...reader.problems] }
}

function placeOf(file: string, lines: Yaml.LineCounter, offset: number): FilePlace {
  const { line, col } = lines.linePos(offset)
  return { file, line: Math.max(1, line), column: Math.max(1, col) }
}

/** The message of a library, as the middle of a line. */
function messageOf({ code, message }: Pick<Yaml.YAMLError, 'code' | 'message'>): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document: there is one in a file'
  if (message.includes('call stack')) return tooDeep
  const [line = ''] = message.split('\n')
  return `${line.charAt(0).toLowerCase()}${line.slice(1)}`
}

/** The stack of calls is as deep as the values. */
const tooDeep = 'lists or objects are nested too deep'

/** Makes {@link Value}s of the nodes of a document. */
class Reader {
  readonly problems: InventoryProblem[] = []
  readonly #yaml: typeof Yaml
  readonly #placeOf: (offset: number) => FilePlace
  /** What aliases name, each behind its anchor, and how many values are in it. */
  readonly #anchors = new Map<string, { readonly value: Value; readonly size: number }>()
  #size = 0
  #byAliases = 0

  constructor(yaml: typeof Yaml, placeOf: (offset: number) => FilePlace) {
    this.#yaml = yaml
    this.#placeOf = placeOf
  }

  /** Undefined for what cannot be read, of which the problems tell. */
  read(node: unknown): Value | undefined {
    const { isAlias, isNode } = this.#yaml
    if (!isNode(node)) return undefined
    const at = this.#placeOf(node.range?.[0] ?? 0)
    if (isAlias(node)) return this.#named(node.source, at)
    const before = this.#size++
    const value = this.#valueOf(node, at)
    if (node.anchor !== undefined && value !== undefined)
      this.#anchors.set(node.anchor, { value, size: this.#size - before })
    return value
  }

  #valueOf(node: Yaml.ParsedNode | Yaml.Node, at: FilePlace): Value | undefined {
    const { isMap, isScalar, isSeq } = this.#yaml
    if (isMap(node)) return { kind: 'map', at, members: this.#readMembers(node) }
    if (isSeq(node)) {
      return { kind: 'list', at, items: node.items.flatMap((item) => this.read(item) ?? []) }
    }
    if (!isScalar(node)) return undefined
    return { kind: 'scalar', at, value: node.value, source: node.source ?? '' }
  }

  #readMembers({ items }: Yaml.YAMLMap): Map<string, Member> {
    const members = new Map<string, Member>()
    for (const { key, value } of items) {
      const name = this.read(key)
      if (name === undefined) continue
      const { at } = name
      if (name.kind !== 'scalar') {
        this.problems.push({ ...at, message: 'expected the name of a member, got one with parts' })
        continue
      }
      const nothing: Value = { kind: 'scalar', at, value: null, source: '' }
      members.set(String(name.value), { at, value: this.read(value) ?? nothing })
    }
    return members
  }

  #named(anchor: string, at: FilePlace): Value | undefined {
    const found = this.#anchors.get(anchor)
    if (found === undefined) {
      this.problems.push({ ...at, message: `there is no anchor &${anchor} before it` })
      return undefined
    }
    const before = this.#byAliases
    this.#byAliases += found.size
    this.#size += found.size
    if (this.#byAliases <= mostByAliases) return found.value
    if (before <= mostByAliases)
      this.problems.push({ ...at, message: `aliases stand for more than ${mostByAliases} values` })
    return undefined
  }
}
