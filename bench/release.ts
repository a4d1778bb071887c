/**
 * A release from a tree that is compiled already, beside the plain sequence that a CI script runs: dpkg-deb, rpmbuild,
 * tar, aptly, createrepo_c, buildctl one image after the other (`measure/ci-script.sh`), with syft and cosign for what
 * both give with their packages and images. Then the same with one rules file changed; there ours compiles what depends
 * on it, too, and the script is given the tree. Both have the same base, the same Dockerfiles and the same BuildKit,
 * whose first steps are cached for both; neither has gates. Between releases, ours keeps what was found in files of the
 * same bytes, compressed segments of large files, and the unpacked layers of the distribution: the script, whose syft
 * and dpkg-deb keep nothing, has none of it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ciScript, unpackTree } from './measure/ciScript';
import { freshStack, source, TREE_ONLY, versionOf, WITHOUT_GATES } from './measure/stack';
import { inTurns, main, printRow, ROUNDS, say, timed } from './measure/table';

const RULES = path.join(source, 'rules', 'falco_rules.yaml');

main(async () => {
  const stack = freshStack({ falcoSize: true });
  stack.make(versionOf(0));
  const script = await ciScript();
  script(versionOf(0), unpackTree());

  /** The round whose tree is compiled. */
  let compiled = 0;
  const compile = async (round: number) => {
    if (compiled === round) return;
    await stack.up(versionOf(round), TREE_ONLY);
    compiled = round;
  };
  const whole = await inTurns(
    async (round) => {
      await compile(round);
      return timed(() => stack.up(versionOf(round), WITHOUT_GATES));
    },
    async (round) => {
      await compile(round);
      const tree = unpackTree();
      return timed(() => script(versionOf(round), tree));
    },
  );
  printRow({
    what: 'the whole set from a warm tree',
    beside: 'dpkg-deb, rpmbuild, tar, aptly, createrepo_c, buildctl, syft, cosign in sequence',
    pairs: whole,
    goal: 0.5,
  });

  const version = versionOf(ROUNDS);
  const rules = fs.readFileSync(RULES, 'utf8');
  const changed = (round: number) => `${rules}\n- list: bench_${Date.now()}_${round}\n  items: [round]\n`;
  const one = await inTurns(
    (round) => {
      fs.writeFileSync(RULES, changed(round));
      return timed(() => stack.up(version, WITHOUT_GATES));
    },
    (round) => {
      const tree = unpackTree();
      fs.writeFileSync(path.join(tree, 'tree/etc/falco/falco_rules.yaml'), changed(round));
      return timed(() => script(version, tree));
    },
  );
  printRow({
    what: 'one rules file changed → published',
    beside: 'the same sequence again',
    pairs: one,
    goal: 0.15,
  });
  say('the stack bench, its bucket and its images stay for the next run: npm run destroy -- --stack bench');
});
