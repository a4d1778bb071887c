#!/usr/bin/env bash
# Makes a stack's artifacts: as its file says, or of one commit of the sources. A tag that is a version is the version.
# up.sh STACK [REF URL]   REF: x.y.z, x.y.z-rcN or a commit of 40 hex digits
set -euo pipefail
stack=$1
ref=${2-}
options=(--stack "$stack")
if (($# > 1)); then
  version='^[0-9]+\.[0-9]+\.[0-9]+(-rc[0-9]+)?$'
  commit='^[0-9a-f]{40}$'
  if [[ $ref =~ $version ]]; then
    options+=(--version "$ref")
  elif [[ ! $ref =~ $commit ]]; then
    printf '"%s" is no x.y.z, x.y.z-rcN or commit\n' "$ref" >&2
    exit 1
  fi
  url=${3:?up.sh needs the address of the sources, such as https://git.example.org/falco}
  options+=(--source "$url#$ref")
fi
exec npm run -s up -- "${options[@]}"
