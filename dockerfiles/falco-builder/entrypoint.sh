#!/bin/bash
# usage | bash | cmake | any make target. FALCO_VERSION, CMAKE_ARGS (split at spaces) and MAKE_JOBS are looked at.
set -euo pipefail

configure() {
  local args=(-S /source -B /build -DCMAKE_INSTALL_PREFIX=/usr)
  [ -n "${FALCO_VERSION:-}" ] && args+=("-DFALCO_VERSION=$FALCO_VERSION")
  # shellcheck disable=SC2086 # CMAKE_ARGS is a list.
  cmake "${args[@]}" ${CMAKE_ARGS:-} "$@"
}

case "${1:-usage}" in
  usage) exec usage ;;
  bash) shift; exec bash "$@" ;;
  cmake) shift; configure "$@" ;;
  *)
    if [ ! -e /source/CMakeLists.txt ]; then
      echo "There is no source: mount it at /source (-v \"\$PWD\":/source:ro)." >&2
      exit 1
    fi
    [ -e /build/CMakeCache.txt ] || configure
    exec cmake --build /build --parallel "${MAKE_JOBS:-$(nproc)}" --target "$@"
    ;;
esac
