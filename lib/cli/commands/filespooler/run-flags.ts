import type { Command } from 'commander'
import type { CommandOptions } from '../../../adapters/filespooler/run-command.js'
import { secondsOf } from './fspl-command.js'

/** The flags of a command that runs one for a job. */
export interface RunFlags {
  readonly allowJobParams?: true
  readonly ignorePayload?: true
  readonly timeout?: number
}

/** Adds --allow-job-params, --ignore-payload and --timeout. */
export function runFlags(command: Command): Command {
  return command
    .option('--allow-job-params', "put the job's parameters behind those of the command")
    .option('--ignore-payload', 'do not give the payload to the command')
    .option('--timeout <seconds>', 'kill the command, and what it started, after that', secondsOf)
}

/** The options of the library that they stand for. */
export function commandOptions({
  allowJobParams,
  ignorePayload,
  timeout,
}: RunFlags): CommandOptions {
  return {
    ...(allowJobParams && { allowJobParameters: true }),
    ...(ignorePayload && { ignorePayload: true }),
    ...(timeout !== undefined && { timeout }),
  }
}
