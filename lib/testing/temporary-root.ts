import { makeTemporaryDirectory, removeOwnTree } from '../posix/temporary-directory.js'
import { Root } from '../root/root.js'
import { resolveSettings, type Settings, type SettingsOptions } from '../settings.js'
import { TestClock } from './test-clock.js'

/** What a root has that is a test's own. */
export interface Temporary extends Disposable {
  /** By which its items are enqueued, finished, and wait for their time. */
  readonly clock: TestClock
  /** Removes the directory with all that is in it. Workers are to be stopped before. */
  remove(): void
}

/** A root of a test's own, with a clock that the test moves. */
export type TemporaryRoot = Root & Temporary

/** Those that are there still, to be removed when the process ends. */
const roots = new Set<TemporaryRoot>()

class OwnRoot extends Root implements Temporary {
  readonly clock: TestClock

  constructor(settings: Settings, clock: TestClock) {
    super(settings, clock)
    this.clock = clock
    if (roots.size === 0) process.once('exit', removeAll)
    roots.add(this)
  }

  remove(): void {
    roots.delete(this)
    if (roots.size === 0) process.off('exit', removeAll)
    removeOwnTree(this.settings.root)
  }

  [Symbol.dispose](): void {
    this.remove()
  }
}

function removeAll(): void {
  for (const root of roots) root.remove()
}

/**
 * Makes a root in a new temporary directory, which is removed with {@link Temporary.remove}, at the
 * end of a block that has it in a `using`, or else when the process ends. Settings that are left out are
 * the defaults, whatever the environment has; but `durability` is `none`, since no test outlives the loss
 * of power.
 *
 * @throws what `openRoot` throws for settings of no use.
 */
export function temporaryRoot(options: Omit<SettingsOptions, 'root'> = {}): TemporaryRoot {
  const root = makeTemporaryDirectory('fsq-test-')
  try {
    return new OwnRoot(
      resolveSettings({ durability: 'none', ...options, root }, {}),
      new TestClock(),
    )
  } catch (error) {
    removeOwnTree(root)
    throw error
  }
}
