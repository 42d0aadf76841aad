package sdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	agentpb "guestd/proto/guest/v1"
	pb "guestd/proto/process"
)

// session is guest.v1.Exec/Session with what has been told on it.
type session struct {
	*told
	bidi   *connect.BidiStreamForClient[agentpb.SessionRequest, agentpb.SessionResponse]
	last   *agentpb.SessionResponse // that has an event
	closed *agentpb.SessionResponse
}

func (c *client) session(ctx context.Context, first *agentpb.SessionRequest, headers ...string) *session {
	c.Helper()
	s := &session{bidi: c.exec.Session(ctx)}
	for i := 0; i < len(headers); i += 2 {
		s.bidi.RequestHeader().Set(headers[i], headers[i+1])
	}
	s.told = tell(&stream{client: c, next: func() (*pb.ProcessEvent, error) {
		for {
			m, err := s.bidi.Receive()
			switch {
			case errors.Is(err, io.EOF):
				return nil, nil
			case err != nil:
				return nil, err
			case m.GetEvent() != nil:
				s.last = m
				return m.GetEvent(), nil
			}
			s.closed = m
		}
	}})
	c.must(s.bidi.Send(first))
	return s
}

func starting(request *pb.StartRequest) *agentpb.SessionRequest {
	return &agentpb.SessionRequest{Request: &agentpb.SessionRequest_Start{Start: request}}
}

func input(data []byte) *agentpb.SessionRequest {
	return &agentpb.SessionRequest{Request: &agentpb.SessionRequest_Input{Input: data}}
}

func signaling(signal *agentpb.SessionSignal) *agentpb.SessionRequest {
	return &agentpb.SessionRequest{Request: &agentpb.SessionRequest_Signal{Signal: signal}}
}

// open starts a session and waits until its process runs.
func (c *client) open(first *agentpb.SessionRequest, headers ...string) *session {
	c.Helper()
	s := c.session(c.ctx, first, headers...)
	s.started()
	return s
}

func (s *session) send(messages ...*agentpb.SessionRequest) {
	s.Helper()
	for _, m := range messages {
		s.must(s.bidi.Send(m))
	}
}

// duplex is eachWay; over HTTP/1 connect-go refuses streams in both directions.
func duplex(t *testing.T, test func(c *client)) {
	eachWay(t, func(c *client) {
		if c.way.wire != http1 {
			test(c)
			return
		}
		s := c.session(c.ctx, starting(shell("cat")))
		c.must(s.bidi.CloseRequest())
		equal(c, "the code", connect.CodeOf(s.wait()), connect.CodeUnimplemented)
	})
}

func TestSessionIsAConversation(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.open(starting(shell("while read x; do echo got $x; done; echo over; exit 6")))
		for i := range 3 {
			s.send(input([]byte(fmt.Sprintln("word", i))))
			s.until(fmt.Sprintf("got word %d\n", i))
		}
		c.must(s.bidi.CloseRequest())
		equal(c, "the exit code", s.finish().end.ExitCode, 6)
		equal(c, "the last of stdout", string(s.stdout[len(s.stdout)-5:]), "over\n")
	})
}

// Some MiB in and the same out, at once; neither side has room for them.
func TestSessionOfACat(t *testing.T) {
	data := make([]byte, 6<<20)
	rand.Read(data)
	duplex(t, func(c *client) {
		s := c.open(starting(&pb.StartRequest{Process: &pb.ProcessConfig{Cmd: "cat"}}))
		sent := make(chan error)
		go func() {
			for chunk := range slices.Chunk(data, 50000) {
				if err := s.bidi.Send(input(chunk)); err != nil {
					sent <- err
					return
				}
			}
			sent <- s.bidi.CloseRequest()
		}()
		s.finish()
		c.must(<-sent)
		if !bytes.Equal(s.stdout, data) {
			c.Fatalf("%d bytes came back, not the same %d", len(s.stdout), len(data))
		}
	})
}

func TestSessionInOneRequest(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.session(c.ctx, starting(shell("sort; exit 2")))
		s.send(input([]byte("b\na\n")))
		c.must(s.bidi.CloseRequest())
		s.finish()
		equal(c, "stdout", string(s.stdout), "a\nb\n")
		want := &agentpb.SessionResponse{Response: &agentpb.SessionResponse_Event{Event: &pb.ProcessEvent{
			Event: &pb.ProcessEvent_End{End: &pb.ProcessEvent_EndEvent{
				ExitCode: 2, Exited: true, Status: "exit status 2", Error: pointer("exit status 2")}}}}}
		equal(c, "the end", s.last.String(), want.String())
	})
}

func TestSessionSaysWhatStartSays(t *testing.T) {
	duplex(t, func(c *client) {
		options := &pb.StartOptions{Umask: pointer(uint32(0o77))}
		s := c.open(starting(asking("umask; sleep 0.1; exit 3", options, everything())))
		s.finish()
		equal(c, "the offset of the start", *s.start().Offset, 0)
		equal(c, "stdout", string(s.stdout), "0077\n")
		equal(c, "the offset of the end", *s.end.Offset, 5)
		equal(c, "the record's code", s.end.Record.Code, 3)
		equal(c, "the exited event's code", s.events[2].GetExited().GetRecord().GetCode(), 3)
	})
}

func TestSessionOfATerminal(t *testing.T) {
	duplex(t, func(c *client) {
		request := shell("stty -echo; stty size; read x; stty size; echo got $x; cat; exit 4")
		request.Pty = &pb.PTY{Size: &pb.PTY_Size{Cols: 80, Rows: 24}}
		s := c.open(starting(request))
		s.until("24 80\r\n")
		s.send(&agentpb.SessionRequest{Request: &agentpb.SessionRequest_Resize{Resize: &pb.PTY_Size{Cols: 132, Rows: 50}}},
			input([]byte("word\n")))
		s.until("50 132\r\ngot word\r\n")
		s.send(&agentpb.SessionRequest{Request: &agentpb.SessionRequest_CloseInput_{
			CloseInput: &agentpb.SessionRequest_CloseInput{}}})
		equal(c, "the exit code", s.finish().end.ExitCode, 4)
	})
}

// The leader is asked first, and killed for not going; its child is not meant.
func TestSessionSignals(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.open(starting(shell("sleep 1000 & echo $!; trap 'echo no' TERM; echo up; while :; do wait; done")))
		s.until("up\n")
		s.send(&agentpb.SessionRequest{Request: &agentpb.SessionRequest_Keepalive{
			Keepalive: &agentpb.SessionRequest_KeepAlive{}}},
			signaling(&agentpb.SessionSignal{Number: 15, Target: pb.SignalTarget_SIGNAL_TARGET_LEADER, GraceMs: 200}))
		s.until("no\n")
		equal(c, "the status", s.finish().end.Status, "signal: killed")
		var child int
		_, err := fmt.Sscan(string(s.stdout), &child)
		c.must(err)
		equal(c, "the child is running", running(child), true)
		c.must(syscall.Kill(child, syscall.SIGKILL))
	})
}

func TestSessionWhoseInputNobodyTakes(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.open(starting(shell("read x; exec 0<&-; echo shut; sleep 1000")))
		s.send(input([]byte("12345678\n")))
		s.until("shut\n")
		s.send(input([]byte("more")), input([]byte("more")), signaling(&agentpb.SessionSignal{Number: 9}))
		equal(c, "the status", s.finish().end.Status, "signal: killed")
		want := &agentpb.SessionResponse{Response: &agentpb.SessionResponse_InputClosed_{
			InputClosed: &agentpb.SessionResponse_InputClosed{Taken: 9}}}
		equal(c, "what was taken", s.closed.String(), want.String())
	})
}

func TestSessionAttaches(t *testing.T) {
	duplex(t, func(c *client) {
		first := c.start(shell("echo early; read x; echo got $x; exit 3"))
		first.until("early\n")
		s := c.open(&agentpb.SessionRequest{Request: &agentpb.SessionRequest_Attach{Attach: &pb.ConnectRequest{
			Process: byPID(first.pid), Replay: &pb.Replay{From: &pb.Replay_Start{Start: true}}}}})
		s.until("early\n")
		s.send(input([]byte("word\n")))
		equal(c, "the exit code", s.finish().end.ExitCode, 3)
		equal(c, "the first's output", string(first.finish().stdout), "early\ngot word\n")
	})
}

func TestSessionIsLeft(t *testing.T) {
	duplex(t, func(c *client) {
		for _, kill := range []bool{false, true} {
			ctx, cancel := context.WithCancel(c.ctx)
			options := &pb.StartOptions{KillOnDisconnect: kill}
			s := c.session(ctx, starting(asking("echo up; sleep 1000", options, nil)))
			s.until("up\n")
			cancel()
			equal(c, "the code", connect.CodeOf(s.wait()), connect.CodeCanceled)
			if kill {
				c.eventually("the process is killed", func() bool { return !alive(s.pid) })
				continue
			}
			again := c.open(&agentpb.SessionRequest{Request: &agentpb.SessionRequest_Attach{
				Attach: &pb.ConnectRequest{Process: byPID(s.pid)}}})
			again.send(signaling(&agentpb.SessionSignal{Number: 15}))
			equal(c, "the status", again.finish().end.Status, "signal: terminated")
		}
	})
}

// Who feeds a process that does not read waits: little of it is on the way. The end of the process ends that.
func TestSessionWaitsForTheProcess(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.open(starting(shell("sleep 1000")))
		var sent atomic.Int64
		done := make(chan bool)
		go func() {
			for s.bidi.Send(input(make([]byte, 1<<16))) == nil {
				sent.Add(1 << 16)
			}
			close(done)
		}()
		for before := int64(-1); before != sent.Load(); time.Sleep(time.Second) {
			before = sent.Load()
		}
		// The pipe and the queue of the process, the windows of the stream and of the connection, and the sockets. gzip
		// makes next to nothing of zeros, so that the windows hold a lot.
		if !strings.Contains(c.way.name, "gzip") && (sent.Load() < 256<<10 || sent.Load() > 8<<20) {
			c.Fatalf("%d bytes were taken", sent.Load())
		}
		c.signal(s.pid, pb.Signal_SIGNAL_SIGKILL)
		equal(c, "the status", s.finish().end.Status, "signal: killed")
		<-done
	})
}

func TestSessionErrors(t *testing.T) {
	duplex(t, func(c *client) {
		for text, messages := range map[string][]*agentpb.SessionRequest{
			"the first message must be start or attach": {input([]byte("x"))},
			"the session has its process already":       {starting(shell("cat")), starting(shell("cat"))},
			"signal 65: not from 1 to 64":               {starting(shell("cat")), signaling(&agentpb.SessionSignal{Number: 65})},
		} {
			s := c.session(c.ctx, messages[0])
			for _, m := range messages[1:] {
				s.send(m)
			}
			c.fails(s.wait(), connect.CodeInvalidArgument, text)
		}
		request := shell("true")
		request.Process.Cwd = pointer("/no/such")
		e := c.fails(c.session(c.ctx, starting(request)).wait(), connect.CodeInvalidArgument, "cwd '/no/such' does not exist")
		equal(c, "the number of details", len(e.Details()), 1)
	})
}

func TestSessionDeadline(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.open(starting(shell("sleep 1000")), c.deadline(300)...)
		c.fails(s.wait(), connect.CodeDeadlineExceeded, "context deadline exceeded")
		c.eventually("the process is killed", func() bool { return !alive(s.pid) })
	})
}

func TestSessionKeepalives(t *testing.T) {
	duplex(t, func(c *client) {
		s := c.open(starting(shell("sleep 2.5")), "Keepalive-Ping-Interval", "1")
		equal(c, "the number of keepalives", s.finish().keepalives, 2)
	})
}
