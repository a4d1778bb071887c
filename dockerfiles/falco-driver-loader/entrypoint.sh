#!/bin/bash
# Links the host's kernel sources, then becomes the driver loader: its status is the container's.

if [ "${1:-}" = usage ]; then exec usage; fi

for source in "${HOST_ROOT:-/host}"/usr/src/*; do
  [ -e "$source" ] || continue
  [ -e "/usr/src/${source##*/}" ] || ln -s "$source" "/usr/src/${source##*/}"
done

exec /usr/bin/falco-driver-loader "$@"
