/** Where NATS is, and who we are there, as far as URLs say so. */
export interface NatsServers {
  readonly servers: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly token?: string
}

/** What URLs of servers say; of several users the last. Undefined where one of them is none. */
export function readServers(urls: readonly string[]): NatsServers | undefined {
  const servers: string[] = []
  let secrets: Omit<NatsServers, 'servers'> = {}
  for (const each of urls) {
    const url = parse(each)
    if (url === undefined) return undefined
    servers.push(`${url.protocol}//${url.host}`)
    if (url.username === '') continue
    const name = decodeURIComponent(url.username)
    secrets =
      url.password === ''
        ? { token: name }
        : { user: name, password: decodeURIComponent(url.password) }
  }
  return { servers, ...secrets }
}

function parse(text: string): URL | undefined {
  try {
    const url = new URL(text.includes('://') ? text : `nats://${text}`)
    // One that it would take for a path or a query would get lost.
    const isWhole = /^\/?$/.test(url.pathname) && url.search === '' && url.hash === ''
    const isKnown = ['nats:', 'tls:'].includes(url.protocol)
    decodeURIComponent(url.username + url.password)
    return isKnown && isWhole && url.hostname !== '' ? url : undefined
  } catch {
    return undefined
  }
}
