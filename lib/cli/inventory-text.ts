import type { Inventory, Volume } from '../adapters/nxqueue/index.js'
import { byteText } from '../adapters/nxqueue/planner/byte-text.js'

/** What there is, in a few lines. */
export function inventoryLines({ servers, drives, volumes, groups }: Inventory): string[] {
  const slots = servers.reduce((sum, server) => sum + server.slots, 0)
  const changers = new Set(drives.map(({ changer }) => changer)).size
  const disabled = drives.filter(({ enabled }) => !enabled).length
  return [
    `${counted(servers.length, 'server')} for ${counted(slots, 'job')} at a time`,
    [
      counted(drives.length, 'drive'),
      ...(changers > 0 ? [`in ${counted(changers, 'changer')}`] : []),
      ...(disabled > 0 ? [`(${disabled} disabled)`] : []),
    ].join(' '),
    [counted(volumes.length, 'volume'), ...(volumes.length > 0 ? [usage(volumes)] : [])].join(': '),
    counted(groups.length, 'group'),
  ]
}

/** The words of an inventory for the states of volumes. */
export const volumeStates = ['unknown', 'enabled', 'read-only', 'disabled'] as const

function usage(volumes: readonly Volume[]): string {
  const byState = volumeStates.flatMap((word, state) => {
    const many = volumes.filter((volume) => volume.state === state).length
    return many === 0 ? [] : [`${many} ${word}`]
  })
  const capacity = volumes.reduce((sum, volume) => sum + volume.capacity, 0)
  const used = volumes.reduce((sum, volume) => sum + volume.used, 0)
  return `${byState.join(', ')}; ${byteText(used)} of ${byteText(capacity)} used`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
