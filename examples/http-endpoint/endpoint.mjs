// Answers POST with what became of the enqueue: 202 and the item's name once it is there to stay.
import { FsqError } from 'fsq'

const longest = 64 * 1024

/** What the client got wrong, as a status and a sentence. */
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message)
    Object.assign(this, { status, headers })
  }
}

/** A handler for node:http, and for Express without a body parser: `app.post('/mails', ...)`. */
export function enqueueEndpoint(queue, log = console.error) {
  return async (request, response) => {
    try {
      const mail = checkMail(await readJson(request))
      const id = await queue.enqueue(JSON.stringify(mail), [mail.template])
      answer(response, 202, { id })
    } catch (error) {
      if (error instanceof Refusal)
        return answer(response, error.status, { error: error.message }, error.headers)
      if (request.destroyed && !request.complete) return // The client is gone.
      log(error)
      // The reason is nobody's business but ours. It was not enqueued: it may be tried again.
      if (error instanceof FsqError)
        return answer(response, 503, { error: 'not now' }, { 'retry-after': '30' })
      answer(response, 500, { error: 'internal error' })
    }
  }
}

async function readJson(request) {
  if (request.method !== 'POST') throw new Refusal(405, 'POST only', { allow: 'POST' })
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new Refusal(415, 'application/json only')
  const tooLong = new Refusal(413, `at most ${longest} bytes`, { connection: 'close' })
  if (Number(request.headers['content-length'] ?? 0) > longest) throw tooLong
  const pieces = []
  let length = 0
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    if ((length += piece.length) > longest) throw tooLong
    pieces.push(piece)
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString())
  } catch {
    throw new Refusal(400, 'that is no JSON')
  }
}

function checkMail(mail) {
  const { to, template } = mail ?? {}
  if (typeof to !== 'string' || !/^[^@\s]+@[^@\s]+$/.test(to))
    throw new Refusal(422, '`to` is to be an address')
  if (typeof template !== 'string' || !/^[a-z][a-z0-9-]{0,31}$/.test(template))
    throw new Refusal(422, '`template` is to be the name of a template')
  return { to, template } // And nothing else that somebody may have sent.
}

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(`${JSON.stringify(body)}\n`)
}
