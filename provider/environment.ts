/** What of this process's environment a program gets that runs what others wrote, or goes on running. */

/**
 * By name, in upper case: how programs are found and reached, and what they say. No credentials but those that a
 * proxy's address may have, without which nothing is reached.
 */
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|LANG|LC_\w+|TZ|XDG_\w+|\w+_PROXY|SSL_CERT_(FILE|DIR)|APT_CONFIG|BUILDKIT_\w+)$/;

/** The environment without its secrets, which maintainer scripts and daemons have no need of. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name.toUpperCase())));
}
