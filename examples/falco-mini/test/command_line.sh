# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# What falco does without events.

prints_version() {
	run "$FALCO" --version
	status_is 0 && grep -Eq '^Falco version: [0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$' "$out" &&
		grep -Eq '^Driver version: [0-9a-f]{40}$' "$out"
}
it "--version prints falco's and the driver's version" prints_version

prints_expected_version() {
	run "$FALCO" --version
	has_line "$out" "Falco version: $FALCO_EXPECTED"
}
if [ -n "$FALCO_EXPECTED" ]; then
	it "--version is $FALCO_EXPECTED" prints_expected_version
else
	skip "--version is the expected one" "FALCO_EXPECTED is not set"
fi

prints_help() {
	run "$FALCO" --help
	status_is 0 && has "$out" "Usage: falco [options]" && has "$out" "--validate"
}
it "--help prints the options" prints_help

lists_fields() {
	run "$FALCO" --list
	status_is 0 && has "$out" "proc.cmdline" && has "$out" "fd.name"
}
it "--list shows the fields" lists_fields

refuses_option() {
	run "$FALCO" --no-such-option
	status_is 1 && has "$err" "unknown option --no-such-option"
}
it "an unknown option is an error" refuses_option

refuses_missing_value() {
	run "$FALCO" -e
	status_is 1 && has "$err" "the option -e needs a value"
}
it "an option without its value is an error" refuses_missing_value

tolerates_options() {
	replay "$here/traces/quiet.trace" -A -b -i -u -N -s /dev/null -S 80 -k http://localhost -K token -m x \
		--cri /run/cri.sock --disable-cri-async --stats-interval 1000 --k8s-node node --print-base64
	status_is 0
}
it "options of falco 0.32 that change nothing are taken" tolerates_options

refuses_missing_config() {
	run "$FALCO" -c "$work/none.yaml" -e "$here/traces/quiet.trace"
	status_is 1 && has "$err" "cannot read the configuration $work/none.yaml"
}
it "a missing configuration is an error" refuses_missing_config

refuses_bad_config() {
	replay "$here/traces/quiet.trace" -o json_output=perhaps
	status_is 1 && has "$err" "json_output is neither true nor false"
}
it "a setting of the wrong type is an error that names it" refuses_bad_config

describes_rules() {
	replay "$here/traces/quiet.trace" -L
	status_is 0 && has "$out" "Program folder changed" && has "$out" "Program started from a temporary folder"
}
it "-L describes the rules" describes_rules
