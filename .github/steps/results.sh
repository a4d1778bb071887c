#!/usr/bin/env bash
# One check for jobs of which some are left out: fails unless at least one succeeded and the others were skipped.
# RESULTS: their results, separated by blanks.
set -euo pipefail
succeeded=0
for result in ${RESULTS?is not set; it has the results of jobs}; do
  case $result in
    success) succeeded=1 ;;
    skipped) ;;
    *)
      printf 'a job ended with: %s\n' "$result" >&2
      exit 1
      ;;
  esac
done
if ((!succeeded)); then
  printf 'no job ran\n' >&2
  exit 1
fi
