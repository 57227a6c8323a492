import t from 'tap'
import { settingsTable } from '../../lib/settings.js'
import { readPage, sectionOf, unescaped } from '../helpers/man.js'

/** Read by this implementation alone, and not settings of queues. */
const ours = ['FSQ_EXEC_DIR', 'FSQ_NATIVE', 'FSQ_TOKEN_FILE']

/** How the page writes a default. */
function written(fallback: string | number | boolean | undefined, variable: string): string {
  if (fallback === undefined) return 'unset'
  if (typeof fallback === 'boolean') return fallback ? '1' : '0'
  if (typeof fallback === 'string') return fallback
  return variable.endsWith('_MODE') ? fallback.toString(8).padStart(5, '0') : String(fallback)
}

t.test('fsq(7) has every variable with its default, and no others', async (t) => {
  const text = sectionOf(readPage('man/man7/fsq.7'), 'ENVIRONMENT').join('\n')
  const described = text.split(/^\.It Ev /m).slice(1)
  const found = described.map((entry) => {
    const [variable = ''] = entry.split('\n')
    const value = /^Default:(?:\n\.Ql (\S+)| (unset)) ?\.$/m.exec(entry)
    return [variable, unescaped(value?.[1] ?? value?.[2] ?? 'none is given')]
  })
  const settings = Object.values(settingsTable).map(({ variable, fallback }) => [
    variable,
    written(fallback, variable),
  ])
  t.strictSame(found, [...settings, ...ours.map((variable) => [variable, 'unset'])])
})
