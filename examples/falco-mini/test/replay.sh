# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# Replay of traces: which rule fires, and how the alert looks.

credential_read=$here/traces/credential_read.trace
alert="Warning Credential file read"

fires() {
	replay "$credential_read"
	status_is 0 && lines_with "$out" "$alert" 1 &&
		has_line "$out" "16:53:47.250000000: $alert (file=/etc/shadow user=mallory process=cat command=cat /etc/shadow parent=bash)"
}
it "a trace makes a rule fire" fires

counts() {
	replay "$credential_read"
	has_line "$out" "Events detected: 1" && has_line "$out" "   Warning: 1" &&
		has_line "$out" "   Credential file read by an unexpected program: 1"
}
it "the end of a trace shows how often which rule fired" counts

stays_quiet() {
	replay "$here/traces/quiet.trace"
	status_is 0 && has_line "$out" "Events detected: 0" && ! has "$out" ": Warning"
}
it "an ordinary trace makes no rule fire" stays_quiet

needs_container_and_terminal() {
	replay "$here/traces/container_shell.trace"
	status_is 0 && lines_with "$out" "Notice Shell in a container" 1 && has "$out" "16:53:52.000000000"
}
it "all parts of a condition must hold" needs_container_and_terminal

iso_time() {
	replay "$credential_read" -o time_format_iso_8601=true
	has "$out" "2020-05-12T16:53:47.250000000+0000: $alert"
}
it "-o time_format_iso_8601=true prints dates" iso_time

json() {
	replay "$credential_read" -o json_output=true -o json_include_output_property=false
	has "$out" '{"priority":"Warning","rule":"Credential file read by an unexpected program","source":"syscall","tags":["filesystem","credentials"],"time":"2020-05-12T16:53:47.250000000Z","output_fields":{"fd.name":"/etc/shadow",'
}
it "-o json_output=true prints an object per alert" json

to_file() {
	replay "$credential_read" -o stdout_output.enabled=false -o file_output.enabled=true \
		-o "file_output.filename=$work/alerts"
	! has "$out" "$alert" && lines_with "$work/alerts" "$alert" 1
}
it "alerts go to a file, and not to the standard output, when so configured" to_file

container_print() {
	replay "$credential_read" -pc
	has "$out" "parent=bash web (id=3ad7b26ded6d))"
}
it "-pc puts the container into the output" container_print

kubernetes_print() {
	replay "$credential_read" -pk
	has "$out" "k8s.ns=shop k8s.pod=web-0 container=3ad7b26ded6d"
}
it "-pk puts the pod into the output" kubernetes_print

least_priority() {
	replay "$credential_read" -o priority=error
	status_is 0 && has_line "$out" "Events detected: 0"
}
it "rules below the configured priority do not run" least_priority

by_substring() {
	replay "$credential_read" -D "Credential file"
	status_is 0 && has_line "$out" "Events detected: 0"
}
it "-D disables rules by name" by_substring

by_tag() {
	replay "$credential_read" -T credentials && has_line "$out" "Events detected: 0" &&
		replay "$credential_read" -t credentials && has_line "$out" "Events detected: 1" &&
		replay "$credential_read" -t container && has_line "$out" "Events detected: 0"
}
it "-t and -T choose rules by tag" by_tag

operators() {
	replay "$here/traces/operators.trace" -r "$here/rules/operators.yaml"
	status_is 0 && has "$out" "texts pid=10 file=messages missing=<NA> 100%" && has "$out" "numbers pid=9" &&
		has "$out" "precedence type=three." && has_line "$out" "Events detected: 3"
}
it "all operators, macros and nested lists work" operators

local_rules() {
	replay "$credential_read" -r "$rules" -r "$here/rules/local.yaml" && has_line "$out" "Events detected: 0" &&
		replay "$here/traces/container_shell.trace" -r "$rules" -r "$here/rules/local.yaml" &&
		has_line "$out" "Events detected: 0"
}
it "later rules files add to lists and switch rules off" local_rules

local_rules_as_configured() {
	run "$FALCO" -c "$FALCO_ETC/falco.yaml" -e "$credential_read"
	status_is 0 && has "$out" "$alert"
}
if [ "$FALCO_ETC" = /etc/falco ]; then
	it "the installed configuration works as it is" local_rules_as_configured
else
	skip "the installed configuration works as it is" "falco is not installed in its place"
fi

from_stdin() {
	replay - <"$credential_read"
	status_is 0 && lines_with "$out" "$alert" 1
}
it "-e - reads the standard input" from_stdin

bad_trace() {
	replay "$here/traces/broken.trace"
	status_is 1 && has "$err" "broken.trace:2: 'proc.nmae' is not a field"
}
it "a broken trace is an error with file and line" bad_trace

no_trace() {
	replay "$work/none.trace"
	status_is 1 && has "$err" "cannot read the trace $work/none.trace"
}
it "a missing trace is an error" no_trace
