# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
# What the tests are written with. A test is a function that returns 0 when the behaviour is right.

count=0
failed=0

# it TITLE FUNCTION: runs a test, says how it came out; a failed one shows what the last command printed.
it() {
	count=$((count + 1))
	: >"$out"
	: >"$err"
	status=none
	if "$2"; then
		echo "ok $count - $1"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $1"
	echo "# exit status: $status"
	sed 's/^/# out: /' "$out"
	sed 's/^/# err: /' "$err"
}

# skip TITLE REASON: a test that cannot run here.
skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# run COMMAND...: leaves its output in $out and $err, its exit status in $status.
run() {
	timeout 20 "$@" >"$out" 2>"$err"
	status=$?
}

# replay TRACE [OPTION...]: runs falco with its installed rules, or those given with -r, on a trace.
replay() {
	trace=$1
	shift
	case " $* " in
	*" -r "*) ;;
	*) set -- -r "$rules" "$@" ;;
	esac
	run "$FALCO" -c "$FALCO_ETC/falco.yaml" -e "$trace" "$@"
}

status_is() {
	[ "$status" = "$1" ]
}

# Whether a line of the file is exactly the text.
has_line() {
	grep -Fxq -- "$2" "$1"
}

# Whether a line of the file holds the text.
has() {
	grep -Fq -- "$2" "$1"
}

# lines_with FILE TEXT NUMBER
lines_with() {
	[ "$(grep -Fc -- "$2" "$1")" -eq "$3" ]
}

# start OPTION...: falco in the background, process id in $pid, ready when this returns.
start() {
	"$FALCO" -c "$FALCO_ETC/falco.yaml" "$@" >"$out" 2>"$err" &
	pid=$!
	wait_for "$err" "Loading rules" && sleep 0.2
}

# wait_for FILE TEXT: up to ten seconds.
wait_for() {
	tries=100
	until has "$1" "$2"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# stop SIGNAL: sends it, and waits up to five seconds for the end; exit status in $status.
stop() {
	kill -s "$1" "$pid"
	tries=50
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	if [ "$tries" -eq 0 ]; then
		kill -9 "$pid"
		status="still running 5 s after SIG$1"
		pid=
		return 1
	fi
	wait "$pid"
	status=$?
	pid=
}
