import { readdirSync } from 'node:fs'
import { env } from 'node:process'
import t from 'tap'
import { walkSpace } from '../../lib/adapters/ftpcluster/space.js'
import { testCluster } from '../helpers/cluster.js'
import { type FtpServer, ftpServers, withoutServer } from '../helpers/ftp-servers.js'
import { numberFrom } from '../helpers/number-from.js'

/* FSQ_CLUSTER_JOBS is how many, 10,000 usually. */
const jobs = numberFrom(env, 'FSQ_CLUSTER_JOBS', 10_000)

t.test(`${jobs} files are stored on three nodes`, { skip: withoutServer() }, async (t) => {
  const servers = await ftpServers(t, 3)
  const it = testCluster(
    t,
    servers.map(({ node }) => node),
  )
  for (let first = 0; first < jobs; first += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => it.upload(`pub/${first / 100}/${i}`, `${first + i}\n`)),
    )
  const began = performance.now()
  const { done, waiting } = await it.process({ connections: 4, timeout: 60 })
  const seconds = (performance.now() - began) / 1000
  t.match({ done, waiting }, { done: jobs, waiting: 0 })
  t.comment(`${Math.round(jobs / seconds)} jobs a second`)
  let stored = 0
  for (const { link } of walkSpace(it.home)) if (link?.copies.length === 1) stored++
  t.equal(stored, jobs, 'each is a link file with a copy')
  const counts = servers.map((server) => filesOn(server))
  t.equal(
    counts.reduce((sum, count) => sum + count, 0),
    jobs,
  )
  t.ok(Math.max(...counts) - Math.min(...counts) < jobs / 10, `evenly: ${counts.join()}`)
})

function filesOn({ directory }: FtpServer): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length
}
