#!/bin/bash
# From /tree to /out: tree/ (stripped), debug/, lib/ (what a plain system lacks), facts.json.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC
fail() {
  echo "error: $*" >&2
  exit 1
}
# shellcheck source=/dev/null # Written by provider/buildkit.ts.
. /input/settings

# Folders that a tree does not have are no reason to fail.
existing() { find "$@" 2>/dev/null || true; }

mkdir -p /out/tree /out/debug /out/lib
cp -a /tree/. /out/tree/
binary=/out/tree/$BINARY
name=$(basename "$BINARY")
[ -e "$binary" ] || fail "the install tree has no $BINARY; give a tree or source of the product"
[ -x "$binary" ] || fail "$BINARY cannot be executed; give a tree with its file modes"

# Executables and shared objects of the tree, the main binary first.
mapfile -t objects < <(
  echo "$binary"
  existing /out/tree/usr/bin /out/tree/usr/sbin /out/tree/usr/lib /out/tree/usr/share -type f | sort | while read -r file; do
    [ "$file" != "$binary" ] || continue
    if [ "$(head -c 4 "$file" | tr -d '\0')" = $'\x7fELF' ] && readelf -h "$file" | grep -qE 'Type: +(EXEC|DYN)'; then echo "$file"; fi
  done
)
# Folders of the tree that hold libraries: a tree that was packed by us carries some.
mapfile -t own < <(existing /out/tree/usr/lib -maxdepth 2 -name '*.so*' -printf '%h\n' | sort -u)
search=$(IFS=: && echo "${own[*]}")

# Paths of the libraries of all objects, "missing NAME" for what nobody has. A static binary has none.
needed() {
  for object in "${objects[@]}"; do LD_LIBRARY_PATH=$search ldd "$object" 2>/dev/null || true; done |
    sed -n 's/^\s*\(\S*\) => \(\/\S*\) .*/\2/p; s/^\s*\(\S*\) => not found/missing \1/p' | sort -u
}
missing=$(needed | sed -n 's/^missing //p' | paste -sd' ')
[ -z "$missing" ] || fail "the tool-chain image has no $missing, which the tree needs; give a tree that was built for this distribution or carries its libraries"

status=0
said=$(LD_LIBRARY_PATH=$search timeout 30 "$binary" --version 2>&1 </dev/null) || status=$?
if [ "$status" -ne 0 ]; then
  case $status in
  124) how="does not end within 30 s" ;;
  129 | 13? | 14? | 15?) how="crashed with signal $((status - 128))" ;;
  *) how="ended with status $status" ;;
  esac
  fail "$BINARY --version $how in the tool-chain image, and said $(printf '%s\n' "${said:-nothing}" | tail -n 1)"
fi
version=$(echo "$said" | { grep -oE '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?' || true; } | sed -n 1p)
[ "$version" = "$VERSION" ] || fail "$BINARY says version ${version:-nothing}, but the release is $VERSION; set the version to that, or give another source"

# What is stripped already keeps its bytes.
stripped=true
for object in "${objects[@]}"; do
  sections=$(readelf --sections --wide "$object")
  if [ "$object" = "$binary" ]; then
    case $sections in *.debug_info*) stripped=false ;; esac
    objcopy --only-keep-debug --compress-debug-sections "$object" "/out/debug/$name.debug"
    chmod 644 "/out/debug/$name.debug"
  fi
  case $sections in *.symtab* | *.debug_info*) ;; *) continue ;; esac
  strip --strip-unneeded "$object"
  if [ "$object" = "$binary" ]; then objcopy --add-gnu-debuglink="/out/debug/$name.debug" "$object"; fi
done

# What a deb must depend on and an rpm must require, by the tools that know; but not what the tree has itself.
mkdir -p /tmp/shlibs/debian
printf 'Source: x\n\nPackage: x\nArchitecture: any\n' >/tmp/shlibs/debian/control
dynamic=()
for object in "${objects[@]}"; do
  if readelf --dynamic "$object" 2>/dev/null | grep NEEDED >/dev/null; then dynamic+=("$object"); fi
done
sonames=$(existing /out/tree/usr/lib -maxdepth 2 -name '*.so*' | /usr/lib/rpm/elfdeps --provides | sed 's/(.*//' | sort -u)
# dpkg-shlibdeps takes a library of this system for one of the tree that has the same name.
mapfile -t excluded < <(for soname in $sonames; do dpkg-query --search "*/$soname" 2>/dev/null || true; done | sed 's/:.*//' | sort -u)
deb=
if [ ${#dynamic[@]} -gt 0 ]; then
  deb=$(cd /tmp/shlibs && dpkg-shlibdeps --ignore-missing-info -O "${own[@]/#/-l}" "${excluded[@]/#/-x}" "${dynamic[@]}" 2>/tmp/shlibs/log) ||
    fail "dpkg-shlibdeps: $(tail -n 1 /tmp/shlibs/log)"
fi
rpm=$(printf '%s\n' "${objects[@]}" | /usr/lib/rpm/elfdeps --requires | sort -u | while read -r need; do
  grep -Fx -- "${need%%(*}" <<<"$sonames" >/dev/null || echo "$need"
done)

# Every system has the glibc family; what else the objects need goes along in the tarball.
needed | while read -r library; do
  case $(basename "$library") in
  libc.so.* | libm.so.* | libmvec.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | libutil.so.* | libanl.so.* | libnsl.so.1 | ld-linux*) continue ;;
  esac
  case $library in /out/tree/*) continue ;; esac
  install -m 644 "$(readlink -f "$library")" "/out/lib/$(basename "$library")"
done
carried=$(ls /out/lib)
if [ -n "$carried" ]; then
  # A library finds its own needs beside it. patchelf goes last: strip can break what it wrote.
  for library in /out/lib/*; do patchelf --set-rpath '$ORIGIN' "$library"; done
  for object in "${dynamic[@]}"; do
    folder=$(realpath --relative-to="$(dirname "$object")" "/out/tree/usr/lib/$PRODUCT" --canonicalize-missing)
    before=$(patchelf --print-rpath "$object")
    case :$before: in *":\$ORIGIN/$folder:"*) ;; *) patchelf --set-rpath "\$ORIGIN/$folder${before:+:$before}" "$object" ;; esac
  done
fi

# The product's own, if there are several.
driver=$(cd /out/tree && { existing usr/src -mindepth 1 -maxdepth 1 -type d -name "$PRODUCT-*"; existing usr/src -mindepth 1 -maxdepth 1 -type d; } | sed -n 1p)
dkms_version=
if [ -n "$driver" ] && [ -e "/out/tree/$driver/dkms.conf" ]; then
  dkms_version=$(sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "/out/tree/$driver/dkms.conf" | sed -n 1p)
fi
json_list() { sed '/^$/d' | sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&"/' | paste -sd,; }
. /etc/os-release
cat >/out/facts.json <<JSON
{
  "version": "$version",
  "driver": $(if [ -n "$driver" ]; then printf '{"dir": "%s", "version": "%s"}' "$driver" "${dkms_version:-${driver##*-}}"; else echo null; fi),
  "debDepends": [$(echo "${deb#shlibs:Depends=}" | sed 's/, /\n/g' | json_list)],
  "rpmRequires": [$(echo "$rpm" | json_list)],
  "libraries": [$(echo "$carried" | json_list)],
  "stripped": $stripped,
  "distribution": "$PRETTY_NAME"
}
JSON
