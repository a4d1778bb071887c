#!/bin/bash
# The plain sequence that a CI script runs after the compilation: packages, repositories, images, one after the other;
# each with a list of its contents and signed, each image with its provenance, as a release has them.
# From the environment: VERSION, TREE (tree/, lib/ and debug/ as the compilation leaves them), SOURCE, TEMPLATES
# (module/ and bpf/: packages of an earlier release, unpacked by dpkg-deb -R), DOCKERFILES, WORK (kept from run to run:
# repositories and aptly's data), BASE (reference of a root file system), DEPENDS (packages that falco's needs in its
# image), REGISTRY (with a path), BUILDKIT, KEY, GNUPGHOME, COSIGN_KEY (a file) and COSIGN_PASSWORD.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
out=$WORK/out apt=$WORK/apt yum=$WORK/yum downloads=$WORK/downloads
rm -rf "$out"
mkdir -p "$out" "$yum" "$downloads"

sign() { gpg --batch --yes --local-user "$KEY" --armor "$@"; }

# Packages.
for driver in module bpf; do
  stage=$out/stage-$driver
  cp -a "$TEMPLATES/$driver" "$stage"
  (cd "$stage" && find etc usr/bin usr/src -type f) | while read -r file; do
    if [ -e "$TREE/tree/$file" ]; then cp "$TREE/tree/$file" "$stage/$file"; fi
  done
  sed -i "s/^Version: .*/Version: $VERSION/; s/(= [^)]*)\(, \|$\)/(= $VERSION)\1/" "$stage/DEBIAN/control"
  dpkg-deb --root-owner-group -Zgzip -z6 --build "$stage" "$out/falco-$VERSION-$driver-amd64.deb" >/dev/null

  name=$(sed -n 's/^Package: //p' "$stage/DEBIAN/control")
  cat >"$out/$driver.spec" <<SPEC
Name: $name
Version: $VERSION
Release: 1
Summary: Container Native Runtime Security
License: Apache-2.0
%description
Watches system calls.
%install
cp -a $stage/etc $stage/usr %{buildroot}
%files
%config(noreplace) /etc/falco
/usr
SPEC
  rpmbuild -bb --quiet --define "_topdir $out/rpmbuild" --define 'debug_package %{nil}' --define '_build_id_links none' \
    --define '_binary_payload w6.gzdio' --define "_rpmdir $out" --define "_build_name_fmt falco-$VERSION-$driver-x86_64.rpm" \
    --target x86_64 "$out/$driver.spec" 2>/dev/null
  rpmsign --define "_gpg_name $KEY" --define "__gpg $(command -v gpg)" --addsign "$out/falco-$VERSION-$driver-x86_64.rpm" \
    >/dev/null 2>&1
done
mkdir -p "$out/bin/falco-bin/usr/lib/falco"
cp -a "$TREE/tree/." "$out/bin/falco-bin"
cp -a "$TREE/lib/." "$out/bin/falco-bin/usr/lib/falco"
pack() { tar --sort=name --owner=0 --group=0 --mtime=@0 -C "$2" -cf - "$3" | gzip -6n >"$out/$1-$VERSION-x86.tar.gz"; }
pack falco-bin "$out/bin" falco-bin
pack falco-src "$SOURCE" .
pack falco-module-src "$TREE/tree/usr" src
pack falco-bpf-src "$TREE/tree/usr" src
cp "$TREE"/debug/* "$out/falco-$VERSION-x86.debug"

# Repositories; the names that users have, with a signature each, and what is in them.
files=("$out"/*.deb "$out"/*.rpm "$out"/*.tar.gz "$out"/*.debug)
for file in "${files[@]}"; do
  syft scan "file:$file" --quiet --output "spdx-json=$file.spdx.json"
  sign --detach-sign "$file"
  sign --detach-sign "$file.spdx.json"
done
mkdir -p "$apt"
echo "{\"rootDir\": \"$apt\", \"architectures\": [\"amd64\"], \"gpgProvider\": \"gpg\"}" >"$WORK/aptly.conf"
aptly() { command aptly "-config=$WORK/aptly.conf" "$@" >/dev/null; }
aptly repo show falco 2>/dev/null || aptly repo create falco
aptly repo add -force-replace falco "$out"/*.deb
if [ -d "$apt/public/dists" ]; then aptly publish update -batch -force-overwrite -gpg-key="$KEY" stable
else aptly publish repo -batch -gpg-key="$KEY" -distribution=stable falco; fi
cp "$out"/*.deb.* "$apt"
cp "$out"/*.rpm "$out"/*.rpm.* "$yum"
createrepo_c --quiet --update "$yum"
sign --detach-sign "$yum/repodata/repomd.xml"
cp "$out"/*.tar.gz "$out"/*.debug "$out"/*.tar.gz.* "$out"/*.debug.* "$downloads"
for file in "$downloads"/*-"$VERSION"-*; do cp "$file" "${file/-$VERSION/}"; done
(cd "$downloads" && sha256sum ./*.gz ./*.debug | sign --clear-sign >SHA256SUMS.asc)

# Images, pushed by version; then the names that move.
image() {
  local name=$1
  shift
  buildctl --addr "$BUILDKIT" build --progress=plain --frontend=dockerfile.v0 \
    --local "context=$DOCKERFILES/$name" --local "dockerfile=$DOCKERFILES/$name" --opt platform=linux/amd64 \
    --opt "build-arg:VERSION=$VERSION" --opt "build-arg:USAGE=$name:$VERSION" --opt "build-arg:DEPENDS=$DEPENDS" "$@" \
    --output "type=image,name=$REGISTRY/$name:$VERSION,push=true" >/dev/null 2>"$out/$name.log" ||
    { tail -n 20 "$out/$name.log" >&2 && return 1; }
  attest "$REGISTRY/$name@$(crane digest "$REGISTRY/$name:$VERSION")"
}
attest() {
  local flags=(--key "$COSIGN_KEY" --use-signing-config=false --tlog-upload=false --yes)
  syft scan "registry:$1" --quiet --output "spdx-json=$out/image.spdx.json"
  echo '{"buildDefinition":{"buildType":"bench","externalParameters":{}},"runDetails":{"builder":{"id":"bench"}}}' \
    >"$out/provenance.json"
  cosign sign "${flags[@]}" "$1"
  cosign attest "${flags[@]}" --type spdxjson --predicate "$out/image.spdx.json" "$1"
  cosign attest "${flags[@]}" --type slsaprovenance1 --predicate "$out/provenance.json" "$1"
} 2>>"$out/attest.log"
contexts=$out/contexts
mkdir -p "$contexts/falco/probe/usr/src" "$contexts/falco-no-driver/root" "$contexts/falco-tester/suite"
cp "$out/falco-$VERSION-module-amd64.deb" "$contexts/falco/package.deb"
(cd "$TREE/tree" && cp -a --parents usr/src/*/bpf "$contexts/falco/probe")
(cd "$out/bin/falco-bin" && cp -a --parents usr/bin/falco usr/lib etc "$contexts/falco-no-driver/root")
cp -a "$SOURCE/test" "$contexts/falco-tester/suite"
base=(--opt "context:base=docker-image://$BASE")
for name in falco falco-no-driver falco-tester; do
  image "$name" "${base[@]}" --local "artifacts=$contexts/$name" --opt context:artifacts=local:artifacts
  [ "$name" != falco ] || image falco-driver-loader --opt "context:falco=docker-image://$REGISTRY/falco:$VERSION"
done
crane copy "$REGISTRY/falco-no-driver:$VERSION" "$REGISTRY/falco:$VERSION-slim" 2>/dev/null
for tag in falco falco-driver-loader falco-no-driver falco-tester; do crane tag "$REGISTRY/$tag:$VERSION" latest 2>/dev/null; done
crane tag "$REGISTRY/falco:$VERSION-slim" latest-slim 2>/dev/null
