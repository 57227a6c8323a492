import { setTimeout } from 'node:timers/promises'
import { bootId, isRunning } from '../../posix/process-identity.js'
import type { Cluster } from './cluster.js'
import { type Presence, presencesOf, renewal } from './presence.js'

/**
 * Who is there, for whoever looks once. Of a process of this machine that can be seen; others are watched
 * for a moment, whether they renew what they say.
 */
export async function presentServers(cluster: Cluster): Promise<Map<string, Presence>> {
  const presences = presencesOf(cluster.keyValues)
  const first = await presences.list()
  const present = new Map<string, Presence>()
  const unknown: string[] = []
  for (const [server, { value }] of first) {
    const runs = isRunning(value.process)
    // One of another machine is of another boot, which is all that can be seen of it.
    if (runs === true) present.set(server, value)
    else if (runs === undefined || value.process.boot !== bootId()) unknown.push(server)
  }
  if (unknown.length === 0) return present
  await setTimeout(renewal * 1500)
  const second = await presences.list()
  for (const server of unknown) {
    const now = second.get(server)
    if (now !== undefined && now.revision !== first.get(server)?.revision)
      present.set(server, now.value)
  }
  return present
}
