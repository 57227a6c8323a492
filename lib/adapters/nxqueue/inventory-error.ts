import { FsqError } from '../../errors.js'

/** Where something stands. */
export interface FilePlace {
  /** The path of the file, as it was given or found. */
  readonly file: string
  /** From 1 on; undefined: it is about the file as a whole. */
  readonly line?: number
  /** In characters (of UTF-16), from 1 on. */
  readonly column?: number
}

/** What is wrong with an inventory, and where. */
export interface InventoryProblem extends FilePlace {
  /** What is wrong, and what would be right. */
  readonly message: string
}

/** An inventory that cannot be used, and all that is wrong with it. Its code is `FSQ_NXQUEUE_INVENTORY`. */
export class InventoryError extends FsqError {
  /** At least one, in the order of the files and of what stands in them. */
  readonly problems: readonly InventoryProblem[]

  /** @internal */
  constructor(path: string, problems: readonly InventoryProblem[], cause?: unknown) {
    const [first] = problems
    const words = first === undefined ? path : formatProblem(first)
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    super('FSQ_NXQUEUE_INVENTORY', `${words}${more}`, { path, cause })
    this.problems = problems
  }
}

/** `file:line:column: what is wrong`, as compilers write it and editors read it. */
export function formatProblem({ message, ...place }: InventoryProblem): string {
  return `${formatPlace(place)}: ${message}`
}

/** `file:line:column`. */
export function formatPlace({ file, line, column }: FilePlace): string {
  return [file, line, column].filter((part) => part !== undefined).join(':')
}
