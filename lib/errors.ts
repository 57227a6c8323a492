/** What a code means. */
export interface ErrorMeaning {
  /** The exit status that the `fsq` program gives it: 100 or 111. */
  readonly exit: number
  /** What went wrong, in words. */
  readonly meaning: string
}

const meanings = {
  FSQ_USAGE: { exit: 100, meaning: 'a command was called with words that it does not take' },
  FSQ_ENV: { exit: 111, meaning: 'a variable of the environment has a value of the wrong form' },
  FSQ_ENCODE: { exit: 111, meaning: 'a delimiter, encode character or escape is not legal' },
  FSQ_COERCE: { exit: 111, meaning: 'a value cannot be written, or read, in the charset' },
  FSQ_TIMEFMT: { exit: 111, meaning: 'a timestamp does not fit the time format' },
  FSQ_MALFORMED: { exit: 111, meaning: 'an entry of a queue is not a work-item' },
  FSQ_NAME_TOO_LONG: { exit: 111, meaning: 'the name of a work-item exceeds 255 bytes' },
  FSQ_PATH: { exit: 111, meaning: 'no queue, host or file can have that name' },
  FSQ_NO_USER: { exit: 111, meaning: 'no such user' },
  FSQ_NO_GROUP: { exit: 111, meaning: 'no such group' },
  FSQ_NO_ROOT: { exit: 111, meaning: 'the directory that holds the queues cannot be used' },
  FSQ_NO_QUEUE: { exit: 111, meaning: 'no such queue, or it is not a queue' },
  FSQ_QUEUE_EXISTS: { exit: 111, meaning: 'install found a queue of that name' },
  FSQ_QUEUE_NOT_EMPTY: { exit: 111, meaning: 'uninstall found items that wait to be worked on' },
  FSQ_INSTALL: { exit: 111, meaning: 'a queue could not be installed or uninstalled' },
  FSQ_ENQUEUE: { exit: 111, meaning: 'an item could not be enqueued; nothing of it is left' },
  FSQ_DUPLICATE: {
    exit: 111,
    meaning: 'an item of that name, with that entropy, is there already',
  },
  FSQ_ID_TAKEN: { exit: 111, meaning: 'an item was enqueued under that id, and is still there' },
  FSQ_ID_BUSY: { exit: 111, meaning: 'somebody else is enqueueing an item under that id' },
  FSQ_INVALID: { exit: 111, meaning: 'the codec of a typed queue refuses an item' },
  FSQ_BODY: { exit: 111, meaning: 'the body of an item could not be read' },
  FSQ_BATCH: { exit: 111, meaning: 'a line of a batch is not an item' },
  FSQ_PARTIAL: {
    exit: 111,
    meaning: 'not every item of a batch was enqueued; the outcomes of the error say which were',
  },
  FSQ_SCAN: { exit: 111, meaning: 'a queue could not be listed, or an item not opened' },
  FSQ_DOWN: { exit: 111, meaning: 'the queue is down' },
  FSQ_NO_ITEM: { exit: 111, meaning: 'the item is not, or no longer, in the queue' },
  FSQ_AMBIGUOUS: { exit: 111, meaning: 'several items begin with the name that was given' },
  FSQ_ITEM_LOCKED: { exit: 111, meaning: 'somebody is working on the item' },
  FSQ_MAX_TRIES: { exit: 111, meaning: 'the item has used up its tries' },
  FSQ_TTL_EXPIRED: { exit: 111, meaning: 'the item is older than its time to live' },
  FSQ_FINISH: { exit: 111, meaning: 'an item could not be moved out of, or back into, the queue' },
  FSQ_CONFIG: { exit: 111, meaning: 'a down file or a trigger could not be made or removed' },
  FSQ_NO_TRIGGER: { exit: 111, meaning: 'the queue has no trigger' },
  FSQ_NO_LISTENER: { exit: 111, meaning: 'nobody listens to the trigger' },
  FSQ_PROGRAM_KILLED: { exit: 111, meaning: 'a program was killed by a signal; its item failed' },
  FSQ_EXEC: { exit: 111, meaning: 'a program could not be started' },
  FSQ_HANDLER: { exit: 111, meaning: 'the handler of an item threw an error' },
  FSQ_TIMEOUT: { exit: 111, meaning: 'the work on an item took longer than it may' },
  FSQ_STOPPED: { exit: 111, meaning: 'the worker stopped before the work on an item was over' },
  FSQ_WATCH: { exit: 111, meaning: 'a queue cannot be listened to; only sweeps find work' },
  FSQ_OUTPUT: { exit: 111, meaning: 'stdout, or what a program wrote, could not be written' },
  FSQ_PRUNE: { exit: 111, meaning: 'a finished item could not be removed' },
  FSQ_AUDIT: { exit: 111, meaning: 'a queue could not be examined' },
  FSQ_REPAIR: { exit: 111, meaning: 'something that was found could not be mended' },
  FSQ_LISTEN: { exit: 111, meaning: 'a server cannot listen where, or as, it is told to' },
  FSQ_TOKENS: { exit: 111, meaning: 'a file of tokens cannot be used' },
  FSQ_PUSH: {
    exit: 111,
    meaning: 'a remote is away or failing; the item is not known to be there',
  },
  FSQ_PUSH_REFUSED: { exit: 111, meaning: 'a remote will never take this item as it is' },
  FSQ_DENIED: { exit: 111, meaning: 'a remote does not let us do that' },
  FSQ_REMOTE: { exit: 111, meaning: 'a remote could not be asked, or could not do it' },
  FSQ_CLUSTER: { exit: 111, meaning: 'the files of an ftpcluster cannot be used' },
  FSQ_CLUSTER_LOCKED: { exit: 111, meaning: 'somebody else is at the queue of an ftpcluster' },
  FSQ_NODE: {
    exit: 111,
    meaning: 'a node of an ftpcluster is away, or did not do what it was asked to',
  },
  FSQ_LOCKED: {
    exit: 111,
    meaning: 'somebody else holds a lock, and did not let go of it in time',
  },
  FSQ_SEQUENCE: {
    exit: 111,
    meaning:
      'a sequence file cannot be used, or items would have no place, or the same, in a sequence',
  },
  FSQ_JOB: { exit: 111, meaning: 'no job of Filespooler, or one that must not be run' },
  FSQ_FILESPOOLER: { exit: 111, meaning: 'a directory cannot be used as a Filespooler queue' },
  FSQ_NATS: { exit: 111, meaning: 'a server of NATS is away, or did not do what it was asked to' },
  FSQ_NATS_SETUP: {
    exit: 111,
    meaning: 'a stream, consumer or bucket of NATS is missing, or not as fsq needs it',
  },
  FSQ_NATS_MESSAGE: { exit: 111, meaning: 'a message of NATS is no item, or not the whole of one' },
  FSQ_NATS_CLIENT: { exit: 111, meaning: 'the packages by which NATS is spoken are not installed' },
  FSQ_NXQUEUE: {
    exit: 111,
    meaning: 'what a cluster of nxqueue knows cannot be used, or does not allow that',
  },
  FSQ_NXQUEUE_INVENTORY: { exit: 111, meaning: 'an inventory of nxqueue cannot be used as it is' },
  FSQ_NXQUEUE_JOB: { exit: 111, meaning: 'no job of nxqueue, or not one that can be dispatched' },
  FSQ_NXQUEUE_LOST: { exit: 111, meaning: 'a server ended, or was lost, while it executed a job' },
  FSQ_SYSTEM: { exit: 111, meaning: 'a system call failed where nobody expected it to' },
  FSQ_UNSUPPORTED: { exit: 111, meaning: 'this machine lacks something that fsq needs' },
} as const

/** The stable name of a kind of {@link FsqError}. */
export type FsqErrorCode = keyof typeof meanings

/** What each code means. Codes are stable, messages are not. docs/errors.md has the same table. */
export const errorCodes: Readonly<Record<FsqErrorCode, ErrorMeaning>> = meanings

/** Codes of what cannot be the name of a work-item, or text that the charset does not have. */
export const nameErrors: ReadonlySet<FsqErrorCode> = new Set<FsqErrorCode>([
  'FSQ_PATH',
  'FSQ_NAME_TOO_LONG',
  'FSQ_MALFORMED',
  'FSQ_ENCODE',
  'FSQ_COERCE',
  'FSQ_TIMEFMT',
])

/** What a {@link FsqError} says beside its message; each field only where it applies. */
export interface FsqErrorFields {
  /** The queue that was worked on. */
  readonly queue?: string
  /** The name of the item that was worked on. */
  readonly id?: string
  /** The file or directory that was worked on. */
  readonly path?: string
  /** The name of the system's error, as `ENOSPC`, where a system call failed. */
  readonly errno?: string
  /** The error that led to this one. */
  readonly cause?: unknown
}

/**
 * Every expected failure of fsq. Misuse by the programmer, such as an option of the wrong type, is a
 * plain `TypeError`; an aborted call throws the reason of its `AbortSignal`.
 */
export class FsqError extends Error {
  /** What went wrong; compare this, never the message. */
  readonly code: FsqErrorCode
  // Declared only: a field that does not apply is not there, rather than there and undefined.
  /** The queue that was worked on. */
  declare readonly queue?: string
  /** The name of the item that was worked on. */
  declare readonly id?: string
  /** The file or directory that was worked on. */
  declare readonly path?: string
  /** The name of the system's error, as `ENOSPC`, where a system call failed. */
  declare readonly errno?: string

  constructor(code: FsqErrorCode, message: string, fields: FsqErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.name = 'FsqError'
    this.code = code
    if (fields.queue !== undefined) this.queue = fields.queue
    if (fields.id !== undefined) this.id = fields.id
    if (fields.path !== undefined) this.path = fields.path
    const errno = fields.errno ?? errnoOf(fields.cause)
    if (errno !== undefined) this.errno = errno
  }

  /** The exit status that the `fsq` program gives to this error: 100 or 111. */
  get exitStatus(): number {
    return errorCodes[this.code].exit
  }
}

/** The name of the system's error in what was thrown by a system call, as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof FsqError) return error.errno
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return
  // libuv has no name for it, and Node.js says "Unknown system error -122" (Linux).
  if ('errno' in error && error.errno === -122) return 'EDQUOT'
  // Node.js names its own errors, ERR_INVALID_ARG_TYPE and the like, in the same field.
  return /^E(?!RR_)[A-Z0-9]+$/.test(error.code) ? error.code : undefined
}

const plainWords: Record<string, string> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'it exists already',
  EFBIG: 'the file would be too large',
  EIO: 'input/output error',
  EISDIR: 'it is a directory',
  ELOOP: 'it is a symbolic link, or leads through too many of them',
  EMFILE: 'this process has too many files open (see ulimit -n)',
  EMLINK: 'the file has too many links',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'the system has too many files open',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'it is not a program that this system can run',
  ENOSPC: 'no space is left on the disk',
  ENOTDIR: 'it is not a directory',
  ENOTEMPTY: 'it is not empty',
  ENXIO: 'nobody has it open',
  EPERM: 'operation not permitted',
  EPIPE: 'nobody reads it any more',
  EROFS: 'the file system is mounted read-only',
  ETXTBSY: 'the program is being written',
  EXDEV: 'the directories are on different file systems',
}

/** A system error in plain words, without the path and the call that Node's message carries. */
export function reasonOf(error: unknown): string {
  const errno = errnoOf(error)
  if (errno === 'EPERM' && (error as NodeJS.ErrnoException).syscall === 'fchown')
    return 'only root may give it to that user or group'
  const words = errno === undefined ? undefined : plainWords[errno]
  if (words !== undefined) return words
  return error instanceof Error ? error.message : String(error)
}
