import { mkdirSync, renameSync } from 'node:fs'
import t from 'tap'
import { check, eventually, place, startProgram } from '../helpers/cli.js'
import { putEntry } from '../helpers/entries.js'
import { modesLeft, noTerminal, onTerminal } from '../helpers/terminal.js'
import { entriesOf } from '../helpers/temporary.js'

t.jobs = 3

/** A place with an item in fail/, and what its program wrote. */
async function placeOfFailure(t: Parameters<typeof place>[0]) {
  const here = await place(t)
  const { fail, output } = here.queue.context.paths
  const id = await here.queue.enqueue('', ['alice'])
  await (await here.queue.claim(id)).failPerm()
  mkdirSync(output)
  putEntry(output, id, 'first\n\x1b[31mlast\x1b[0m \x1b]0;title\x07\x9b')
  return { ...here, id, fail }
}

t.test('top prints one frame where there is no terminal', { buffered: true }, async (t) => {
  const here = await placeOfFailure(t)
  await here.root.install('x')
  const { status, stdout, stderr } = await here.fsq(['top', '--utc'])
  t.strictSame({ status, stderr }, { status: 0, stderr: '' })
  const [title, ...lines] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '))
  t.match(title, /^fsq top \/.*\/root \d{4}-\d\d-\d\dT[\d:]{8}Z$/)
  t.strictSame(lines.slice(0, -1), [
    'QUEUE WAITING OLDEST DELAYED WORKERS DONE /MIN FAIL /MIN STATE',
    'q 0 - 0 0 0 0 1 1 up',
    'x 0 - 0 0 0 0 0 0 up',
    '',
    'LAST FAILURES',
  ])
  t.match(lines.at(-1), /^\d{4}-\d\d-\d\dT[\d:]{8}Z q alice: last/)
  t.notMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  const failed = await here.fsq(['top', 'nosuch', 'x'])
  t.match(failed, { status: 111, stderr: /^fsq top: no such queue: nosuch .*\n$/ })
  t.match(failed.stdout, /^x /m)
  check(t, await here.fsq(['-r', '/nosuch', 'top']), {
    status: 111,
    stderr: /^fsq top: cannot list the queues in \/nosuch: /,
  })
})

const skip = noTerminal

t.test('a key puts a failure back into its queue', { buffered: true, skip }, async (t) => {
  const here = await placeOfFailure(t)
  const { queue, fail, id, directory } = here
  const terminal = onTerminal(here, 'fsq top -n 1m')
  await terminal.shows(/^OUTPUT of _.*_alice$/)
  terminal.type('r')
  await terminal.shows(/^put _.*_alice back into q\? \(y for yes\)$/)
  terminal.type('n')
  await terminal.shows(/^q quit/)
  t.strictSame(entriesOf(fail), [id], 'not without a yes')
  terminal.type('ry')
  await terminal.shows(/^> q +1 /)
  t.match(terminal.output(), /_alice is in q again/)
  t.strictSame(entriesOf(fail), [])
  t.strictSame(entriesOf(queue.context.paths.queue), [id])
  terminal.type('r')
  await terminal.shows(/^nothing has failed$/)
  await (await queue.claim(id)).failPerm()
  terminal.type('u') // So that it counts at once.
  await terminal.shows(/ q {2}alice/)
  renameSync(`${fail}/${id}`, `${directory}/${id}`)
  terminal.type('ry')
  await terminal.shows(/^(no such item|item _|_.* is not in q any more)/)
  terminal.type('q')
  await terminal.ended
})

t.test('keys take a queue down and up', { buffered: true, skip }, async (t) => {
  const here = await placeOfFailure(t)
  const { queue } = here
  const terminal = onTerminal(here, 'fsq top -n 1s')
  await terminal.shows(/^> q +0 .* up$/)
  await terminal.shows(/^OUTPUT of _.*_alice$/)
  terminal.type('d')
  await terminal.shows(/^take q down\? \(y for yes\)$/)
  terminal.type('n')
  await terminal.shows(/^q quit/)
  t.equal(await queue.isDown(), false)
  terminal.type('dy')
  await terminal.shows(/^q is down$/)
  await terminal.shows(/^> q +0 .* down$/)
  t.equal(await queue.isDown(), true)
  terminal.type('u')
  await terminal.shows(/^> q +0 .* up$/)
  t.equal(await queue.isDown(), false)
  terminal.type('?')
  await terminal.shows(/^q, Ctrl-C +quit$/)
  terminal.type('x')
  await terminal.shows(/^> q /)
  terminal.type('\t')
  await terminal.shows(/^> \d{4}.* alice: last/)
  terminal.type('q')
  const { stdout } = await terminal.ended
  t.match(stdout, /status 0\s+icanon\s*$/)
  t.strictSame(modesLeft(stdout), [])
  t.match(stdout, '\x1b[1mfsq top')
  t.notMatch(stdout, 'title', 'nothing that a program wrote steers the terminal')
})

t.test(
  'it fits the terminal, before and after it has another size',
  { buffered: true, skip },
  async (t) => {
    const here = await placeOfFailure(t)
    const terminal = onTerminal(here, 'fsq top', { NO_COLOR: '1' })
    await terminal.shows(/^q quit .* u up$/)
    t.equal(terminal.frame().length, 24)
    terminal.resize(40, 12)
    await terminal.shows(/^q quit .{32}…$/)
    t.equal(terminal.frame().length, 12)
    terminal.resize(100, 30)
    await eventually(() => terminal.frame().length === 30)
    terminal.kill('SIGTERM')
    const { stdout } = await terminal.ended
    t.match(stdout, /status 143\s+icanon\s*$/)
    t.strictSame(modesLeft(stdout), [])
    t.notMatch(stdout, /\x1b\[\d*m/, 'no colours')
  },
)

t.test('a failure on the way gives the terminal back', { buffered: true, skip }, async (t) => {
  const here = await place(t)
  const terminal = onTerminal(here, 'fsq top -n 1s')
  await terminal.shows(/^> q /)
  await startProgram('mv', [here.root.settings.root, `${here.directory}/gone`]).ended
  const { stdout } = await terminal.ended
  t.match(stdout, /\x1b\[\?1049l.*fsq top: cannot list the queues.*status 111\s+icanon\s*$/s)
  t.strictSame(modesLeft(stdout), [])
  t.strictSame(entriesOf(here.directory).includes('gone'), true)
})
