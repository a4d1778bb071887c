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
# SECONDS, or end with status 0, or say why it cannot run here, by REGEX; a crash is never accepted. What it prints goes
# to a file: a child that it leaves behind may hold a pipe for as long as it likes.
check() {
  local environment=() says='' seconds=60 long='' excuse='' status=0 said started late=''
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
  started=${EPOCHREALTIME//[.,]/}
  (
    for variable in "${environment[@]}"; do export "${variable?}"; done
    limited --kill-after=5 "$seconds" "${inside[@]}" "$@"
  ) >/gate/printed 2>&1 </dev/null || status=$?
  # Of these two statuses the time tells whether the limit was the reason.
  if [[ $status =~ ^(124|137)$ ]] && ((${EPOCHREALTIME//[.,]/} - started >= seconds * 1000000)); then late=yes; fi
  # Bash alone: the root of an image has no other program for sure. It drops NUL bytes, with a warning.
  { said=$(</gate/printed); } 2>/dev/null
  [ -z "$said" ] || printf '%s\n' "$said"
  case $late$status in
  0) [[ $said == *"$says"* ]] || fail "$* does not say \"${says%%$'\n'*}\"" ;;
  yes*)
    if [ -z "$long" ]; then fail "$* does not end within $seconds s"; fi
    ;;
  126 | 127) fail "$* cannot be started: it, its interpreter or a library is not there" ;;
  *)
    if ((status > 128 && status < 160)); then fail "$* crashed with signal $((status - 128))"; fi
    if [ -z "$long" ] || [ -z "$excuse" ] || ! [[ $said =~ $excuse ]]; then
      fail "$* ended with status $status"
    fi
    ;;
  esac
}

# services ROOT: every program that a service file of PRODUCT starts must be there, unless it may fail ("-").
services() {
  local unit program
  while read -r unit; do
    step "programs of ${unit#"$1"}"
    while read -r program; do
      [ -x "$1$program" ] || fail "${unit#"$1"} starts $program, which is not there"
    done < <(sed -nE 's/^Exec[A-Za-z]+=[@:+!]*(\/[^ ]+).*/\1/p' "$unit" | sort -u)
  done < <(find "$1"/usr/lib/systemd/system "$1"/lib/systemd/system -name "*$PRODUCT*.service" 2>/dev/null | sort -u)
}
