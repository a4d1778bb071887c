#!/bin/sh
# Becomes the driver loader, so that its status is the container's.

if [ "${1:-}" = usage ]; then
  exec usage
fi

link-kernel-sources
exec /usr/bin/falco-driver-loader "$@"
