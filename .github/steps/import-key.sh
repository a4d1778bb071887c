#!/usr/bin/env bash
# Puts the environment's signing key into the keyring that the stack signs with (falco:gnupgHome).
# import-key.sh STACK
# SIGNING_KEY: the secret key, armored, without a passphrase. It reaches gpg by a pipe: no file, no argument.
set -euo pipefail
: "${SIGNING_KEY:?is empty; set the secret SIGNING_KEY of the environment, see docs/github.md}"
home=$(node tools/github/stackFile.mjs "$1" gnupgHome)
mkdir -p "$home"
chmod 700 "$home"
printf '%s\n' "$SIGNING_KEY" | gpg --homedir "$home" --batch --quiet --import
# Public keys that stay published, or that made what is out: beside the secret ones.
for file in keys/*.asc; do
  [[ ! -e "$file" ]] || gpg --homedir "$home" --batch --quiet --import "$file"
done
