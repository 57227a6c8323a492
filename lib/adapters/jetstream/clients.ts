import { FsqError } from '../../errors.js'

/** The packages of the NATS authors, which who uses this adapter installs beside fsq. */
export interface Clients {
  readonly transport: typeof import('@nats-io/transport-node')
  readonly jetstream: typeof import('@nats-io/jetstream')
  readonly kv: typeof import('@nats-io/kv')
  readonly obj: typeof import('@nats-io/obj')
}

const packages = ['transport-node', 'jetstream', 'kv', 'obj'].map((name) => `@nats-io/${name}`)

/**
 * Loads them.
 *
 * @throws `FsqError` `FSQ_NATS_CLIENT`
 */
export async function loadClients(): Promise<Clients> {
  try {
    const [transport, jetstream, kv, obj] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
      import('@nats-io/kv'),
      import('@nats-io/obj'),
    ])
    return { transport, jetstream, kv, obj }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause
    const install = packages.map((name) => `${name}@~3.3.1`).join(' ')
    throw new FsqError(
      'FSQ_NATS_CLIENT',
      `NATS is spoken by packages that are not installed: npm install ${install}`,
      { cause },
    )
  }
}
