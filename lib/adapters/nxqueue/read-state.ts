import { isDown } from '../../queue/down.js'
import { hostContext, type QueueContext } from '../../queue/context.js'
import type { ClusterState, ServerState, VolumeUse } from './cluster-state.js'
import type { Inventory } from './inventory.js'
import type { ReadyJob } from './job.js'
import { mountedVolumes } from './mounted-volumes.js'
import type { JobState, Launched, Store } from './store.js'

/** Who is there, and what they can do: from {@link PresenceWatch}, or from what there is of it to read once. */
export type Presences = ReadonlyMap<
  string,
  { readonly kinds: readonly string[]; readonly disabled?: boolean | undefined }
>

/** What the store, and the down files, say of a cluster. */
export interface ReadState extends ClusterState {
  /** By the names of their items. */
  readonly launches: ReadonlyMap<string, Launched>
}

/** @throws `FsqError` what the store throws */
export async function readState(
  queue: QueueContext,
  store: Store,
  inventory: Inventory,
  jobs: readonly ReadyJob[],
  present: Presences,
): Promise<ReadState> {
  const [claims, launches, written, mounts] = await Promise.all([
    store.claims.list(),
    store.launches.list(),
    store.written.list(),
    store.mounts.list(),
  ])
  const launched = new Map([...launches].map(([item, { value }]) => [item, value]))
  const mounted = mountedVolumes(inventory, mounts)
  const volumes = new Map<string, VolumeUse>()
  for (const { name, used } of inventory.volumes) {
    const since = written.get(name)?.value
    volumes.set(name, {
      used: Math.max(0, used + (since?.base === used ? since.bytes : 0)),
      mounted: mounted.get(name)?.drive,
      hasFailed: mounted.get(name)?.hasFailed === true,
    })
  }
  return {
    claims: [...claims.values()].map(({ value }) => value),
    servers: new Map(
      [...inventory.servers.map(({ name }) => name), ...present.keys()].map((name) => [
        name,
        serverState(queue, name, present),
      ]),
    ),
    volumes,
    ended: await endedJobs(store, jobs),
    launched: new Set([...launched.values()].map(({ jobID }) => jobID)),
    launches: launched,
  }
}

function serverState(queue: QueueContext, name: string, present: Presences): ServerState {
  const presence = present.get(name)
  return {
    present: presence !== undefined,
    disabled: presence?.disabled === true || isDisabled(queue, name),
    kinds: presence?.kinds ?? [],
  }
}

/** Whether a server was taken out of service: the down file of its host queue. */
export function isDisabled(queue: QueueContext, server: string): boolean {
  return isDown({ ...hostContext(queue, server) })
}

async function endedJobs(
  { jobs }: Store,
  ready: readonly ReadyJob[],
): Promise<Map<string, JobState>> {
  const ended = new Map<string, JobState>()
  for (const jobID of new Set(ready.flatMap(({ after }) => after))) {
    const state = (await jobs.get(jobID))?.value.ended
    if (state !== undefined) ended.set(jobID, state)
  }
  return ended
}
