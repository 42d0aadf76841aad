package sdk

import (
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "guestd/proto/guest/v1"
	gitrpc "guestd/proto/guest/v1/guestv1connect"
)

// guest.v1.Git with others' repositories: Fetch, Pull, Push and the credentials for them.

func (c *client) remoteGit() gitrpc.GitClient {
	return gitrpc.NewGitClient(c.http, agentURL, c.way.options...)
}

// gitSays is what git itself prints in that repository.
func (c *client) gitSays(dir string, args ...string) string {
	c.Helper()
	args = append([]string{"-C", dir, "-c", "user.name=T", "-c", "user.email=t@example.com"}, args...)
	out, err := exec.Command("git", args...).Output()
	c.must(err)
	return strings.TrimSpace(string(out))
}

// lastOf is the last message of a stream, and its error.
func lastOf[R any](c *client, s *connect.ServerStreamForClient[R], err error) (*R, error) {
	c.Helper()
	c.must(err)
	defer s.Close()
	var last *R
	for s.Receive() {
		last = proto.Clone(any(s.Msg()).(proto.Message)).(any).(*R)
	}
	return last, s.Err()
}

func (c *client) fetch(m *pb.FetchRequest) (*pb.FetchResponse, error) {
	s, err := c.remoteGit().Fetch(c.ctx, request(m, []string{"Authorization", basicRoot}))
	return lastOf(c, s, err)
}

func (c *client) pull(m *pb.PullRequest) (*pb.PullResponse, error) {
	s, err := c.remoteGit().Pull(c.ctx, request(m, []string{"Authorization", basicRoot}))
	return lastOf(c, s, err)
}

func (c *client) push(m *pb.PushRequest) (*pb.PushResponse, error) {
	s, err := c.remoteGit().Push(c.ctx, request(m, []string{"Authorization", basicRoot}))
	return lastOf(c, s, err)
}

// repositories makes a bare one, and a clone of it with a commit more.
func (c *client) repositories() (bare, work string) {
	dir := c.TempDir()
	bare, work = filepath.Join(dir, "x.git"), filepath.Join(dir, "work")
	c.gitSays(dir, "init", "-q", "--bare", "-b", "main", bare)
	c.gitSays(bare, "config", "http.receivepack", "true")
	c.gitSays(dir, "clone", "-q", bare, work)
	c.gitSays(work, "checkout", "-q", "-B", "main")
	c.gitSays(work, "commit", "-q", "--allow-empty", "-m", "one")
	c.gitSays(work, "push", "-q", "-u", "origin", "main")
	c.gitSays(work, "commit", "-q", "--allow-empty", "-m", "two")
	return bare, work
}

func TestGitPush(t *testing.T) {
	eachWay(t, func(c *client) {
		bare, work := c.repositories()
		old, now := c.gitSays(work, "rev-parse", "HEAD~1"), c.gitSays(work, "rev-parse", "HEAD")
		r, err := c.push(&pb.PushRequest{Path: work, Options: &pb.GitOptions{AllowHooks: true, Env: map[string]string{"A": "b"}}})
		c.must(err)
		same(c, "the push", r, &pb.PushResponse{Message: &pb.PushResponse_Result{Result: &pb.PushResult{Updates: []*pb.RefUpdate{
			{Ref: "refs/heads/main", OldCommit: old, NewCommit: now, Kind: pb.RefUpdate_KIND_FAST_FORWARD}}}}})
		equal(c, "what is there", c.gitSays(bare, "rev-parse", "main"), now)
		for _, x := range []struct {
			m    *pb.PushRequest
			kind pb.RefUpdate_Kind
		}{
			{&pb.PushRequest{Path: work}, pb.RefUpdate_KIND_UP_TO_DATE},
			{&pb.PushRequest{Path: work, Remote: "origin", Refspecs: []string{"HEAD:refs/heads/n"}, SetUpstream: true}, pb.RefUpdate_KIND_NEW},
			{&pb.PushRequest{Path: work, Refspecs: []string{"HEAD~1:refs/heads/n"}, Force: true}, pb.RefUpdate_KIND_FORCED},
			{&pb.PushRequest{Path: work, Refspecs: []string{"HEAD:refs/heads/n"}, ForceWithLease: old}, pb.RefUpdate_KIND_FAST_FORWARD},
			{&pb.PushRequest{Path: work, Remote: "origin", Refspecs: []string{"n"}, Delete: true}, pb.RefUpdate_KIND_DELETED},
		} {
			r, err := c.push(x.m)
			c.must(err)
			equal(c, "the kind", r.GetResult().Updates[0].Kind, x.kind)
		}
		c.gitSays(work, "tag", "v1")
		r, err = c.push(&pb.PushRequest{Path: work, Tags: true})
		c.must(err)
		equal(c, "the number of updates", len(r.GetResult().Updates), 2)
		c.gitSays(work, "reset", "-q", "--hard", "HEAD~1")
		r, err = c.push(&pb.PushRequest{Path: work, Refspecs: []string{"main"}}) // its upstream is n by now
		c.fails(err, connect.CodeFailedPrecondition, "rejected")
		same(c, "what was rejected", r.GetResult().Updates[0], &pb.RefUpdate{
			Ref: "refs/heads/main", NewCommit: old, Kind: pb.RefUpdate_KIND_REJECTED, Reason: "non-fast-forward"})
	})
}

func TestGitFetchAndPull(t *testing.T) {
	eachWay(t, func(c *client) {
		bare, work := c.repositories()
		ours := filepath.Join(c.TempDir(), "ours")
		c.gitSays(work, "clone", "-q", "--depth=1", "file://"+bare, ours)
		old, now := c.gitSays(ours, "rev-parse", "HEAD"), c.gitSays(work, "rev-parse", "HEAD")
		c.gitSays(work, "push", "-q", "origin", "HEAD:refs/tags/t", "HEAD:main")
		r, err := c.fetch(&pb.FetchRequest{Path: ours, Remote: "origin", Depth: 1, Prune: true, Tags: true, Options: &pb.GitOptions{}})
		c.must(err)
		same(c, "the fetch", r, &pb.FetchResponse{Message: &pb.FetchResponse_Result{Result: &pb.FetchResult{Updates: []*pb.RefUpdate{
			{Ref: "refs/remotes/origin/main", OldCommit: old, NewCommit: now, Kind: r.GetResult().Updates[0].Kind},
			{Ref: "refs/tags/t", NewCommit: now, Kind: pb.RefUpdate_KIND_NEW}}}}})
		_, err = c.fetch(&pb.FetchRequest{Path: ours, Unshallow: true})
		c.must(err)
		_, err = c.fetch(&pb.FetchRequest{Path: ours, All: true})
		c.must(err)
		c.gitSays(work, "push", "-q", "-f", "origin", "HEAD~1:refs/tags/t")
		r, err = c.fetch(&pb.FetchRequest{Path: ours, Refspecs: []string{"+refs/tags/t:refs/tags/t"}})
		c.must(err)
		equal(c, "the kind", r.GetResult().Updates[0].Kind, pb.RefUpdate_KIND_TAG)
		for _, mode := range []pb.PullRequest_Mode{pb.PullRequest_MODE_MERGE, pb.PullRequest_MODE_REBASE, pb.PullRequest_MODE_FAST_FORWARD_ONLY} {
			c.gitSays(ours, "reset", "-q", "--hard", old)
			r, err := c.pull(&pb.PullRequest{Path: ours, Mode: mode, Options: &pb.GitOptions{}})
			c.must(err)
			same(c, "the pull", r, &pb.PullResponse{Message: &pb.PullResponse_Result{Result: &pb.PullResult{OldCommit: old, NewCommit: now}}})
		}
		_, err = c.pull(&pb.PullRequest{Path: ours, Remote: "origin", Branch: "none"})
		c.fails(err, connect.CodeNotFound, "none")
	})
}

// gitBackend serves the repositories below a directory to whoever asks.
func (c *client) gitBackend(root string) http.Handler {
	c.Helper()
	path, err := exec.LookPath("git")
	c.must(err)
	return &cgi.Handler{Path: path, Args: []string{"http-backend"},
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ann"}}
}

// A server that takes one name and password, or one token.
func (c *client) gitServer(root string) *httptest.Server {
	backend := c.gitBackend(root)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Header.Get("Authorization") != "Bearer t0k3n" && (user != "ann" || password != "t0k3n") {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	c.Cleanup(s.Close)
	return s
}

func TestGitCredentials(t *testing.T) {
	eachWay(t, func(c *client) {
		bare, work := c.repositories()
		c.gitSays(work, "remote", "set-url", "origin", c.gitServer(filepath.Dir(bare)).URL+"/x.git")
		_, err := c.push(&pb.PushRequest{Path: work})
		c.fails(err, connect.CodePermissionDenied, "")
		basic := &pb.GitCredentials{Kind: &pb.GitCredentials_Basic{Basic: &pb.GitBasic{Username: "ann", Password: "t0k3n"}}}
		bearer := &pb.GitCredentials{Kind: &pb.GitCredentials_Bearer{Bearer: "t0k3n"}}
		_, err = c.push(&pb.PushRequest{Path: work, Credentials: basic})
		c.must(err)
		_, err = c.fetch(&pb.FetchRequest{Path: work, Credentials: bearer})
		c.must(err)
		r, err := c.pull(&pb.PullRequest{Path: work, Credentials: bearer})
		c.must(err)
		equal(c, "the commit", r.GetResult().NewCommit, c.gitSays(bare, "rev-parse", "main"))
		_, err = c.fetch(&pb.FetchRequest{Path: work, Credentials: &pb.GitCredentials{
			Kind: &pb.GitCredentials_Bearer{Bearer: "t0k3n"}, StoreCredentials: true}})
		c.fails(err, connect.CodeInvalidArgument, "stored")
		key := filepath.Join(c.TempDir(), "key")
		c.must(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).Run())
		text, err := os.ReadFile(key)
		c.must(err)
		_, err = c.fetch(&pb.FetchRequest{Path: work, Remote: "ssh://127.0.0.1:1/x", Credentials: &pb.GitCredentials{
			Kind: &pb.GitCredentials_Ssh{Ssh: &pb.GitSsh{PrivateKey: text, KnownHosts: []byte("h ssh-ed25519 AAAA\n"), AcceptNewHost: true}}}})
		c.fails(err, connect.CodeUnavailable, "")
	})
}

// Progress comes before the result: what git does, and what the server says.
func TestGitRemoteProgress(t *testing.T) {
	eachWay(t, func(c *client) {
		bare, work := c.repositories()
		ours := filepath.Join(c.TempDir(), "ours")
		c.gitSays(work, "clone", "-q", "file://"+bare, ours)
		hook := filepath.Join(bare, "hooks/pre-receive")
		c.must(os.WriteFile(hook, []byte("#!/bin/sh\necho so says the server\nsleep 0.1\n"), 0o755))
		pushed, err := c.remoteGit().Push(c.ctx, request(&pb.PushRequest{Path: work}, []string{"Authorization", basicRoot}))
		c.must(err)
		defer pushed.Close()
		want := &pb.PushResponse{Message: &pb.PushResponse_Progress{Progress: &pb.GitProgress{Remote: "so says the server"}}}
		found := 0
		for pushed.Receive() {
			if proto.Equal(pushed.Msg(), want) {
				found++
			}
		}
		c.must(pushed.Err())
		equal(c, "how often the server's line came", found, 1)
		fetched, err := c.remoteGit().Fetch(c.ctx, request(&pb.FetchRequest{Path: ours}, []string{"Authorization", basicRoot}))
		c.must(err)
		defer fetched.Close()
		c.must(first(fetched))
		same(c, "the first message", fetched.Msg(), &pb.FetchResponse{Message: &pb.FetchResponse_Progress{Progress: fetched.Msg().GetProgress()}})
		for fetched.Receive() {
		}
		c.must(fetched.Err())
		c.gitSays(work, "commit", "-q", "--allow-empty", "-m", "three")
		c.gitSays(work, "push", "-q")
		pulled, err := c.remoteGit().Pull(c.ctx, request(&pb.PullRequest{Path: ours}, []string{"Authorization", basicRoot}))
		c.must(err)
		defer pulled.Close()
		c.must(first(pulled))
		same(c, "the first message", pulled.Msg(), &pb.PullResponse{Message: &pb.PullResponse_Progress{Progress: pulled.Msg().GetProgress()}})
	})
}

// first waits for a stream's first message.
func first[R any](s *connect.ServerStreamForClient[R]) error {
	if s.Receive() {
		return nil
	}
	return errors.Join(s.Err(), errors.New("no message came"))
}
