import type { ImportEvent } from '../adapters/ftpcluster/import.js'
import type { Call } from './command.js'

/** Says what became of a queue file: what went well only with --verbose. */
export function reportImport(
  event: ImportEvent,
  { say, chirp }: Pick<Call<object>, 'say' | 'chirp'>,
): void {
  switch (event.type) {
    case 'imported': {
      const { file, added, present, opaque } = event
      chirp(`${file}: ${added} jobs added, ${present} there already`)
      if (opaque > 0) say(`${file}: lines that are no job that we know: ${opaque} (ftpc-opaque)`)
      break
    }
    case 'left':
      say(`${event.file}: left: ${event.reason}`)
      break
    case 'lock':
      say(event.message)
  }
}
