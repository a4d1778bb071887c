#!/usr/bin/env bash
# What stacks would do, as Markdown: into FILE, and into the run's summary. Fails when one of the previews does, after
# all of them.
# preview.sh FILE (STACK [--OPTION[=VALUE]...])...
set -euo pipefail
file=$1
shift
mkdir -p "$(dirname "$file")"
: >"$file"
status=0
while (($# > 0)); do
  stack=$1
  shift
  options=()
  while [[ ${1-} == --* ]]; do
    options+=("$1")
    shift
  done
  printf '## Stack %s\n\n' "$stack" >>"$file"
  if ! npm run -s preview -- --stack "$stack" --markdown "${options[@]}" >>"$file"; then
    printf '**The preview of %s failed.** The log of the run says why.\n' "$stack" >>"$file"
    status=1
  fi
  printf '\n' >>"$file"
done
[[ -z ${GITHUB_STEP_SUMMARY:-} ]] || cat "$file" >>"$GITHUB_STEP_SUMMARY"
exit "$status"
