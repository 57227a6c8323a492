import { fsync, fsyncSync } from 'node:fs'
import { promisify } from 'node:util'
import { monotonic } from '../monotonic.js'
import { turn } from '../turn.js'
import { glanceAt } from './glance.js'
import type { FileStat } from './native.js'

/*
 * fsync(2), on the thread pool or in the calling thread. The pool keeps the event loop free, but to go
 * there and back costs, on a fast disk, about as much as the sync itself. So a sync that is alone, of
 * little, on a disk that was quick the last time, is made by the calling thread. Syncs that come
 * together go to the pool (and those of one directory are one, directory-sync.ts); and since turn() lets
 * everything else in after some milliseconds, what arrives meanwhile does come together.
 */

/** A sync that is expected to take less, in milliseconds, may keep the thread. */
const brief = 2

/** The same, by the size of a file in bytes: a large one takes as long as it takes to write it. */
const little = 64 * 1024

/** How long the last sync on a device took that was alone, in milliseconds. */
const lasted = new Map<number, number>()

/** The same of a device that has not been synced yet. */
let expected = brief

/** How many syncs have been asked for and have not ended. */
let waiting = 0

const fsyncAsync = promisify(fsync)

/** Expects disks to be quick until one is not: for a program, which has nothing to do while it waits for the first. */
export function expectQuickDisks(): void {
  expected = 0
}

/**
 * fsync(2). A failure is final for this descriptor: the kernel may have dropped the pages, and a
 * second call would report success for data that is gone.
 *
 * @param stat - what fstat(2) says of the descriptor, for a caller that knows
 */
export async function sync(fd: number, stat?: FileStat): Promise<void> {
  waiting++
  try {
    await turn() // Whoever asks in this very turn has asked after it.
    if (waiting === 1) await syncAlone(fd, stat ?? glanceAt(fd))
    else await fsyncAsync(fd)
  } finally {
    waiting--
  }
}

async function syncAlone(fd: number, file: FileStat): Promise<void> {
  const isQuick = (lasted.get(file.dev) ?? expected) < brief
  const isLittle = file.isDirectory() || file.size <= little
  const began = monotonic()
  if (isQuick && isLittle) fsyncSync(fd)
  else await fsyncAsync(fd)
  lasted.set(file.dev, monotonic() - began)
}
