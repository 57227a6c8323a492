import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import { FsqError } from '../errors.js'

const require = createRequire(import.meta.url)

function load(): typeof Api {
  try {
    return require('@opentelemetry/api') as typeof Api
  } catch (cause) {
    const message =
      'fsq/opentelemetry needs the package @opentelemetry/api, which cannot be loaded: ' +
      'npm install @opentelemetry/api'
    throw new FsqError('FSQ_UNSUPPORTED', message, { cause })
  }
}

/**
 * The API of OpenTelemetry, of which only the application knows whether it has it. An import statement
 * could not say what to install; an awaited import() would keep CommonJS from requiring this.
 */
export const api = load()

/** Who measures, for whoever reads it: the instrumentation scope. */
export const scope = {
  name: 'fsq',
  version: (require('../../package.json') as { version: string }).version,
}

/** Telemetry must not harm the work: what it throws is told to the diagnostics of OpenTelemetry. */
export function harmless<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    api.diag.error('fsq: telemetry of a worker failed', error)
    return undefined
  }
}
