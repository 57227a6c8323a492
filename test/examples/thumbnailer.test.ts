import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { check, type Ended, place } from '../helpers/cli.js'
import { entriesOf } from '../helpers/temporary.js'

const program = fileURLToPath(new URL('../../examples/thumbnailer/thumbnail.sh', import.meta.url))

/** ImageMagick, under the name that it has here; other programs are called `convert` too. */
const convert = ['magick', 'convert'].find((name) =>
  String(spawnSync(name, ['-version']).stdout).startsWith('Version: ImageMagick'),
)
const skip = convert === undefined ? 'needs ImageMagick (Debian: imagemagick)' : false

/** Enqueues an image under a name and scans. */
async function site(t: Test): Promise<{
  readonly thumbnails: string
  readonly make: (image: Uint8Array, name: string) => Promise<Ended>
  readonly states: () => readonly (readonly string[])[]
}> {
  const { directory, queue, fsq } = await place(t)
  const thumbnails = `${directory}/thumbnails`
  mkdirSync(thumbnails)
  const { paths } = queue.context
  return {
    thumbnails,
    states: () => [paths.queue, paths.done, paths.fail].map(entriesOf),
    make: async (image, name) => {
      await queue.enqueue(image, [name])
      const words = ['scan', '-m', '5', 'q', 'sh', program]
      return fsq(words, { env: { THUMBNAILS: thumbnails } })
    },
  }
}

function imageMagick(words: readonly string[], input?: Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync(convert ?? '', words, { input })
  if (status !== 0) throw new Error(stderr.toString())
  return stdout
}

t.test('an image becomes a small JPEG of the same shape', { skip }, async (t) => {
  const { make, thumbnails } = await site(t)
  for (const format of ['jpeg', 'png', 'gif', 'webp']) {
    const image = imageMagick(['-size', '800x400', 'xc:red', `${format}:-`])
    check(t, await make(image, `red.${format}`), {}, format)
    const thumbnail = readFileSync(`${thumbnails}/red.${format}.jpg`)
    t.equal(
      imageMagick(['-', '-format', '%m %wx%h', 'info:'], thumbnail).toString(),
      'JPEG 320x160',
    )
  }
  t.equal(entriesOf(thumbnails).length, 4, 'and nothing is left over')
})

t.test('an image that is broken is tried again', { skip }, async (t) => {
  const { make, thumbnails, states } = await site(t)
  const image = imageMagick(['-size', '800x400', 'xc:red', 'png:-'])
  const { stderr } = await make(image.subarray(0, 60), 'broken.png')
  t.match(stderr, /failed temporarily\n$/)
  t.strictSame(
    states().map((names) => names.length),
    [1, 0, 0],
  )
  t.strictSame(entriesOf(thumbnails), [])
})

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

for (const [what, body, name, message] of [
  ['a script', 'push graphic-context\nimage over 0,0 0,0 "http://x/"\n', 'x.png', 'neither'],
  ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'x.svg', 'neither'],
  ['nothing', '', 'x.png', 'neither'],
  ['a name that leads elsewhere', png, '../x', 'not a plain name'],
  ['a hidden name', png, '.x', 'not a plain name'],
] as const) {
  t.test(`${what} is refused for good`, async (t) => {
    const { make, thumbnails, states } = await site(t)
    const { status, stderr } = await make(Buffer.from(body), name)
    t.equal(status, 0)
    t.match(stderr, `${name}: ${message}`)
    t.match(stderr, /failed permanently\n$/)
    t.strictSame(
      states().map((names) => names.length),
      [0, 0, 1],
    )
    t.strictSame(entriesOf(thumbnails), [])
  })
}
