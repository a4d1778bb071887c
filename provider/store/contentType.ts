/** What a web server says an object is, by the end of its key. No Content-Encoding: clients want the files as they are. */
const TYPES: [RegExp, string][] = [
  [/\.deb$/, 'application/vnd.debian.binary-package'],
  [/\.rpm$/, 'application/x-rpm'],
  [/\.gz$/, 'application/gzip'],
  [/\.xz$/, 'application/x-xz'],
  [/\.tar$/, 'application/x-tar'],
  [/\.html$/, 'text/html; charset=utf-8'],
  [/\.json$/, 'application/json'],
  [/\.xml$/, 'application/xml'],
  [/(\.asc|\.sources|\.repo|\/mirrorlist|\/(In)?Release|\/Packages|\/README)$/, 'text/plain; charset=utf-8'],
  [/\.gpg$/, 'application/pgp-keys'],
];

export function contentType(key: string): string {
  return TYPES.find(([pattern]) => pattern.test(`/${key}`))?.[1] ?? 'application/octet-stream';
}
