# Sourced by the scripts of this folder; bash. A gate prints what it does and what the client says; a line that begins
# with "verdict: " is why it failed.

fail() {
  echo "verdict: $*"
  exit 1
}

# What is done next, for the reader of a failure.
step() { echo "== $*"; }

# timeout(1) of this root, or, in the root of an image, of the tools beside it.
limited() { timeout "$@"; }
# Prefix of every command: empty, or a chroot.
inside=()

# check [--env NAME=VALUE]... [--says TEXT] [--for SECONDS [--or-says REGEX]] -- COMMAND...
#
# Without --for, the command must end with status 0 within a minute, and print TEXT. With it, it must still run after
# SECONDS, or end with status 0, or say why it cannot run here, by REGEX; a crash is never accepted.
check() {
  local environment=() says='' seconds=60 long='' excuse='' status=0 said
  while [ "$1" != -- ]; do
    case $1 in
    --env) environment+=("$2") ;;
    --says) says=$2 ;;
    --for) seconds=$2 long=yes ;;
    --or-says) excuse=$2 ;;
    esac
    shift 2
  done
  shift
  step "$*"
  said=$(
    for variable in "${environment[@]}"; do export "${variable?}"; done
    limited --kill-after=5 "$seconds" "${inside[@]}" "$@" 2>&1 </dev/null
  ) || status=$?
  [ -z "$said" ] || printf '%s\n' "$said"
  case $status in
  0) [[ $said == *"$says"* ]] || fail "$* does not say \"$says\"" ;;
  124 | 137)
    if [ -z "$long" ]; then fail "$* does not end within $seconds s"; fi
    ;;
  126 | 127) fail "$* cannot be started: it, its interpreter or a library is not there" ;;
  *)
    if [ "$status" -gt 128 ]; then fail "$* crashed with signal $((status - 128))"; fi
    if [ -z "$long" ] || [ -z "$excuse" ] || ! [[ $said =~ $excuse ]]; then
      fail "$* ended with status $status"
    fi
    ;;
  esac
}
