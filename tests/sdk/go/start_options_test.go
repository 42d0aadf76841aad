package sdk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "guestd/proto/process"
)

// How it is started: what a script says without the option, and with it.
func TestStartOptions(t *testing.T) {
	for name, test := range map[string]struct {
		script, without, with string
		options               *pb.StartOptions
	}{
		"umask": {"umask", "0022\n", "0077\n", &pb.StartOptions{Umask: pointer[uint32](0o77)}},
		"nice":  {"nice", "0\n", "5\n", &pb.StartOptions{Nice: pointer[int32](5)}},
		"no_new_privs": {"grep -c '^NoNewPrivs:.*1' /proc/self/status || true", "0\n", "1\n",
			&pb.StartOptions{NoNewPrivs: true}},
		"limits": {"[ $(ulimit -Sn):$(ulimit -Hn) = 50:60 ] && echo yes || echo no", "no\n", "yes\n",
			&pb.StartOptions{Limits: []*pb.ResourceLimit{{Name: "nofile", Soft: 50, Hard: 60}}}},
		"extra_groups": {"id -G | tr ' ' '\\n' | grep -cE '^(5|54321)$' || true", "0\n", "2\n",
			&pb.StartOptions{ExtraGroups: []string{"tty", "54321"}}},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(c *client) {
				equal(c, "stdout", string(c.start(shell(test.script)).finish().stdout), test.without)
				equal(c, "stdout", string(c.start(asking(test.script, test.options, nil)).finish().stdout), test.with)
			})
		})
	}
}

// A Start that is sent again, because nobody knows what became of the first.
func TestIdempotencyKey(t *testing.T) {
	eachWay(t, func(c *client) {
		runs := filepath.Join(c.TempDir(), "runs")
		request := &pb.StartRequest{Process: shell(fmt.Sprintf("echo run >>%s; echo hi; read x; echo bye", runs)).Process,
			Options: &pb.StartOptions{IdempotencyKey: c.Name()}}
		headers := append(c.deadline(10000), "Authorization", basicRoot) // a second process would wait for ever
		first := c.start(request, headers...)
		first.until("hi\n")
		second := c.start(request, headers...)
		c.must(c.sendInput(c.ctx, byPID(first.pid), stdin([]byte("\n"))))
		third := c.start(request, headers...) // it has ended, or is about to
		for _, s := range []*stream{first, second, third} {
			equal(c, "stdout", string(s.finish().stdout), "hi\nbye\n")
			equal(c, "the pid", s.pid, first.pid)
		}
		written, err := os.ReadFile(runs)
		c.must(err)
		equal(c, "what has run", string(written), "run\n")
	})
}

// --- how it is ended -------------------------------------------------------------------------------------------------

// At the deadline the leader is asked, and says so; its child is not.
func TestGraceAndTargetOfTheDeadline(t *testing.T) {
	eachWay(t, func(c *client) {
		options := &pb.StartOptions{GraceMs: 20000, KillTarget: pb.SignalTarget_SIGNAL_TARGET_LEADER}
		s := c.start(asking("sleep 1000 & echo $!; trap 'echo asked; exit 0' TERM; echo up; wait", options, nil),
			c.deadline(1000)...)
		s.until("up\n")
		var child int
		_, err := fmt.Sscan(string(s.stdout), &child)
		c.must(err)
		defer syscall.Kill(child, syscall.SIGKILL)
		s.until("asked\n")
		c.fails(s.wait(), connect.CodeDeadlineExceeded, "")
		time.Sleep(100 * time.Millisecond) // for one that is killed by mistake to be gone
		equal(c, "the child is running", running(child), true)
	})
}

// Without it the process goes on: TestCancel.
func TestKillOnDisconnect(t *testing.T) {
	eachWay(t, func(c *client) {
		ctx, cancel := context.WithCancel(c.ctx)
		s := c.tryStart(ctx, asking("sleep 1000", &pb.StartOptions{KillOnDisconnect: true}, nil)).started()
		cancel()
		equal(c, "the code", connect.CodeOf(s.wait()), connect.CodeCanceled)
		c.eventually("the process is killed", func() bool { return !alive(s.pid) })
	})
}

// Nobody gets SIGPIPE: the end is that of a process that has written all.
func TestMaxOutput(t *testing.T) {
	script := "seq 100000; exit 6"
	for name, test := range map[string]struct {
		max  *pb.MaxOutput
		want string
	}{
		"head": {&pb.MaxOutput{Bytes: 8}, "1\n2\n3\n4\n"},
		"tail": {&pb.MaxOutput{Bytes: 7, Keep: pb.MaxOutput_KEEP_TAIL}, "100000\n"},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(c *client) {
				s := c.start(asking(script, &pb.StartOptions{MaxOutput: test.max}, nil)).finish()
				equal(c, "stdout", string(s.stdout), test.want)
				want := &pb.ProcessEvent_EndEvent{ExitCode: 6, Exited: true, Status: "exit status 6",
					Error: pointer("exit status 6"), Truncated: true}
				equal(c, "the end", s.end.String(), want.String())
				s = c.start(asking("printf 1234567", &pb.StartOptions{MaxOutput: test.max}, nil)).finish()
				equal(c, "what fits", string(s.stdout), "1234567")
				equal(c, "truncated", s.end.Truncated, false)
			})
		})
	}
}

// What cannot be had is refused by name, and nothing starts.
func TestBadStartOptions(t *testing.T) {
	eachWay(t, func(c *client) {
		for message, options := range map[string]*pb.StartOptions{
			"umask 512":                    {Umask: pointer[uint32](512)},
			"nice 20":                      {Nice: pointer[int32](20)},
			"there is no limit 'wisdom'":   {Limits: []*pb.ResourceLimit{{Name: "wisdom"}}},
			"there is no group 'nobodys'":  {ExtraGroups: []string{"nobodys"}},
			"bytes of idempotency_key 129": {IdempotencyKey: strings.Repeat("k", 129)},
			"max_output of 0 bytes":        {MaxOutput: &pb.MaxOutput{}},
		} {
			c.fails(c.tryStart(c.ctx, asking("true", options, nil)).wait(), connect.CodeInvalidArgument, message)
		}
		equal(c, "the number of processes", len(c.list()), 0)
	})
}
