// Package sdk tests guestd with connect-go, as the hosts of E2B and Wrenn call it.
package sdk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	filesystemrpc "guestd/proto/filesystem/filesystemconnect"
	agentrpc "guestd/proto/guest/v1/guestv1connect"
	pb "guestd/proto/process"
	rpc "guestd/proto/process/processconnect"
)

const (
	agentURL = "http://localhost:49983" // tests/sdk/run starts the agent there
	hang     = 30 * time.Second         // after which something hangs
	noPID    = 4194305                  // above every pid_max
)

// A way to speak: the protocol and codec as connect-go's options, what carries it, and what goes with each call.
type way struct {
	name    string
	wire    wire
	grpc    bool
	options []connect.ClientOption
}

type wire int

const (
	http1 wire = iota
	http2      // over TCP by prior knowledge, as on all of them
	unix       // HTTP/2 over the unix socket
)

// Each test runs in all of them. The first is what the hosts do.
var ways = []way{
	{"proto", http1, false, nil},
	{"json", http1, false, []connect.ClientOption{connect.WithProtoJSON()}},
	{"proto+gzip", http1, false, []connect.ClientOption{connect.WithSendGzip()}},
	{"json+gzip", http1, false, []connect.ClientOption{connect.WithProtoJSON(), connect.WithSendGzip()}},
	{"proto over HTTP 2", http2, false, nil},
	{"json over HTTP 2", http2, false, []connect.ClientOption{connect.WithProtoJSON()}},
	{"gRPC", http2, true, []connect.ClientOption{connect.WithGRPC()}},
	{"gRPC in json", http2, true, []connect.ClientOption{connect.WithGRPC(), connect.WithProtoJSON()}},
	{"gRPC+gzip over unix", unix, true, []connect.ClientOption{connect.WithGRPC(), connect.WithSendGzip()}},
	{"gRPC-Web", http1, true, []connect.ClientOption{connect.WithGRPCWeb()}},
	{"gRPC-Web in json over HTTP 2", http2, true, []connect.ClientOption{connect.WithGRPCWeb(), connect.WithProtoJSON()}},
}

// client is a test with connections to the agent of its own, and a context that ends with it. The context has no
// deadline: connect-go would send it, and it would be that of every process.
type client struct {
	*testing.T
	ctx     context.Context
	way     way
	http    *http.Client
	process rpc.ProcessClient
	agent   agentrpc.AgentClient
	exec    agentrpc.ExecClient
	files   agentrpc.FilesClient
	envd    filesystemrpc.FilesystemClient
}

func dial(t *testing.T, url string, way way) *client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(way.wire == http1)
	transport.Protocols.SetUnencryptedHTTP2(way.wire != http1)
	if way.wire == unix {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", os.Getenv("GUESTD_SOCKET"))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
	})
	h := &http.Client{Transport: transport}
	return &client{t, ctx, way, h, rpc.NewProcessClient(h, url, way.options...),
		agentrpc.NewAgentClient(h, url, way.options...), agentrpc.NewExecClient(h, url, way.options...),
		agentrpc.NewFilesClient(h, url, way.options...), filesystemrpc.NewFilesystemClient(h, url, way.options...)}
}

// eachWay runs the test in all of them. What it leaves running does not outlive it.
func eachWay(t *testing.T, test func(c *client)) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			c := dial(t, agentURL, way)
			defer func() {
				for _, p := range c.list() {
					c.trySignal(p.Pid, pb.Signal_SIGNAL_SIGKILL) // one that has just ended is listed, and cannot be killed
				}
				c.eventually("all processes have ended", func() bool { return len(c.list()) == 0 })
			}()
			test(c)
		})
	}
}

// --- what tests look at ----------------------------------------------------------------------------------------------

func (c *client) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func equal[T comparable](c *client, what string, got, want T) {
	c.Helper()
	if got != want {
		c.Fatalf("%s is %.200v, not %.200v", what, got, want)
	}
}

func (c *client) eventually(what string, condition func() bool) {
	c.Helper()
	for end := time.Now().Add(hang); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.Fatalf("not within %v: %s", hang, what)
		}
	}
}

// fails wants an error of that code, told by the agent, with that text in it.
func (c *client) fails(err error, code connect.Code, text string) *connect.Error {
	c.Helper()
	var e *connect.Error
	if !errors.As(err, &e) || e.Code() != code || !strings.Contains(e.Message(), text) || !connect.IsWireError(err) {
		c.Fatalf("the error is %v, not the agent's %v %q", err, code, text)
	}
	return e
}

// alive is also true of a zombie: a process that was killed is reaped too.
func alive(pid uint32) bool {
	return syscall.Kill(int(pid), 0) == nil
}

// --- calls -----------------------------------------------------------------------------------------------------------

func byPID(pid uint32) *pb.ProcessSelector {
	return &pb.ProcessSelector{Selector: &pb.ProcessSelector_Pid{Pid: pid}}
}

func byTag(tag string) *pb.ProcessSelector {
	return &pb.ProcessSelector{Selector: &pb.ProcessSelector_Tag{Tag: tag}}
}

func stdin(data []byte) *pb.ProcessInput {
	return &pb.ProcessInput{Input: &pb.ProcessInput_Stdin{Stdin: data}}
}

func pty(data string) *pb.ProcessInput {
	return &pb.ProcessInput{Input: &pb.ProcessInput_Pty{Pty: []byte(data)}}
}

// shell is a request to run a script.
func shell(script string) *pb.StartRequest {
	return &pb.StartRequest{Process: &pb.ProcessConfig{Cmd: "/bin/sh", Args: []string{"-c", script}}}
}

func (c *client) list() []*pb.ProcessInfo {
	c.Helper()
	r, err := c.process.List(c.ctx, connect.NewRequest(&pb.ListRequest{}))
	c.must(err)
	return r.Msg.Processes
}

func (c *client) trySignal(pid uint32, signal pb.Signal) error {
	_, err := c.process.SendSignal(c.ctx, connect.NewRequest(&pb.SendSignalRequest{Process: byPID(pid), Signal: signal}))
	return err
}

func (c *client) signal(pid uint32, signal pb.Signal) {
	c.Helper()
	c.must(c.trySignal(pid, signal))
}

func (c *client) sendInput(ctx context.Context, to *pb.ProcessSelector, input *pb.ProcessInput) error {
	_, err := c.process.SendInput(ctx, connect.NewRequest(&pb.SendInputRequest{Process: to, Input: input}))
	return err
}

func (c *client) closeStdin(pid uint32) error {
	_, err := c.process.CloseStdin(c.ctx, connect.NewRequest(&pb.CloseStdinRequest{Process: byPID(pid)}))
	return err
}

func (c *client) update(pid, cols, rows uint32) error {
	size := &pb.PTY{Size: &pb.PTY_Size{Cols: cols, Rows: rows}}
	_, err := c.process.Update(c.ctx, connect.NewRequest(&pb.UpdateRequest{Process: byPID(pid), Pty: size}))
	return err
}

// --- streams of events -----------------------------------------------------------------------------------------------

// stream is a process as Start or Connect tells of it, and what they have told so far.
type stream struct {
	*client
	next                func() (*pb.ProcessEvent, error) // nil and nil: the end
	pid                 uint32
	stdout, stderr, pty []byte
	end                 *pb.ProcessEvent_EndEvent
	keepalives          int
}

// deadline is the header of a deadline that the client itself does not keep, in the words of its protocol.
func (c *client) deadline(ms int) []string {
	if c.way.grpc {
		return []string{"Grpc-Timeout", fmt.Sprintf("%dm", ms)}
	}
	return []string{"Connect-Timeout-Ms", fmt.Sprint(ms)}
}

func request[T any](message *T, headers []string) *connect.Request[T] {
	r := connect.NewRequest(message)
	for i := 0; i < len(headers); i += 2 {
		r.Header().Set(headers[i], headers[i+1])
	}
	return r
}

// watch turns a stream of responses into one of their events.
func watch[T any](c *client, s *connect.ServerStreamForClient[T], event func(*T) *pb.ProcessEvent) *stream {
	return &stream{client: c, next: func() (*pb.ProcessEvent, error) {
		if !s.Receive() {
			return nil, s.Err()
		}
		return event(s.Msg()), nil
	}}
}

// tryStart starts a process; headers are names and values by turns. What goes wrong is told by the stream.
func (c *client) tryStart(ctx context.Context, message *pb.StartRequest, headers ...string) *stream {
	c.Helper()
	s, err := c.process.Start(ctx, request(message, headers))
	c.must(err)
	return watch(c, s, (*pb.StartResponse).GetEvent)
}

// start starts a process and waits until it runs.
func (c *client) start(message *pb.StartRequest, headers ...string) *stream {
	c.Helper()
	return c.tryStart(c.ctx, message, headers...).started()
}

func (c *client) tryConnect(to *pb.ProcessSelector, headers ...string) *stream {
	c.Helper()
	s, err := c.process.Connect(c.ctx, request(&pb.ConnectRequest{Process: to}, headers))
	c.must(err)
	return watch(c, s, (*pb.ConnectResponse).GetEvent)
}

func (c *client) connect(to *pb.ProcessSelector) *stream {
	c.Helper()
	return c.tryConnect(to).started()
}

func (s *stream) started() *stream {
	s.Helper()
	_, err := s.step()
	s.must(err)
	if s.pid == 0 {
		s.Fatal("the first event is not start")
	}
	return s
}

// step takes in one event. It returns false at the end.
func (s *stream) step() (bool, error) {
	event, err := s.next()
	if event == nil {
		return false, err
	}
	switch {
	case s.end != nil:
		s.Fatalf("%v after the end", event)
	case event.GetStart() != nil:
		s.pid = event.GetStart().Pid
	case event.GetData() != nil:
		data := event.GetData()
		s.stdout = append(s.stdout, data.GetStdout()...)
		s.stderr = append(s.stderr, data.GetStderr()...)
		s.pty = append(s.pty, data.GetPty()...)
	case event.GetKeepalive() != nil:
		s.keepalives++
	default:
		s.end = event.GetEnd()
	}
	return true, nil
}

// wait takes in everything up to the end, and returns the error that it ended with.
func (s *stream) wait() error {
	for {
		if more, err := s.step(); !more {
			return err
		}
	}
}

// finish is wait for what has to end well.
func (s *stream) finish() *stream {
	s.Helper()
	s.must(s.wait())
	if s.end == nil {
		s.Fatal("there was no end event")
	}
	return s
}

// until waits for a text on standard output or the terminal.
func (s *stream) until(text string) {
	s.Helper()
	for !strings.Contains(string(s.stdout)+string(s.pty), text) {
		if more, err := s.step(); !more {
			s.Fatalf("the stream ended (%v) without %q: %q", err, text, string(s.stdout)+string(s.pty))
		}
	}
}
