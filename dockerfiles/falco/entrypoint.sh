#!/bin/bash
# Links the host's kernel sources, runs the driver loader unless told not to, then becomes the given command.
# "Set" means not empty. The command starts even when the loader failed.

if [ "${1:-}" = usage ]; then exec usage; fi

for source in "${HOST_ROOT:-/host}"/usr/src/*; do
  [ -e "$source" ] || continue
  [ -e "/usr/src/${source##*/}" ] || ln -s "$source" "/usr/src/${source##*/}"
done

if [ -z "${SKIP_DRIVER_LOADER:-}" ] && [ -n "${SKIP_MODULE_LOAD:-}" ]; then
  echo "* SKIP_MODULE_LOAD is deprecated and will be removed; set SKIP_DRIVER_LOADER instead" >&2
  SKIP_DRIVER_LOADER=$SKIP_MODULE_LOAD
fi

if [ -z "${SKIP_DRIVER_LOADER:-}" ]; then
  echo "* Setting up /usr/src links from host"
  if [ -n "${FALCO_BPF_PROBE+set}" ]; then
    /usr/bin/falco-driver-loader bpf
  else
    /usr/bin/falco-driver-loader
  fi || echo "* falco-driver-loader failed with status $?; starting without a new driver" >&2
fi

exec "$@"
