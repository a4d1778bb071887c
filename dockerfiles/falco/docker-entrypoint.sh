#!/bin/sh
# Loads the driver, then becomes the given command, whether that worked or not: falco itself says what it misses.

if [ "${1:-}" = usage ]; then
  exec usage
fi

if [ -n "${SKIP_MODULE_LOAD:-}" ]; then
  echo "SKIP_MODULE_LOAD is deprecated; set SKIP_DRIVER_LOADER instead" >&2
fi

if [ -z "${SKIP_DRIVER_LOADER:-}" ] && [ -z "${SKIP_MODULE_LOAD:-}" ]; then
  link-kernel-sources
  # As process 1 it gets the container's stop, which must not wait for a compilation.
  trap 'kill "$loader"; exit 143' TERM
  trap 'kill "$loader"; exit 130' INT
  # Set to nothing counts as set.
  /usr/bin/falco-driver-loader ${FALCO_BPF_PROBE+bpf} &
  loader=$!
  wait "$loader" ||
    echo "falco-driver-loader failed with status $?; starting $1 all the same" >&2
  trap - TERM INT
fi

exec "$@"
