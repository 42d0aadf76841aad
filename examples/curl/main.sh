#!/bin/bash
# A command, a terminal, and a stream that is taken up again: main.sh ADDRESS. It needs curl and jq.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=examples/curl/dial.sh
. "$here/dial.sh"

# unary METHOD JSON: one message there and one back.
unary() {
	curl -sS --fail-with-body "${way[@]}" -H 'Content-Type: application/json' -d "$2" "$url/$1"
}

# envelope JSON: a message of a stream: a byte of flags, four of length, and the message.
envelope() {
	local LC_ALL=C
	# shellcheck disable=SC2059 # the format is what is made here
	printf "$(printf '\\0\\x%02x\\x%02x\\x%02x\\x%02x' $((${#1} >> 24)) $((${#1} >> 16 & 255)) $((${#1} >> 8 & 255)) $((${#1} & 255)))"
	printf '%s' "$1"
}

# stream METHOD JSON: one message there; those that come back a line each, as they come. The last one is the end of the stream:
# {} or {"error":...}; without it the stream was cut off.
stream() {
	local flags a b c d
	envelope "$2" | curl -sSN "${way[@]}" -H 'Content-Type: application/connect+json' --data-binary @- "$url/$1" |
		while read -r flags a b c d < <(head -c 5 | od -An -tu1) && [ -n "$d" ]; do
			head -c $((a << 24 | b << 16 | c << 8 | d))
			echo
			[ "$flags" -eq 0 ] || break
		done
}

# bytes JSON FIELD: what is in a field of a message's data event.
bytes() {
	jq -r ".event.data.$2 // empty" <<<"$1" | base64 -d | tr -d '\r'
}

# A command: its output as it comes, then its exit code.
run() {
	local message
	while read -r message; do
		bytes "$message" stdout | sed 's/^/exec: stdout: /'
		bytes "$message" stderr | sed 's/^/exec: stderr: /'
		jq -r '.event.end // empty | "exec: exit code \(.exitCode // 0)"' <<<"$message"
	done < <(stream process.Process/Start '{"process": {"cmd": "/bin/sh",
		"args": ["-c", "echo hello; sleep 0.1; echo oops >&2; exit 3"]}}' )
}

# A command that believes that it talks to a person.
# shellcheck disable=SC2016 # $x is the guest's
terminal() {
	local message pid=
	while read -r message; do
		[ -n "$pid" ] || pid=$(jq .event.start.pid <<<"$message")
		bytes "$message" pty | sed 's/^/terminal: /'
		if bytes "$message" pty | grep -q '30 90'; then
			unary process.Process/SendInput \
				"{\"process\": {\"pid\": $pid}, \"input\": {\"pty\": \"$(echo word | base64)\"}}" >/dev/null
		fi
		jq -r '.event.end // empty | "terminal: exit code \(.exitCode // 0)"' <<<"$message"
	done < <(stream process.Process/Start '{"process": {"cmd": "/bin/sh",
		"args": ["-c", "stty -echo; stty size; read x; echo got $x"]}, "pty": {"size": {"rows": 30, "cols": 90}}}')
}

# Loses the stream, and takes it up where it was: nothing is missed, and nothing comes twice.
reconnect() {
	local message id='' next=''
	while read -r message; do
		[ -n "$id" ] || id=$(jq -r .event.start.id <<<"$message")
		bytes "$message" stdout | sed 's/^/reconnect: /'
		next=$(jq -r '.event.data // empty | .offset' <<<"$message")
		if [ -n "$next" ]; then
			next=$((next + $(bytes "$message" stdout | wc -c)))
			break # curl goes with its reader, as when the network does
		fi
	done < <(stream process.Process/Start '{"process": {"cmd": "/bin/sh",
		"args": ["-c", "echo one; sleep 0.5; echo two; sleep 0.5; echo three"]}, "events": {"offsets": true}}' 2>/dev/null) # curl would complain
	sleep 0.7 # the process writes on
	while read -r message; do
		bytes "$message" stdout | sed 's/^/reconnect: /'
		jq -r '.event.end // empty | "reconnect: exit code \(.exitCode // 0)"' <<<"$message"
	done < <(stream process.Process/Connect "{\"process\": {\"id\": \"$id\"}, \"replay\": {\"offset\": \"$next\"},
		\"events\": {\"offsets\": true}}")
}

if [ $# -ne 1 ]; then
	echo "usage: main.sh unix:PATH | tcp:HOST:PORT | vsock:CID:PORT | hybrid:PATH:PORT" >&2
	exit 2
fi
dial "$1"
run
terminal
reconnect
