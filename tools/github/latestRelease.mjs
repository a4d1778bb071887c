// Puts GitHub's label "Latest" on the newest release that is neither a pre-release nor withdrawn: GitHub gives it to
// the one that was made last, and that may be a back-port. The provider's resource has no input for it.
// node tools/github/latestRelease.mjs STACK; RELEASES_REPOSITORY is owner/name.
import semver from 'semver';
import { need, repositoryApi } from './api.mjs';
import { stackSettings } from './stackFile.mjs';

const [stack = ''] = process.argv.slice(2);
/** @type {{withdrawn?: string[]}} */
const { withdrawn = [] } = stackSettings(stack);
const api = repositoryApi(process.env, need(process.env, 'RELEASES_REPOSITORY'));
/** @type {{id: number, tag_name: string, draft: boolean, prerelease: boolean}[]} */
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
