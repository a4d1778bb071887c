#!/bin/bash
# usage | bash | test: runs the suite of this image's source against every package in /packages. Prints TAP per
# package; fails when a test failed, a package could not be installed, or there was nothing to test.
set -uo pipefail

case "${1:-usage}" in
  usage) exec usage ;;
  bash) shift; exec bash "$@" ;;
  test) ;;
  *) echo "unknown command $1; there are test, bash and usage" >&2; exit 2 ;;
esac

suite=$(find /suite -maxdepth 3 -name 'run_tests.*' | sort | head -n 1)
if [ -z "$suite" ]; then
  echo "This image was built without the sources' integration suite." >&2
  exit 1
fi
shopt -s nullglob
packages=(/packages/*.deb /packages/*.rpm /packages/*-bin-*.tar.gz)
if [ ${#packages[@]} -eq 0 ]; then
  echo "There is no package in /packages: mount a folder with .deb, .rpm or -bin-….tar.gz files there." >&2
  exit 1
fi

work=$(mktemp -d)
failed=0

# Libraries that a tarball carries serve the other formats too, where this system lacks them.
libraries=
for tarball in /packages/*-bin-*.tar.gz; do
  mkdir -p "$work/carried"
  tar -xzf "$tarball" -C "$work/carried" --strip-components=1
  libraries=$(find "$work/carried/usr/lib" -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)
done

# unpack PACKAGE ROOT: puts the files below ROOT; a deb's dependencies are installed as its control file names them.
unpack() {
  case "$1" in
    *.deb)
      dpkg-deb --extract "$1" "$2" || return 1
      [ -n "$libraries" ] && return 0
      apt-get update -qq && apt-get satisfy -y -qq --no-install-recommends "$(dpkg-deb --field "$1" Depends)" >/dev/null
      ;;
    *.rpm) rpm2cpio "$1" | (cd "$2" && cpio --extract --make-directories --quiet --no-absolute-filenames) ;;
    *.tar.gz) tar -xzf "$1" -C "$2" --strip-components=1 ;;
  esac
}

for package in "${packages[@]}"; do
  root=$work/$(basename "$package")
  mkdir -p "$root"
  echo "# $(basename "$package")"
  if ! unpack "$package" "$root"; then
    echo "Bail out! $(basename "$package") cannot be unpacked or lacks dependencies"
    failed=$((failed + 1))
    continue
  fi
  (
    export FALCO_ROOT=$root FALCO=$root/usr/bin/falco FALCO_ETC=$root/etc/falco
    [ -z "$libraries" ] || export LD_LIBRARY_PATH=$libraries
    "$suite"
  ) || failed=$((failed + 1))
done

rm -rf "$work"
echo "# ${#packages[@]} packages, $failed failed"
[ "$failed" -eq 0 ]
