import type { Test } from 'tap'

/** Sets variables of this process until the test ends; undefined removes one. */
export function setEnvironment(t: Test, variables: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    set(name, value)
    t.teardown(() => {
      set(name, before)
    })
  }
}

function set(name: string, value: string | undefined): void {
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a variable cannot be undefined
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
