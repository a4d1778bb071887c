#!/usr/bin/env bash
# What users find, asked as their clients ask. STATUS_URLS: addresses of buckets and registries, separated by blanks.
set -euo pipefail
read -ra urls <<<"${STATUS_URLS:?is empty; it is a variable of the environment, see docs/github.md}"
exec npm run -s status -- "${urls[@]}"
