import * as childProcess from 'node:child_process'
import { chmodSync, closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import * as native from '../../lib/posix/native.js'
import type * as Program from '../../lib/posix/program.js'
import type { ProgramOptions } from '../../lib/posix/program.js'
import { temporaryDirectory } from '../helpers/temporary.js'

native.getNative()

let spawned = 0
const counting = {
  ...childProcess,
  spawn: ((...args: Parameters<typeof childProcess.spawn>) => {
    spawned++
    return childProcess.spawn(...args)
  }) as typeof childProcess.spawn,
}
const path = '../../lib/posix/program.js'
const backends: Record<string, { startProgram: typeof Program.startProgram; isFast: boolean }> = {
  'Node.js': {
    ...(await t.mockImport<typeof Program>(path, {
      '../../lib/posix/native.js': { ...native, loadedNative: () => undefined },
    })),
    isFast: false,
  },
  'posix_spawn(3)': {
    ...(await t.mockImport<typeof Program>(path, {
      '../../lib/posix/native.js': native,
      'node:child_process': counting,
    })),
    isFast: native.getNative().name === 'koffi' && process.platform === 'linux',
  },
}

for (const [backend, { startProgram, isFast }] of Object.entries(backends)) {
  /** Runs a shell script whose output goes to a file; what is in that, and how it ended. */
  async function run(
    t: Test,
    script: string,
    options: Partial<ProgramOptions> & { readonly words?: readonly string[] } = {},
  ): Promise<{ readonly ended: Program.Ended; readonly text: string }> {
    const out = `${temporaryDirectory(t)}/out`
    const fd = openSync(out, 'w')
    const { words = [], ...rest } = options
    const running = startProgram('sh', ['-c', script, 'sh', ...words], {
      ...{ stdin: 'ignore', stdout: fd, env: process.env },
      ...rest,
    })
    closeSync(fd)
    const ended = await running.ended
    t.equal(running.isOver(), true)
    running.kill('SIGKILL') // Harmless.
    return { ended, text: readFileSync(out, 'utf8') }
  }

  t.test(`by ${backend}, programs are told how they ended`, async (t) => {
    const before = spawned
    t.strictSame((await run(t, 'exit 0')).ended, { code: 0 })
    t.strictSame((await run(t, 'exit 77')).ended, { code: 77 })
    t.strictSame((await run(t, 'kill -TERM $$')).ended, { signal: 'SIGTERM' })
    t.strictSame((await run(t, 'kill -KILL $$')).ended, { signal: 'SIGKILL' })
    if (isFast) t.equal(spawned, before, 'without Node.js')
    t.equal(process.listenerCount('SIGCHLD'), 0, 'and nothing is left of it')
  })

  t.test(`by ${backend}, words and variables arrive as they are`, async (t) => {
    const words = ['', 'a b', '-n', 'é\n', '$HOME', '*', '\u{1f600}']
    const { text } = await run(t, 'printf "%s|" "$@" "$X" "${Y-none}"', {
      words,
      env: { ...process.env, X: 'ü =', Y: undefined },
    })
    t.equal(text, `${words.join('|')}|ü =|none|`)
  })

  t.test(`by ${backend}, a program reads on where the descriptor stands`, async (t) => {
    const file = `${temporaryDirectory(t)}/in`
    writeFileSync(file, 'header and body')
    const fd = openSync(file, 'r')
    t.teardown(() => {
      closeSync(fd)
    })
    readSync(fd, Buffer.alloc(11))
    const { text } = await run(t, 'cat', { stdin: fd })
    t.equal(text, 'body')
  })

  t.test(
    `by ${backend}, it gets three descriptors, or the one more that it is to hold`,
    async (t) => {
      const file = `${temporaryDirectory(t)}/held`
      writeFileSync(file, 'held')
      const fd = openSync(file, 'r')
      t.teardown(() => {
        closeSync(fd)
      })
      const list = 'ls /proc/self/fd | wc -l; (cat <&3) 2>/dev/null || echo none'
      const { stdout } = childProcess.spawnSync('sh', ['-c', 'ls /proc/self/fd | wc -l'])
      const fewest = Number(stdout)
      t.equal((await run(t, list)).text, `${fewest}\nnone\n`)
      t.equal((await run(t, list, { held: fd })).text, `${fewest + 1}\nheld`)
      t.equal((await run(t, 'cat; echo end')).text, 'end\n', 'nothing is to be read')
    },
  )

  t.test(`by ${backend}, signals are as they are by default`, async (t) => {
    const { text } = await run(t, 'grep -E "^Sig(Blk|Ign)" /proc/self/status')
    const [, blocked, ignored = ''] = /^SigBlk:\t0*(\w*)\nSigIgn:\t(\w+)\n$/.exec(text) ?? []
    t.equal(blocked, '')
    // 32 and 33 are the C library's own.
    t.equal(BigInt(`0x${ignored}`) & 0x7fffffffn, 0n, text)
  })

  t.test(`by ${backend}, it may lead a group, which a signal reaches as a whole`, async (t) => {
    const there = startProgram('sh', ['-c', 'sleep 60 & wait'], {
      ...{ stdin: 'ignore', env: process.env, group: true },
    })
    t.equal(there.isOver(), false)
    there.kill('SIGKILL')
    t.strictSame(await there.ended, { signal: 'SIGKILL' })
    await there.gone(AbortSignal.timeout(10_000))
    const { text } = await run(t, 'ps -o pid=,sid=,pgid= -p $$ | tr -s " "', { group: true })
    const [pid, sid, pgid] = text.trim().split(' ')
    t.ok(pid === sid && pid === pgid, text)
  })

  t.test(`by ${backend}, what cannot be started says why`, async (t) => {
    const directory = temporaryDirectory(t)
    writeFileSync(`${directory}/plain`, 'exit 3\n')
    const errors: Record<string, string> = {
      '/no/such/program': 'ENOENT',
      'no-such-program-in-PATH': 'ENOENT',
      [`${directory}/plain`]: 'EACCES',
    }
    for (const [program, code] of Object.entries(errors)) {
      const running = startProgram(program, [], { stdin: 'ignore', env: process.env })
      t.match(await running.ended, { error: { code } }, program)
    }
    chmodSync(`${directory}/plain`, 0o755)
    const script = startProgram(`${directory}/plain`, [], { stdin: 'ignore', env: process.env })
    t.strictSame(await script.ended, { code: 3 }, 'a script of no shell in particular is one of sh')
    const nul = startProgram('true', ['a\0b'], { stdin: 'ignore', env: process.env })
    t.match(await nul.ended, { error: { code: 'ERR_INVALID_ARG_VALUE' } })
    const many = Array.from({ length: 40 }, () => 'x'.repeat(120_000))
    const large = startProgram('true', many, { stdin: 'ignore', env: process.env })
    t.match(await large.ended, { error: { code: 'E2BIG' } })
  })

  t.test(`by ${backend}, it is found in the PATH that it gets`, async (t) => {
    const directory = temporaryDirectory(t)
    writeFileSync(`${directory}/only-here`, '#!/bin/sh\nexit 5\n')
    chmodSync(`${directory}/only-here`, 0o755)
    const env = { ...process.env, PATH: `${directory}:${process.env['PATH'] ?? ''}` }
    const running = startProgram('only-here', [], { stdin: 'ignore', env })
    t.strictSame(await running.ended, { code: 5 })
  })

  t.test(`by ${backend}, many run at a time`, async (t) => {
    const all = Array.from({ length: 60 }, (_, code) =>
      startProgram('sh', ['-c', `exit ${code}`], { stdin: 'ignore', env: process.env }),
    )
    const ended = await Promise.all(all.map((each) => each.ended))
    t.strictSame(
      ended,
      all.map((_, code) => ({ code })),
    )
  })

  t.test(`by ${backend}, all that it wrote is read, however slowly others read that`, async (t) => {
    // Each piece takes them longer than somebody else may keep the output open.
    const write = (): boolean => {
      setTimeout(() => process.stderr.emit('drain'), 300)
      return false
    }
    t.intercept(process.stderr, 'write', { value: write })
    let length = 0
    const { ended, closeOutput } = startProgram('sh', ['-c', 'head -c 250000 /dev/zero >&2'], {
      ...{ stdin: 'ignore', env: process.env },
      onOutput: (bytes) => {
        length += bytes.length
      },
    })
    t.strictSame(await ended, { code: 0 })
    await closeOutput()
    t.equal(length, 250_000)
  })

  t.test(`by ${backend}, who never reads what it wrote does not keep its end`, async (t) => {
    t.intercept(process.stderr, 'write', { value: () => false })
    const { ended, closeOutput } = startProgram('sh', ['-c', 'head -c 250000 /dev/zero >&2 & '], {
      ...{ stdin: 'ignore', env: process.env },
      onOutput: () => undefined,
    })
    t.strictSame(await ended, { code: 0 })
    await closeOutput()
    t.pass('it is over')
  })

  t.test(
    `by ${backend}, one that it left and that never stops writing is not read on`,
    async (t) => {
      t.intercept(process.stderr, 'write', { value: () => true })
      const running = startProgram('sh', ['-c', 'yes >&2 &'], {
        ...{ stdin: 'ignore', env: process.env, group: true },
        onOutput: () => undefined,
      })
      t.strictSame(await running.ended, { code: 0 })
      await running.closeOutput()
      const signal = AbortSignal.timeout(10_000)
      await running.gone(signal)
      t.notOk(signal.aborted)
      running.kill('SIGKILL')
    },
  )
}
