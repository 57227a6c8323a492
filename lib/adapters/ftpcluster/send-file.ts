import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'basic-ftp'

/**
 * Sends a file by STOR. A server that cannot go on, since its disk is full, closes the data connection
 * and says why on the other; which of them is noticed first is chance. What basic-ftp has for that gives
 * up both where it is the former, and so the reason is lost. Here the reply is waited for.
 *
 * @param path - as the server takes it
 * @param timeout - how long the server may take to receive the next piece, and to reply, in milliseconds
 */
export async function sendFile(
  client: Client,
  path: string,
  source: Readable,
  timeout: number,
): Promise<void> {
  const { ftp } = client
  await client.prepareTransfer(ftp)
  const data = ftp.dataSocket
  if (data === undefined) throw new Error('there is no data connection')
  for (const event of ['error', 'close', 'timeout']) data.removeAllListeners(event)
  data.on('error', () => undefined) // Where it is written to is where it is told.
  data.setTimeout(timeout, () => {
    if (data.writableLength === 0) return // It is the source that is waited for.
    data.destroy(new Error('it receives nothing any more'))
  })

  let sent: Promise<unknown> | undefined
  const send = async (): Promise<unknown> => {
    ftp.socket.setTimeout(0) // There it is silent meanwhile.
    try {
      await pipeline(source, data)
      return undefined
    } catch (error) {
      return error
    } finally {
      ftp.socket.setTimeout(timeout)
    }
  }
  try {
    await ftp.handle(`STOR ${path}`, (response, task) => {
      if (response instanceof Error) task.reject(response)
      else if (response.code >= 200) task.resolve(response)
      else sent ??= send()
    })
    const failure = await sent
    if (failure !== undefined) throw failure
  } finally {
    ftp.dataSocket = undefined // Closes it.
  }
}
