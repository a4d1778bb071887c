/** The newest symbol versions of supported systems: of their glibc, and of the libstdc++ and libgcc of their gcc. */
import type { Floor } from './model';

export const rhel8: Floor = {
  of: 'RHEL 8',
  versions: { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11', GCC: '7.0.0' },
};
export const debian11: Floor = {
  of: 'Debian 11',
  versions: { GLIBC: '2.31', GLIBCXX: '3.4.28', CXXABI: '1.3.12', GCC: '7.0.0' },
};
export const debian12: Floor = {
  of: 'Debian 12',
  versions: { GLIBC: '2.36', GLIBCXX: '3.4.30', CXXABI: '1.3.13', GCC: '12.0.0' },
};
