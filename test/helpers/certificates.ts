import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { temporaryDirectory } from './temporary.js'

/** Why tests with certificates are skipped, if they are. */
export const withoutOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'there is no openssl(1) to make certificates'

/** The paths of PEM files. */
export interface Certificates {
  /** The authority that signed the others. */
  readonly ca: string
  /** Of a server at 127.0.0.1 and localhost. */
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}

/** Makes certificates that are good for a day; they go when the test ends. */
export function certificates(t: Test): Certificates {
  const directory = temporaryDirectory(t)
  const openssl = (...words: string[]): void => {
    execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' })
  }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const authority = ['-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '1']
  openssl('req', '-x509', ...newKey, ...authority)
  const signed = (name: string, extension: string): { cert: string; key: string } => {
    writeFileSync(`${directory}/${name}.ext`, extension)
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`]
    openssl('req', ...newKey, ...request)
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1']
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`]
    openssl('x509', '-req', ...by, ...files)
    return { cert: `${directory}/${name}.pem`, key: `${directory}/${name}.key` }
  }
  return {
    ca: `${directory}/ca.pem`,
    server: signed('server', 'subjectAltName=IP:127.0.0.1,DNS:localhost'),
    client: signed('client', 'extendedKeyUsage=clientAuth'),
  }
}
