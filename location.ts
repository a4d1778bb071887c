/** Where sources are: a folder, or a git URL with a ref. Pure: no I/O. */
import { SettingError } from './names';

/** `https://…`, `git@host:…`, `ssh://…`, `file://…`: whatever git takes that is no plain folder. */
export function isGitUrl(location: string): boolean {
  return /^([a-z][a-z0-9+.-]*:\/\/|[\w.-]+@[\w.-]+:)/i.test(location);
}

/**
 * The same URL. A password or token in it would be kept in clear, in the stack's state and in logs.
 * @throws SettingError
 */
export function withoutSecret(url: string, setting: string): string {
  const user = /^([a-z][a-z0-9+.-]*):\/\/([^/@]*)@/i.exec(url);
  const isSecret = user && (user[2]?.includes(':') || /^https?$/i.test(user[1] ?? ''));
  if (!isSecret) return url;
  throw new SettingError(
    setting,
    'the URL has a password or token in it, which would be kept in clear; take it out and use a git credential helper',
  );
}
