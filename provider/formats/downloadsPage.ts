/** The index page of the download folder: plain HTML for people, no script, readable on a phone. Pure. */
import * as semver from 'semver';

export interface PageEntry {
  version: string;
  fileName: string;
  aliases: string[];
  sha256: string;
  /** Bytes. */
  size: number;
  /** `YYYY-MM-DD`. */
  date: string;
  withdrawn?: boolean;
  /** What lies beside it, `<fileName>.<document>`. */
  documents?: string[];
}

/** What a person is told of a document beside a file, by the end of its name. */
const TELLS: Record<string, string> = { 'spdx.json': 'what is in it', 'provenance.json': 'how it was made' };

export interface PageInput {
  title: string;
  entries: PageEntry[];
  /** Unversioned name to the file that it stands for. */
  latest: Map<string, string>;
  /** Of the key that signs: 40 hex digits. */
  fingerprint: string;
  /** Key of the public key, below the bucket's root. */
  publicKey: string;
  /** Prefix of this folder, below the bucket's root. */
  prefix: string;
  /** Public URL of the bucket's root. */
  url: string;
}

const escape = (text: string) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#1b1f24;background:#fff}
section{margin:2rem 0}li{margin:.75rem 0}ul{padding-left:1rem}code{overflow-wrap:anywhere;font-size:.85em}
pre{background:#f3f4f6;padding:.75rem;overflow-x:auto}a:focus{outline:2px solid}`;

/** `1234567` as `1.2 MB`. */
function readable(size: number): string {
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

function link(name: string): string {
  return `<a href="${escape(name)}">${escape(name)}</a>`;
}

function item(entry: PageEntry, latest: Map<string, string>): string {
  const names = [
    ...entry.aliases,
    ...[...latest].filter(([, file]) => file === entry.fileName).map(([alias]) => alias),
  ];
  const also = names.length > 0 ? `<br>also ${names.map(link).join(', ')}` : '';
  const signature = `<a href="${escape(entry.fileName)}.asc">signature</a>`;
  const documents = (entry.documents ?? []).map(
    (one) => `, <a href="${escape(`${entry.fileName}.${one}`)}">${escape(TELLS[one] ?? one)}</a>`,
  );
  return `<li>${link(entry.fileName)} (${readable(entry.size)}, <time>${entry.date}</time>, ${signature}${documents.join('')})${also}<br><code>sha256 ${entry.sha256}</code></li>`;
}

/** How to get the newest tarball and unpack it; its INSTALL says the rest. */
function installLines({ latest, prefix, url }: PageInput): string {
  const tarballs = [...latest.keys()].filter((name) => name.endsWith('.tar.gz'));
  return tarballs
    .map(
      (name) =>
        `curl -fsSLO ${escape(`${url}/${prefix}/${name}`)}  # check it, then tar -xzf ${escape(name)}, and see INSTALL in it`,
    )
    .join('\n');
}

const WITHDRAWN =
  '<p><strong>Withdrawn.</strong> Package managers no longer offer this version; do not install it anew.</p>\n';

export function downloadsPage(input: PageInput): string {
  const { title, entries, latest, publicKey, fingerprint, prefix } = input;
  const lines = installLines(input);
  const versions = [...new Set(entries.map(({ version }) => version))].sort(semver.rcompare);
  const up = '../'.repeat(prefix.split('/').length);
  const sections = versions.map((version) => {
    const files = entries.filter((entry) => entry.version === version);
    const notice = files.every(({ withdrawn }) => withdrawn) ? WITHDRAWN : '';
    return `<section>\n<h2>${escape(version)}</h2>\n${notice}<ul>\n${files.map((entry) => item(entry, latest)).join('\n')}\n</ul>\n</section>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} downloads</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)} downloads</h1>
<p>Check what you downloaded with <a href="${up}${escape(publicKey)}">our key</a> and <a href="SHA256SUMS.asc">SHA256SUMS.asc</a>:</p>
<pre>gpg --import ${escape(publicKey.split('/').pop() ?? '')}
gpg --yes --output SHA256SUMS --decrypt SHA256SUMS.asc &amp;&amp; sha256sum --check --ignore-missing SHA256SUMS</pre>
<p>Our key's fingerprint is <code>${escape(fingerprint.replace(/(.{4})(?=.)/g, '$1 '))}</code>; gpg names it with the signature.</p>
${lines === '' ? '' : `<p>The newest release:</p>\n<pre>${lines}</pre>\n`}${sections.join('\n')}
</body>
</html>
`;
}
