# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# Reading and checking of rules.

validates_installed() {
	run "$FALCO" -V "$rules" -V "$FALCO_ETC/falco_rules.local.yaml" \
		-V "$FALCO_ETC/rules.available/application_rules.yaml"
	status_is 0 && has_line "$out" "$rules: Ok" && has_line "$out" "$FALCO_ETC/falco_rules.local.yaml: Ok"
}
it "-V accepts the installed rules" validates_installed

rules_d_is_empty() {
	[ -d "$FALCO_ETC/rules.d" ] && replay "$here/traces/quiet.trace" -r "$rules" -r "$FALCO_ETC/rules.d" && status_is 0
}
it "rules.d is there, and may be empty" rules_d_is_empty

# rejects TEXT MESSAGE: -V must refuse rules of this text with this message.
rejects() {
	printf '%s\n' "$1" >"$work/bad.yaml"
	run "$FALCO" -V "$work/bad.yaml"
	status_is 1 && has_line "$out" "$work/bad.yaml: Invalid" && has "$out" "$2"
}

# A rule of this condition, output and priority.
rule() {
	printf -- '- rule: r\n  desc: d\n  condition: %s\n  output: %s\n  priority: %s' "$1" "${2:-text}" "${3:-INFO}"
}

rejects_no_yaml() { rejects '- rule: [' "not YAML"; }
it "-V rejects what is no YAML" rejects_no_yaml

rejects_no_list() { rejects 'rule: r' "not a list of rules"; }
it "-V rejects a file that is no list" rejects_no_list

rejects_missing_key() { rejects '- rule: r' "$work/bad.yaml:1: rule 'r': 'desc' is missing"; }
it "-V rejects a rule that lacks a key, with file and line" rejects_missing_key

rejects_field() { rejects "$(rule 'proc.nmae = x')" "unknown field 'proc.nmae'"; }
it "-V rejects an unknown field in a condition" rejects_field

rejects_output_field() { rejects "$(rule 'proc.name = x' 'a %proc.nmae')" "unknown field '%proc.nmae'"; }
it "-V rejects an unknown field in an output" rejects_output_field

rejects_macro() { rejects "$(rule 'no_such_macro and proc.name = x')" "'no_such_macro' is neither"; }
it "-V rejects an unknown macro" rejects_macro

rejects_syntax() { rejects "$(rule '(proc.name = x')" "expected ')', found the end at column 15"; }
it "-V rejects a wrong condition, with the column" rejects_syntax

rejects_text_comparison() { rejects "$(rule 'proc.name > 3')" "proc.name is not a number"; }
it "-V rejects a comparison of a text by size" rejects_text_comparison

rejects_priority() { rejects "$(rule 'proc.name = x' text HIGH)" "'HIGH' is no priority"; }
it "-V rejects an unknown priority" rejects_priority

rejects_cycle() {
	rejects '- macro: a
  condition: b
- macro: b
  condition: not a' "refers to itself"
}
it "-V rejects macros that refer to each other in a circle" rejects_cycle

rejects_engine_version() { rejects '- required_engine_version: 9999' "require engine version 9999"; }
it "-V rejects rules for a newer engine" rejects_engine_version

rejects_append() {
	rejects '- list: l
  append: true
  items: [x]' "no earlier item has the name 'l'"
}
it "-V rejects an append to what is not there" rejects_append

rejects_missing_file() {
	run "$FALCO" -V "$work/none.yaml"
	status_is 1 && has "$out" "cannot be read"
}
it "-V rejects a missing file" rejects_missing_file

does_not_start_with_bad_rules() {
	rule 'proc.nmae = x' >"$work/bad.yaml"
	replay "$here/traces/quiet.trace" -r "$work/bad.yaml"
	status_is 1 && has "$err" "could not load rules: $work/bad.yaml:1: rule 'r'"
}
it "falco does not start with bad rules" does_not_start_with_bad_rules
