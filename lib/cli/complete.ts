import type { Command, Option } from 'commander'
import { walkNames } from '../posix/names.js'
import type { QueueContext } from '../queue/context.js'
import { isHidden } from '../queue/list-entries.js'
import { printableName } from '../queue/printable.js'
import { queueAt } from '../root/queue-at.js'
import { openRoot, type Root } from '../root/root.js'
import type { SettingsOptions } from '../settings.js'
import type { ItemState } from '../upkeep/list-items.js'
import { listQueues } from '../upkeep/list-queues.js'
import { commandParser } from './command.js'
import { commandAt, groupParser, isGroup } from './command-group.js'
import { commands, withoutAlias } from './commands.js'
import { wordsOf } from './values.js'

/*
 * What the last of the words on a command line may become, by the very parsers that read command lines.
 * The answer, for the scripts of `fsq completion`, is a line that says what is wanted, `words`, `files` or
 * `commands`, and for words a line each: the whole word, a tab, what it means.
 */

type Candidate = readonly [word: string, meaning?: string]
type Answer = 'files' | 'commands' | readonly Candidate[]

/** So many items are offered at most: nobody reads more. */
const most = 1000

/** The lines for the words behind `fsq`, the last of which is to be completed. Never throws. */
export async function complete(
  words: readonly string[],
  globals: Command,
  names: readonly Candidate[],
): Promise<string> {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  try {
    const answer = await answerTo(before, current, globals, names)
    if (typeof answer === 'string') return `${answer}\n`
    const lines = answer
      .filter(([word]) => word.startsWith(current) && !/[\0-\x1f\x7f]/.test(word))
      .map(([word, meaning = '']) => `${word}\t${meaning}\n`)
    return `words\n${lines.join('')}`
  } catch {
    return 'words\n' // In the middle of a line is no place for a message.
  }
}

async function answerTo(
  before: readonly string[],
  current: string,
  globals: Command,
  names: readonly Candidate[],
): Promise<Answer> {
  const top = readLine(globals, before, current, false)
  if (top.answer !== undefined) return top.answer
  const [name] = top.operands
  if (name === undefined) return [...names, ['help', 'print the usage of a command']]
  if (name === 'help') return names
  const { path, command, words: rest } = await commandAt(commands, withoutAlias(top.operands))
  if (command === undefined) return 'files'
  if (isGroup(command)) {
    if (rest.length > 0) return []
    const flags = readLine(groupParser(path.join(' '), command), [], current, false)
    const inside = Object.entries(command.commands)
    return flags.answer ?? inside.map(([word, { summary }]): Candidate => [word, summary])
  }
  const parser = commandParser(path.join(' '), command)
  const end = command.takesProgram === true ? rest.indexOf('--') : -1
  if (end >= 0) return end === rest.length - 1 ? 'commands' : 'files'
  const line = readLine(parser, rest, current, command.flagsAnywhere === true)
  if (line.answer !== undefined) return line.answer
  const operand = operandAt(command.operands, line.operands.length)
  if (operand?.includes('|') === true) return operand.split('|').map((word) => [word])
  switch (operand?.replace(/^.*-/, '')) {
    case 'queue':
      return listQueues(rootOf(globals, before)).map((queue) => [queue])
    case 'host':
      return hostsOf(rootOf(globals, before), line.operands[0])
    case 'item':
      parser.parse(rest, { from: 'user' })
      return itemsOf(
        queueAt(rootOf(globals, before), line.operands[0] ?? '').context,
        command.itemStates?.(parser.opts()) ?? ['queue'],
        current,
      )
    case 'program':
    case 'command':
      return 'commands'
    case 'arg':
    case 'home':
    case 'path':
      return 'files'
    default:
      return []
  }
}

/** The hosts of a queue; without one, those of any. */
async function hostsOf(root: Root, queue?: string): Promise<Candidate[]> {
  const queues = queue === undefined ? await root.queues() : [queue]
  const hosts = await Promise.all(queues.map((name) => root.queue(name).hosts()))
  return [...new Set(hosts.flat())].sort().map((host) => [host])
}

interface Line {
  readonly operands: readonly string[]
  /** What the current word may be, where it is a flag or the value of one. */
  readonly answer?: Answer
}

/** Tells flags, their values and operands apart. */
function readLine(
  parser: Command,
  before: readonly string[],
  current: string,
  flagsAnywhere: boolean,
): Line {
  const help: Candidate[] = [['--help', 'print the usage and exit']]
  const operands: string[] = []
  let takesFlags = true
  let waiting: Option | undefined
  for (const word of before) {
    if (waiting !== undefined) waiting = undefined
    else if (takesFlags && word === '--') takesFlags = false
    else if (takesFlags && /^-./.test(word)) waiting = waitingFlag(parser, word)
    else {
      operands.push(word)
      takesFlags &&= flagsAnywhere
    }
  }
  if (waiting !== undefined) return { operands, answer: valuesOf(waiting) }
  if (!takesFlags || !current.startsWith('-')) return { operands }
  const [, flag = ''] = /^(--[^=]*)=/.exec(current) ?? []
  const option = parser.options.find(({ long }) => long === flag)
  if (option !== undefined) {
    const values = valuesOf(option)
    if (typeof values === 'string') return { operands, answer: values }
    return { operands, answer: values.map(([word, meaning]) => [`${flag}=${word}`, meaning ?? '']) }
  }
  const flags = parser.options.map((each): Candidate => [
    each.long ?? each.short ?? '',
    each.description,
  ])
  return { operands, answer: [...flags, ...help] }
}

/** The flag of a word, if the next word is its value. */
function waitingFlag(parser: Command, word: string): Option | undefined {
  const find = (name: string): Option | undefined =>
    parser.options.find(({ short, long }) => name === short || name === long)
  if (word.startsWith('--')) {
    const option = find(word)
    return option?.required === true ? option : undefined
  }
  for (let at = 1; at < word.length; at++) {
    const option = find(`-${word.charAt(at)}`)
    if (option?.required === true) return at === word.length - 1 ? option : undefined
  }
  return undefined
}

function valuesOf(option: Option): Answer {
  if (/<(file|path|dir)>/.test(option.flags)) return 'files'
  return wordsOf(option.parseArg).map((word) => [word])
}

/** The operand at a place in the usage, as `item` at 1 or more in `queue [item...]`. */
function operandAt(usage: string, at: number): string | undefined {
  const [own = ''] = usage.split(' -- ')
  const operands = own.replace(/[[\]]/g, '').split(' ')
  const last = operands.at(-1)
  return (operands[at] ?? (last?.endsWith('...') === true ? last : undefined))?.replace('...', '')
}

/** The root that the global flags and the environment name. */
function rootOf(globals: Command, before: readonly string[]): Root {
  globals.parse(before, { from: 'user' })
  const { rootDir, list, version, execDir, ...settings } = globals.opts<
    SettingsOptions & { rootDir?: string; list?: true; version?: true; execDir?: string }
  >()
  return openRoot(rootDir === undefined ? settings : { ...settings, root: rootDir })
}

function itemsOf(
  context: QueueContext,
  states: readonly ItemState[],
  current: string,
): Candidate[] {
  const items: Candidate[] = []
  for (const state of states) {
    for (const entry of walkNames(context.paths[state])) {
      const id = printableName(entry, context.reading.charset)
      if (!id.startsWith(current) || isHidden(entry, context)) continue
      items.push([id, state])
      if (items.length === most) return items
    }
  }
  return items
}
