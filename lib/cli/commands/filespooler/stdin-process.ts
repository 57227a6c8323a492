import { ownEnvironment, runCommand } from '../../../adapters/filespooler/run-command.js'
import { defineFsplCommand, logger } from './fspl-command.js'
import { commandOptions, runFlags, type RunFlags } from './run-flags.js'
import { stdinJob } from './stdin-job.js'
import { untilSignal } from './until-signal.js'

export default defineFsplCommand<RunFlags>({
  operands: 'command [-- argument...]',
  atLeast: 1,
  takesProgram: true,
  flags: runFlags,
  async run(call) {
    const { operands, program, flags } = call
    const { warn } = logger(call)
    const job = await stdinJob()
    await untilSignal((signal, askedToo) =>
      runCommand(
        [...operands, ...program],
        job,
        {
          ...commandOptions(flags),
          environment: ownEnvironment(),
          place: undefined,
          otherInput: 'ignore',
          held: undefined,
          signal,
          askedToo,
        },
        warn,
      ),
    )
    return 0
  },
})
