import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { FsqError, reasonOf } from '../../errors.js'
import { readWhole } from '../../posix/private-file.js'
import type { TlsFiles } from './server-options.js'

/** What TLS is spoken with. */
export interface TlsSecrets extends SecureContextOptions {
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

/**
 * Reads certificates and the key, and looks whether they can be used.
 *
 * @throws {@link FsqError} `FSQ_LISTEN`
 */
export function readTls({ cert, key, clientCa }: TlsFiles): TlsSecrets {
  const read = (path: string): Buffer => {
    try {
      return readWhole(path)
    } catch (cause) {
      throw new FsqError('FSQ_LISTEN', `cannot read ${path}: ${reasonOf(cause)}`, { path, cause })
    }
  }
  const secrets = {
    cert: read(cert),
    key: read(key),
    ...(clientCa === undefined ? {} : { ca: read(clientCa) }),
    requestCert: clientCa !== undefined,
    rejectUnauthorized: true,
  }
  try {
    createSecureContext(secrets)
  } catch (cause) {
    const message = `cannot use the certificate ${cert} with the key ${key}: ${reasonOf(cause)}`
    throw new FsqError('FSQ_LISTEN', message, { path: cert, cause })
  }
  return secrets
}
