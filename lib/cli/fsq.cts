#!/usr/bin/env node
// The size of the thread pool counts only before the loader of ES modules starts it, so the program
// begins here. The programs that fsq runs must not see a variable that was not there.
if (process.env['UV_THREADPOOL_SIZE'] === undefined) {
  process.env['UV_THREADPOOL_SIZE'] = '16'
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { access } = require('node:fs') as typeof import('node:fs')
  access('/', () => undefined) // Starts the pool.
  delete process.env['UV_THREADPOOL_SIZE']
}

import('./main.js').then(
  async ({ main }) => {
    process.exitCode = await main(process.argv.slice(2))
  },
  (error: unknown) => {
    throw error
  },
)
