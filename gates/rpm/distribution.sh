# Sourced by run. No rpm distribution need be reachable: one package stands for it, with what every one has (the names
# of STAND_INS, a shell and the programs that scripts use, glibc) and, of the libraries that the rpms require, those that the tool-chain image has. Names
# and symbol versions are read off the libraries; one that nobody has stays missing, and dnf says so.

# distribution FOLDER RPM...: the package, written to FOLDER.
distribution() {
  local folder=$1 root=/gate/distribution soname library
  shift
  mkdir -p "$root/bin"
  cp /bin/dash "$root/bin/sh"
  for program in basename cat chmod cp cut dirname find grep head id ln ls mkdir mv readlink rm rmdir sed sort tail touch tr uname wc; do
    cp "$(command -v $program)" "$root/bin/"
  done
  {
    for program in "$root"/bin/*; do ldd "$program"; done
    rpm -qp --nosignature --requires "$@" | sed -n 's/^\([^ ()]*\.so[^ ()]*\)(.*/\1/p' | sort -u | while read -r soname; do
      library=$(ldconfig -p | sed -n "s|^\s*${soname//./\\.} .* => ||p" | sed -n 1p)
      [ -z "$library" ] || { echo "$library" && ldd "$library"; }
    done
  } | grep -oE '/[^ ]+' | grep '\.so' | sort -u >/gate/libraries
  while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done </gate/libraries
  {
    printf 'Name: distribution\nVersion: 1\nRelease: 1\nSummary: Stands for a distribution\nLicense: none\nAutoReqProv: no\n'
    printf 'Provides: %s\n' /bin/sh 'rtld(GNU_HASH)' "${STAND_INS[@]}"
    /usr/lib/rpm/elfdeps --provides </gate/libraries | sort -u | sed 's/^/Provides: /'
    printf '%%description\nStands for a distribution.\n%%install\ncp -a %s/. %%{buildroot}/\n%%files\n' "$root"
    (cd "$root" && find . -type f -printf '/%P\n')
  } >/gate/distribution.spec
  rpmbuild --quiet -bb --buildroot /gate/buildroot --define "_rpmdir $folder" --define '_topdir /gate/rpmbuild' \
    --define '_build_id_links none' --define '__os_install_post %{nil}' /gate/distribution.spec
}
