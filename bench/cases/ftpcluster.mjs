// The jobs of an ftpcluster: from queue files to work-items, and back.
import { mkdirSync, writeFileSync } from 'node:fs'
import { ftpclusterLibrary, nodeProgram } from '../place.mjs'
import { race } from '../race.mjs'

const linesInFile = 1000

export function ftpclusterCases({ place, amount }) {
  /** The home of a cluster with so many jobs in its queue files. */
  function newHome(count) {
    const home = place.newPath('cluster')
    mkdirSync(`${home}/.queue`, { recursive: true })
    for (let from = 0; from < count; from += linesInFile) {
      const lines = Array.from(
        { length: Math.min(linesInFile, count - from) },
        (_, i) => `upload pub/file%20${from + i} ftp ${from + i} 1044844761\n`,
      )
      const second = String(from / linesInFile).padStart(6, '0')
      writeFileSync(`${home}/.queue/uploads-20030210-${second}.q`, lines.join(''))
    }
    return home
  }

  async function run(action, count, home = newHome(count), root = place.newPath('root')) {
    const work = { ftpcluster: ftpclusterLibrary, root, home, action, count }
    const { rate, cpu, rss } = await race([nodeProgram('ftpcluster', work)])
    return { rate, cpu, memory: rss / 1024 }
  }

  async function runExport(count) {
    const [home, root] = [newHome(count), place.newPath('root')]
    await run('import', count, home, root)
    return run('export', count, home, root)
  }

  const count = amount(100_000)
  return {
    name: 'ftpcluster',
    about:
      'Lines of queue files, 1,000 in each, made work-items under the lock, each synced before its file goes; ' +
      'and the items made lines again.',
    metrics: [
      { key: 'rate', unit: 'lines/s' },
      { key: 'memory', unit: 'MiB' },
    ],
    cases: [
      { name: `import ${count} lines`, variants: { fsq: () => run('import', count) } },
      { name: `export ${count} lines`, variants: { fsq: () => runExport(count) } },
    ],
  }
}
