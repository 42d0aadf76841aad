// How to get a connection to guestd, whatever lies between. Copy this file.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// dial connects to one of
//
//	unix:PATH          a unix socket
//	tcp:HOST:PORT      TCP
//	vsock:CID:PORT     AF_VSOCK, to a guest of QEMU or the like
//	hybrid:PATH:PORT   the VM's unix socket of Firecracker or Cloud Hypervisor, and a port in the guest
func dial(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	kind, rest, _ := strings.Cut(address, ":")
	switch kind {
	case "unix", "tcp":
		return dialer.DialContext(ctx, kind, rest)
	case "vsock":
		return dialVsock(rest)
	case "hybrid":
		end := strings.LastIndex(rest, ":")
		if end < 0 {
			return nil, fmt.Errorf("%s: no port", address)
		}
		conn, err := dialer.DialContext(ctx, "unix", rest[:end])
		if err != nil {
			return nil, err
		}
		if err := handshake(ctx, conn, rest[end+1:]); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		return conn, nil
	}
	return nil, fmt.Errorf("%s: neither unix, tcp, vsock nor hybrid", address)
}

// handshake asks the VMM for a port of the guest. What comes behind the line is the guest's, so it is read byte by byte. A VMM
// that closes instead of answering says that nobody listens there, perhaps not yet: try again.
func handshake(ctx context.Context, conn net.Conn, port string) error {
	if until, ok := ctx.Deadline(); ok {
		conn.SetDeadline(until)
		defer conn.SetDeadline(time.Time{})
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s\n", port); err != nil {
		return err
	}
	line, next := "", make([]byte, 1)
	for !strings.HasSuffix(line, "\n") && len(line) < 32 {
		if _, err := io.ReadFull(conn, next); err != nil {
			return fmt.Errorf("nothing listens on port %s in the guest, or not yet: try again", port)
		}
		line += string(next)
	}
	if !strings.HasPrefix(line, "OK ") {
		return fmt.Errorf("%q is not the answer of a VMM", line)
	}
	return nil
}

// vsockConn is a socket that package net does not know, as a file that can wait.
type vsockConn struct {
	*os.File
	address net.Addr
}

type vsockAddr string

func (a vsockAddr) Network() string      { return "vsock" }
func (a vsockAddr) String() string       { return string(a) }
func (c vsockConn) LocalAddr() net.Addr  { return c.address }
func (c vsockConn) RemoteAddr() net.Addr { return c.address }

func dialVsock(address string) (net.Conn, error) {
	var cid, port uint32
	if _, err := fmt.Sscanf(address, "%d:%d", &cid, &port); err != nil {
		return nil, fmt.Errorf("vsock:%s: not CID:PORT", address)
	}
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrVM{CID: cid, Port: port}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("vsock:%s: %w", address, err)
	}
	unix.SetNonblock(fd, true)
	return vsockConn{os.NewFile(uintptr(fd), "vsock:"+address), vsockAddr(address)}, nil
}
