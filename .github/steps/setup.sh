#!/usr/bin/env bash
# Everything that one npm command of the project needs, as the command itself would make it.
# setup.sh COMMAND
set -euo pipefail
# The container is root, and the checkout is the runner's: git would refuse it.
if [[ ${GITHUB_ACTIONS:-} == true ]]; then
  git config --global --add safe.directory "$PWD"
fi
exec node tools/bootstrap.mjs "$1"
