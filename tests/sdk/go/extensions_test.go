package sdk

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "guestd/proto/process"
)

// What guestd adds to envd's messages: the fields from 1000 on. tools/lint wants each in a message that is written out
// somewhere here: a request that sends it, or the answer that is expected.

const basicRoot = "Basic cm9vdDo="

func everything() *pb.EventOptions {
	return &pb.EventOptions{Offsets: true, Exited: true, ExitRecord: true}
}

func asking(script string, options *pb.StartOptions, events *pb.EventOptions) *pb.StartRequest {
	return &pb.StartRequest{Process: shell(script).Process, Options: options, Events: events}
}

func byID(id uint64) *pb.ProcessSelector {
	return &pb.ProcessSelector{Selector: &pb.ProcessSelector_Id{Id: id}}
}

// told is a stream with the events that it has told, whole.
type told struct {
	*stream
	events []*pb.ProcessEvent
}

func tell(s *stream) *told {
	t := &told{stream: s}
	next := s.next
	s.next = func() (*pb.ProcessEvent, error) {
		event, err := next()
		if event != nil {
			t.events = append(t.events, event)
		}
		return event, err
	}
	return t
}

func (c *client) tellStart(message *pb.StartRequest, headers ...string) *told {
	c.Helper()
	t := tell(c.tryStart(c.ctx, message, headers...))
	t.started()
	return t
}

func (c *client) tellConnect(message *pb.ConnectRequest) *told {
	c.Helper()
	s, err := c.process.Connect(c.ctx, connect.NewRequest(message))
	c.must(err)
	t := tell(watch(c, s, (*pb.ConnectResponse).GetEvent))
	t.started()
	return t
}

func (t *told) start() *pb.ProcessEvent_StartEvent {
	return t.events[0].GetStart()
}

// untilThereAre waits for so many events.
func (t *told) untilThereAre(events int) {
	t.Helper()
	for len(t.events) < events {
		if more, err := t.step(); !more {
			t.Fatalf("the stream ended (%v) after %v", err, t.events)
		}
	}
}

func (t *told) line() {
	t.Helper()
	t.must(t.sendInput(t.ctx, byPID(t.pid), stdin([]byte("\n"))))
}

func (c *client) send(message *pb.SendSignalRequest) {
	c.Helper()
	_, err := c.process.SendSignal(c.ctx, connect.NewRequest(message))
	c.must(err)
}

// running is false of a zombie.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, found := strings.Cut(string(stat), ") ")
	return err == nil && found && !strings.HasPrefix(rest, "Z")
}

// --- what events say -------------------------------------------------------------------------------------------------

func TestOffsets(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.tellStart(asking("printf 12345; read x; printf abc >&2; read x; printf 6; exit 2", nil,
			&pb.EventOptions{Offsets: true}))
		s.untilThereAre(2)
		s.line()
		s.untilThereAre(3)
		s.line()
		s.finish()
		id := s.start().GetId()
		if id == 0 {
			c.Fatal("there is no id")
		}
		equal(c, "what is told", fmt.Sprint(s.events), fmt.Sprint([]*pb.ProcessEvent{
			{Event: &pb.ProcessEvent_Start{Start: &pb.ProcessEvent_StartEvent{Pid: s.pid, Id: &id, Offset: pointer[uint64](0)}}},
			{Event: &pb.ProcessEvent_Data{Data: &pb.ProcessEvent_DataEvent{
				Output: &pb.ProcessEvent_DataEvent_Stdout{Stdout: []byte("12345")}, Offset: pointer[uint64](0)}}},
			{Event: &pb.ProcessEvent_Data{Data: &pb.ProcessEvent_DataEvent{
				Output: &pb.ProcessEvent_DataEvent_Stderr{Stderr: []byte("abc")}, Offset: pointer[uint64](5)}}},
			{Event: &pb.ProcessEvent_Data{Data: &pb.ProcessEvent_DataEvent{
				Output: &pb.ProcessEvent_DataEvent_Stdout{Stdout: []byte("6")}, Offset: pointer[uint64](8)}}},
			{Event: &pb.ProcessEvent_End{End: &pb.ProcessEvent_EndEvent{ExitCode: 2, Exited: true,
				Status: "exit status 2", Error: pointer("exit status 2"), Offset: pointer[uint64](9)}}},
		}))
	})
}

func TestIDs(t *testing.T) {
	eachWay(t, func(c *client) {
		first := c.tellStart(asking("read x; exit 3", nil, &pb.EventOptions{Offsets: true}))
		second := c.tellStart(asking("sleep 1000", nil, &pb.EventOptions{Offsets: true}))
		id := first.start().GetId()
		if id == 0 || id == second.start().GetId() {
			c.Fatalf("two processes have the ids %d and %d", id, second.start().GetId())
		}
		r, err := c.process.List(c.ctx, connect.NewRequest(&pb.ListRequest{Ids: true}))
		c.must(err)
		want := &pb.ProcessInfo{Config: shell("read x; exit 3").Process, Pid: first.pid, Id: &id}
		equal(c, "the process", r.Msg.Processes[0].String(), want.String())
		if c.list()[0].Id != nil {
			c.Error("an id is listed that nobody asked for")
		}
		c.must(c.sendInput(c.ctx, byID(id), stdin([]byte("\n"))))
		first.finish()
		again := c.tellConnect(&pb.ConnectRequest{Process: byID(id)}).finish()
		equal(c, "the pid, afterwards", again.pid, first.pid)
		equal(c, "the exit code, afterwards", again.end.ExitCode, 3)
	})
}

// A child holds the output open: the end waits for it, and what has exited is told before.
func TestExited(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.tellStart(asking("sleep 1000 & exit 4", nil, &pb.EventOptions{Exited: true, ExitRecord: true}))
		s.finish()
		told := c.tellStart(asking("printf 12345; sleep 1000 & exit 4", nil, &pb.EventOptions{Exited: true, Offsets: true}))
		told.finish()
		for _, event := range told.events {
			if exited := event.GetExited(); exited != nil {
				equal(c, "where the program's own output ends",
					(&pb.ProcessEvent_ExitedEvent{Record: exited.Record, Offset: pointer(uint64(5))}).String(), exited.String())
			}
		}
		equal(c, "the number of events", len(s.events), 3)
		record := s.end.Record
		want := &pb.ProcessEvent{Event: &pb.ProcessEvent_Exited{Exited: &pb.ProcessEvent_ExitedEvent{Record: record}}}
		equal(c, "the event before the end", s.events[1].String(), want.String())
		end := &pb.ProcessEvent_EndEvent{ExitCode: 4, Exited: true, Status: "exit status 4", Error: pointer("exit status 4"),
			Record: s.events[1].GetExited().GetRecord()}
		equal(c, "the end", s.end.String(), end.String())
		equal(c, "the code of the record", record.GetCode(), 4)
	})
}

// What cannot be foreseen in a record is as it came.
func (c *client) isRecord(got, want *pb.ExitRecord) {
	c.Helper()
	if got != nil {
		want.StartedAt, want.EndedAt, want.DurationUs, want.Usage = got.StartedAt, got.EndedAt, got.DurationUs, got.Usage
	}
	equal(c, "the record", got.String(), want.String())
}

func TestExitRecord(t *testing.T) {
	for script, want := range map[string]*pb.ExitRecord{
		"exit 9":        {Code: 9},
		"kill -TERM $$": {Code: -1, Signal: uint32(syscall.SIGTERM)},
	} {
		t.Run(script, func(t *testing.T) {
			eachWay(t, func(c *client) {
				c.isRecord(c.start(asking(script, nil, &pb.EventOptions{ExitRecord: true})).finish().end.Record, want)
			})
		})
	}
}

// here runs a script without the agent: some things are the machine's to say, to this test as to the agent.
func (c *client) here(script string) (dir string, state *os.ProcessState) {
	command := exec.Command("/bin/sh", "-c", script)
	command.Dir = c.TempDir()
	command.Run()
	return command.Dir, command.ProcessState
}

func TestExitRecordOfACore(t *testing.T) {
	eachWay(t, func(c *client) {
		const script = "ulimit -c unlimited; kill -SEGV $$"
		dir, here := c.here(script)
		dumped := here.Sys().(syscall.WaitStatus).CoreDump()
		request := asking(script, nil, &pb.EventOptions{ExitRecord: true})
		request.Process.Cwd = &dir
		end := c.start(request, "Authorization", basicRoot).finish().end
		// OomKilled is seen true in tools/test vm, where memory can be short.
		want := &pb.ExitRecord{Code: -1, Signal: uint32(syscall.SIGSEGV), CoreDumped: dumped, OomKilled: false}
		c.isRecord(end.Record, want)
	})
}

// Who started it is told of the time-out by the error; who watches, by the record.
func TestExitRecordOfATimeout(t *testing.T) {
	eachWay(t, func(c *client) {
		s := c.start(shell("sleep 1000"), c.deadline(500)...)
		watcher := c.tellConnect(&pb.ConnectRequest{Process: byPID(s.pid), Events: &pb.EventOptions{ExitRecord: true}})
		c.fails(s.wait(), connect.CodeDeadlineExceeded, "")
		want := &pb.ExitRecord{Code: -1, Signal: uint32(syscall.SIGKILL), TimedOut: true}
		c.isRecord(watcher.finish().end.Record, want)
	})
}

// Two loops share a processor, so that each has to leave it to the other; a program comes from the disk; the system works.
func TestExitRecordOfTimesAndUsage(t *testing.T) {
	const loop = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
	const program = "cp /bin/true .; dd of=true oflag=nocache conv=notrunc,fdatasync count=0; ./true"
	const work = "dd bs=1M count=1000 if=/dev/zero of=/dev/null"
	eachWay(t, func(c *client) {
		dir, here := c.here(program)
		faults := here.SysUsage().(*syscall.Rusage).Majflt // 0 where files lie in memory
		before := time.Now()
		script := fmt.Sprintf("taskset -pc 0 $$ >&2; (%s) & %s; wait; %s; %s; sleep 0.1", loop, loop, program, work)
		request := asking(script, nil, &pb.EventOptions{ExitRecord: true})
		request.Process.Cwd = &dir
		s := c.start(request, "Authorization", basicRoot).finish()
		got := s.end.Record
		if got == nil {
			c.Fatal("there is no record")
		}
		want := &pb.ExitRecord{
			StartedAt: got.GetStartedAt(), EndedAt: got.GetEndedAt(), DurationUs: got.GetDurationUs(), Usage: got.GetUsage()}
		equal(c, "the record", got.String(), want.String())
		const slack = time.Second // two clocks are read at two times
		start, end := got.StartedAt.AsTime(), got.EndedAt.AsTime()
		if start.Before(before.Add(-slack)) || end.Before(start) || end.After(time.Now().Add(slack)) {
			c.Errorf("started %v and ended %v, called at %v", start, end, before)
		}
		if duration := time.Duration(got.DurationUs) * time.Microsecond; (end.Sub(start)-duration).Abs() > slack ||
			duration < 100*time.Millisecond {
			c.Errorf("%v from %v to %v", duration, start, end)
		}
		least := &pb.ExitRecord_Usage{UserUs: 10000, SystemUs: 1, MaxRssBytes: 100 << 10, MinorFaults: 10,
			MajorFaults: uint64(min(faults, 1)), VoluntarySwitches: 1, InvoluntarySwitches: 1}
		least.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			if is := got.Usage.ProtoReflect().Get(field).Uint(); is < value.Uint() {
				c.Errorf("%s is %d, less than %d", field.Name(), is, value.Uint())
			}
			return true
		})
	})
}

// --- replay ----------------------------------------------------------------------------------------------------------

// On one that runs, and has written 0123456789, and on the same when it has ended.
func TestReplay(t *testing.T) {
	for name, test := range map[string]struct {
		replay           *pb.Replay
		seen, afterwards string
	}{
		"start":  {&pb.Replay{From: &pb.Replay_Start{Start: true}}, "0123456789end", "0123456789end"},
		"offset": {&pb.Replay{From: &pb.Replay_Offset{Offset: 4}}, "456789end", "456789end"},
		"tail":   {&pb.Replay{From: &pb.Replay_Tail{Tail: 3}}, "789end", "end"},
		"none":   {nil, "end", ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(c *client) {
				first := c.start(shell("printf 0123456789; read x; printf end"))
				first.until("9")
				s := c.tellConnect(&pb.ConnectRequest{Process: byPID(first.pid), Replay: test.replay, Events: everything()})
				equal(c, "the offset", s.start().GetOffset(), uint64(13-len(test.seen)))
				s.line()
				equal(c, "stdout", string(s.finish().stdout), test.seen)
				first.finish()
				ended := c.tellConnect(&pb.ConnectRequest{Process: byID(s.start().GetId()), Replay: test.replay})
				equal(c, "stdout, afterwards", string(ended.finish().stdout), test.afterwards)
			})
		})
	}
}

// --- signals ---------------------------------------------------------------------------------------------------------

func TestAnySignal(t *testing.T) {
	eachWay(t, func(c *client) {
		for _, number := range []syscall.Signal{syscall.SIGUSR1, 64} {
			s := c.start(asking("exec sleep 1000", nil, everything()))
			c.send(&pb.SendSignalRequest{Process: byPID(s.pid), Number: uint32(number)})
			c.isRecord(s.finish().end.Record, &pb.ExitRecord{Code: -1, Signal: uint32(number)})
		}
	})
}

// Of the leader, a child in its group, and one in a group of its own.
func TestTargets(t *testing.T) {
	const script = "sleep 1000 & echo $!; set -m; sleep 1001 & echo $!; echo up; set +m; exec sleep 1002"
	for target, left := range map[pb.SignalTarget]int{
		pb.SignalTarget_SIGNAL_TARGET_LEADER: 2,
		pb.SignalTarget_SIGNAL_TARGET_GROUP:  1,
		pb.SignalTarget_SIGNAL_TARGET_TREE:   0,
	} {
		t.Run(target.String(), func(t *testing.T) {
			eachWay(t, func(c *client) {
				s := c.start(&pb.StartRequest{Process: &pb.ProcessConfig{Cmd: "/bin/bash", Args: []string{"-c", script}}})
				s.until("up\n")
				children := make([]int, 2)
				_, err := fmt.Sscan(string(s.stdout), &children[0], &children[1])
				c.must(err)
				defer func() {
					for _, pid := range children {
						syscall.Kill(pid, syscall.SIGKILL)
					}
				}()
				c.send(&pb.SendSignalRequest{Process: byPID(s.pid), Signal: pb.Signal_SIGNAL_SIGTERM, Target: target})
				equal(c, "the status", s.finish().end.Status, "signal: terminated")
				for i, pid := range children {
					if i < 2-left {
						c.eventually("the child has ended", func() bool { return !running(pid) })
					}
				}
				time.Sleep(100 * time.Millisecond) // for one that is killed by mistake to be gone
				for i, pid := range children {
					equal(c, fmt.Sprintf("child %d is running", i), running(pid), i >= 2-left)
				}
			})
		})
	}
}

func TestGrace(t *testing.T) {
	eachWay(t, func(c *client) {
		// Its own deadline ends it with another error when the grace does not.
		s := c.start(shell("trap 'echo asked' TERM; echo up; while :; do sleep 0.02; done"), c.deadline(10000)...)
		s.until("up\n")
		c.send(&pb.SendSignalRequest{Process: byPID(s.pid), Number: uint32(syscall.SIGTERM), GraceMs: 300})
		equal(c, "the status", s.finish().end.Status, "signal: killed")
		equal(c, "stdout", string(s.stdout), "up\nasked\n")
	})
}

// --- those who did not ask -------------------------------------------------------------------------------------------

// foreign lists the fields of a message that envd's clients do not know.
func foreign(m protoreflect.Message) (names []string) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Number() >= 1000 {
			names = append(names, string(field.FullName()))
		} else if field.Message() != nil && !field.IsList() && !field.IsMap() {
			names = append(names, foreign(value.Message())...)
		}
		return true
	})
	return names
}

// One client uses everything, the other nothing of it, on the same process.
func TestWhoDidNotAskSeesNothing(t *testing.T) {
	eachWay(t, func(c *client) {
		asks := c.tellStart(asking("read x; printf 12345; sleep 1000 & exit 2",
			&pb.StartOptions{MaxOutput: &pb.MaxOutput{Bytes: 3}}, everything()))
		plain := c.tellConnect(&pb.ConnectRequest{Process: byPID(asks.pid)})
		asks.line()
		asks.finish()
		plain.finish()
		equal(c, "the number of events of who asked", len(asks.events), 4)
		equal(c, "the number of the other's", len(plain.events), 3)
		for _, event := range plain.events {
			equal(c, "what is foreign in "+event.String(), strings.Join(foreign(event.ProtoReflect()), " "), "")
		}
	})
}
