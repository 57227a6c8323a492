/*
 * The form of the files of an inventory, as a JSON schema: what check-form.ts judges by, what
 * `fsq nxqueue check --schema` prints, and what an editor can help with. What a schema cannot say, as
 * that a drive is there, link-inventory.ts looks at.
 */

/** The part of JSON Schema, draft 7, that is used here. */
export interface Schema {
  /** The version of JSON Schema. */
  readonly $schema?: string
  /** What the value is, in words that continue "Expected". */
  readonly title: string
  /** What the value means. */
  readonly description?: string
  /** What the value is: one of these. */
  readonly type: SchemaType | readonly SchemaType[]
  /** Of texts and numbers: these, and no others. */
  readonly enum?: readonly (string | number)[]
  /** Of texts: what they match. */
  readonly pattern?: string
  /** Of texts: the fewest characters. */
  readonly minLength?: number
  /** Of texts: the most characters. */
  readonly maxLength?: number
  /** Of numbers: the least. */
  readonly minimum?: number
  /** Of numbers: the greatest. */
  readonly maximum?: number
  /** Of lists: what they hold. */
  readonly items?: Schema
  /** Of lists: the fewest items. */
  readonly minItems?: number
  /** Of lists: whether no item is there twice. */
  readonly uniqueItems?: boolean
  /** Of objects: their members. */
  readonly properties?: Readonly<Record<string, Schema>>
  /** Of objects: the members that have to be there. */
  readonly required?: readonly string[]
  /** Of objects: that there are no other members. */
  readonly additionalProperties?: false
  /** Of objects: the members that one needs. */
  readonly dependencies?: Readonly<Record<string, readonly string[]>>
  /** What stands for a member that is not given. */
  readonly default?: string | number | boolean
  /** Values that are good. */
  readonly examples?: readonly (string | number)[]
}

/** The types of JSON that are used here. */
export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'boolean'

const name = {
  title:
    'a name of letters, digits, `-` and `_`, with single dots between, of at most 100 characters',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
  maxLength: 100,
} satisfies Schema

const serverName = {
  ...name,
  title: `${name.title}, which is not \`any\``,
  pattern: `^(?!any$)${name.pattern.slice(1)}`,
} satisfies Schema

const text = (most: number): Schema => ({
  title: `a text of 1 to ${most} characters`,
  type: 'string',
  minLength: 1,
  maxLength: most,
})

const count = {
  title: 'a whole number from 1 to 1000',
  type: 'integer',
  minimum: 1,
  maximum: 1000,
} satisfies Schema

const bytes = {
  title: 'bytes as a whole number, or a number with its unit, such as `2.5 TB` or `1500 GiB`',
  type: ['integer', 'string'],
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  pattern: '^[0-9]{1,15}(\\.[0-9]{1,9})? ?([kKMGTP]B|[KMGTP]iB|B)$',
} satisfies Schema

const generation = {
  title: 'a generation: a whole number from 1 to 99',
  type: 'integer',
  minimum: 1,
  maximum: 99,
} satisfies Schema

const generations = {
  title: 'a list of generations, each once',
  type: 'array',
  items: generation,
  minItems: 1,
  uniqueItems: true,
} satisfies Schema

const servers = {
  title: 'a list of names of servers, each once',
  type: 'array',
  items: serverName,
  minItems: 1,
  uniqueItems: true,
} satisfies Schema

const server: Schema = {
  title: 'a server: an object',
  type: 'object',
  properties: {
    name: { ...serverName, description: 'Its name, which is that of its host queue.' },
    slots: { ...count, default: 1, description: 'How many jobs it executes at a time.' },
  },
  required: ['name'],
  additionalProperties: false,
}

const drive: Schema = {
  title: 'a drive: an object',
  type: 'object',
  properties: {
    name: { ...name, description: 'Its name.' },
    changer: { ...name, description: 'The changer that loads it.' },
    generation: {
      ...generation,
      description:
        'Its generation of LTO, from which follow `type`, `reads` and `writes` where they are not given.',
    },
    type: {
      ...text(100),
      description: 'What a job may ask for. Default: `LTO-` and the generation.',
      examples: ['LTO-6'],
    },
    reads: { ...generations, description: 'The generations of the tapes that it reads.' },
    writes: { ...generations, description: 'The generations of the tapes that it writes.' },
    servers: { ...servers, description: 'The servers that see it.' },
    enabled: {
      title: '`true` or `false`',
      type: 'boolean',
      default: true,
      description: 'Whether it may be used.',
    },
  },
  required: ['name', 'changer', 'servers'],
  additionalProperties: false,
}

/** How states are written: by number, or by word. */
export const volumeStates = ['unknown', 'enabled', 'read-only', 'disabled'] as const

const volume: Schema = {
  title: 'a volume: an object',
  type: 'object',
  properties: {
    name: { ...name, description: 'Its name, such as what the label of a tape says.' },
    state: {
      title: '`unknown`, `enabled`, `read-only` or `disabled`, or its number, 0 to 3',
      type: ['integer', 'string'],
      enum: [...volumeStates, ...volumeStates.keys()],
      default: 'enabled',
      description:
        'What may be done with it: nothing (`unknown`, 0), everything (`enabled`, 1), restore ' +
        '(`read-only`, 2), nothing (`disabled`, 3).',
    },
    changer: { ...name, description: 'The changer that a tape is in; none, if it is on disk.' },
    slot: {
      title: 'a slot: a whole number from 0 to 1000000',
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      description: 'Where in its changer a tape belongs.',
    },
    group: { ...name, description: 'The group that it belongs to.' },
    generation: { ...generation, description: 'The generation of a tape.' },
    capacity: { ...bytes, description: 'How much it holds.', examples: ['2.5 TB', 2.5e12] },
    used: { ...bytes, default: 0, description: 'How much of that is used.' },
    mounted: { ...name, description: 'The drive that a tape is in.' },
    servers: {
      ...servers,
      description: 'The servers that reach one that is on disk. Default: all of them.',
    },
    jobs: {
      ...count,
      default: 1,
      description: 'How many jobs use one that is on disk at a time; a tape is used by one.',
    },
  },
  required: ['name', 'capacity'],
  dependencies: {
    changer: ['generation'],
    generation: ['changer'],
    slot: ['changer'],
    mounted: ['changer'],
  },
  additionalProperties: false,
}

const group: Schema = {
  title: 'a group: an object',
  type: 'object',
  properties: {
    name: { ...name, description: 'Its name.' },
    description: { ...text(1000), description: 'What it is for.' },
  },
  required: ['name'],
  additionalProperties: false,
}

function listOf(items: Schema, what: string): Schema {
  return { title: `a list of ${what}`, type: 'array', items }
}

/** The form of a file of an inventory. */
export const inventorySchema: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'an inventory: an object with `servers`, `drives`, `volumes` and `groups`',
  description:
    'What fsq nxqueue has to do its jobs with. Several files may have a part each; together they have at ' +
    'least one server. See fsq-nxqueue(5).',
  type: 'object',
  properties: {
    $schema: { ...text(1000), description: 'For editors; it is not looked at.' },
    servers: {
      ...listOf(server, 'servers'),
      description: 'The machines that execute jobs, in the order in which they become master.',
    },
    drives: { ...listOf(drive, 'drives'), description: 'The tape drives.' },
    volumes: { ...listOf(volume, 'volumes'), description: 'Tapes, and places on disk.' },
    groups: { ...listOf(group, 'groups'), description: 'What volumes belong to.' },
  },
  additionalProperties: false,
}
