#!/bin/sh
# Runs the suite, or a shell.
set -eu

command=${1:-usage}
[ $# -eq 0 ] || shift

case $command in
usage)
  exec usage
  ;;
bash | sh)
  exec "$command" "$@"
  ;;
test)
  exec /test-packages "$@"
  ;;
*)
  echo "falco-tester: there is no command $command; give test, bash or usage" >&2
  exit 2
  ;;
esac
