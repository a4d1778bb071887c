#!/bin/bash
# Puts an install tree at /tree: compiled from /input/source.tar, or unpacked from /input/tree.tar.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC
# shellcheck source=/dev/null # Written by provider/buildkit.ts.
. /input/settings

mkdir -p /tree
if [ -e /input/tree.tar ]; then
  tar -xf /input/tree.tar -C /tree
  exit 0
fi

mkdir -p /source /extra /build
tar -xf /input/source.tar -C /source
for archive in /input/extra/*.tar; do
  [ -e "$archive" ] || continue
  name=$(basename "$archive" .tar)
  mkdir -p "/extra/$name"
  tar -xf "$archive" -C "/extra/$name"
done

# A patch named <name>-….patch, where <name> is an extra source, belongs to that source.
for patch in /input/patches/*.patch; do
  [ -e "$patch" ] || continue
  target=/source
  for extra in /extra/*/; do
    [ -d "$extra" ] || continue
    case "$(basename "$patch")" in "$(basename "$extra")"-*) target=$extra ;; esac
  done
  echo "applying $(basename "$patch") in $target"
  patch --directory="$target" --strip=1 --batch --forward --input="$patch" || {
    echo "error: the patch $(basename "$patch") does not apply" >&2
    exit 1
  }
done

export SOURCE_DATE_EPOCH CCACHE_BASEDIR=/build
# ccache stands before the compilers, so that a second build of the same file costs nothing.
export PATH=/usr/lib/ccache:$PATH
map="-ffile-prefix-map=/source=. -ffile-prefix-map=/build=. -ffile-prefix-map=/extra=."
export CFLAGS="$map ${CFLAGS:-}" CXXFLAGS="$map ${CXXFLAGS:-}"

cmake -S /source -B /build -DCMAKE_INSTALL_PREFIX=/usr "-D$VERSION_VARIABLE=$VERSION" "${CMAKE_ARGS[@]}"
cmake --build /build --parallel "$(nproc)"
DESTDIR=/tree cmake --install /build
