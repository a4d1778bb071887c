/** The notes of one version, out of a changelog. Pure. */
import { SettingError } from '../../names';

/** A heading of Markdown at the start of a line: its level and its text. */
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/;
/** A fenced code block, in which a line that starts with `#` is no heading. */
const FENCE = /^ {0,3}(```|~~~)/;

/**
 * The section of a version: what stands below the heading that names it, up to the next heading of the same level or
 * a higher one. `## 0.24.0`, `## v0.24.0`, `## [0.24.0] - 2020-07-16` and `# 0.24.0 (2020-07-16)` all name 0.24.0.
 *
 * @param changelog Markdown
 * @param version x.y.z or x.y.z-pre
 * @param setting the file or setting that the changelog is from, for the message
 * @returns the section without its heading and without blank lines around it
 * @throws SettingError where the changelog has no such section, or an empty one
 */
export function changelogSection(changelog: string, version: string, setting: string): string {
  const lines = changelog.split(/\r?\n/);
  let level = 0;
  let fenced = false;
  const section: string[] = [];
  for (const line of lines) {
    if (FENCE.test(line)) fenced = !fenced;
    const [, hashes = '', title = ''] = (!fenced && HEADING.exec(line)) || [];
    if (level > 0 && hashes !== '' && hashes.length <= level) break;
    if (level > 0) section.push(line);
    else if (hashes !== '' && versionOf(title) === version) level = hashes.length;
  }
  const text = section.join('\n').trim();
  if (text === '') {
    const found = level > 0 ? `is empty below the heading of ${version}` : `has no heading of ${version}`;
    throw new SettingError(setting, `${found}; add a section "## ${version}" with the notes of the release`);
  }
  return text;
}

/** `v`, brackets of a link, and what follows the version (a date) do not count. */
function versionOf(title: string): string | undefined {
  return /^\[?v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)\]?(?=$|[\s(,:])/.exec(title)?.[1];
}
