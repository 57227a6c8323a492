import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports of this machine at which nobody listens, below those that the system gives to who asks for any:
 * while a server is down nobody else comes by them.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const probe = createServer()
    const listening = once(probe, 'listening')
    probe.listen(port, '127.0.0.1')
    try {
      await listening
      found.add(port)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      continue
    }
    probe.close()
    await once(probe, 'close')
  }
  return [...found]
}
