/** The path under which the body of an item is put. */
export function itemPath(queue: string, id: string): string {
  return `/queues/${encodeURIComponent(queue)}/items/${encodeURIComponent(id)}`
}

/** What may stand in a path (RFC 3986): no query, and nothing that somebody in between reads otherwise. */
const uriPath = /^[\w\-.~!$&'()*+,;=:@%/]*$/

/**
 * The queue and the item that a path names, neither of which need be any; undefined for another path.
 *
 * @throws `URIError` for escapes that are not UTF-8
 */
export function readItemPath(path: string): { queue: string; id: string } | undefined {
  if (!uriPath.test(path)) return undefined
  const [empty, queues, queue, items, id, ...more] = path.split('/')
  if (empty !== '' || queues !== 'queues' || items !== 'items' || more.length > 0) return undefined
  if (queue === undefined || id === undefined) return undefined
  return { queue: decodeURIComponent(queue), id: decodeURIComponent(id) }
}
