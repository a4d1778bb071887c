# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# falco as a service: signals, and events of the driver.

waits_and_ends() {
	start -r "$rules" -o "driver.device=$work/none"
	kill -0 "$pid" && has "$err" "no events from the driver: $work/none" && stop "$1" && status_is 0 &&
		has "$err" "SIG$1 received, exiting"
}
ends_at_term() { waits_and_ends TERM; }
it "without events falco waits; SIGTERM ends it with 0" ends_at_term

ends_at_int() { waits_and_ends INT; }
it "SIGINT ends it with 0" ends_at_int

ends_by_time() {
	run "$FALCO" -c "$FALCO_ETC/falco.yaml" -r "$rules" -o "driver.device=$work/none" -M 1
	status_is 0 && has_line "$out" "Events detected: 0"
}
it "-M ends it after some seconds" ends_by_time

writes_pidfile() {
	start -r "$rules" -o "driver.device=$work/none" -P "$work/pid"
	[ "$(cat "$work/pid")" = "$pid" ] && stop TERM && status_is 0
}
it "-P writes the process id" writes_pidfile

looks_for_probe() {
	FALCO_BPF_PROBE=$work/probe.o
	export FALCO_BPF_PROBE
	start -r "$rules"
	unset FALCO_BPF_PROBE
	has "$err" "no BPF probe at $work/probe.o" && stop TERM && status_is 0
}
it "FALCO_BPF_PROBE makes it look for the probe" looks_for_probe

# watch NAME: a rules file with a rule for the start of this program.
watch() {
	cat >"$work/watch.yaml" <<-EOF
		- rule: Watched program
		  desc: d
		  condition: proc.name = $1
		  output: started %proc.name
		  priority: INFO
	EOF
}

reloads() {
	watch before
	rm -f "$work/fifo"
	mkfifo "$work/fifo"
	# Both ends, so that neither opening waits for the other.
	exec 3<>"$work/fifo"
	start -r "$work/watch.yaml" -e "$work/fifo"
	echo "evt.type=execve proc.name=before" >&3
	wait_for "$out" "started before" || return 1
	watch after
	kill -s HUP "$pid"
	echo "evt.type=execve proc.name=before" >&3
	echo "evt.type=execve proc.name=after" >&3
	wait_for "$out" "started after" && lines_with "$out" "started before" 1 || return 1
	echo "nonsense: [" >"$work/watch.yaml"
	kill -s HUP "$pid"
	wait_for "$err" "going on as before" || return 1
	echo "evt.type=execve proc.name=after" >&3
	tries=50
	until lines_with "$out" "started after" 2; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
	stop TERM && status_is 0
}
it "SIGHUP reads the rules anew, and keeps the old ones when the new ones are bad" reloads
exec 3>&-

reopens() {
	: >"$work/alerts.log"
	watch tool
	rm -f "$work/fifo"
	mkfifo "$work/fifo"
	exec 3<>"$work/fifo"
	start -r "$work/watch.yaml" -e "$work/fifo" -o file_output.enabled=true -o file_output.keep_alive=true \
		-o "file_output.filename=$work/alerts.log"
	mv "$work/alerts.log" "$work/alerts.log.1"
	kill -s USR1 "$pid"
	echo "evt.type=execve proc.name=tool" >&3
	wait_for "$out" "started tool" && wait_for "$work/alerts.log" "started tool" &&
		! has "$work/alerts.log.1" "started tool" && stop TERM && status_is 0
}
it "SIGUSR1 opens the output file anew" reopens
exec 3>&-

# text SIZE TEXT: the text, filled up with NUL.
text() {
	printf '%s' "$2"
	head -c "$(($1 - ${#2}))" /dev/zero
}

# One record as in driver/ppm_events_public.h: an execve of process 513, thread 513, parent 256, user 1000.
record() {
	printf '\000\000\000\000\000\000\000\000'
	printf '\001\000\000\000' && printf '\001\002\000\000' && printf '\001\002\000\000'
	printf '\000\001\000\000' && printf '\350\003\000\000' && printf '\003\000\000\000'
	text 16 evil && text 256 /tmp/evil
}

reads_device() {
	rm -f "$work/fifo"
	mkfifo "$work/fifo"
	exec 3<>"$work/fifo"
	start -r "$here/rules/device.yaml" -o "driver.device=$work/fifo"
	record >"$work/record"
	# In two pieces: a record may come in parts.
	head -c 100 "$work/record" >&3
	sleep 0.2
	tail -c +101 "$work/record" >&3
	wait_for "$out" "Notice started /tmp/evil as evil by 256" && has "$err" "the driver lost 3 events" &&
		stop TERM && status_is 0
}
it "records of the driver's device become events" reads_device
exec 3>&-
