import { checkForm, type Form } from './check-form.js'
import { type MapValue, readDocument } from './document.js'
import { InventoryError, type InventoryProblem } from './inventory-error.js'
import { type InventoryFile, inventoryFiles, readInventoryFile } from './inventory-files.js'
import { inventorySchema } from './inventory-schema.js'
import type { Inventory } from './inventory.js'
import { linkInventory } from './link-inventory.js'

/**
 * Reads an inventory: a file, or a directory of them, in YAML or JSON, as fsq-nxqueue(5) says. The files of a
 * directory are those called `*.yaml`, `*.yml` or `*.json` that are not hidden, in the order of their names.
 *
 * It takes about a second for 6,000 drives and volumes, in the thread that runs.
 *
 * @throws {@link InventoryError} with all that is wrong with it
 */
export async function readInventory(path: string): Promise<Inventory> {
  const files = inventoryFiles(path)
  const parts: Part[] = []
  for (const file of files) parts.push(await readPart(file))
  const problems = parts.flatMap((part) => part.problems)
  // What is in a part that cannot be read is not missing.
  const inventory = parts.some(({ unreadable }) => unreadable) ? undefined : link(parts, problems)
  if (inventory?.servers.length === 0 && problems.length === 0)
    problems.push({ file: path, message: 'there is no server; `servers` names who executes jobs' })
  if (inventory !== undefined && problems.length === 0) return inventory
  const cause = parts.find((part) => part.cause !== undefined)?.cause
  throw new InventoryError(path, inOrder(problems, files), cause)
}

/** What a file has of an inventory. */
interface Part extends Form {
  /** Undefined if it says nothing. */
  readonly root?: MapValue
  /** Whether it could not be read. */
  readonly unreadable?: true
  /** What of the system kept it from being read. */
  readonly cause?: unknown
}

async function readPart(file: InventoryFile): Promise<Part> {
  const failed = (problems: readonly InventoryProblem[], cause?: unknown): Part => {
    return { unreadable: true, problems, bad: new Set(), cause }
  }
  try {
    const { root, problems } = await readDocument(textOf(file), file.shown)
    if (problems.length > 0) return failed(problems)
    if (root === undefined) return { problems, bad: new Set() }
    const form = checkForm(root, inventorySchema)
    return root.kind === 'map' ? { ...form, root } : failed(form.problems)
  } catch (error) {
    if (error instanceof InventoryError) return failed(error.problems, error.cause)
    throw error
  }
}

/** The text of a file, without the mark by which it begins in some editors. */
function textOf(file: InventoryFile): string {
  const bytes = readInventoryFile(file)
  const text = bytes.toString()
  if (Buffer.from(text).equals(bytes)) return text.replace(/^\ufeff/, '')
  const before = text.slice(0, text.indexOf('\ufffd')).split('\n')
  throw new InventoryError(file.shown, [
    {
      file: file.shown,
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      message: 'expected UTF-8, got bytes that are none',
    },
  ])
}

function link(parts: readonly Part[], problems: InventoryProblem[]): Inventory {
  const bad = new Set(parts.flatMap((part) => [...part.bad]))
  return linkInventory(
    parts.flatMap(({ root }) => root ?? []),
    (value) => !bad.has(value),
    (problem) => problems.push(problem),
  )
}

/** By where they stand; what several aliases lead to is told of once. */
function inOrder(
  problems: readonly InventoryProblem[],
  files: readonly InventoryFile[],
): InventoryProblem[] {
  const order = new Map(files.map(({ shown }, at) => [shown, at]))
  const key = ({ file, line = 0, column = 0 }: InventoryProblem): readonly number[] => [
    order.get(file) ?? -1,
    line,
    column,
  ]
  const once = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...once.values()].sort((one, other) => {
    const [ours, theirs] = [key(one), key(other)]
    const at = ours.findIndex((part, place) => part !== theirs[place])
    return (ours[at] ?? 0) - (theirs[at] ?? 0)
  })
}
