#!/usr/bin/env bash
# Credentials for the registries that stacks publish to; see tools/github/registryLogin.mjs.
# registry-login.sh STACK...
set -euo pipefail
if ! command -v docker-credential-ecr-login >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends amazon-ecr-credential-helper
fi
exec node tools/github/registryLogin.mjs "$@"
