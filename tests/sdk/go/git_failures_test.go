package sdk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "guestd/proto/guest/v1"
	gitrpc "guestd/proto/guest/v1/guestv1connect"
)

// What guest.v1.Git says when something goes wrong: a GitFailure with each of the reasons.

// failure is the detail of an error.
func (c *client) failure(err error) *pb.GitFailure {
	c.Helper()
	var e *connect.Error
	if !errors.As(err, &e) || len(e.Details()) != 1 {
		c.Fatalf("%v has not one detail", err)
	}
	detail, err := e.Details()[0].Value()
	c.must(err)
	failure, ok := detail.(*pb.GitFailure)
	if !ok {
		c.Fatalf("the detail is %v, not a GitFailure", detail)
	}
	return failure
}

// Whatever the protocol, the detail comes whole.
func TestGitFailureOfALock(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.aRepository()
		lock := filepath.Join(dir, ".git/index.lock")
		c.file(lock, "")
		err := refused(c, c.localGit().Add, &pb.AddRequest{Path: dir, All: true})
		c.fails(err, connect.CodeAborted, "index.lock")
		got := c.failure(err)
		c.holds("what git said", got.Stderr, "fatal: Unable to create '"+lock+"': File exists.\n")
		same(c, "the failure", got, &pb.GitFailure{Reason: pb.GitFailure_REASON_LOCKED, ExitCode: 128, Stderr: got.Stderr,
			Paths: [][]byte{[]byte(lock)}})
	})
}

// gRPC's errors are trailers, of which its clients take 8 KiB: what has no room is left out, and the reason is there.
func TestGitFailureOfManyConflicts(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.aRepository()
		var names [][]byte
		for i := range 400 {
			names = append(names, []byte(fmt.Sprintf("%03d-%s", i, strings.Repeat("n", 60))))
		}
		change := func(text string) {
			for _, name := range names {
				c.file(filepath.Join(dir, string(name)), text)
			}
			c.gitSays(dir, "add", "-A")
			c.gitSays(dir, "commit", "-q", "-m", text)
		}
		change("1")
		c.gitSays(dir, "checkout", "-q", "-b", "side", "HEAD~1")
		change("2")
		if exec.Command("git", "-C", dir, "-c", "user.name=T", "-c", "user.email=t@example.com", "merge", "main").Run() == nil {
			c.Fatal("there is no conflict")
		}
		err := refused(c, c.localGit().Commit, &pb.CommitRequest{Path: dir, Message: "x", Author: ann, Committer: ann})
		c.fails(err, connect.CodeAborted, "unresolved conflict")
		got := c.failure(err)
		c.holds("the end of what git said", got.Stderr, "because of an unresolved conflict.\n")
		told := len(names)
		if c.way.grpc {
			told = len(got.Paths)
			if told < 10 || told > 100 || proto.Size(got) > 3<<10 {
				c.Fatalf("%d paths in %d bytes", told, proto.Size(got))
			}
		}
		same(c, "the failure", got, &pb.GitFailure{Reason: pb.GitFailure_REASON_CONFLICT, ExitCode: 128, Stderr: got.Stderr,
			Paths: names[:told], PathsTruncated: told < len(names)})
	})
}

// Of what git says a part is wanted; where none is, it has not said anything.
func TestGitFailures(t *testing.T) {
	for _, x := range []struct {
		code    connect.Code
		want    *pb.GitFailure
		provoke func(c *client, dir string) error
	}{
		{connect.CodePermissionDenied, &pb.GitFailure{Reason: pb.GitFailure_REASON_AUTH_FAILED, ExitCode: 128,
			Stderr: "fatal: "}, cloneWithoutAPassword},
		{connect.CodeUnavailable, &pb.GitFailure{Reason: pb.GitFailure_REASON_HOST_UNREACHABLE, ExitCode: 128,
			Stderr: "127.0.0.1"}, cloneFrom("http://127.0.0.1:1/x")},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_HOST_KEY_UNKNOWN, ExitCode: 128,
			Stderr: "Host key verification failed."}, cloneFromAStranger},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_NOT_A_REPOSITORY, ExitCode: 128,
			Stderr: "fatal: not a git repository"}, statusOfNothing},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_NO_UPSTREAM, ExitCode: 1,
			Stderr: "no tracking information for the current branch"}, pullFromNowhere},
		{connect.CodeAborted, &pb.GitFailure{Reason: pb.GitFailure_REASON_CONFLICT, ExitCode: 128,
			Stderr: "unmerged files", Paths: [][]byte{[]byte("a")}}, commitOfAConflict},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_NON_FAST_FORWARD, ExitCode: 1,
			Stderr: "error: failed to push some refs"}, pushOfWhatIsBehind},
		{connect.CodePermissionDenied, &pb.GitFailure{Reason: pb.GitFailure_REASON_DUBIOUS_OWNERSHIP, ExitCode: 128,
			Stderr: "fatal: detected dubious ownership"}, statusBelowAnothers},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_NOTHING_TO_COMMIT, ExitCode: 1,
			Stderr: "nothing to commit"}, commitOfNothing},
		{connect.CodeNotFound, &pb.GitFailure{Reason: pb.GitFailure_REASON_UNKNOWN_REF, ExitCode: 128,
			Stderr: "none"}, checkoutOfNothing},
		{connect.CodeResourceExhausted, &pb.GitFailure{Reason: pb.GitFailure_REASON_DISK_FULL, ExitCode: 128,
			Stderr: "No space left on device"}, cloneToAFullDisk},
		{connect.CodeInvalidArgument, &pb.GitFailure{Reason: pb.GitFailure_REASON_BAD_URL}, cloneFrom("ext::sh -c true")},
		{connect.CodeDeadlineExceeded, &pb.GitFailure{Reason: pb.GitFailure_REASON_TIMED_OUT}, runForTooLong},
		{connect.CodeAlreadyExists, &pb.GitFailure{Reason: pb.GitFailure_REASON_ALREADY_EXISTS, ExitCode: 128,
			Stderr: "already exists"}, branchThatIsThere},
		{connect.CodeNotFound, &pb.GitFailure{Reason: pb.GitFailure_REASON_REPOSITORY_NOT_FOUND, ExitCode: 128,
			Stderr: "fatal: repository '/none' does not exist\n"}, cloneFrom("/none")},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_NO_IDENTITY, ExitCode: 128,
			Stderr: "empty ident name"}, commitOfNobody},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_LOCAL_CHANGES, ExitCode: 1,
			Stderr: "would be overwritten by checkout"}, checkoutOverChanges},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_NOT_MERGED, ExitCode: 1,
			Stderr: "is not fully merged"}, deleteWhatIsNotMerged},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_CHECKED_OUT, ExitCode: 1,
			Stderr: "'main'"}, deleteTheBranch},
		{connect.CodeFailedPrecondition, &pb.GitFailure{Reason: pb.GitFailure_REASON_IGNORED, ExitCode: 1,
			Stderr: ".gitignore"}, addOfWhatIsIgnored},
		{connect.CodePermissionDenied, &pb.GitFailure{Reason: pb.GitFailure_REASON_NO_PERMISSION, ExitCode: 128,
			Stderr: "Permission denied"}, initOfRoots},
	} {
		t.Run(x.want.Reason.String(), func(t *testing.T) {
			c := dial(t, agentURL, ways[0])
			err := x.provoke(c, c.aRepository())
			c.fails(err, x.code, "")
			got := c.failure(err)
			if x.want.Stderr != "" {
				c.holds("what git said", got.Stderr, x.want.Stderr)
				got.Stderr = x.want.Stderr
			}
			same(c, "the failure", got, x.want)
		})
	}
}

// --- what goes wrong -------------------------------------------------------------------------------------------------

func cloneFrom(url string) func(*client, string) error {
	return func(c *client, _ string) error {
		_, err := c.clone(&pb.CloneRequest{Url: url, Path: c.TempDir() + "/c"})
		return err
	}
}

func cloneWithoutAPassword(c *client, _ string) error {
	url, _ := c.served()
	return cloneFrom(url)(c, "")
}

// sshServer is an sshd on loopback, which a client gets no further with than to see its key; the key, and the public one.
func (c *client) sshServer() (address string, key, public []byte) {
	c.Helper()
	file := filepath.Join(c.TempDir(), "key")
	c.must(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).Run())
	c.must(os.MkdirAll("/run/sshd", 0o755))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	c.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			sshd := exec.Command("/usr/sbin/sshd", "-i", "-f", "/dev/null", "-h", file)
			if sshd.Stdin, err = conn.(*net.TCPConn).File(); err == nil {
				sshd.Stdout = sshd.Stdin.(*os.File)
				_ = sshd.Run() // the client goes before the end
				sshd.Stdin.(*os.File).Close()
			}
			conn.Close()
		}
	}()
	key, err = os.ReadFile(file)
	c.must(err)
	public, err = os.ReadFile(file + ".pub")
	c.must(err)
	return l.Addr().String(), key, public
}

func cloneFromAStranger(c *client, _ string) error {
	address, key, public := c.sshServer()
	ssh := &pb.GitSsh{PrivateKey: key, KnownHosts: append([]byte("elsewhere "), public...)}
	_, err := c.clone(&pb.CloneRequest{Url: "ssh://" + address + "/x", Path: c.TempDir() + "/c",
		Credentials: &pb.GitCredentials{Kind: &pb.GitCredentials_Ssh{Ssh: ssh}}})
	return err
}

func statusOfNothing(c *client, _ string) error {
	return refused(c, c.localGit().Status, &pb.StatusRequest{Path: c.TempDir()})
}

func pullFromNowhere(c *client, dir string) error {
	_, err := c.pull(&pb.PullRequest{Path: dir})
	return err
}

func commitOfAConflict(c *client, _ string) error {
	return refused(c, c.localGit().Commit, &pb.CommitRequest{Path: aMerge(c).path, Message: "x", Author: ann, Committer: ann})
}

func pushOfWhatIsBehind(c *client, _ string) error {
	_, work := c.repositories()
	c.gitSays(work, "push", "-q")
	c.gitSays(work, "reset", "-q", "--hard", "HEAD~1")
	_, err := c.push(&pb.PushRequest{Path: work})
	return err
}

func statusBelowAnothers(c *client, dir string) error {
	below := filepath.Join(dir, "below")
	c.must(os.Mkdir(below, 0o755))
	c.must(os.Chown(dir, 1000, 1000))
	c.must(os.Chown(filepath.Join(dir, ".git"), 1000, 1000))
	return refused(c, c.localGit().Status, &pb.StatusRequest{Path: below})
}

func commitOfNothing(c *client, dir string) error {
	return refused(c, c.localGit().Commit, &pb.CommitRequest{Path: dir, Message: "x", Author: ann, Committer: ann})
}

func checkoutOfNothing(c *client, dir string) error {
	return refused(c, c.localGit().Checkout, &pb.CheckoutRequest{Path: dir, Target: "none"})
}

func cloneToAFullDisk(c *client, dir string) error {
	noise := make([]byte, 1<<20)
	_, _ = rand.Read(noise) // never fails
	c.must(os.WriteFile(filepath.Join(dir, "noise"), noise, 0o644))
	c.commitFile(dir, "2\n")
	small := c.TempDir()
	c.must(syscall.Mount("none", small, "tmpfs", 0, "size=512k"))
	c.Cleanup(func() { c.must(syscall.Unmount(small, 0)) })
	_, err := c.clone(&pb.CloneRequest{Url: "file://" + dir, Path: small + "/c"})
	return err
}

func runForTooLong(c *client, dir string) error {
	c.plumbing(dir, "config", "alias.wait", "!sleep 1000")
	s, err := c.localGit().Run(c.ctx, request(&pb.RunGitRequest{Path: dir, Args: []string{"wait"}},
		append(c.deadline(300), "Authorization", basicRoot)))
	_, err = lastOf(c, s, err)
	return err
}

func branchThatIsThere(c *client, dir string) error {
	return refused(c, c.localGit().CreateBranch, &pb.CreateBranchRequest{Path: dir, Name: "main"})
}

func commitOfNobody(c *client, dir string) error {
	c.plumbing(dir, "config", "user.name", "")
	return refused(c, c.localGit().Commit, &pb.CommitRequest{Path: dir, Message: "x", AllowEmpty: true})
}

func checkoutOverChanges(c *client, dir string) error {
	c.plumbing(dir, "branch", "side")
	c.commitFile(dir, "2\n")
	c.file(filepath.Join(dir, "a"), "3\n")
	return refused(c, c.localGit().Checkout, &pb.CheckoutRequest{Path: dir, Target: "side"})
}

func deleteWhatIsNotMerged(c *client, dir string) error {
	c.commitFile(dir, "2\n")
	c.plumbing(dir, "branch", "side")
	c.plumbing(dir, "reset", "-q", "--hard", "HEAD~1")
	return refused(c, c.localGit().DeleteBranch, &pb.DeleteBranchRequest{Path: dir, Name: "side"})
}

func deleteTheBranch(c *client, dir string) error {
	return refused(c, c.localGit().DeleteBranch, &pb.DeleteBranchRequest{Path: dir, Name: "main"})
}

func addOfWhatIsIgnored(c *client, dir string) error {
	c.file(filepath.Join(dir, ".gitignore"), "*.o\n")
	c.file(filepath.Join(dir, "b.o"), "")
	return refused(c, c.localGit().Add, &pb.AddRequest{Path: dir, Paths: [][]byte{[]byte("b.o")}})
}

func initOfRoots(c *client, _ string) error {
	_, err := c.localGit().Init(c.ctx, request(&pb.InitRequest{Path: "/home/x"}, []string{"Authorization", "Basic dXNlcjo="}))
	return err
}

// --- another agent ---------------------------------------------------------------------------------------------------

// An agent whose PATH has no git.
func TestGitFailureWithoutGit(t *testing.T) {
	dir := t.TempDir()
	agent := exec.Command(os.Getenv("GUESTD"), "--open", "--listen", "tcp:127.0.0.1:49985", "--run-dir", dir,
		"--log-level", "warn", "--no-cgroups") // the cgroup here is the other agent's
	agent.Env, agent.Stderr = []string{"PATH=" + dir}, os.Stderr
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		agent.Process.Signal(os.Interrupt)
		if err := agent.Wait(); err != nil {
			t.Error(err)
		}
	}()
	c := dial(t, "http://127.0.0.1:49985", ways[0])
	g := gitrpc.NewGitClient(c.http, "http://127.0.0.1:49985")
	var err error
	c.eventually("the agent listens", func() bool {
		err = refused(c, g.Status, &pb.StatusRequest{Path: "/"})
		return connect.CodeOf(err) != connect.CodeUnavailable
	})
	c.fails(err, connect.CodeFailedPrecondition, "no git")
	same(c, "the failure", c.failure(err), &pb.GitFailure{Reason: pb.GitFailure_REASON_NO_GIT})
}

// --- what no client is told ------------------------------------------------------------------------------------------

// Who has cancelled a call hears no more of it: only the reason's number and name are looked at.
func TestGitFailureOfACanceledCall(t *testing.T) {
	got := new(pb.GitFailure)
	data := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 15)
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	if want := (&pb.GitFailure{Reason: pb.GitFailure_REASON_CANCELED}); !proto.Equal(got, want) {
		t.Errorf("15 is %v, not %v", got, want)
	}
	if name := got.Reason.Descriptor().Values().ByNumber(15).Name(); name != "REASON_CANCELED" {
		t.Errorf("15 is named %v", name)
	}
}
