/** How a release version is written inside a deb and an rpm. */

const VERSION = /^(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.-]+))?$/;

/**
 * Package version of `x.y.z[-pre]`, for deb and rpm alike: `x.y.z`, or `x.y.z~pre`, where `~` sorts before the
 * end of the string (Debian policy 5.6.12, rpm-version(7)). `-` separates the revision in both, so a further
 * one in the pre-release becomes a `.`.
 */
export function packageVersion(version: string): string {
  const [, release, pre] = VERSION.exec(version) ?? [];
  if (!release) throw new Error(`version "${version}" is no x.y.z or x.y.z-pre`);
  return pre ? `${release}~${pre.replaceAll('-', '.')}` : release;
}
