// What grows with hosts and items when they meet through NATS: the tables of docs/scale.md, which a test
// compares with these. `node bench/scale.mjs` prints them.
import { fileURLToPath } from 'node:url'

/** Measured; docs/scale.md says where and how. Bytes are those of each server that has a replica. */
const measured = {
  claimOnDisk: 296,
  claimInMemory: 191,
  itemOverhead: 172,
  consumerInMemory: 26_161,
  written: 7049, // a second, of one stream or bucket
  confirmed: 2939, // a second, of one stream
}

/** What fsq nats setup sets, and what NATS or its authors set; docs/scale.md names the sources. */
const limits = {
  requests: 4096, // of receivers that wait at a consumer
  underWay: 20_000, // deliveries of a consumer that are not confirmed
  assets: 5_000, // replicas of streams and consumers in a cluster
  connections: 65_536, // of a server
}

const servers = 3
const others = 4 // streams: dead letters, and three buckets
const queues = 10
const peak = 3 // times the mean of a day
const body = 1024
const day = 24 * 3600
const kept = 7 * day // claims, by default
const memory = 16 * 1024 ** 3 // that a server has for claims

const cases = [
  { hosts: 10, items: 10e6 },
  { hosts: 1_000, items: 1e9 },
  { hosts: 100_000, items: 10e9 },
].map(({ hosts, items }) => {
  const mean = items / day
  const busiest = mean * peak
  return { hosts, items, mean, busiest, atConsumer: hosts / queues, named: hosts + queues }
})

/** What one set of buckets and streams would have to bear. */
const demands = [
  ['items a second, at the busiest', ({ busiest }) => whole(busiest)],
  ['streams of items that keep up with that', ({ busiest }) => whole(streams(busiest))],
  ['claims written a second', ({ busiest }) => whole(busiest)],
  ['claims there are, kept for 7 days', ({ mean }) => short(mean * kept)],
  ['- on the disk of each server', ({ mean }) => bytes(mean * kept * measured.claimOnDisk)],
  ['- in the memory of each server', ({ mean }) => bytes(mean * kept * measured.claimInMemory)],
  [
    'items that wait when nobody received for an hour, on the disk of each server',
    ({ busiest }) => bytes(busiest * 3600 * (body + measured.itemOverhead)),
  ],
  ['consumers, with pools only', () => whole(queues)],
  ['consumers, with one for each host, too', ({ named }) => whole(named)],
  ['- in the memory of each server', ({ named }) => bytes(named * measured.consumerInMemory)],
  ['requests that wait at the consumer of a pool', ({ atConsumer }) => whole(atConsumer)],
  [
    'items under way for each host, with `--ack finished`',
    ({ atConsumer }) => whole(limits.underWay / atConsumer),
  ],
  ['leases renewed a second, with `--ack finished`', ({ hosts }) => whole(hosts)],
  ['connections', ({ hosts }) => whole(2 * hosts)],
]

/** How many cells each of them takes. */
const needs = [
  ['claims written', ({ busiest }) => busiest / measured.written],
  ['leases renewed', ({ hosts }) => hosts / measured.written],
  ['requests that wait', ({ atConsumer }) => atConsumer / limits.requests],
  [
    'streams and consumers, with one for each host',
    ({ named, busiest }) => ((named + streams(busiest) + others) * servers) / limits.assets,
  ],
  ['connections', ({ hosts }) => (2 * hosts) / (servers * limits.connections)],
].map(([name, of]) => [name, (each) => Math.ceil(of(each))])

const cells = (each) => Math.max(...needs.map(([, of]) => of(each)))

/** What one cell bears then. */
const shares = [
  ['cells', (each) => whole(cells(each))],
  ['hosts of a cell', (each) => whole(each.hosts / cells(each))],
  ['items a second of a cell, at the busiest', (each) => whole(each.busiest / cells(each))],
  ['streams of items of a cell', (each) => whole(streams(each.busiest / cells(each)))],
  [
    'how long claims may be kept in 16 GiB of memory',
    (each) => time(memory / measured.claimInMemory / (each.mean / cells(each))),
  ],
]

/** The tables, in Markdown, by what they tell. */
export const tables = {
  demands: table(demands),
  needs: table(needs.map(([name, of]) => [name, (each) => whole(of(each))])),
  shares: table(shares),
}

function streams(rate) {
  return Math.ceil(rate / measured.confirmed)
}

function table(rows) {
  const heading = cases.map(
    ({ hosts, items }) => `${whole(hosts)} hosts, ${short(items)} items a day`,
  )
  const lines = [
    ['', ...heading],
    ['---', ...cases.map(() => '---:')],
    ...rows.map(([name, of]) => [name, ...cases.map(of)]),
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** A number without a fraction, unless it is small. */
function whole(number) {
  return number.toLocaleString('en', { maximumFractionDigits: number < 10 ? 1 : 0 })
}

/** A large number in words. */
function short(number) {
  const [unit, word] = number >= 1e9 ? [1e9, 'billion'] : [1e6, 'million']
  return `${whole(number / unit)} ${word}`
}

function bytes(number) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(number) / 3))
  return `${whole(number / 1000 ** power)} ${units[power]}`
}

function time(seconds) {
  return seconds >= day ? `${whole(seconds / day)} days` : `${whole(seconds / 3600)} hours`
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(Object.values(tables).join('\n\n'))
