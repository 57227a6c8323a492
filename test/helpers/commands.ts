import { type CliCommand } from '../../lib/cli/command.js'
import { type CommandEntry, isGroup } from '../../lib/cli/command-group.js'
import { commands } from '../../lib/cli/commands.js'

/** A command that does something: its name, with that of its group, and itself. */
export interface Leaf {
  readonly name: string
  readonly command: CliCommand
}

/** Every command, those of groups in place of the groups. */
export async function allCommands(
  entries: Readonly<Record<string, CommandEntry>> = commands,
): Promise<Leaf[]> {
  const leaves: Leaf[] = []
  for (const [name, { load }] of Object.entries(entries)) {
    const command = (await load()).default
    if (!isGroup(command)) leaves.push({ name, command })
    else
      for (const inner of await allCommands(command.commands))
        leaves.push({ ...inner, name: `${name} ${inner.name}` })
  }
  return leaves
}
