import { constants, statSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import writeFileAtomic from 'write-file-atomic'

/**
 * Puts the text that a user asked for into a file. One that is there is replaced, also behind a link, and keeps
 * its owner and its mode: whoever opens it finds the old text or the new, whole. A device or a FIFO is written to.
 */
export async function writeOutput(path: string, text: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    await writeFile(path, text, { flag: constants.O_WRONLY })
    return
  }
  // It takes a write that was cut short, as by a disk that is full, for a whole one. So the text is not for it.
  const tmpfileCreated = (draft: string): void => {
    writeFileSync(draft, text)
  }
  await writeFileAtomic(path, '', { tmpfileCreated })
}
