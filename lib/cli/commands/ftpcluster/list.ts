import { openCluster } from '../../../adapters/ftpcluster/cluster.js'
import { formatNode } from '../../../adapters/ftpcluster/node.js'
import { type FileInSpace, walkSpace } from '../../../adapters/ftpcluster/space.js'
import { tableLines } from '../../columns.js'
import { defineCommand } from '../../command.js'
import { harmless, jsonLine, print, printLines } from '../../output.js'
import { formatTime, type TimeFormat, withTimes } from '../../times.js'
import { count } from '../../values.js'

interface Flags extends TimeFormat {
  readonly fewer?: number
  readonly json?: true
}

const columns = [
  { heading: 'COPIES', right: true },
  { heading: 'SIZE', right: true },
  { heading: 'MTIME' },
  { heading: 'OWNER' },
  { heading: 'NODES' },
  { heading: 'NAME' },
]

export default defineCommand<Flags>({
  operands: 'home',
  atLeast: 1,
  atMost: 1,
  flagsAnywhere: true,
  flags: (command) =>
    command
      .option('--fewer <n>', 'only files with fewer copies than n', count)
      .option('--json', 'a JSON object a line')
      .option('--utc', 'times in UTC'),
  async run({ operands: [home = ''], flags }) {
    const cluster = openCluster(home)
    const { fewer = Infinity } = flags
    function* files(): Generator<FileInSpace> {
      for (const file of walkSpace(cluster.home))
        if ((file.link?.copies.length ?? 0) < fewer) yield file
    }
    if (flags.json === true)
      for (const file of files()) await print(jsonLine(withTimes(jsonOf(file), flags)))
    else
      await printLines(
        tableLines(columns, function* () {
          for (const file of files()) yield row(file, flags)
        }),
      )
    return 0
  },
})

function jsonOf({ name, link, size, mtime }: FileInSpace): object {
  const copies =
    link?.copies.map(({ node, nodepath }) => ({ node: formatNode(node), nodepath })) ?? []
  return {
    name,
    size: link?.size ?? size,
    mtime: new Date((link?.mtime ?? mtime) * 1000),
    owner: link?.owner ?? null,
    isLink: link !== undefined,
    copies,
  }
}

function row({ name, link, size, mtime }: FileInSpace, format: TimeFormat): string[] {
  return [
    link === undefined ? '-' : String(link.copies.length),
    String(link?.size ?? size),
    formatTime(new Date((link?.mtime ?? mtime) * 1000), format),
    harmless(link?.owner ?? '-'),
    link?.copies.map(({ node }) => formatNode(node)).join(',') ?? '-',
    harmless(name),
  ]
}
