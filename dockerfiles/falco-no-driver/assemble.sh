# assemble.sh ROOT OUT: copies ROOT to OUT and adds what its binaries need to run, found with ldd.
set -eu
root=$1
out=$2

mkdir -p "$out/usr/bin" "$out/usr/local/bin" "$out/usr/lib" "$out/etc/ssl/certs" "$out/lib64" "$out/tmp" "$out/root" \
  "$out/proc" "$out/dev" "$out/sys" "$out/host" "$out/var/run"
chmod 1777 "$out/tmp"
cp -r "$root/." "$out/"
# One tree for /bin, /lib and /usr, as Debian has it.
rmdir "$out/lib64"
ln -s usr/bin "$out/bin"
ln -s usr/lib "$out/lib"
ln -s usr/lib64 "$out/lib64"
mkdir -p "$out/usr/lib64"

cp /usr/bin/dash "$out/usr/bin/sh"
cp /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"
printf 'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n' > "$out/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' > "$out/etc/group"
echo 'hosts: files dns' > "$out/etc/nsswitch.conf"

cat > "$out/usr/local/bin/usage" <<'USAGE'
#!/bin/sh
# Prints how to run this image. There is no cat here.
while IFS= read -r line; do printf '%s\n' "$line"; done < /usr/local/share/usage
USAGE
chmod 755 "$out/usr/local/bin/usage"

needed() {
  LD_LIBRARY_PATH=$(echo "$out"/usr/lib/*/ | tr ' ' ':') ldd "$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'
}
find "$out/usr/bin" "$out/usr/lib" "$out/usr/share" -type f | while read -r file; do
  head -c 4 "$file" | grep -q 'ELF' || continue
  missing=$(LD_LIBRARY_PATH=$(echo "$out"/usr/lib/*/ | tr ' ' ':') ldd "$file" | grep 'not found' || true)
  if [ -n "$missing" ]; then
    echo "$file needs what is not there:" $missing >&2
    exit 1
  fi
  needed "$file" | while read -r library; do
    case "$library" in "$out"/*) continue ;; esac
    target="$out$(readlink -f "$(dirname "$library")")/$(basename "$library")"
    mkdir -p "$(dirname "$target")"
    [ -e "$target" ] || cp -L "$library" "$target"
  done
done
# Name look-ups load these at run time.
for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
  cp -L "/usr/lib/x86_64-linux-gnu/$library" "$out/usr/lib/x86_64-linux-gnu/"
done
