#!/bin/sh
# Configures /source into /build, or makes a target there.
set -eu

source=/source
build=/build
jobs=${MAKE_JOBS:-$(nproc)}
command=${1:-usage}
[ $# -eq 0 ] || shift

fail() {
  echo "falco-builder: $*" >&2
  exit 1
}

case $command in
usage)
  exec usage
  ;;
bash | sh)
  exec "$command" "$@"
  ;;
cmake)
  [ -f "$source/CMakeLists.txt" ] ||
    fail "there is no CMakeLists.txt in $source; mount Falco's sources there (-v DIR:$source:ro)"
  # CMAKE_ARGS is split at spaces on purpose.
  # shellcheck disable=SC2086
  exec cmake -S "$source" -B "$build" -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DUSE_BUNDLED_DEPS=OFF -DBUILD_DRIVER=OFF -DBUILD_BPF=OFF -DFALCO_ETC_DIR=/etc/falco \
    ${FALCO_VERSION:+"-DFALCO_VERSION=$FALCO_VERSION"} ${CMAKE_ARGS:-} "$@"
  ;;
-*)
  fail "unknown option $command; give cmake, bash, usage or a target of make"
  ;;
*)
  [ -f "$build/CMakeCache.txt" ] ||
    fail "$build is not configured; run this image with cmake first, and mount the same folder there (-v DIR:$build)"
  exec make -C "$build" -j "$jobs" "$command" "$@"
  ;;
esac
