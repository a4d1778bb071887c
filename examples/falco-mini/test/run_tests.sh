#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The integration suite: runs an installed falco on the traces and rules beside this script. Prints TAP, and exits
# with 1 when a test failed. Needs a POSIX shell and the usual tools, nothing else.
#
#   FALCO_ROOT           folder that falco was installed below (default: none, the machine itself)
#   FALCO                the binary (default: $FALCO_ROOT/usr/bin/falco)
#   FALCO_ETC            its configuration and rules (default: $FALCO_ROOT/etc/falco)
#   FALCO_DRIVER_LOADER  the loader (default: $FALCO_ROOT/usr/bin/falco-driver-loader)
#   FALCO_EXPECTED       the version that falco must be (default: any)

set -u
LC_ALL=C
TZ=UTC
export LC_ALL TZ
# A variable that is set, even to nothing, makes falco look for the probe.
unset FALCO_BPF_PROBE

here=$(cd "$(dirname "$0")" && pwd)
FALCO_ROOT=${FALCO_ROOT:-}
FALCO=${FALCO:-$FALCO_ROOT/usr/bin/falco}
FALCO_ETC=${FALCO_ETC:-$FALCO_ROOT/etc/falco}
FALCO_DRIVER_LOADER=${FALCO_DRIVER_LOADER:-$FALCO_ROOT/usr/bin/falco-driver-loader}
FALCO_EXPECTED=${FALCO_EXPECTED:-}
rules=$FALCO_ETC/falco_rules.yaml

for file in "$FALCO" "$FALCO_ETC/falco.yaml" "$rules"; do
	if [ ! -e "$file" ]; then
		echo "Bail out! $file does not exist; set FALCO_ROOT, or FALCO and FALCO_ETC"
		exit 1
	fi
done

work=$(mktemp -d "${TMPDIR:-/tmp}/falco-test.XXXXXX")
out=$work/out
err=$work/err
pid=
cleanup() {
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

. "$here/lib.sh"
. "$here/command_line.sh"
. "$here/rules.sh"
. "$here/replay.sh"
. "$here/running.sh"
. "$here/driver.sh"

echo "1..$count"
if [ "$failed" -gt 0 ]; then
	echo "# $failed of $count failed"
	exit 1
fi
