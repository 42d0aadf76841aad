module guestd/examples

go 1.26.0

require (
	connectrpc.com/connect v1.19.2
	golang.org/x/sys v0.48.0
	google.golang.org/protobuf v1.36.12
)
