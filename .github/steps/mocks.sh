#!/usr/bin/env bash
# What stacks declare, without credentials: the resources of the whole program under mocks, in the run's summary.
# mocks.sh STACK...
set -euo pipefail
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
for stack in "$@"; do
  resources=$(npm run -s preview -- --stack "$stack" --mocks)
  # shellcheck disable=SC2016 # a block of Markdown
  printf '## Stack %s, with mocks\n\n```\n%s\n```\n\n' "$stack" "$resources" >>"$summary"
done
