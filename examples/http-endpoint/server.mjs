// Takes mails to send over HTTP and leaves the sending to a worker: PORT=8080 node server.mjs
import { createServer } from 'node:http'
import { openRoot } from 'fsq'
import { enqueueEndpoint } from './endpoint.mjs'

const server = createServer(enqueueEndpoint(openRoot().queue('mail')))

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`)
})

// No new requests; those that have come in are answered, then the process has nothing left to do.
process.once('SIGTERM', () => server.close())
