# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# The driver's sources and their loader, as far as they are installed: packages hold one driver, or none.

driver_version=$("$FALCO" --version | sed -n 's/^Driver version: //p')
source_dir=$FALCO_ROOT/usr/src/falco-$driver_version

dkms_version() {
	has_line "$source_dir/dkms.conf" 'PACKAGE_NAME="falco"' &&
		has_line "$source_dir/dkms.conf" "PACKAGE_VERSION=\"$driver_version\"" &&
		has "$source_dir/driver_config.h" "\"$driver_version\"" && [ -f "$source_dir/main.c" ]
}
if [ -f "$source_dir/dkms.conf" ]; then
	it "the module's sources are of falco's driver version" dkms_version
else
	skip "the module's sources are of falco's driver version" "no module sources here"
fi

probe_headers() {
	grep -h '^#include "' "$source_dir"/bpf/*.[ch] | sed 's/.*"\(.*\)".*/\1/' | while read -r header; do
		if [ ! -f "$source_dir/bpf/$header" ]; then
			echo "missing: $header" >"$err"
			return 1
		fi
	done
}
if [ -f "$source_dir/bpf/probe.c" ]; then
	it "the probe's sources have all headers that they include" probe_headers
else
	skip "the probe's sources have all headers that they include" "no probe sources here"
fi

loader_help() {
	run "$FALCO_DRIVER_LOADER" --help
	status_is 0 && has "$out" "falco-driver-loader [driver] [options]" && has "$out" "$driver_version"
}
loader_download() {
	run "$FALCO_DRIVER_LOADER" "$1" --download
	status_is 1 && has "$err" "No prebuilt $1"
}
loader_download_module() { loader_download module; }
loader_download_bpf() { loader_download bpf; }
loader_unknown() {
	run "$FALCO_DRIVER_LOADER" --no-such-option
	status_is 1 && has "$err" "Unknown argument: --no-such-option"
}
loader_two() {
	run "$FALCO_DRIVER_LOADER" module bpf
	status_is 1 && has "$err" "One driver at a time"
}
loader_sourced() {
	run bash -c '. "$0" --source-only && type compile_bpf' "$FALCO_DRIVER_LOADER"
	status_is 0 && has "$out" "compile_bpf is a function" && [ "$(grep -c '^\*' "$out")" -eq 0 ]
}
loader_no_headers() {
	run env HOME="$work" KERNEL_RELEASE=0.0.0-none "$FALCO_DRIVER_LOADER" bpf --compile
	status_is 1 && [ ! -e "$work/.falco" ]
}
if [ -x "$FALCO_DRIVER_LOADER" ] && command -v bash >/dev/null; then
	it "the loader's --help prints its options and the driver's version" loader_help
	it "the loader's --download of a module says that there is none" loader_download_module
	it "the loader's --download of a probe says that there is none" loader_download_bpf
	it "the loader refuses an unknown option" loader_unknown
	it "the loader refuses two drivers at a time" loader_two
	it "the loader's --source-only does nothing" loader_sourced
	it "the loader fails when there are no kernel headers" loader_no_headers
else
	skip "the loader" "no loader here, or no bash to run it with"
fi
