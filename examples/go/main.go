// A command, a terminal, and a stream that is taken up again, with connect-go: go run . ADDRESS
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"

	pb "guestd/proto/process"
	"guestd/proto/process/processconnect"
)

// A start that is not answered within this is tried again by whoever can bear it (docs/hosts.md).
const dialTimeout = 5 * time.Second

func newClient(address string) processconnect.ProcessClient {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return dial(ctx, address)
		},
		// HTTP/2 by prior knowledge: all calls share one connection. Without these two lines it is HTTP/1.1.
		Protocols: new(http.Protocols),
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return processconnect.NewProcessClient(&http.Client{Transport: transport}, "http://guest", connect.WithGRPC())
}

func shell(script string) *pb.ProcessConfig {
	return &pb.ProcessConfig{Cmd: "/bin/sh", Args: []string{"-c", script}}
}

// lines prints what comes, line by line.
type lines struct {
	prefix string
	rest   []byte
}

func (l *lines) print(data []byte) {
	l.rest = append(l.rest, data...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return
		}
		fmt.Printf("%s: %s\n", l.prefix, strings.TrimSuffix(string(line), "\r"))
		l.rest = rest
	}
}

// run is a command: its output as it comes, then its exit code.
func run(ctx context.Context, client processconnect.ProcessClient) error {
	stream, err := client.Start(ctx, connect.NewRequest(&pb.StartRequest{
		Process: shell("echo hello; sleep 0.1; echo oops >&2; exit 3")}))
	if err != nil {
		return err
	}
	defer stream.Close()
	stdout, stderr := &lines{prefix: "exec: stdout"}, &lines{prefix: "exec: stderr"}
	for stream.Receive() {
		event := stream.Msg().GetEvent()
		stdout.print(event.GetData().GetStdout())
		stderr.print(event.GetData().GetStderr())
		if end := event.GetEnd(); end != nil {
			fmt.Println("exec: exit code", end.ExitCode)
		}
	}
	return stream.Err()
}

// terminal is a command that believes that it talks to a person.
func terminal(ctx context.Context, client processconnect.ProcessClient) error {
	stream, err := client.Start(ctx, connect.NewRequest(&pb.StartRequest{
		Process: shell("stty -echo; stty size; read x; echo got $x"),
		Pty:     &pb.PTY{Size: &pb.PTY_Size{Rows: 30, Cols: 90}}}))
	if err != nil {
		return err
	}
	defer stream.Close()
	shown, process := &lines{prefix: "terminal"}, &pb.ProcessSelector{}
	for stream.Receive() {
		event := stream.Msg().GetEvent()
		if start := event.GetStart(); start != nil {
			process.Selector = &pb.ProcessSelector_Pid{Pid: start.Pid}
		}
		shown.print(event.GetData().GetPty())
		if bytes.Contains(event.GetData().GetPty(), []byte("30 90")) {
			if _, err := client.SendInput(ctx, connect.NewRequest(&pb.SendInputRequest{Process: process,
				Input: &pb.ProcessInput{Input: &pb.ProcessInput_Pty{Pty: []byte("word\n")}}})); err != nil {
				return err
			}
		}
		if end := event.GetEnd(); end != nil {
			fmt.Println("terminal: exit code", end.ExitCode)
		}
	}
	return stream.Err()
}

// reconnect loses the stream, and takes it up where it was: nothing is missed, and nothing comes twice.
func reconnect(ctx context.Context, client processconnect.ProcessClient) error {
	offsets := &pb.EventOptions{Offsets: true}
	shown, process, next := &lines{prefix: "reconnect"}, &pb.ProcessSelector{}, uint64(0)
	cut, lose := context.WithCancel(ctx)
	defer lose()
	first, err := client.Start(cut, connect.NewRequest(&pb.StartRequest{
		Process: shell("echo one; sleep 0.5; echo two; sleep 0.5; echo three"), Events: offsets}))
	if err != nil {
		return err
	}
	for first.Receive() {
		event := first.Msg().GetEvent()
		if start := event.GetStart(); start != nil {
			process.Selector = &pb.ProcessSelector_Id{Id: start.GetId()}
		}
		if data := event.GetData(); data != nil {
			shown.print(data.GetStdout())
			next = data.GetOffset() + uint64(len(data.GetStdout()))
			lose() // as when the network does
		}
	}
	if err := first.Err(); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the first stream ended with %v", err)
	}
	time.Sleep(700 * time.Millisecond) // the process writes on

	second, err := client.Connect(ctx, connect.NewRequest(&pb.ConnectRequest{Process: process, Events: offsets,
		Replay: &pb.Replay{From: &pb.Replay_Offset{Offset: next}}}))
	if err != nil {
		return err
	}
	defer second.Close()
	for second.Receive() {
		event := second.Msg().GetEvent()
		if start := event.GetStart(); start != nil && start.GetOffset() != next {
			return fmt.Errorf("the bytes from %d to %d are not kept any more", next, start.GetOffset())
		}
		shown.print(event.GetData().GetStdout())
		if end := event.GetEnd(); end != nil {
			fmt.Println("reconnect: exit code", end.ExitCode)
		}
	}
	return second.Err()
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . unix:PATH | tcp:HOST:PORT | vsock:CID:PORT | hybrid:PATH:PORT")
	}
	client := newClient(os.Args[1])
	for _, step := range []func(context.Context, processconnect.ProcessClient) error{run, terminal, reconnect} {
		if err := step(context.Background(), client); err != nil {
			log.Fatal(err)
		}
	}
}
