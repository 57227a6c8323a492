import { fileURLToPath } from 'node:url'
import type { SettingsOptions } from '../../lib/settings.js'
import type { Durability } from '../crash/promises.js'

/* The orders in which one can enqueue, and what each of them promises. */

export interface Order {
  readonly name: string
  /** Who does it in that order. */
  readonly like: string
  /** The program and its first arguments. */
  readonly words: (items: number) => readonly string[]
  readonly durability: Durability
  /** Whether it breaks its promise. If such an order were found to keep it, the test would be blind. */
  readonly isWrong: boolean
}

type Way = 'one by one' | '8 in flight' | 'batches'

const programPath = (name: string): string =>
  fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url))

function wrong(name: string, like: string): Order {
  return {
    name,
    like,
    words: (items) => [programPath('by-hand'), name, String(items)],
    durability: 'full',
    isWrong: true,
  }
}

function ours(name: string, like: Way, settings: SettingsOptions = {}): Order {
  const { durability = 'full' } = settings
  return {
    name,
    like: `ours, ${like}`,
    words: (items) => [programPath('library'), like, JSON.stringify(settings), String(items)],
    durability,
    isWrong: false,
  }
}

const durably = 'write, fsync, link, fsync(queue), unlink'

export const orders: readonly Order[] = [
  wrong('write, link, unlink', 'dirq'),
  wrong('write, link, fsync(queue), unlink', 'nq'),
  wrong('write, fsync, rename', 'Filespooler'),
  wrong('write, fsync, link, unlink', 'the Python fsq'),
  wrong(`${durably}; rename to done`, 'a finish without a sync'),
  ours(durably, 'one by one'),
  ours('the same, shared syncs', '8 in flight'),
  ours('the same, fsync for each', 'batches', { syncfs: 'never' }),
  ours('write, syncfs, link, fsync(queue), unlink', 'batches', { syncfs: 'always' }),
  ours('the same, shared syncs', '8 in flight', { durability: 'enqueue' }),
  ours('the same, shared syncs', '8 in flight', { durability: 'none' }),
]
