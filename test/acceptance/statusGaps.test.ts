/** `npm run status` against real places, with one thing broken at a time: it says that, and nothing else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { Questions } from '../../cli/status/questions';
import { publicNames } from '../../names';
import { clearText } from '../../provider/gpgVerify';
import { copy, remove } from '../../provider/oci';
import { NEW, OLD, PublicPlaces } from './publicPlaces';

const DEB = 'packages/deb';
const INRELEASE = `${DEB}/dists/stable/InRelease`;
const SUMS = 'packages/bin/x86_64/SHA256SUMS.asc';
const { product } = catalog;

/** Lines by place. */
type Gaps = Record<string, string[]>;

describe('a gap in a release, seen from outside', function () {
  const at = PublicPlaces.of(this);

  let stranger = '';
  let end: Date | undefined;
  const keyId = () => at.signer.fingerprint.slice(-16);
  /** A published deb as it should be. */
  const deb = async (name: string) => {
    const body = await fs.readFile(path.join(at.whole, DEB, 'stable', name));
    return { size: body.length, sha256: createHash('sha256').update(body).digest('hex') };
  };

  const cases: {
    title: string;
    breaks: () => Promise<unknown>;
    questions?: Partial<Questions>;
    gaps: () => Gaps | Promise<Gaps>;
  }[] = [
    {
      title: 'latest one release behind',
      breaks: () => copy(at.image('falco', OLD), `${at.first}/falco:latest`),
      gaps: () => ({ [at.first]: [`falco:latest is ${OLD}, not ${NEW}`] }),
    },
    {
      title: 'a stale alias',
      breaks: () => copy(at.image('falco-no-driver', OLD), `${at.second}/falco:latest-slim`),
      gaps: () => ({ [at.second]: [`falco:latest-slim is ${OLD}, not ${NEW}`] }),
    },
    {
      title: 'a tag missing in the second registry',
      breaks: () => remove(`${at.second}/falco-tester:${NEW}`),
      gaps: () => ({ [at.second]: [`falco-tester:${NEW} is not there`] }),
    },
    {
      title: 'another image in the second registry',
      breaks: async () => {
        const old = at.image('falco-builder', OLD);
        await copy(old, `${at.second}/falco-builder:${NEW}`);
        await copy(old, `${at.second}/falco-builder:latest`);
      },
      gaps: () => ({
        [at.second]: [
          `falco-builder:${NEW} is ${at.digests[`falco-builder:${OLD}`]}, in ${at.first} it is ${at.digests[`falco-builder:${NEW}`]}`,
        ],
      }),
    },
    {
      title: 'a deb deleted',
      breaks: async () => {
        const pool = at.file(`${DEB}/pool`);
        const name = `falco-${OLD}-module-amd64.deb`;
        for (const digest of await fs.readdir(pool))
          await fs.rm(path.join(pool, digest, name), { force: true });
      },
      gaps: async () => {
        const name = `falco-${OLD}-module-amd64.deb`;
        return { apt: [`pool/${(await deb(name)).sha256}/${name} is not there`] };
      },
    },
    {
      title: 'a deb cut short under an alias',
      breaks: () => fs.truncate(at.file(`${DEB}/stable/falco-${NEW}-amd64.deb`), 100),
      gaps: async () => {
        const name = `falco-${NEW}-amd64.deb`;
        return { apt: [`stable/${name} has 100 bytes, not ${(await deb(name)).size}`] };
      },
    },
    {
      title: 'other bytes of the same size, which only whole reading sees',
      questions: { deep: true },
      breaks: () => at.edit(`packages/bin/x86_64/falco-bin-x86.tar.gz`, (text) => text.replace('f', 'F')),
      gaps: () => ({
        downloads: [
          'falco-bin-x86.tar.gz has other bytes than the index lists',
          `falco-bin-x86.tar.gz.asc: the signature of ${keyId()} is not of these bytes`,
        ],
      }),
    },
    {
      title: 'InRelease signed by another key',
      breaks: async () => {
        const other = await at.otherSigner();
        stranger = other.fingerprint;
        const text = clearText(await fs.readFile(at.file(INRELEASE))) ?? '';
        await fs.writeFile(at.file(INRELEASE), await other.clearSign(Buffer.from(text)));
      },
      gaps: () => ({ apt: [`dists/stable/InRelease is signed by ${stranger}, which is no expected key`] }),
    },
    {
      title: 'a key expected that signed nothing',
      questions: { keys: ['F'.repeat(40)] },
      breaks: () => Promise.resolve(),
      gaps: () => {
        const said = `is signed by ${at.signer.fingerprint}, which is no expected key`;
        return {
          keys: [`the expected key ${'F'.repeat(40)} is not published`],
          apt: [`dists/stable/InRelease ${said}`],
          yum: [`repomd.xml of the generation ${said}`],
          downloads: [`SHA256SUMS.asc ${said}`],
        };
      },
    },
    {
      title: 'Release.gpg of an older Release',
      breaks: async () => {
        const text = await fs.readFile(at.file(`${DEB}/dists/stable/Release`), 'utf8');
        const older = Buffer.from(text.replace(/^Date: .*$/m, 'Date: Thu, 01 Jan 2026 00:00:00 UTC'));
        await fs.writeFile(at.file(`${DEB}/dists/stable/Release.gpg`), await at.signer.detachIndex(older));
      },
      gaps: () => ({ apt: [`dists/stable/Release.gpg: the signature of ${keyId()} is not of these bytes`] }),
    },
    {
      title: 'Release of another state than InRelease',
      breaks: () => at.edit(`${DEB}/dists/stable/Release`, (text) => `${text}\n`),
      gaps: () => ({ apt: ['dists/stable/Release does not say what InRelease says'] }),
    },
    {
      title: 'a by-hash index with other bytes',
      breaks: async () => {
        const text = await fs.readFile(at.file(`${DEB}/dists/stable/Release`), 'utf8');
        const digest = / ([0-9a-f]{64}) \d+ main\/binary-amd64\/Packages\.gz$/m.exec(text)?.[1];
        const key = `${DEB}/dists/stable/main/binary-amd64/by-hash/SHA256/${digest}`;
        const bytes = await fs.readFile(at.file(key));
        bytes[bytes.length - 1] ^= 1;
        await fs.writeFile(at.file(key), bytes);
      },
      gaps: () => ({ apt: ['the index of packages: other bytes than InRelease lists'] }),
    },
    {
      title: 'mirrorlist that names a generation that is gone',
      breaks: () =>
        fs.writeFile(at.file('packages/rpm/mirrorlist'), `${at.front.url}/packages/rpm/generations/0/\n`),
      gaps: () => ({
        yum: [
          `repodata/repomd.xml of ${at.front.url}/packages/rpm/generations/0/, which mirrorlist names, is not there`,
        ],
      }),
    },
    {
      title: 'mirrorlist that names a folder of this machine',
      breaks: () => fs.writeFile(at.file('packages/rpm/mirrorlist'), `file://${at.bucket}/packages/rpm/\n`),
      gaps: () => ({
        yum: [`mirrorlist names file://${at.bucket}/packages/rpm/, which clients cannot reach`],
      }),
    },
    {
      title: 'the root copy of repomd.xml without its signature',
      breaks: () => fs.rm(at.file('packages/rpm/repodata/repomd.xml.asc')),
      gaps: () => ({ yum: ['the signature of repodata/repomd.xml is not there'] }),
    },
    {
      title: 'SHA256SUMS edited',
      breaks: () =>
        at.edit(SUMS, (text) => text.replace(/^[0-9a-f]/m, (digit) => (digit === '0' ? '1' : '0'))),
      gaps: () => ({ downloads: [`SHA256SUMS.asc: the signature of ${keyId()} is not of these bytes`] }),
    },
    {
      title: 'a signature beside a file missing',
      breaks: () => fs.rm(at.file(`packages/rpm/falco-${NEW}-bpf-x86_64.rpm.asc`)),
      gaps: () => ({ yum: [`falco-${NEW}-bpf-x86_64.rpm.asc is not there`] }),
    },
    {
      title: 'a tarball away under all its names',
      breaks: async () => {
        for (const name of [`falco-src-${NEW}-x86.tar.gz`, 'falco-src-x86.tar.gz'])
          for (const end of ['', '.asc']) await fs.rm(at.file(`packages/bin/x86_64/${name}${end}`));
      },
      gaps: () => ({ downloads: [`falco-src-${NEW}-x86.tar.gz is not there, nor under its other names`] }),
    },
    {
      title: 'a key that is about to expire',
      breaks: async () => {
        end = await at.publishEnding(5);
      },
      gaps: () => ({
        keys: [
          `the key ${at.signer.fingerprint} (Publishing tests (not for release)) expires on ${end?.toISOString().slice(0, 10)}`,
        ],
      }),
    },
    {
      title: 'the keyring of apt with another key',
      breaks: async () =>
        fs.writeFile(at.file(publicNames(product).keyring), await (await at.otherSigner()).keyring()),
      gaps: () => ({
        keys: ['packages/falco-archive-keyring.gpg has other keys than packages/falcosecurity-packages.asc'],
      }),
    },
    {
      title: '.sources that leads elsewhere',
      breaks: () =>
        at.edit(`${DEB}/falco.sources`, (text) => text.replace(/^URIs: .*$/m, 'URIs: file:///nowhere')),
      gaps: () => ({ apt: ['falco.sources leads clients to file:///nowhere'] }),
    },
    {
      title: 'a server that answers 500 to everything',
      breaks: () => {
        at.fate = () => 500;
        return Promise.resolve();
      },
      gaps: () => ({
        keys: ['packages/falcosecurity-packages.asc and 2 more: HTTP 500'],
        apt: ['dists/stable/InRelease: HTTP 500'],
        yum: ['mirrorlist: HTTP 500'],
        downloads: ['SHA256SUMS.asc: HTTP 500'],
      }),
    },
    {
      title: 'a server that answers 503 to one name',
      breaks: () => {
        at.fate = (key) => (key.endsWith('/Release.gpg') ? 503 : 'answer');
        return Promise.resolve();
      },
      gaps: () => ({ apt: ['dists/stable/Release.gpg: HTTP 503'] }),
    },
    {
      title: 'a connection that is cut',
      breaks: () => {
        at.fate = (key) => (key.endsWith(`falco-${NEW}-bpf-x86_64.rpm.asc`) ? 'cut' : 'answer');
        return Promise.resolve();
      },
      gaps: () => ({ yum: [`falco-${NEW}-bpf-x86_64.rpm.asc: the connection was cut`] }),
    },
  ];
  for (const { title, breaks, questions, gaps } of cases) {
    it(`is ${title}, and nothing else`, async () => {
      await breaks();
      assert.deepEqual(await at.gaps(questions), await gaps());
    });
  }
});
