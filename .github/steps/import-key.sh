#!/usr/bin/env bash
# Puts the environment's keys where the stack signs with them: gpg's into its keyring (falco:gnupgHome), the one of images
# into its file (falco:cosignKey).
# import-key.sh STACK
# SIGNING_KEY: the secret key, armored, without a passphrase. It reaches gpg by a pipe: no file, no argument.
# COSIGN_KEY: the key file as cosign made it, encrypted; its password is for the step that signs, not for this one.
set -euo pipefail
: "${SIGNING_KEY:?is empty; set the secret SIGNING_KEY of the environment, see docs/github.md}"
home=$(node tools/github/stackFile.mjs "$1" gnupgHome)
cosign=$(node tools/github/stackFile.mjs "$1" cosignKey)
mkdir -p "$home"
chmod 700 "$home"
printf '%s\n' "$SIGNING_KEY" | gpg --homedir "$home" --batch --quiet --import
# Public keys that stay published, or that made what is out: beside the secret ones.
for file in keys/*.asc; do
  [[ ! -e "$file" ]] || gpg --homedir "$home" --batch --quiet --import "$file"
done
# One in a service is not copied to anywhere.
[[ "$cosign" == *://* ]] && exit 0
: "${COSIGN_KEY:?is empty; set the secret COSIGN_KEY of the environment, see docs/github.md}"
mkdir -p "$(dirname "$cosign")"
(umask 077 && printf '%s\n' "$COSIGN_KEY" >"$cosign")
