import { FsqError } from '../../errors.js'

/** That an item is gone, or somebody's, is no failure of who wanted it too. */
export async function unlessElsewhere<T>(attempt: Promise<T>): Promise<T | 'gone'> {
  try {
    return await attempt
  } catch (error) {
    if (!(error instanceof FsqError)) throw error
    if (error.code !== 'FSQ_NO_ITEM' && error.code !== 'FSQ_ITEM_LOCKED') throw error
    return 'gone'
  }
}
