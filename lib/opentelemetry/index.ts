/**
 * fsq/opentelemetry: traces and metrics of a worker, for an application that has `@opentelemetry/api`.
 * Without that package the import fails with an `FsqError`, `FSQ_UNSUPPORTED`.
 *
 * ```ts
 * import { openRoot } from 'fsq'
 * import { instrument } from 'fsq/opentelemetry'
 *
 * const fsq = openRoot({ root: '/var/spool/app' })
 * const mail = await fsq.install('mail')
 * await mail.enqueue('Dear Alice')
 *
 * const worker = instrument(mail).work(async (item) => console.log(await item.text()))
 * worker.once('idle', () => void worker.stop())
 * ```
 *
 * docs/opentelemetry.md tells which spans and metrics there are.
 *
 * @packageDocumentation
 */
export { instrument, type InstrumentOptions, type WorkSource } from './instrument.js'
