package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "guestd/proto/guest/v1"
	gitrpc "guestd/proto/guest/v1/guestv1connect"
)

// guest.v1.Git within one repository: what is written, and what is said of it.

func (c *client) localGit() gitrpc.GitClient {
	return gitrpc.NewGitClient(c.http, agentURL, c.way.options...)
}

// plumbing is what git itself says in that repository.
func (c *client) plumbing(dir string, args ...string) string {
	c.Helper()
	command := exec.Command("git", append([]string{"-C", dir}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := command.Output()
	c.must(err)
	return strings.TrimSpace(string(out))
}

var ann = &pb.Identity{Name: "Ann", Email: "ann@example.com", Time: &timestamppb.Timestamp{Seconds: 981173106}}

// aRepository has one commit, of a file "a".
func (c *client) aRepository() string {
	c.Helper()
	dir := filepath.Join(c.TempDir(), "repo")
	c.must(os.Mkdir(dir, 0o755))
	c.plumbing(dir, "init", "-q", "-b", "main")
	c.commitFile(dir, "1\n")
	return dir
}

func (c *client) commitFile(dir, text string) string {
	c.Helper()
	g := c.localGit()
	c.file(filepath.Join(dir, "a"), text)
	call(c, g.Add, &pb.AddRequest{Path: dir, All: true})
	r := call(c, g.Commit, &pb.CommitRequest{Path: dir, Message: "Say " + text, Author: ann, Committer: ann})
	same(c, "what Commit says", r, &pb.CommitResponse{Commit: c.plumbing(dir, "rev-parse", "HEAD"), Branch: "main"})
	return r.Commit
}

func TestGitCommits(t *testing.T) {
	eachWay(t, func(c *client) {
		g, dir := c.localGit(), c.aRepository()
		hooks := &pb.GitOptions{AllowHooks: true, Env: map[string]string{"GIT_TRACE": "0"}}
		c.file(filepath.Join(dir, ".gitignore"), "*.o\n")
		c.file(filepath.Join(dir, "b.o"), "x")
		call(c, g.Add, &pb.AddRequest{Path: dir, Paths: [][]byte{[]byte("b.o")}, Force: true, Options: hooks})
		equal(c, "what is staged", c.plumbing(dir, "diff", "--cached", "--name-only"), "b.o")
		c.file(filepath.Join(dir, "a"), "2\n")
		call(c, g.Commit, &pb.CommitRequest{Path: dir, Message: "x", Author: ann, Committer: ann, All: true, Options: hooks})
		equal(c, "who and when", c.plumbing(dir, "log", "-1", "--format=%an %ae %at %s"), "Ann ann@example.com 981173106 x")
		before := c.plumbing(dir, "rev-parse", "HEAD~1")
		call(c, g.Commit, &pb.CommitRequest{Path: dir, Committer: ann, Amend: true, AllowEmpty: true})
		equal(c, "the parent", c.plumbing(dir, "rev-parse", "HEAD~1"), before)
		err := refused(c, g.Commit, &pb.CommitRequest{Path: dir, Message: "x", Author: ann, Committer: ann})
		equal(c, "the code of an empty one", connect.CodeOf(err), connect.CodeFailedPrecondition)
	})
}

func TestGitBranches(t *testing.T) {
	eachWay(t, func(c *client) {
		g, dir := c.localGit(), c.aRepository()
		first := c.plumbing(dir, "rev-parse", "HEAD")
		second := c.commitFile(dir, "2\n")
		r := call(c, g.CreateBranch, &pb.CreateBranchRequest{Path: dir, Name: "b", Start: first, Options: &pb.GitOptions{}})
		same(c, "what CreateBranch says", r, &pb.CreateBranchResponse{Commit: first})
		call(c, g.CreateBranch, &pb.CreateBranchRequest{Path: dir, Name: "b", Force: true, Checkout: true})
		c.plumbing(dir, "branch", "-q", "--set-upstream-to=main")
		c.plumbing(dir, "update-ref", "refs/remotes/o/main", first)
		c.plumbing(dir, "update-ref", "refs/heads/main", first)
		c.plumbing(dir, "config", "branch.main.remote", ".")
		c.plumbing(dir, "config", "branch.main.merge", "refs/heads/gone")
		when := &timestamppb.Timestamp{Seconds: 981173106}
		list := call(c, g.Branches, &pb.BranchesRequest{Path: dir, Limit: 1, Options: &pb.GitOptions{}})
		same(c, "the first page", list, &pb.BranchesResponse{NextPage: list.NextPage, Branches: []*pb.Branch{{Name: "b", Current: true,
			Commit: second, Upstream: "main", Ahead: pointer[uint32](1), Behind: pointer[uint32](0), CommitTime: when,
			Subject: []byte("Say 2")}}})
		list = call(c, g.Branches, &pb.BranchesRequest{Path: dir, Remotes: true, Page: list.NextPage})
		same(c, "the second", list, &pb.BranchesResponse{Branches: []*pb.Branch{
			{Name: "main", Commit: first, Upstream: "gone", UpstreamGone: true, CommitTime: when, Subject: []byte("Say 1")},
			{Name: "o/main", Remote: true, Commit: first, CommitTime: when, Subject: []byte("Say 1")}}})
		c.file(filepath.Join(dir, "a"), "mine\n")
		co := call(c, g.Checkout, &pb.CheckoutRequest{Path: dir, Target: "main", Force: true, Options: &pb.GitOptions{}})
		same(c, "what Checkout says", co, &pb.CheckoutResponse{Branch: "main", Commit: first})
		co = call(c, g.Checkout, &pb.CheckoutRequest{Path: dir, Target: "main", Detach: true})
		same(c, "what Checkout says", co, &pb.CheckoutResponse{Commit: first})
		err := refused(c, g.DeleteBranch, &pb.DeleteBranchRequest{Path: dir, Name: "none"})
		equal(c, "the code", connect.CodeOf(err), connect.CodeNotFound)
		call(c, g.DeleteBranch, &pb.DeleteBranchRequest{Path: dir, Name: "b", Force: true, Options: &pb.GitOptions{}})
		equal(c, "what is left", c.plumbing(dir, "branch", "--list", "b"), "")
	})
}

func TestGitReset(t *testing.T) {
	eachWay(t, func(c *client) {
		g, dir := c.localGit(), c.aRepository()
		first := c.plumbing(dir, "rev-parse", "HEAD")
		for _, mode := range []pb.ResetRequest_Mode{pb.ResetRequest_MODE_SOFT, pb.ResetRequest_MODE_MIXED, pb.ResetRequest_MODE_HARD,
			pb.ResetRequest_MODE_MERGE, pb.ResetRequest_MODE_KEEP} {
			c.commitFile(dir, mode.String())
			r := call(c, g.Reset, &pb.ResetRequest{Path: dir, Mode: mode, Target: first, Options: &pb.GitOptions{}})
			same(c, "what Reset says", r, &pb.ResetResponse{Commit: first})
			equal(c, "HEAD", c.plumbing(dir, "rev-parse", "HEAD"), first)
		}
		a := [][]byte{[]byte("a")}
		c.file(filepath.Join(dir, "a"), "other\n")
		call(c, g.Add, &pb.AddRequest{Path: dir, Paths: a})
		call(c, g.Reset, &pb.ResetRequest{Path: dir, Paths: a})
		equal(c, "what is staged", c.plumbing(dir, "diff", "--cached", "--name-only"), "")
		call(c, g.Add, &pb.AddRequest{Path: dir, Paths: a})
		call(c, g.Restore, &pb.RestoreRequest{Path: dir, Paths: a, Staged: true, Worktree: true, Source: "HEAD",
			Options: &pb.GitOptions{}})
		equal(c, "what is changed", c.plumbing(dir, "status", "--porcelain"), "")
	})
}

func TestGitRemotes(t *testing.T) {
	eachWay(t, func(c *client) {
		g, dir := c.localGit(), c.aRepository()
		other := c.aRepository()
		call(c, g.AddRemote, &pb.AddRemoteRequest{Path: dir, Name: "o", Url: other, Fetch: true, Options: &pb.GitOptions{}})
		equal(c, "what was fetched", c.plumbing(dir, "rev-parse", "refs/remotes/o/main"), c.plumbing(other, "rev-parse", "HEAD"))
		err := refused(c, g.AddRemote, &pb.AddRemoteRequest{Path: dir, Name: "p", Url: "https://a:b@h/x",
			Credentials: &pb.GitCredentials{StoreCredentials: false}})
		equal(c, "the code", connect.CodeOf(err), connect.CodeInvalidArgument)
		call(c, g.AddRemote, &pb.AddRemoteRequest{Path: dir, Name: "o", Url: "/y", Overwrite: true})
		call(c, g.SetRemote, &pb.SetRemoteRequest{Path: dir, Name: "o", Url: "https://h/x", Options: &pb.GitOptions{}})
		c.plumbing(dir, "remote", "set-url", "--push", "o", "https://a:b@h/push")
		r := call(c, g.Remotes, &pb.RemotesRequest{Path: dir, Name: "o", Options: &pb.GitOptions{}})
		same(c, "the remotes", r, &pb.RemotesResponse{Remotes: []*pb.Remote{
			{Name: "o", FetchUrl: "https://h/x", PushUrl: "https://h/push"}}})
		call(c, g.RemoveRemote, &pb.RemoveRemoteRequest{Path: dir, Name: "o", Options: &pb.GitOptions{}})
		equal(c, "what is left", c.plumbing(dir, "remote"), "")
	})
}

// The home's and the machine's files are not written here: those scopes are read only.
func TestGitConfig(t *testing.T) {
	eachWay(t, func(c *client) {
		g, dir := c.localGit(), c.aRepository()
		local := pb.ConfigScope_CONFIG_SCOPE_LOCAL
		call(c, g.SetConfig, &pb.SetConfigRequest{Path: dir, Key: "a.b", Value: "1", Scope: local})
		call(c, g.SetConfig, &pb.SetConfigRequest{Path: dir, Key: "a.b", Value: "2", Add: true})
		r := call(c, g.GetConfig, &pb.GetConfigRequest{Path: dir, Key: "a.b", Scope: local})
		same(c, "the values", r, &pb.GetConfigResponse{Values: [][]byte{[]byte("1"), []byte("2")}})
		call(c, g.UnsetConfig, &pb.UnsetConfigRequest{Path: dir, Key: "a.b", Scope: local})
		for _, scope := range []pb.ConfigScope{pb.ConfigScope_CONFIG_SCOPE_GLOBAL, pb.ConfigScope_CONFIG_SCOPE_SYSTEM} {
			err := refused(c, g.GetConfig, &pb.GetConfigRequest{Path: dir, Key: "a.b", Scope: scope})
			equal(c, "the code", connect.CodeOf(err), connect.CodeNotFound)
		}
		call(c, g.ConfigureUser, &pb.ConfigureUserRequest{Path: dir, Name: "N", Email: "e@x", Scope: local})
		list := call(c, g.ListConfig, &pb.ListConfigRequest{Path: dir, Scope: local})
		n := len(list.Entries)
		same(c, "the last entries", &pb.ListConfigResponse{Entries: list.Entries[n-2:]}, &pb.ListConfigResponse{Entries: []*pb.ConfigEntry{
			{Key: "user.name", Value: []byte("N"), Scope: local}, {Key: "user.email", Value: []byte("e@x"), Scope: local}}})
	})
}
