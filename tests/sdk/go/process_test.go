package sdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	agentpb "guestd/proto/guest/v1"
	pb "guestd/proto/process"
)

const basicUser = "Basic dXNlcjo=" // user, and no password

func pointer[T any](value T) *T {
	return &value
}

// --- Start -----------------------------------------------------------------------------------------------------------

func TestOutput(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(shell("echo out; echo err >&2")).finish()
		equal(c, "stdout", string(s.stdout), "out\n")
		equal(c, "stderr", string(s.stderr), "err\n")
	})
}

func TestEnds(t *testing.T) {
	for script, want := range map[string]*pb.ProcessEvent_EndEvent{
		"exit 0":          {Exited: true, Status: "exit status 0"},
		"exit 7":          {ExitCode: 7, Exited: true, Status: "exit status 7", Error: pointer("exit status 7")},
		"kill -9 $$":      {ExitCode: -1, Status: "signal: killed", Error: pointer("signal: killed")},
		"kill -TERM $$":   {ExitCode: -1, Status: "signal: terminated", Error: pointer("signal: terminated")},
		"no-such-program": {ExitCode: 127, Exited: true, Status: "exit status 127", Error: pointer("exit status 127")},
	} {
		t.Run(script, func(t *testing.T) {
			eachWay(t, func(c *client) {
				equal(c, "the end", c.start(shell(script)).finish().end.String(), want.String())
			})
		})
	}
}

func TestConfig(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(&pb.StartRequest{Process: &pb.ProcessConfig{
			Cmd: "sh", Args: []string{"-c", `id -un; pwd; echo "$A|$B|$HOME|$E2B_SANDBOX"`},
			Envs: map[string]string{"A": "grüße 🌍", "B": ""}, Cwd: pointer("/tmp"),
		}}, "Authorization", basicUser).finish()
		equal(c, "stdout", string(s.stdout), "user\n/tmp\ngrüße 🌍||/home/user|true\n")
	})
}

func TestUsers(t *testing.T) {
	eachWay(t, func(c *client) {
		for header, want := range map[string]string{"": "user\n", basicUser: "user\n", "Basic cm9vdDo=": "root\n"} {
			equal(c, "the user", string(c.start(shell("id -un"), "Authorization", header).finish().stdout), want)
		}
		unknown := c.tryStart(c.ctx, shell("true"), "Authorization", "Basic bm9ib2R5LWhlcmU6")
		c.fails(unknown.wait(), connect.CodeUnauthenticated, "invalid username: 'nobody-here'")
	})
}

func TestStdinIsAPipeUnlessRefused(t *testing.T) {
	eachWay(t, func(c *client) {
		request := shell("readlink /proc/self/fd/0")
		if s := c.start(request).finish(); !bytes.HasPrefix(s.stdout, []byte("pipe:")) {
			c.Fatalf("stdin is %s", s.stdout)
		}
		request.Stdin = pointer(false)
		equal(c, "stdin", string(c.start(request).finish().stdout), "/dev/null\n")
	})
}

func TestErrorsHaveDetails(t *testing.T) {
	eachWay(t, func(c *client) {
		request := shell("true")
		request.Process.Cwd = pointer("/no/such")
		e := c.fails(c.tryStart(c.ctx, request).wait(), connect.CodeInvalidArgument, "cwd '/no/such' does not exist")
		equal(c, "the number of details", len(e.Details()), 1)
		value, err := e.Details()[0].Value()
		c.must(err)
		failure := value.(*agentpb.SpawnFailure)
		equal(c, "the stage", failure.Stage, "chdir")
		equal(c, "the object", failure.Object, "/no/such")
	})
}

func TestMuchOutput(t *testing.T) {
	var want bytes.Buffer
	for i := range 2300000 {
		fmt.Fprintln(&want, i)
	}
	eachWay(t, func(c *client) {
		s := c.start(shell("seq 0 2299999 & seq 0 2299999 >&2; wait")).finish()
		if !bytes.Equal(s.stdout, want.Bytes()) || !bytes.Equal(s.stderr, want.Bytes()) {
			c.Fatalf("%d and %d bytes, not twice the %d that were written", len(s.stdout), len(s.stderr), want.Len())
		}
	})
}

func Test50AtOnce(t *testing.T) {
	eachWay(t, func(c *client) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Add(1)
			go func() {
				defer all.Done()
				s := c.tryStart(c.ctx, shell(fmt.Sprintf("sleep 0.2; echo %d", i)))
				if err := s.wait(); err != nil || string(s.stdout) != fmt.Sprintln(i) {
					c.Errorf("process %d: %v, %q", i, err, s.stdout)
				}
			}()
		}
		all.Wait()
	})
}

func TestKeepalives(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(shell("sleep 2.5"), "Keepalive-Ping-Interval", "1").finish()
		equal(c, "the number of keepalives", s.keepalives, 2)
	})
}

// --- deadlines and cancels -------------------------------------------------------------------------------------------

// The deadline that connect-go sends is the process's.
func TestDeadline(t *testing.T) {
	eachWay(t, func(c *client) {
		ctx, cancel := context.WithTimeout(c.ctx, 300*time.Millisecond)
		defer cancel()
		s := c.tryStart(ctx, shell("sleep 1000")).started()
		equal(c, "the code", connect.CodeOf(s.wait()), connect.CodeDeadlineExceeded)
		c.eventually("the process is killed", func() bool { return !alive(s.pid) })
	})
}

// As above, but with no deadline in the client: here it is the agent's word.
func TestDeadlineIsTold(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(shell("sleep 1000"), c.deadline(300)...)
		c.fails(s.wait(), connect.CodeDeadlineExceeded, "context deadline exceeded")
		c.eventually("the process is killed", func() bool { return !alive(s.pid) })

		s = c.start(shell("sleep 1000"))
		c.fails(c.tryConnect(byPID(s.pid), c.deadline(300)...).wait(), connect.CodeDeadlineExceeded, "")
		equal(c, "alive", alive(s.pid), true)
	})
}

// Who cancels closes the connection, or the stream on it: the agent lets go of it, and of nothing else.
func TestCancel(t *testing.T) {
	eachWay(t, func(c *client) {
		ctx, cancel := context.WithCancel(c.ctx)
		ctx, port := withPort(ctx)
		s := c.tryStart(ctx, shell("sleep 1000")).started()
		cancel()
		equal(c, "the code", connect.CodeOf(s.wait()), connect.CodeCanceled)
		c.letGo(*port)
		equal(c, "alive", alive(s.pid), true)
	})
}

// A process that does not read holds up its sender. When that one gives up, nothing else is held up.
func TestCancelOfInput(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(shell("sleep 1000"))
		ctx, cancel := context.WithCancel(c.ctx)
		ctx, port := withPort(ctx)
		time.AfterFunc(300*time.Millisecond, cancel)
		err := c.sendInput(ctx, byPID(s.pid), stdin(make([]byte, 1<<20)))
		equal(c, "the code", connect.CodeOf(err), connect.CodeCanceled)
		c.letGo(*port)
		c.signal(s.pid, pb.Signal_SIGNAL_SIGKILL)
		equal(c, "the status", s.finish().end.Status, "signal: killed")
	})
}

// --- the other methods -----------------------------------------------------------------------------------------------

func TestList(t *testing.T) {
	eachWay(t, func(c *client) {
		request := shell("sleep 1000")
		request.Tag = pointer("tagged")
		request.Process.Cwd = pointer("/tmp")
		request.Process.Envs = map[string]string{"A": "b"}
		first, second := c.start(request), c.start(shell("sleep 1000"))
		for i, want := range []*pb.ProcessInfo{
			{Pid: first.pid, Tag: request.Tag, Config: request.Process},
			{Pid: second.pid, Config: shell("sleep 1000").Process},
		} {
			equal(c, "the process", c.list()[i].String(), want.String())
		}
	})
}

func TestConnect(t *testing.T) {
	eachWay(t, func(c *client) {
		request := shell("echo early; read x; echo late $x; exit 3")
		request.Tag = pointer("tagged")
		first := c.start(request)
		first.until("early\n")
		second := c.connect(byTag("tagged"))
		equal(c, "the pid", second.pid, first.pid)
		c.must(c.sendInput(c.ctx, byTag("tagged"), stdin([]byte("word\n"))))
		equal(c, "the first's output", string(first.finish().stdout), "early\nlate word\n")
		equal(c, "the second's output", string(second.finish().stdout), "late word\n")
		equal(c, "the exit code, afterwards", c.connect(byPID(first.pid)).finish().end.ExitCode, 3)
	})
}

func TestNoSuchProcess(t *testing.T) {
	eachWay(t, func(c *client) {
		none := fmt.Sprintf("process with pid %d not found", noPID)
		c.fails(c.tryConnect(byPID(noPID)).wait(), connect.CodeNotFound, none)
		c.fails(c.tryConnect(byTag("none")).wait(), connect.CodeNotFound, "process with tag none not found")
		c.fails(c.sendInput(c.ctx, byPID(noPID), stdin(nil)), connect.CodeNotFound, none)
		c.fails(c.closeStdin(noPID), connect.CodeNotFound, none)
		c.fails(c.update(noPID, 80, 24), connect.CodeNotFound, none)
		c.fails(c.trySignal(noPID, pb.Signal_SIGNAL_SIGKILL), connect.CodeNotFound, none)
		c.fails(c.tryConnect(nil).wait(), connect.CodeUnimplemented, "invalid input type")
	})
}

func TestSignals(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(shell("trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done"))
		s.until("up\n")
		c.fails(c.trySignal(s.pid, 2), connect.CodeUnimplemented, "invalid signal: 2")
		c.signal(s.pid, pb.Signal_SIGNAL_SIGTERM)
		equal(c, "the exit code", s.finish().end.ExitCode, 5)
		equal(c, "stdout", string(s.stdout), "up\nbye\n")
		equal(c, "alive", alive(s.pid), false)

		s = c.start(shell("echo up; sleep 1000"))
		s.until("up\n")
		c.signal(s.pid, pb.Signal_SIGNAL_SIGKILL)
		equal(c, "the status", s.finish().end.Status, "signal: killed")
	})
}

func TestSendInput(t *testing.T) {
	eachWay(t, func(c *client) {
		data := make([]byte, 200000)
		rand.Read(data)
		s := c.start(&pb.StartRequest{Process: &pb.ProcessConfig{Cmd: "cat"}})
		for chunk := range slices.Chunk(data, 30000) {
			c.must(c.sendInput(c.ctx, byPID(s.pid), stdin(chunk)))
		}
		c.must(c.closeStdin(s.pid))
		if s.finish(); !bytes.Equal(s.stdout, data) {
			c.Fatalf("%d bytes came back, not the same %d", len(s.stdout), len(data))
		}
	})
}

func TestInputErrors(t *testing.T) {
	eachWay(t, func(c *client) {
		refused := shell("sleep 1000")
		refused.Stdin = pointer(false)
		s := c.start(refused)
		c.fails(c.sendInput(c.ctx, byPID(s.pid), stdin([]byte("x"))), connect.CodeInternal, "stdin not enabled or closed")
		c.fails(c.sendInput(c.ctx, byPID(s.pid), pty("x")), connect.CodeInternal, "tty not assigned to process")
		c.fails(c.sendInput(c.ctx, byPID(s.pid), nil), connect.CodeUnimplemented, "invalid input type")
		c.fails(c.update(s.pid, 80, 24), connect.CodeInternal, "tty not assigned to process")
		c.must(c.closeStdin(s.pid)) // it is closed: fine
	})
}

func TestStreamInput(t *testing.T) {
	eachWay(t, func(c *client) {
		data := make([]byte, 3<<20)
		rand.Read(data)
		s := c.start(&pb.StartRequest{Process: &pb.ProcessConfig{Cmd: "cat"}})
		sent := make(chan error)
		go func() {
			sent <- c.streamInput(byPID(s.pid), slices.Collect(slices.Chunk(data, 50000)))
		}()
		for len(s.stdout) < len(data) {
			if more, err := s.step(); !more {
				c.Fatalf("the stream ended after %d bytes: %v", len(s.stdout), err)
			}
		}
		c.must(<-sent)
		c.must(c.closeStdin(s.pid))
		if s.finish(); !bytes.Equal(s.stdout, data) {
			c.Fatalf("%d bytes came back, not the same %d", len(s.stdout), len(data))
		}
		c.fails(c.streamInput(byPID(noPID), [][]byte{[]byte("x")}), connect.CodeNotFound, "not found")
	})
}

// streamInput sends each chunk as a message, a keepalive before it.
func (c *client) streamInput(to *pb.ProcessSelector, chunks [][]byte) error {
	s := c.process.StreamInput(c.ctx)
	messages := []*pb.StreamInputRequest{{Event: &pb.StreamInputRequest_Start{
		Start: &pb.StreamInputRequest_StartEvent{Process: to}}}}
	for _, chunk := range chunks {
		messages = append(messages,
			&pb.StreamInputRequest{Event: &pb.StreamInputRequest_Keepalive{Keepalive: &pb.StreamInputRequest_KeepAlive{}}},
			&pb.StreamInputRequest{Event: &pb.StreamInputRequest_Data{
				Data: &pb.StreamInputRequest_DataEvent{Input: stdin(chunk)}}})
	}
	for _, message := range messages {
		if s.Send(message) != nil {
			break // the agent has answered: CloseAndReceive tells what
		}
	}
	_, err := s.CloseAndReceive()
	return err
}

func TestTheEndOfATerminalsInput(t *testing.T) {
	eachWay(t, func(c *client) {
		request := shell(`stty -echo; echo ready; cat`)
		request.Pty = &pb.PTY{}
		s := c.start(request)
		s.until("ready\r\n")
		c.must(c.sendInput(c.ctx, byPID(s.pid), pty("half a line")))
		c.must(c.closeStdin(s.pid))
		equal(c, "the exit code", s.finish().end.ExitCode, 0)
		equal(c, "the end of what it shows", strings.HasSuffix(string(s.pty), "half a line"), true)
	})
}

func TestTerminal(t *testing.T) {
	eachWay(t, func(c *client) {
		request := shell(`tty; stty size; read x; stty size; echo "got $x"; exit 4`)
		request.Pty = &pb.PTY{Size: &pb.PTY_Size{Cols: 80, Rows: 24}}
		s := c.start(request)
		s.until("24 80\r\n")
		c.must(c.update(s.pid, 132, 50))
		c.fails(c.sendInput(c.ctx, byPID(s.pid), stdin([]byte("x"))), connect.CodeInternal, "tty assigned to process")
		c.must(c.sendInput(c.ctx, byPID(s.pid), pty("word\n")))
		equal(c, "the exit code", s.finish().end.ExitCode, 4)
		if out := string(s.pty); !strings.HasPrefix(out, "/dev/pts/") || !strings.HasSuffix(out, "50 132\r\ngot word\r\n") {
			c.Fatalf("the terminal shows %q", out)
		}
	})
}
