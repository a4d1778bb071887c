#!/bin/bash
# Puts an install tree at /tree: compiled from /input/source.tar, or unpacked from /input/tree.tar.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC
shopt -s nullglob
fail() {
  echo "error: $*" >&2
  exit 1
}
# shellcheck source=/dev/null # Written by provider/buildkit.ts.
. /input/settings

# unpack TAR FOLDER
unpack() {
  mkdir -p "$2"
  tar -xf "$1" -C "$2" --no-same-owner || fail "$(basename "$1") cannot be unpacked; give a tar or tar.gz"
}

if [ -e /input/tree.tar ]; then
  unpack /input/tree.tar /tree
  # A tarball of a release has one folder at its top.
  found=(/tree/*/"$BINARY")
  if [ ! -e "/tree/$BINARY" ] && [ ${#found[@]} -eq 1 ]; then
    top=${found[0]%"/$BINARY"}
    mv "$top" /unpacked
    rm -rf /tree
    mv /unpacked /tree
  fi
  exit 0
fi

unpack /input/source.tar /source
for archive in /input/extra/*.tar; do unpack "$archive" "/extra/$(basename "$archive" .tar)"; done

# A patch named <name>-….patch, where <name> is an extra source, belongs to that source. Of two names
# that match the longer one, which sorts later, counts.
for patch in /input/patches/*.patch; do
  target=/source
  for extra in /extra/*; do
    case $(basename "$patch") in "$(basename "$extra")"-*) target=$extra ;; esac
  done
  echo "applying $(basename "$patch") in $target"
  patch --directory="$target" --strip=1 --batch --forward --input="$patch" ||
    fail "the patch $(basename "$patch") does not apply to ${target#/extra/}; its messages are above"
done

export SOURCE_DATE_EPOCH CCACHE_DIR=/ccache CCACHE_COMPILERCHECK=content
# ccache stands before the compilers, so that a second build of the same file costs nothing.
export PATH=/usr/lib/ccache:$PATH
map="-ffile-prefix-map=/source=. -ffile-prefix-map=/build=. -ffile-prefix-map=/extra=."
export CFLAGS="$map ${CFLAGS:-}" CXXFLAGS="$map ${CXXFLAGS:-}"

cmake -S /source -B /build -DCMAKE_INSTALL_PREFIX=/usr "-D$VERSION_VARIABLE=$VERSION" "${CMAKE_ARGS[@]}"
cmake --build /build --parallel "$(nproc)"

# Where a project has install components of the product's name, the others are parts that it is built from, such as
# static libraries with their headers.
components=$(cmake --build /build --target list_install_components | grep -o '"[^"]*"' | tr -d '"' || true)
own=()
for component in $components; do
  case $component in "$PRODUCT" | "$PRODUCT"-*) own+=("$component") ;; esac
done
export DESTDIR=/tree
if [ ${#own[@]} -eq 0 ]; then cmake --install /build; fi
for component in "${own[@]}"; do cmake --install /build --component "$component"; done
