import type { ListedItem } from '../upkeep/list-items.js'

/** What --json prints of an item, always of one shape; a malformed entry has no fields of a name. */
export function itemJson(item: ListedItem): object {
  const { queue, state, id, size, locked, modifiedAt, notBefore, name } = item
  const entry = { queue, state, id, size, locked, modifiedAt, notBefore }
  if (name === undefined) return { ...entry, malformed: true }
  const { delimiter, enqueuedAt, entropy, pid, hostname, tries, arguments: args } = name
  return { ...entry, delimiter, enqueuedAt, entropy, pid, hostname, tries, arguments: args }
}
