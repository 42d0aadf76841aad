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
		if addr, ok := conn.Conn.LocalAddr().(*net.TCPAddr); ok {
			*port = addr.Port
		}
	}}), port
}

// letGo waits until the agent has let go of a call that was canceled. Over HTTP/1 its connection ends; over HTTP/2 only its
// stream does, and the connection is good for others.
func (c *client) letGo(port int) {
	c.Helper()
	switch c.way.wire {
	case http1:
		c.eventually("the agent closes its socket", func() bool { return sockets(c, port) == 0 })
	case http2:
		equal(c, "the number of the agent's sockets", sockets(c, port), 1)
	}
	c.list()
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
