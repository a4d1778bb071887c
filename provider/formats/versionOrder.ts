/** Order of package versions as dpkg has it (deb-version(7)); rpm agrees on the characters that versions here have. */
import { packageVersion } from '../../names';

/** Weight of a character of a non-digit part: `~` before the end, the end before letters, letters before the rest. */
function weight(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined || /\d/.test(character)) return 0;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

function comparePackageVersions(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    while ((i < a.length && !/\d/.test(a.charAt(i))) || (j < b.length && !/\d/.test(b.charAt(j)))) {
      const difference = weight(a[i]) - weight(b[j]);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const [x, y] = [/^\d*/.exec(a.slice(i))?.[0] ?? '', /^\d*/.exec(b.slice(j))?.[0] ?? ''];
    if (Number(x) !== Number(y)) return Number(x) - Number(y);
    i += x.length;
    j += y.length;
  }
  return 0;
}

/** Compares release versions (`x.y.z[-pre]`) as the packages' managers will: rc10 comes after rc9. */
export function compareVersions(a: string, b: string): number {
  return comparePackageVersions(packageVersion(a), packageVersion(b));
}
