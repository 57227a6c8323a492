/** Where a remote fsq listens. */
export interface Address {
  /** The address as it may be printed: without credentials. */
  readonly name: string
  readonly secure: boolean
  /** Where to connect to: a host and a port, or the path of a unix socket. */
  readonly where: { readonly host: string; readonly port: number } | { readonly socketPath: string }
  /** What an HTTP server is told of the host. */
  readonly hostHeader: string
  /** The path of JSON-RPC calls. */
  readonly path: string
  /** What stands before `/queues/...`, without a slash at its end. */
  readonly base: string
  /** The Authorization header that the credentials in the address make. */
  readonly authorization?: string
}

const accepted =
  'Expected the address of a remote: http://HOST:PORT/, https://HOST:PORT/ or unix:///PATH/OF/SOCKET'

/**
 * Reads the address of a remote. A password in it becomes an Authorization header, and stands in no
 * message: neither in those about it, nor in later ones.
 *
 * @throws `TypeError` for what is no such address; it names what is.
 */
export function parseAddress(text: string): Address {
  if (typeof text !== 'string') throw new TypeError(`${accepted}; got ${typeof text}`)
  if (/^unix:/i.test(text)) return unixAddress(text)
  if (!/^https?:\/\//i.test(text)) throw wrong(text)
  const url = parseUrl(text)
  if (url.search !== '' || url.hash !== '')
    throw new TypeError(`${accepted}, without a query or a fragment; got ${withoutSecrets(text)}`)
  const secure = url.protocol === 'https:'
  return {
    name: `${url.protocol}//${url.host}${url.pathname}`,
    secure,
    where: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'), // An IPv6 address stands in brackets.
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    },
    hostHeader: url.host,
    path: url.pathname,
    base: url.pathname.replace(/(\/RPC2)?\/?$/, ''),
    ...authorizationOf(url),
  }
}

/** `unix://var/run/fsq.sock` means an absolute path too, as to the Python fsq. */
function unixAddress(text: string): Address {
  const socketPath = text.slice('unix:'.length).replace(/^\/+/, '/')
  if (socketPath === '' || socketPath === '/' || socketPath.includes('\0')) throw wrong(text)
  return {
    name: `unix://${socketPath}`,
    secure: false,
    where: { socketPath },
    hostHeader: 'localhost',
    path: '/',
    base: '',
  }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw wrong(text)
  }
}

function authorizationOf({ username, password }: URL): { authorization?: string } {
  if (username === '' && password === '') return {}
  const credentials = [username, password].map(decoded).join(':')
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

/** A percent sign that begins no escape stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function wrong(text: string): TypeError {
  return new TypeError(`${accepted}; got ${JSON.stringify(withoutSecrets(text))}`)
}

/** What may be credentials is left out, also of what is no address. */
function withoutSecrets(text: string): string {
  return text.replace(/^([a-z]+:\/*)?.*@/is, '$1***@')
}
