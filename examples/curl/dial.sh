# shellcheck shell=bash disable=SC2034 # what it sets is for others
# How curl gets to guestd, whatever lies between. Copy this file, source it, and call
#
#     dial ADDRESS
#
#     unix:PATH          a unix socket
#     tcp:HOST:PORT      TCP
#     vsock:CID:PORT     AF_VSOCK, to a guest of QEMU or the like
#     hybrid:PATH:PORT   the VM's unix socket of Firecracker or Cloud Hypervisor, and a port in the guest
#
# It sets the array `way`, which goes to curl, and `url`. curl speaks neither AF_VSOCK nor a VMM's `CONNECT port`: there
# guestctl makes a unix socket of it, which goes when this shell ends.

dial() {
	way=() url=http://guest
	case $1 in
	unix:*) way=(--unix-socket "${1#unix:}") ;;
	tcp:*) url=http://${1#tcp:} ;;
	vsock:* | hybrid:*)
		bridge_dir=$(mktemp -d)
		coproc bridge { exec guestctl -t "$1" bridge "unix:$bridge_dir/socket"; }
		# shellcheck disable=SC2154 # coproc sets it
		trap 'kill "$bridge_PID" 2>/dev/null; rm -rf "$bridge_dir"' EXIT
		read -r _ <&"${bridge[0]}" # it says where, as soon as it listens
		way=(--unix-socket "$bridge_dir/socket")
		;;
	*)
		echo "$1: neither unix, tcp, vsock nor hybrid" >&2
		return 2
		;;
	esac
}
