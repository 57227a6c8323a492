import t from 'tap'
import {
  firstView,
  press,
  type TopAction,
  type TopData,
  type TopView,
} from '../../lib/cli/top-view.js'
import { topData } from '../helpers/top-data.js'

const data = topData({ queues: 30, failures: 25 })
const empty = topData({ queues: 0, failures: 0 })

/** What comes of some keys, one after the other. */
function pressAll(
  keys: readonly string[],
  all: TopData = data,
): { view: TopView; actions: TopAction[] } {
  let view = firstView
  const actions: TopAction[] = []
  for (const key of keys) {
    const pressed = press(all, view, key)
    view = pressed.view
    if (pressed.action !== undefined) actions.push(pressed.action)
  }
  return { view, actions }
}

const moves: readonly [keys: string[], view: Partial<TopView>][] = [
  [['down'], { queue: 'q1' }],
  [['j', 'j', 'k'], { queue: 'q1' }],
  [['up'], { queue: 'q0' }],
  [['pagedown', 'pagedown', 'pageup'], { queue: 'q10' }],
  [['end'], { queue: 'q29' }],
  [['end', 'pagedown', 'home'], { queue: 'q0' }],
  [['tab', 'down'], { pane: 'failures', failure: 'q1/_1' }],
  [['tab', 'end'], { pane: 'failures', failure: 'q24/_24' }],
  [['down', 'tab', 'down', 'tab', 'down'], { pane: 'queues', queue: 'q2', failure: 'q1/_1' }],
  [['?'], { help: true }],
  [['?', 'x'], { help: false }],
  [['x', 'constructor', ''], {}],
]

t.test('keys move in the list that has the focus', async (t) => {
  for (const [keys, view] of moves)
    t.strictSame(pressAll(keys), { view: { ...firstView, ...view }, actions: [] }, keys.join(' '))
})

const actions: readonly [keys: string[], actions: TopAction[]][] = [
  [['q'], [{ act: 'quit' }]],
  [['?', 'q'], [{ act: 'quit' }]],
  [['down', 'd', 'y'], [{ act: 'down', queue: 'q1' }]],
  [['down', 'd', 'n', 'y'], []],
  [['d', 'd'], []],
  [['d', 'q'], []],
  [['down', 'u'], [{ act: 'up', queue: 'q1' }]],
  [['tab', 'down', 'down', 'u'], [{ act: 'up', queue: 'q2' }]],
  [['r', 'y'], [{ act: 'requeue', queue: 'q0', id: '_0' }]],
  [['tab', 'down', 'r', 'y'], [{ act: 'requeue', queue: 'q1', id: '_1' }]],
  [['r', 'escape', 'y'], []],
]

t.test('what cannot be undone is done only after a yes', async (t) => {
  for (const [keys, expected] of actions)
    t.strictSame(pressAll(keys).actions, expected, keys.join(' '))
})

t.test('where there is nothing, nothing is done', async (t) => {
  for (const key of ['d', 'u', 'r', 'down', 'end'])
    for (const keys of [
      [key, 'y'],
      ['tab', key, 'y'],
    ])
      t.strictSame(pressAll(keys, empty).actions, [], keys.join(' '))
})

t.test('a choice stays with its queue when others come before it', async (t) => {
  const { view } = pressAll(['down', 'down'])
  const fewer = { ...data, stats: data.stats.slice(1) }
  t.equal(press(fewer, view, 'down').view.queue, 'q3')
  t.equal(
    press({ ...data, stats: data.stats.slice(5) }, view, 'down').view.queue,
    'q6',
    'it is gone',
  )
})
