import { decodeName, encodeName } from './escape.js'
import { formatNode, type Node, parseNode } from './node.js'
import { epochSeconds, wholeNumber, wordsOf } from './words.js'

/*
 * A job of an ftpcluster is a line of words, the first of which is its type:
 *
 *   upload filename uid size mtime [nodes]       a file came in by FTP
 *   store filename uid size mtime [nodes]        it is to be stored on nodes
 *   replicate linkfile size mtime [nodes]        it is to be copied to further nodes
 *   remove host:port nodepath [linkfile [size mtime]]    a copy is to be deleted; `delete` is the same
 *
 * The line is what counts, byte for byte: what is read is written as it was. A line of another type, or
 * with too few words, is opaque: it is kept, and nothing is done about it.
 */

/** What all jobs have. */
export interface JobLine {
  /** The line, without its end. */
  readonly line: Buffer
}

/** A file of the cluster, as it was when the job was made. */
export interface FileVersion {
  /** Its size in bytes. */
  readonly size: number
  /** When it was changed last, in seconds of the epoch. */
  readonly mtime: number
}

/** `upload` or `store`: a file that is still here. */
export interface StoreJob extends JobLine, FileVersion {
  /** Tells the jobs apart. */
  readonly type: 'upload' | 'store'
  /** The path of the file in the FTP space. */
  readonly filename: string
  /** Whose it is. */
  readonly uid: string
  /** Where it may go; empty: to be chosen. */
  readonly nodes: readonly Node[]
}

/** `replicate`: a file that has a copy somewhere. */
export interface ReplicateJob extends JobLine, FileVersion {
  /** Tells the jobs apart. */
  readonly type: 'replicate'
  /** The path of its link file in the FTP space. */
  readonly linkfile: string
  /** Where it is to go; empty: to be chosen. */
  readonly nodes: readonly Node[]
}

/** `remove`, or `delete`: a copy that is not wanted any more. */
export interface RemoveJob extends JobLine {
  /** Tells the jobs apart. */
  readonly type: 'remove'
  /** The word that the line has for it. */
  readonly keyword: 'remove' | 'delete'
  /** The node that has the copy. */
  readonly node: Node
  /** The path of the copy there. */
  readonly nodepath: string
  /** The link file that named it, where the line tells. */
  readonly linkfile?: string
  /** The file of which it is a copy, where the line tells. */
  readonly version?: FileVersion
}

/** A line that is no job that we know. */
export interface OpaqueJob extends JobLine {
  /** Tells the jobs apart. */
  readonly type: 'opaque'
  /** Why. */
  readonly reason: string
}

/** A job. */
export type Job = StoreJob | ReplicateJob | RemoveJob | OpaqueJob

/** What a {@link RemoveJob} is made of. */
export interface NewRemoveJob extends Omit<RemoveJob, 'line' | 'keyword'> {
  /** The word that the line has for it. @defaultValue `remove` */
  readonly keyword?: RemoveJob['keyword']
}

/** What a job is made of. */
export type NewJob = Omit<StoreJob, 'line'> | Omit<ReplicateJob, 'line'> | NewRemoveJob

/** The job of a line, which has no line break. */
export function parseJob(line: Uint8Array): Job {
  const bytes = Buffer.from(line)
  const [keyword, ...words] = wordsOf(bytes)
  const type = keyword?.toString('latin1') ?? ''
  const job = parse(type, words)
  return typeof job === 'string'
    ? { type: 'opaque', reason: job, line: bytes }
    : { ...job, line: bytes }
}

/** A job without its line. */
type Parsed = Omit<StoreJob, 'line'> | Omit<ReplicateJob, 'line'> | Omit<RemoveJob, 'line'>

/** The job, or why the line is none. */
function parse(type: string, words: readonly Buffer[]): Parsed | string {
  switch (type) {
    case 'upload':
    case 'store': {
      const [filename, uid, size, mtime, ...nodes] = words
      const version = versionOf(size, mtime)
      if (filename === undefined || uid === undefined) return tooFew(type)
      if (typeof version === 'string') return version
      const list = nodesOf(nodes)
      if (typeof list === 'string') return list
      return { type, filename: decodeName(filename), uid: decodeName(uid), ...version, nodes: list }
    }
    case 'replicate': {
      const [linkfile, size, mtime, ...nodes] = words
      const version = versionOf(size, mtime)
      if (linkfile === undefined) return tooFew(type)
      if (typeof version === 'string') return version
      const list = nodesOf(nodes)
      if (typeof list === 'string') return list
      return { type, linkfile: decodeName(linkfile), ...version, nodes: list }
    }
    case 'remove':
    case 'delete':
      return parseRemove(type, words)
    case '':
      return 'the line is empty'
    default:
      return 'its type is none that we know'
  }
}

function parseRemove(keyword: 'remove' | 'delete', words: readonly Buffer[]): Parsed | string {
  const [where, nodepath, linkfile, size, mtime, ...more] = words
  if (where === undefined || nodepath === undefined) return tooFew(keyword)
  const node = parseNode(where.toString('latin1'))
  if (node === undefined) return `${where.toString('latin1')} is no host:port`
  const version = size === undefined ? undefined : versionOf(size, mtime)
  if (typeof version === 'string') return version
  if (more.length > 0) return 'there are too many words'
  return {
    type: 'remove',
    keyword,
    node,
    nodepath: decodeName(nodepath),
    ...(linkfile === undefined ? {} : { linkfile: decodeName(linkfile) }),
    ...(version === undefined ? {} : { version }),
  }
}

function tooFew(type: string): string {
  return `there are too few words for ${type}`
}

function versionOf(size: Buffer | undefined, mtime: Buffer | undefined): FileVersion | string {
  const [bytes, seconds] = [wholeNumber(size), epochSeconds(mtime)]
  if (size === undefined || mtime === undefined)
    return 'there are too few words for a size and an mtime'
  if (bytes === undefined || seconds === undefined)
    return 'the size or the mtime is no whole number'
  return { size: bytes, mtime: seconds }
}

/** Nodes that blanks or commas separate. */
function nodesOf(words: readonly Buffer[]): Node[] | string {
  const names = words.flatMap((word) => word.toString('latin1').split(',')).filter(Boolean)
  const nodes: Node[] = []
  for (const name of names) {
    const node = parseNode(name)
    if (node === undefined) return `${name} is no host:port`
    nodes.push(node)
  }
  return nodes
}

/**
 * Makes a job, with its line.
 *
 * @throws `TypeError` for what no line can say.
 */
export function makeJob(job: NewJob): Exclude<Job, OpaqueJob> {
  const line = Buffer.from(wordsFor(job).join(' '))
  const made = parseJob(line)
  if (made.type === 'opaque')
    throw new TypeError(`Expected a job, got ${JSON.stringify(job)}: ${made.reason}`)
  return made
}

function wordsFor(job: NewJob): string[] {
  switch (job.type) {
    case 'upload':
    case 'store':
      return [
        job.type,
        word(job.filename),
        word(job.uid),
        ...numbers(job),
        ...job.nodes.map(formatNode),
      ]
    case 'replicate':
      return [job.type, word(job.linkfile), ...numbers(job), ...job.nodes.map(formatNode)]
    case 'remove': {
      const { keyword = 'remove', node, nodepath, linkfile, version } = job
      if (linkfile === undefined && version !== undefined)
        throw new TypeError('Expected a `linkfile` beside `version`')
      return [
        keyword,
        formatNode(node),
        word(nodepath),
        ...(linkfile === undefined ? [] : [word(linkfile)]),
        ...(version === undefined ? [] : numbers(version)),
      ]
    }
  }
}

function word(name: string): string {
  if (name === '') throw new TypeError('Expected a name that is not empty')
  return encodeName(name)
}

function numbers({ size, mtime }: FileVersion): string[] {
  return [String(size), String(mtime)]
}
