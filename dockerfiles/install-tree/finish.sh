#!/bin/bash
# From /tree to /out: tree/ (stripped), debug/, lib/ (what a plain system lacks), facts.json.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC
fail() {
  echo "error: $*" >&2
  exit 1
}
# /input is mounted in the compile step's RUN, which this one shares.
# shellcheck source=/dev/null
. /input/settings

# Folders that a tree does not have are no reason to fail.
existing() { find "$@" 2>/dev/null || true; }

mkdir -p /out/tree /out/debug /out/lib
cp -a /tree/. /out/tree/
binary=/out/tree/$BINARY
[ -e "$binary" ] || fail "the install tree has no $BINARY"
name=$(basename "$BINARY")

said=$("$binary" --version 2>&1) || fail "$BINARY does not run in the tool-chain image: $(echo "$said" | tail -n 1)"
version=$(echo "$said" | { grep -oE '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?' || true; } | sed -n 1p)
[ "$version" = "$VERSION" ] || fail "$BINARY says version ${version:-nothing}, but the release is $VERSION; set the version to that, or give another source"

stripped=false
if [ -n "$(readelf --sections --wide "$binary" | sed -n '/\.debug_info/p')" ]; then
  objcopy --only-keep-debug --compress-debug-sections "$binary" "/out/debug/$name.debug"
else
  # Nothing but the symbol table is left to keep.
  stripped=true
  objcopy --only-keep-debug "$binary" "/out/debug/$name.debug"
fi
chmod 644 "/out/debug/$name.debug"

# Executables and shared objects of the tree, the main binary first.
mapfile -t objects < <(
  echo "$binary"
  existing /out/tree/usr/bin /out/tree/usr/lib /out/tree/usr/share -type f | sort | while read -r file; do
    [ "$file" != "$binary" ] || continue
    if [ "$(head -c 4 "$file" | tr -d '\0')" = $'\x7fELF' ] && readelf -h "$file" | grep -qE 'Type: +(EXEC|DYN)'; then echo "$file"; fi
  done
)
for object in "${objects[@]}"; do strip --strip-unneeded "$object"; done

# A tree that was packed by us carries its libraries already.
own=$(existing /out/tree/usr/lib -maxdepth 2 -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH=$own

closure() {
  { ldd "$1" 2>/dev/null || true; } | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\2/p; s/^[[:space:]]*\([^ ]*\) => not found/missing \1/p'
}
missing=$(for object in "${objects[@]}"; do closure "$object"; done | sed -n 's/^missing //p' | sort -u)
[ -z "$missing" ] || fail "the tool-chain image has no $(echo "$missing" | paste -sd' '), which $BINARY needs; give a tree that was built for it"

# Every system has the glibc family; what else the binaries need goes along in the tarball.
for object in "${objects[@]}"; do closure "$object"; done | sed -n '/^\//p' | sort -u | while read -r library; do
  case "$(basename "$library")" in
    libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | libutil.so.* | libnsl.so.* | ld-linux*) continue ;;
  esac
  case "$library" in /out/tree/*) continue ;; esac
  cp -L "$library" "/out/lib/$(basename "$library")"
  chmod 644 "/out/lib/$(basename "$library")"
done
if [ -n "$(ls -A /out/lib)" ]; then
  patchelf --set-rpath "\$ORIGIN/../lib/$PRODUCT" "$binary"
  # A library finds its own needs beside it.
  for library in /out/lib/*; do patchelf --set-rpath '$ORIGIN' "$library"; done
fi
objcopy --add-gnu-debuglink="/out/debug/$name.debug" "$binary"

# What a deb must depend on and an rpm must require, by the tools that know.
mkdir -p /tmp/shlibs/debian
printf 'Source: x\n\nPackage: x\nArchitecture: any\n' > /tmp/shlibs/debian/control
dynamic=()
for object in "${objects[@]}"; do
  if readelf --dynamic "$object" 2>/dev/null | grep -q NEEDED; then dynamic+=("$object"); fi
done
deb=
if [ ${#dynamic[@]} -gt 0 ]; then
  deb=$(cd /tmp/shlibs && dpkg-shlibdeps --ignore-missing-info -O -l"${own:-/nonexistent}" "${dynamic[@]}" 2>/tmp/shlibs/log) ||
    fail "dpkg-shlibdeps: $(tail -n 1 /tmp/shlibs/log)"
fi
rpm=$(printf '%s\n' "${objects[@]}" | /usr/lib/rpm/elfdeps --requires | sort -u)

driver=$(cd /out/tree && existing usr/src -mindepth 1 -maxdepth 1 -type d | sort | sed -n 1p)
dkms_version=
if [ -n "$driver" ] && [ -e "/out/tree/$driver/dkms.conf" ]; then
  dkms_version=$(sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "/out/tree/$driver/dkms.conf" | sed -n 1p)
fi
json_list() { sed '/^$/d' | sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&"/' | paste -sd,; }
. /etc/os-release
cat > /out/facts.json <<JSON
{
  "version": "$version",
  "driver": $(if [ -n "$driver" ]; then printf '{"dir": "%s", "version": "%s"}' "$driver" "${dkms_version:-${driver##*-}}"; else echo null; fi),
  "debDepends": [$(echo "${deb#shlibs:Depends=}" | sed 's/, /\n/g' | json_list)],
  "rpmRequires": [$(echo "$rpm" | json_list)],
  "libraries": [$(ls /out/lib | json_list)],
  "stripped": $stripped,
  "distribution": "$PRETTY_NAME"
}
JSON
