package sdk

import (
	"context"
	"fmt"
	"net"
	"net/http/httptrace"
	"os"
	"strings"
)

// withPort makes a call tell, through the pointer, from which port it comes.
func withPort(ctx context.Context) (context.Context, *int) {
	port := new(int)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(conn httptrace.GotConnInfo) {
		*port = conn.Conn.LocalAddr().(*net.TCPAddr).Port
	}}), port
}

// sockets counts the agent's sockets that face a port of ours and that the agent has not closed.
func sockets(c *client, port int) int {
	const established, closeWait = "01", "08"
	count := 0
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file)
		c.must(err)
		for _, line := range strings.Split(string(table), "\n") {
			fields := strings.Fields(line) // number, local and remote address, state...
			if len(fields) > 3 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", 49983)) &&
				strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", port)) &&
				(fields[3] == established || fields[3] == closeWait) {
				count++
			}
		}
	}
	return count
}
