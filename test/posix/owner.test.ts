import t from 'tap'
import { readFileSync } from 'node:fs'
import type * as Owner from '../../lib/posix/owner.js'
import { groupId, userId } from '../../lib/posix/owner.js'
import { setEnvironment } from '../helpers/environment.js'

t.test('root is known by name', async (t) => {
  t.equal(userId('root'), 0)
  t.equal(groupId('root'), 0)
})

t.test('an id is taken as it is, whether it belongs to somebody or not', async (t) => {
  for (const id of ['0', '12345', '4294967294']) {
    t.equal(userId(id), Number(id))
    t.equal(groupId(id), Number(id))
  }
})

const unknown: Record<string, string> = {
  'a name that nobody has': 'nobody-has-this-name',
  'no name': '',
  'the id that chown(2) takes as none': '4294967295',
  'a negative id': '-1',
  'an option of getent(1)': '--help',
  'a name with a colon': 'root:x',
  'a name in capitals': 'ROOT',
}

for (const [what, name] of Object.entries(unknown)) {
  t.test(`${what} is no user and no group`, async (t) => {
    t.throws(() => userId(name), { code: 'FSQ_NO_USER', message: `no such user: ${name}` })
    t.throws(() => groupId(name), { code: 'FSQ_NO_GROUP', message: `no such group: ${name}` })
  })
}

/** The name and the id in the last line of a file such as /etc/passwd. */
const lastOf = (path: string): [name: string, id: number] => {
  const [name = '', , id] = readFileSync(path, 'utf8').trim().split('\n').pop()?.split(':') ?? []
  return [name, Number(id)]
}

t.test('every user and group of the machine is known', async (t) => {
  const [user, uid] = lastOf('/etc/passwd')
  const [group, gid] = lastOf('/etc/group')
  t.equal(userId(user), uid)
  t.equal(groupId(group), gid)
})

t.test('without getent(1) and id(1) the files are read', async (t) => {
  const fresh = await t.mockImport<typeof Owner>('../../lib/posix/owner.js', {})
  setEnvironment(t, { PATH: '/nonexistent' })
  const [user, uid] = lastOf('/etc/passwd')
  const [group, gid] = lastOf('/etc/group')
  t.equal(fresh.userId(user), uid)
  t.equal(fresh.groupId(group), gid)
  t.throws(() => fresh.userId(`${user}:x`), { code: 'FSQ_NO_USER' })
})

t.test('a name is looked up once', async (t) => {
  const fresh = await t.mockImport<typeof Owner>('../../lib/posix/owner.js', {
    'node:child_process': {
      spawnSync: () => ({ status: 0, stdout: `n:x:${++lookUps}:` }),
    },
  })
  let lookUps = 40
  t.equal(fresh.userId('somebody'), 41)
  t.equal(fresh.userId('somebody'), 41)
  t.equal(fresh.userId('somebody else'), 42)
})
