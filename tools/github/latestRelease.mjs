// Puts GitHub's label "Latest" on the newest release that is neither a pre-release nor withdrawn: GitHub gives it to
// the one that was made last, and that may be a back-port. The provider's resource has no input for it.
// Pages of versions that the stack has left say that they were withdrawn, too, as releaseBody.ts words it.
// node tools/github/latestRelease.mjs STACK; RELEASES_REPOSITORY is owner/name.
import semver from 'semver';
import { need, repositoryApi } from './api.mjs';
import { stackSettings } from './stackFile.mjs';

const [stack = ''] = process.argv.slice(2);
/** @type {{withdrawn?: string[]}} */
const { withdrawn = [] } = stackSettings(stack);
const api = repositoryApi(process.env, need(process.env, 'RELEASES_REPOSITORY'));
/** @type {{id: number, tag_name: string, body: string | null, draft: boolean, prerelease: boolean}[]} */
const releases = await api.all('/releases');
const [newest] = releases
  .filter(({ tag_name, draft, prerelease }) => !draft && !prerelease && semver.valid(tag_name))
  .filter(({ tag_name }) => !withdrawn.includes(tag_name))
  .sort((a, b) => semver.rcompare(a.tag_name, b.tag_name));
if (!newest) {
  process.stderr.write('no release to be the latest\n');
} else {
  await api.send('PATCH', `/releases/${newest.id}`, { make_latest: 'true' });
  process.stderr.write(`latest release: ${newest.tag_name}\n`);
}
for (const { id, tag_name, body } of releases) {
  const notice = `**${tag_name} was withdrawn: use another release.**\n\n`;
  const text = body ?? '';
  const isSaid = text.startsWith(notice);
  if (isSaid === withdrawn.includes(tag_name)) continue;
  await api.send('PATCH', `/releases/${id}`, { body: isSaid ? text.slice(notice.length) : notice + text });
  process.stderr.write(`${tag_name}: ${isSaid ? 'no longer said' : 'said'} to be withdrawn\n`);
}
