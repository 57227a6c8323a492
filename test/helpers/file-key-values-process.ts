import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

const module = new URL('../../dist/adapters/nxqueue/file-key-values.js', import.meta.url).href

/** A process of its own that has opened the values in a directory, as `keyValues`, and runs a script. */
export class KeyValuesProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(t: Test, directory: string, script: string) {
    const opened = `import { fileKeyValues } from ${JSON.stringify(module)}
      import { createInterface } from 'node:readline'
      const keyValues = fileKeyValues(${JSON.stringify(directory)})
      const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
      const say = (what) => process.stdout.write(JSON.stringify(what ?? null) + '\\n')
      const hear = async () => JSON.parse((await lines.next()).value)
      ${script}
      process.exit()`
    const args = ['-i', process.execPath, '--input-type=module', '-e', opened]
    this.#child = spawn('env', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const { stdout } = this.#child as ChildProcess & { stdout: NodeJS.ReadableStream }
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
    t.teardown(() => this.#child.kill('SIGKILL'))
  }

  /** The next that it says. */
  async hear(): Promise<unknown> {
    const { value, done } = (await this.#lines.next()) as IteratorResult<string, undefined>
    if (done === true) throw new Error('it has ended')
    return JSON.parse(value)
  }

  say(what: unknown): void {
    this.#child.stdin?.write(`${JSON.stringify(what)}\n`)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
