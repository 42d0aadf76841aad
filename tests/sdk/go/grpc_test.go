package sdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	agentpb "guestd/proto/guest/v1"
	pb "guestd/proto/process"
)

// grpcClient is a test with grpc-go: what gRPC's own implementation makes of us.
type grpcClient struct {
	*client
	conn *grpc.ClientConn
	rpc  pb.ProcessClient
}

// eachGRPC runs the test over TCP and over the unix socket.
func eachGRPC(t *testing.T, test func(c *grpcClient)) {
	for name, target := range map[string]string{
		"tcp": "dns:///localhost:49983", "unix": "unix:" + os.Getenv("GUESTD_SOCKET"),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			test(&grpcClient{dial(t, agentURL, ways[0]), conn, pb.NewProcessClient(conn)})
		})
	}
}

func (c *grpcClient) start(ctx context.Context, request *pb.StartRequest, options ...grpc.CallOption) *stream {
	c.Helper()
	s, err := c.rpc.Start(ctx, request, options...)
	c.must(err)
	return received(c.client, s, (*pb.StartResponse).GetEvent).started()
}

// received turns what grpc-go receives into a stream of events.
func received[T any](c *client, s interface{ Recv() (*T, error) }, event func(*T) *pb.ProcessEvent) *stream {
	return &stream{client: c, next: func() (*pb.ProcessEvent, error) {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return event(m), err
	}}
}

func (c *grpcClient) told(err error, code codes.Code, text string) *status.Status {
	c.Helper()
	s, ok := status.FromError(err)
	if !ok || s.Code() != code || !strings.Contains(s.Message(), text) {
		c.Fatalf("the error is %v, not %v %q", err, code, text)
	}
	return s
}

func TestGRPCUnary(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		s := c.start(c.ctx, shell("sleep 1000"))
		r, err := c.rpc.List(c.ctx, &pb.ListRequest{})
		c.must(err)
		equal(c.client, "the pid", r.Processes[0].Pid, s.pid)
		_, err = c.rpc.SendSignal(c.ctx, &pb.SendSignalRequest{Process: byPID(s.pid), Signal: pb.Signal_SIGNAL_SIGKILL})
		c.must(err)
		equal(c.client, "the status", s.finish().end.Status, "signal: killed")
	})
}

func TestGRPCServerStream(t *testing.T) {
	var want bytes.Buffer
	for i := range 1000000 {
		fmt.Fprintln(&want, i)
	}
	eachGRPC(t, func(c *grpcClient) {
		for _, options := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
			s := c.start(c.ctx, shell("seq 0 999999"), options...).finish()
			if !bytes.Equal(s.stdout, want.Bytes()) {
				c.Fatalf("%d bytes, not the %d that were written", len(s.stdout), want.Len())
			}
		}
	})
}

func TestGRPCClientStream(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		p := c.start(c.ctx, shell("read x; echo got $x"))
		s, err := c.rpc.StreamInput(c.ctx)
		c.must(err)
		c.must(s.Send(&pb.StreamInputRequest{Event: &pb.StreamInputRequest_Start{
			Start: &pb.StreamInputRequest_StartEvent{Process: byPID(p.pid)}}}))
		c.must(s.Send(&pb.StreamInputRequest{Event: &pb.StreamInputRequest_Data{
			Data: &pb.StreamInputRequest_DataEvent{Input: stdin([]byte("word\n"))}}}))
		_, err = s.CloseAndRecv()
		c.must(err)
		equal(c.client, "stdout", string(p.finish().stdout), "got word\n")
	})
}

func TestGRPCErrors(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		request := shell("true")
		request.Process.Cwd = pointer("/no/such")
		s, err := c.rpc.Start(c.ctx, request)
		c.must(err)
		_, err = s.Recv()
		e := c.told(err, codes.InvalidArgument, "cwd '/no/such' does not exist")
		equal(c.client, "the number of details", len(e.Details()), 1)
		equal(c.client, "the stage", e.Details()[0].(*agentpb.SpawnFailure).Stage, "chdir")
		_, err = c.rpc.SendSignal(c.ctx, &pb.SendSignalRequest{Process: byPID(noPID), Signal: 9})
		c.told(err, codes.NotFound, fmt.Sprintf("process with pid %d not found", noPID))
		c.told(c.conn.Invoke(c.ctx, "/process.Process/Nothing", &pb.ListRequest{}, &pb.ListResponse{}), codes.Unimplemented, "")
	})
}

func TestGRPCMetadata(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		ctx := metadata.AppendToOutgoingContext(c.ctx, "keepalive-ping-interval", "1", "authorization", basicUser)
		s := c.start(ctx, shell("id -un; sleep 2.5")).finish()
		equal(c.client, "the number of keepalives", s.keepalives, 2)
		equal(c.client, "the user", string(s.stdout), "user\n")
	})
}

func TestGRPCDeadline(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		ctx, cancel := context.WithTimeout(c.ctx, 300*time.Millisecond)
		defer cancel()
		s := c.start(ctx, shell("sleep 1000"))
		c.told(s.wait(), codes.DeadlineExceeded, "")
		c.eventually("the process is killed", func() bool { return !alive(s.pid) })
	})
}

// The connection is good for others when one of its calls is canceled.
func TestGRPCCancel(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		for _, kill := range []bool{false, true} {
			ctx, cancel := context.WithCancel(c.ctx)
			s := c.start(ctx, asking("sleep 1000", &pb.StartOptions{KillOnDisconnect: kill}, nil))
			cancel()
			c.told(s.wait(), codes.Canceled, "")
			if !kill {
				time.Sleep(100 * time.Millisecond) // for one that is killed by mistake to be gone
				equal(c.client, "alive", alive(s.pid), true)
				c.signal(s.pid, pb.Signal_SIGNAL_SIGKILL)
			}
			c.eventually("the process is killed", func() bool { return !alive(s.pid) })
		}
	})
}

func TestGRPC100AtOnce(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		var all []*stream
		for i := range 100 {
			all = append(all, c.start(c.ctx, shell(fmt.Sprintf("read x; echo %d $x", i))))
		}
		for i, s := range slices.Backward(all) {
			c.must(c.sendInput(c.ctx, byPID(s.pid), stdin([]byte("ok\n"))))
			equal(c.client, "stdout", string(s.finish().stdout), fmt.Sprintf("%d ok\n", i))
		}
	})
}

func TestGRPCHealth(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		client := health.NewHealthClient(c.conn)
		for _, service := range []string{"", "process.Process", "guest.v1.Exec"} {
			r, err := client.Check(c.ctx, &health.HealthCheckRequest{Service: service})
			c.must(err)
			equal(c.client, "the status of "+service, r.Status, health.HealthCheckResponse_SERVING)
		}
		_, err := client.Check(c.ctx, &health.HealthCheckRequest{Service: "nobody"})
		c.told(err, codes.NotFound, "")
		ctx, cancel := context.WithCancel(c.ctx)
		s, err := client.Watch(ctx, &health.HealthCheckRequest{})
		c.must(err)
		r, err := s.Recv()
		c.must(err)
		equal(c.client, "the status", r.Status, health.HealthCheckResponse_SERVING)
		cancel()
		_, err = s.Recv()
		c.told(err, codes.Canceled, "")
	})
}

func TestGRPCReflection(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		s, err := reflection.NewServerReflectionClient(c.conn).ServerReflectionInfo(c.ctx)
		c.must(err)
		c.must(s.Send(&reflection.ServerReflectionRequest{
			MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}))
		r, err := s.Recv()
		c.must(err)
		var names []string
		for _, service := range r.GetListServicesResponse().Service {
			names = append(names, service.Name)
		}
		slices.Sort(names)
		equal(c.client, "the services", strings.Join(names, " "), "filesystem.Filesystem grpc.health.v1.Health "+
			"grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection guest.v1.Agent guest.v1.Exec "+
			"guest.v1.Files guest.v1.Git process.Process")
		c.must(s.CloseSend())
	})
}

func TestGRPCSession(t *testing.T) {
	data := make([]byte, 6<<20)
	rand.Read(data)
	eachGRPC(t, func(c *grpcClient) {
		s, err := agentpb.NewExecClient(c.conn).Session(c.ctx)
		c.must(err)
		c.must(s.Send(starting(&pb.StartRequest{Process: &pb.ProcessConfig{Cmd: "cat"}})))
		events := received(c.client, s, (*agentpb.SessionResponse).GetEvent).started()
		c.must(s.Send(input([]byte("first\n"))))
		events.until("first\n")
		sent := make(chan error)
		go func() {
			for chunk := range slices.Chunk(data, 50000) {
				if err := s.Send(input(chunk)); err != nil {
					sent <- err
					return
				}
			}
			sent <- s.CloseSend()
		}()
		events.finish()
		c.must(<-sent)
		if !bytes.Equal(events.stdout[6:], data) {
			c.Fatalf("%d bytes came back, not the same %d", len(events.stdout)-6, len(data))
		}
	})
}

// Who is canceled leaves the process with its input open; another session goes on with it.
func TestGRPCSessionIsLeft(t *testing.T) {
	eachGRPC(t, func(c *grpcClient) {
		client := agentpb.NewExecClient(c.conn)
		ctx, cancel := context.WithCancel(c.ctx)
		s, err := client.Session(ctx)
		c.must(err)
		c.must(s.Send(starting(shell("cat; exit 5"))))
		first := received(c.client, s, (*agentpb.SessionResponse).GetEvent).started()
		cancel()
		c.told(first.wait(), codes.Canceled, "")

		s, err = client.Session(c.ctx)
		c.must(err)
		c.must(s.Send(&agentpb.SessionRequest{Request: &agentpb.SessionRequest_Attach{
			Attach: &pb.ConnectRequest{Process: byPID(first.pid)}}}))
		again := received(c.client, s, (*agentpb.SessionResponse).GetEvent).started()
		c.must(s.Send(input([]byte("still here\n"))))
		again.until("still here\n")
		c.must(s.CloseSend())
		equal(c.client, "the exit code", again.finish().end.ExitCode, 5)
	})
}

// --- grpcurl, which has no proto of ours -----------------------------------------------------------------------------

func grpcurl(t *testing.T, words ...string) string {
	t.Helper()
	for _, target := range [][]string{{"localhost:49983"}, {"-unix", os.Getenv("GUESTD_SOCKET")}} {
		where := slices.Index(words, "@")
		command := slices.Concat([]string{"-plaintext"}, words[:where], target, words[where+1:])
		out, err := exec.Command("grpcurl", command...).CombinedOutput()
		if err != nil {
			t.Fatalf("grpcurl %q: %v: %s", command, err, out)
		}
		if target[0] == "-unix" {
			return string(out)
		}
	}
	return ""
}

func TestGrpcurl(t *testing.T) {
	for _, one := range []struct {
		words []string
		says  string
	}{
		{[]string{"@", "list"}, "process.Process\n"},
		{[]string{"@", "list", "process.Process"}, "process.Process.StreamInput\n"},
		{[]string{"@", "describe", "process.ProcessSelector"}, "uint64 id = 1000;"},
		{[]string{"@", "describe", "guest.v1.Exec.Session"},
			"rpc Session ( stream .guest.v1.SessionRequest ) returns ( stream .guest.v1.SessionResponse );"},
		{[]string{"@", "grpc.health.v1.Health/Check"}, `"status": "SERVING"`},
		{[]string{"@", "guest.v1.Agent/GetInfo"}, `"compat": "e2b"`},
		{[]string{"-d", `{"process": {"cmd": "echo", "args": ["hello"]}}`, "@", "process.Process/Start"}, `"stdout": "aGVsbG8K"`},
		{[]string{"-d", `{"start": {"process": {"cmd": "cat"}}} {"input": "aGVsbG8K"}`, "@", "guest.v1.Exec/Session"},
			`"stdout": "aGVsbG8K"`},
		{[]string{"@", "process.Process/List"}, "{"},
	} {
		if out := grpcurl(t, one.words...); !strings.Contains(out, one.says) {
			t.Errorf("grpcurl %q does not say %q: %s", one.words, one.says, out)
		}
	}
}
