# shellcheck shell=bash
# What kafka-local/run and redis-local/run have in common; sourced by them.

# Exit codes. A caller may skip on "missing"; everything else is a failure.
readonly exit_usage=2 exit_missing=3

die() { # code message...
	local code=$1
	shift
	printf '%s: %s\n' "${0#"$PWD"/}" "$*" >&2
	exit "$code"
}

need() { # command package
	command -v "$1" >/dev/null || die $exit_missing "$1 is not installed (Debian: apt-get install $2)"
}

# Sets dir, port, owner and the array extra from the arguments that follow the verb.
parse() {
	dir='' port=0 owner='' extra=()
	while [ $# -gt 0 ]; do
		case $1 in
		--dir) dir=${2:?} && shift 2 ;;
		--port) port=${2:?} && shift 2 ;;
		--owner) owner=${2:?} && shift 2 ;;
		--set) extra+=("${2:?}") && shift 2 ;;
		*) die $exit_usage "unknown argument $1" ;;
		esac
	done
	[ -n "$dir" ] || die $exit_usage "--dir is missing"
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
}

# Prints a port that nobody listens on, below the range from which the kernel takes ports for outgoing connections:
# one of those may be taken by any client between now and the server's bind.
free_port() {
	local p
	for _ in $(seq 100); do
		p=$((20000 + RANDOM % 10000))
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p" && return; }
	done
	die 1 "no free port found"
}

alive() { # is the process of $dir/pid running? One that nobody has reaped yet is not.
	local pid
	[ -s "$dir/pid" ] && pid=$(cat "$dir/pid") && kill -0 "$pid" 2>/dev/null &&
		! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
}

# Runs the command detached, its id in $dir/pid. With an owner the server ends when that process does, so that a
# test binary that is killed leaves nothing behind; the pid file is asked again because ids are used again.
launch() {
	alive && die 1 "already running in $dir (pid $(cat "$dir/pid"))"
	setsid "$@" >>"$dir/out.log" 2>&1 </dev/null &
	local pid=$!
	echo "$pid" >"$dir/pid"
	if [ -n "$owner" ]; then
		setsid bash -c "tail --pid=$owner -f /dev/null; grep -qx $pid '$dir/pid' && kill -9 $pid" >/dev/null 2>&1 </dev/null &
	fi
}

# Waits until the command succeeds; gives up when the server has ended or after the given seconds.
await() { # seconds command...
	local left=$(($1 * 20))
	shift
	until "$@"; do
		alive || die 1 "it ended at once; its last words: $(tail -n 5 "$dir/out.log" "$dir"/*.log 2>/dev/null | tail -c 2000)"
		[ $((left -= 1)) -gt 0 ] || die 1 "not ready in time; see $dir"
		sleep 0.05
	done
	echo "ready 127.0.0.1:$port pid $(cat "$dir/pid")"
}

# Signals the server and waits until it is gone.
end() { # signal seconds
	alive || return 0
	local left=$(($2 * 20))
	kill -"$1" "$(cat "$dir/pid")" 2>/dev/null || return 0
	while alive; do
		[ $((left -= 1)) -gt 0 ] || { kill -9 "$(cat "$dir/pid")" && break; }
		sleep 0.05
	done
	rm -f "$dir/pid"
}
