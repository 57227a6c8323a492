/**
 * What an application's tests need of fsq: queues of their own, time that passes when they say so, and no
 * server to start.
 *
 * ```ts
 * import { assertItem, drain, temporaryRoot } from 'fsq/testing'
 *
 * using fsq = temporaryRoot({ maxTries: 2 })
 * const mail = await fsq.install('mail')
 * await mail.enqueue('Dear Alice', ['alice'])
 *
 * const { retried } = await drain(mail, () => {
 *   throw new Error('no route to host')
 * })
 * fsq.clock.advance(60) // its next try is due
 * await drain(mail, async (item) => console.log(await item.text()))
 * await assertItem(mail, 'done', { arguments: ['alice'], tries: 1 })
 * ```
 *
 * @packageDocumentation
 */
export {
  type AnyQueue,
  assertItem,
  assertNoItem,
  type ExpectedItem,
  itemsOf,
  type TestItem,
} from './assert-item.js'
export { drain, type DrainResult, type Workable } from './drain.js'
export { type Temporary, type TemporaryRoot, temporaryRoot } from './temporary-root.js'
export type { TestClock } from './test-clock.js'
