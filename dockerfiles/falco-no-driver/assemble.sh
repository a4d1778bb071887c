#!/bin/sh
# assemble.sh FROM TO: makes a root file system of falco's files in FROM, the libraries that they need, a shell for
# `usage` and falco's program output, certificates and users. Nothing else: no package manager, no tools.
set -eu
umask 022

from=$1
to=$2

fail() {
  echo "error: $*" >&2
  exit 1
}

is_elf() {
  [ "$(head -c 4 "$1" | od -An -tx1 | tr -d ' ')" = 7f454c46 ]
}

[ -x "$from/usr/bin/falco" ] || fail "the context artifacts has no root/usr/bin/falco"

# One tree for /bin, /lib and /usr, as Debian has it.
for name in bin sbin lib lib64; do
  mkdir -p "$to/usr/$name"
  ln -s "usr/$name" "$to/$name"
done
for name in dev etc/ssl/certs host proc root run sys usr/local/bin usr/local/share var/log; do mkdir -p "$to/$name"; done
mkdir -m 1777 "$to/tmp"
cp -R "$from/." "$to/"
cp /bin/dash "$to/usr/bin/sh"

# The base's libraries that are needed besides falco's own, which it must find by itself. ldd prints
# "name => path (address)", "name => not found" or, of the loader, "path (address)".
find "$to/usr" -type f | sort >/tmp/files
while read -r file; do
  if is_elf "$file"; then ldd "$file" 2>/dev/null || true; fi
done </tmp/files >/tmp/needed
missing=$(sed -n 's/^\s*\(\S*\) => not found.*/\1/p' /tmp/needed | sort -u | tr '\n' ' ')
[ -z "$missing" ] || fail "neither the bin package nor the base has $missing"
sed -n -e 's/.* => \(\/[^ ]*\) (.*/\1/p' -e 's/^\s*\(\/[^ ]*\) (.*/\1/p' /tmp/needed | sort -u >/tmp/libraries
while read -r library; do
  case $library in "$to"/*) continue ;; esac
  mkdir -p "$to$(dirname "$library")"
  cp -L "$library" "$to$library"
done </tmp/libraries

cp -L /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/"
cp -L /etc/os-release "$to/etc/os-release"
cat >"$to/etc/passwd" <<'USERS'
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
nonroot:x:65532:65532:nonroot:/tmp:/bin/false
USERS
cat >"$to/etc/group" <<'GROUPS'
root:x:0:
nogroup:x:65534:
nonroot:x:65532:
GROUPS
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
