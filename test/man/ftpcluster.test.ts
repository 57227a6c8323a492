import t from 'tap'
import { parseClusterConf } from '../../lib/adapters/ftpcluster/cluster-conf.js'
import { queueNames } from '../../lib/adapters/ftpcluster/job-items.js'
import { makeJob, parseJob } from '../../lib/adapters/ftpcluster/job.js'
import { parseLinkFile } from '../../lib/adapters/ftpcluster/link-file.js'
import { pathOfCopy } from '../../lib/adapters/ftpcluster/node-path.js'
import { jobTypes } from '../../lib/adapters/ftpcluster/queue-file-name.js'
import { displaysOf, readPage } from '../helpers/man.js'

const page = readPage('man/man5/fsq-ftpcluster.5')
const [conf = '', jobs = '', link = ''] = displaysOf(page)

t.test('what fsq-ftpcluster(5) shows is what it says', async (t) => {
  t.strictSame(parseClusterConf(conf).unknown, [])
  t.equal(parseClusterConf(conf).nodes[1]?.password, 'other:pw', 'the user ends at the first colon')

  const shown = jobs.trim().split('\n')
  const types = shown.map((line) => {
    const job = parseJob(Buffer.from(line))
    if (job.type !== 'opaque') t.equal(makeJob(job).line.toString(), line, 'we write it so, too')
    return job.type
  })
  t.strictSame(types, [...jobTypes, 'remove'].sort(byTable))

  const { copies, name } = parseLinkFile(Buffer.from(link)) ?? {}
  t.equal(name, 'rfc-0959.txt')
  t.equal(copies?.length, 2)
})

t.test('it shows the path of a copy that we make', async (t) => {
  const before = process.env['TZ']
  process.env['TZ'] = 'Europe/Berlin'
  t.teardown(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })
  const path = pathOfCopy('pub/rfc-0959.txt', 1044844761, '20030210033921 1 2596996162 cluster')
  t.match(page.source, `\n.Pa ${path}\n`)
})

t.test('it names every queue', async (t) => {
  for (const name of Object.values(queueNames)) t.match(page.source, name)
})

t.test('each of its rules says whose it is', async (t) => {
  const [, rules = ''] = /^\.Ss The home$(.*?)^\.Sh WORK-ITEMS$/ms.exec(page.source) ?? []
  const items = [...rules.matchAll(/^\.It\b(.*?)(?=^\.(?:It|El)\b)/gms)].map(([, text]) => text)
  t.ok(items.length > 40)
  for (const item of items) t.match(item, /\[[DIO]\]/)
})

function byTable(one: string, other: string): number {
  const order = ['upload', 'store', 'replicate', 'remove']
  return order.indexOf(one) - order.indexOf(other)
}
