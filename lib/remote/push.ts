import { checkMembers } from '../members.js'
import type { Item } from '../queue/item.js'
import {
  type CallOptions,
  openRemote,
  type Remote,
  type RemoteOptions,
  type RemoteTriggerOptions,
} from './remote.js'

/**
 * Sends one item to a queue of a remote; {@link Remote.push} for many.
 *
 * @param remote - the address of the remote, or one that is open
 * @param queue - the name of the queue there
 * @param options - for an address: how it is reached
 * @throws what {@link openRemote} and {@link Remote.push} throw.
 */
export async function push(
  item: Item,
  remote: string | Remote,
  queue: string,
  options: RemoteOptions & CallOptions = {},
): Promise<string> {
  return withRemote(remote, options, (opened, more) => opened.push(item, queue, more))
}

/**
 * Wakes who listens to the trigger of a queue of a remote; {@link Remote.triggerPull} for many.
 *
 * @throws what {@link openRemote} and {@link Remote.triggerPull} throw.
 */
export async function remoteTriggerPull(
  remote: string | Remote,
  queue: string,
  options: RemoteOptions & RemoteTriggerOptions = {},
): Promise<void> {
  const { ignoreListener, ...rest } = options
  await withRemote(remote, rest, (opened, { signal }) =>
    opened.triggerPull(queue, { ignoreListener, signal }),
  )
}

async function withRemote<T>(
  remote: string | Remote,
  { signal, ...options }: RemoteOptions & CallOptions,
  act: (remote: Remote, options: CallOptions) => Promise<T>,
): Promise<T> {
  if (typeof remote !== 'string') {
    checkMembers('an option of a call', options, new Set()) // How it is reached was said before.
    return act(remote, { signal })
  }
  const opened = openRemote(remote, options)
  try {
    return await act(opened, { signal })
  } finally {
    opened.close()
  }
}
