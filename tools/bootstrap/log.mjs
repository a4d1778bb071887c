// Progress lines of the set-up. Always on stderr: stdout belongs to the command that was asked for.
import { spawn } from 'node:child_process';

const started = performance.now();

/** `[  12.3s]`, seconds since the command began. */
export function elapsed() {
  return `[${((performance.now() - started) / 1000).toFixed(1).padStart(6)}s]`;
}

/** @param {string} text One line of progress. */
export function say(text) {
  process.stderr.write(`${elapsed()} ${text}\n`);
}

/** A failure whose message is all that a person needs: printed without a stack trace. */
export class SetupError extends Error {}

/**
 * Runs a program, keeps its last output lines for the error, and reports on long work.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, label: string, quiet?: boolean}} options
 *   `label` stands in the progress lines, one every 15 s; `quiet` keeps them away.
 * @returns {Promise<string>} stdout
 * @throws {SetupError} with the last lines of output when the program fails or cannot be started
 */
export function run(program, args, options) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let tail = '';
    let lines = 0;
    const ticker = setInterval(() => {
      const seconds = Math.round((performance.now() - begin) / 1000);
      if (!options.quiet) say(`${options.label}: ${seconds} s, ${lines} lines of output so far`);
    }, 15_000);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      tail = (tail + text).slice(-4000);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      lines += text.split('\n').length - 1;
      tail = (tail + text).slice(-4000);
    });
    child.on('error', (error) => {
      clearInterval(ticker);
      reject(new SetupError(`${options.label}: ${program} could not be started (${error.message})`));
    });
    child.on('close', (code, signal) => {
      clearInterval(ticker);
      if (code === 0) return resolve(stdout);
      const last = tail.trimEnd().split('\n').slice(-15).join('\n  ');
      reject(new SetupError(`${options.label} failed (${signal ?? `status ${code}`}):\n  ${last}`));
    });
  });
}
