import { setTimeout } from 'node:timers/promises'

/** The warnings of timers that are set further off than they can wait, and so fire at once. */
export async function overflowing(run: () => unknown): Promise<string[]> {
  const warnings: string[] = []
  const onWarning = ({ name, message }: Error): void => {
    if (name === 'TimeoutOverflowWarning') warnings.push(message)
  }
  process.on('warning', onWarning)
  try {
    await run()
    await setTimeout(20) // For them to fire.
  } finally {
    process.off('warning', onWarning)
  }
  return warnings
}
