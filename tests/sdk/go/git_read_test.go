package sdk

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	agentpb "guestd/proto/guest/v1"
	agentrpc "guestd/proto/guest/v1/guestv1connect"
)

// The calls of guest.v1.Git that tell of a repository.

// readGit is a repository of a test's, and the calls that read it.
type readGit struct {
	*client
	agentrpc.GitClient
	path string
}

func newReadGit(c *client) *readGit {
	c.Helper()
	g := &readGit{c, agentrpc.NewGitClient(c.http, agentURL, c.way.options...), c.TempDir()}
	g.must(os.Chmod(g.path, 0o777))
	g.git("init", "-q", "-b", "main")
	return g
}

// git is git as a person runs it; what it prints.
func (g *readGit) git(args ...string) string {
	g.Helper()
	cmd := exec.Command("git", append([]string{"-C", g.path, "-c", "user.name=T", "-c", "user.email=t@x"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_DATE=1000000000 +0000", "GIT_COMMITTER_DATE=1000000001 +0100")
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g *readGit) write(name, text string) {
	g.Helper()
	g.must(os.WriteFile(g.path+"/"+name, []byte(text), 0o644))
}

func (g *readGit) commit(message string) string {
	g.Helper()
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", message)
	return g.git("rev-parse", "HEAD")
}

func TestGitLog(t *testing.T) {
	eachWay(t, func(c *client) {
		g := newReadGit(c)
		g.write("a", "1\n")
		first := g.commit("first")
		g.write("b\n", "1\n")
		second := g.commit("second\n\nbody\n")
		g.git("tag", "v1")
		third := g.commit("long\n\n" + strings.Repeat("x", 100000))
		author := &agentpb.Identity{Name: "T", Email: "t@x", Time: &timestamppb.Timestamp{Seconds: 1000000000}}
		committer := &agentpb.Identity{Name: "T", Email: "t@x", Time: &timestamppb.Timestamp{Seconds: 1000000001}}
		got := call(c, g.Log, &agentpb.LogRequest{Path: g.path, Revision: "HEAD~1", Limit: 1,
			Options: &agentpb.GitOptions{Env: map[string]string{"A": "1"}}})
		same(c, "the first page", got, &agentpb.LogResponse{NextPage: "1 " + second, Commits: []*agentpb.LogEntry{{Commit: second,
			Parents: []string{first}, Tree: g.git("rev-parse", "HEAD~1^{tree}"), Author: author, Committer: committer,
			Subject: []byte("second"), Body: []byte("body\n"), Refs: []string{"v1"}, Truncated: false}}})
		got = call(c, g.Log, &agentpb.LogRequest{Path: g.path, Page: got.NextPage})
		equal(c, "the second page", got.Commits[0].Commit, first)
		got = call(c, g.Log, &agentpb.LogRequest{Path: g.path, Paths: [][]byte{[]byte("b\n")}})
		equal(c, "commits of a path", len(got.Commits), 1)
		equal(c, "the newest", call(c, g.Log, &agentpb.LogRequest{Path: g.path}).Commits[0].Commit, third)
		c.fails(refused(c, g.Log, &agentpb.LogRequest{Path: g.path, Revision: "none"}), connect.CodeNotFound, "bad revision")
	})
}

// diff is the whole of a patch.
func (g *readGit) diff(message *agentpb.DiffRequest) string {
	g.Helper()
	s, err := g.GitClient.Diff(g.ctx, request(message, []string{"Authorization", basicRoot}))
	g.must(err)
	patch := &agentpb.DiffResponse{Patch: nil}
	for s.Receive() {
		proto.Merge(patch, &agentpb.DiffResponse{Patch: append(bytes.Clone(patch.Patch), s.Msg().Patch...)})
	}
	g.must(s.Err())
	return strings.TrimSpace(string(patch.Patch))
}

func TestGitDiff(t *testing.T) {
	eachWay(t, func(c *client) {
		g := newReadGit(c)
		g.write("a", strings.Repeat("line\n", 20))
		first := g.commit("first")
		g.write("a", strings.Repeat("line\n", 10)+"new\n"+strings.Repeat("line\n", 10))
		g.write("b", "1\n")
		second := g.commit("second")
		g.write("a", "short\n")
		g.git("add", "-A")
		none := uint32(0)
		equal(c, "the index", g.diff(&agentpb.DiffRequest{Path: g.path, Target: &agentpb.DiffTarget{Staged: true}}), g.git("diff", "--cached"))
		equal(c, "two commits", g.diff(&agentpb.DiffRequest{Path: g.path, Target: &agentpb.DiffTarget{From: first, To: second,
			Paths: [][]byte{[]byte("a")}}, Context: &none, Options: &agentpb.GitOptions{AllowHooks: true}}),
			g.git("diff", "-U0", first, second, "--", "a"))
	})
}

func TestGitChanges(t *testing.T) {
	eachWay(t, func(c *client) {
		g := newReadGit(c)
		g.write("a", strings.Repeat("line\n", 20))
		g.write("gone", "1\n")
		g.write("kind", "1\n")
		g.commit("first")
		g.git("mv", "a", "b")
		g.write("bin", "\x00")
		g.must(os.Remove(g.path + "/gone"))
		g.must(os.Remove(g.path + "/kind"))
		g.must(os.Symlink("b", g.path+"/kind"))
		g.git("add", "-A")
		target := &agentpb.DiffTarget{Staged: true}
		same(c, "what changed", call(c, g.Changes, &agentpb.ChangesRequest{Path: g.path, Target: target, Limit: 3}),
			&agentpb.ChangesResponse{Truncated: true, Files: []*agentpb.FileChange{
				{Path: []byte("b"), OriginalPath: []byte("a"), Change: agentpb.Change_CHANGE_RENAMED, AddedLines: 0, DeletedLines: 0},
				{Path: []byte("bin"), Change: agentpb.Change_CHANGE_ADDED, Binary: true},
				{Path: []byte("gone"), Change: agentpb.Change_CHANGE_DELETED, DeletedLines: 1}}})
		all := call(c, g.Changes, &agentpb.ChangesRequest{Path: g.path, Target: target, Options: &agentpb.GitOptions{}})
		equal(c, "the last", all.Files[3].Change, agentpb.Change_CHANGE_TYPE)
	})
}

func TestGitChangesOfAConflict(t *testing.T) {
	eachWay(t, func(c *client) {
		g := newReadGit(c)
		g.write("a", "1\n")
		g.commit("first")
		g.git("checkout", "-q", "-b", "side")
		g.write("a", "2\n")
		g.commit("second")
		g.git("checkout", "-q", "main")
		g.write("a", "3\n")
		g.commit("third")
		_ = exec.Command("git", "-C", g.path, "-c", "user.name=T", "-c", "user.email=t@x", "merge", "side").Run() // it conflicts
		r := call(c, g.Changes, &agentpb.ChangesRequest{Path: g.path})
		equal(c, "how many", len(r.Files), 1)
		equal(c, "the conflict", r.Files[0].Change, agentpb.Change_CHANGE_UNMERGED)
		g.git("add", "-A")
		g.git("commit", "-q", "-m", "merged")
		g.git("config", "status.renames", "copies")
		g.write("c", g.git("show", "HEAD:a")+"\n")
		g.write("a", g.git("show", "HEAD:a")+"\nmore\n")
		g.git("add", "-A")
		changes := map[string]agentpb.Change{}
		for _, entry := range call(c, g.Status, &agentpb.StatusRequest{Path: g.path}).Entries {
			changes[string(entry.Path)] = entry.Staged
		}
		equal(c, "the copy", changes["c"], agentpb.Change_CHANGE_COPIED)
		equal(c, "its source", changes["a"], agentpb.Change_CHANGE_MODIFIED)
	})
}
