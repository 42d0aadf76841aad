package sdk

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "guestd/proto/guest/v1"
)

// guest.v1.Git where a repository begins: Init, Clone, Status, and Run for all else.

// traced are options whose runs of git write what they did to a file; what it holds so far.
func (c *client) traced() (options *pb.GitOptions, trace func() string) {
	file := filepath.Join(c.TempDir(), "trace")
	return &pb.GitOptions{Env: map[string]string{"GIT_TRACE": file}}, func() string {
		c.Helper()
		text, err := os.ReadFile(file)
		c.must(err)
		return string(text)
	}
}

func (c *client) holds(what, text, part string) {
	c.Helper()
	if !strings.Contains(text, part) {
		c.Fatalf("%s is %q, without %q", what, text, part)
	}
}

func TestGitInit(t *testing.T) {
	eachWay(t, func(c *client) {
		g, dir := c.localGit(), filepath.Join(c.TempDir(), "new")
		options, trace := c.traced()
		r := call(c, g.Init, &pb.InitRequest{Path: dir, InitialBranch: "trunk", Options: options})
		same(c, "what Init says", r, &pb.InitResponse{GitDir: dir + "/.git", Reinitialized: false})
		equal(c, "the branch", c.plumbing(dir, "symbolic-ref", "HEAD"), "refs/heads/trunk")
		c.holds("the trace", trace(), "--initial-branch=trunk")
		r = call(c, g.Init, &pb.InitRequest{Path: dir})
		same(c, "what Init says again", r, &pb.InitResponse{GitDir: dir + "/.git", Reinitialized: true})
		r = call(c, g.Init, &pb.InitRequest{Path: dir + ".git", Bare: true})
		same(c, "what Init says of a bare one", r, &pb.InitResponse{GitDir: dir + ".git"})
	})
}

// --- Status ----------------------------------------------------------------------------------------------------------

// aMerge is a repository with a conflict, whose branch has one commit more, and one fewer, than the one that it follows.
func aMerge(c *client) *readGit {
	c.Helper()
	g := newReadGit(c)
	g.write(".gitignore", "*.o\n")
	g.write("a", "1\n")
	g.write("old", strings.Repeat("line\n", 20))
	g.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", c.aRepository(), "sub")
	g.commit("first")
	g.git("checkout", "-q", "-b", "side")
	g.write("a", "2\n")
	g.commit("second")
	g.git("checkout", "-q", "main")
	g.write("a", "3\n")
	g.commit("third")
	g.git("branch", "-q", "--set-upstream-to=side")
	g.git("read-tree", "-m", "-u", "main~1", "main", "side") // merges as far as the tree goes
	g.write(".git/MERGE_HEAD", g.git("rev-parse", "side")+"\n")
	return g
}

func TestGitStatus(t *testing.T) {
	eachWay(t, func(c *client) {
		g := aMerge(c)
		g.git("mv", "old", "renamed")
		g.write("renamed", strings.Repeat("line\n", 20)+"and one\n")
		c.must(os.Chmod(g.path+"/renamed", 0o755))
		g.git("-C", "sub", "commit", "-q", "--allow-empty", "-m", "x")
		g.write("sub/a", "changed\n")
		g.write("sub/new", "")
		g.write("x.o", "")
		c.must(os.Mkdir(g.path+"/dir", 0o755))
		g.write("dir/new", "")
		options, trace := c.traced()
		r := call(c, g.Status, &pb.StatusRequest{Path: g.path, Ignored: true, UntrackedFiles: true, Options: options})
		same(c, "the status", r, &pb.StatusResponse{Branch: "main", Commit: g.git("rev-parse", "HEAD"), Upstream: "side",
			Ahead: pointer[uint32](1), Behind: pointer[uint32](1), Operation: "merge", Entries: []*pb.StatusEntry{
				{Path: []byte("renamed"), OriginalPath: []byte("old"), Staged: pb.Change_CHANGE_RENAMED, Unstaged: pb.Change_CHANGE_MODIFIED,
					HeadMode: 0o100644, IndexMode: 0o100644, WorktreeMode: 0o100755, Score: 100},
				{Path: []byte("sub"), Unstaged: pb.Change_CHANGE_MODIFIED, HeadMode: 0o160000, IndexMode: 0o160000, WorktreeMode: 0o160000,
					Submodule: &pb.Submodule{NewCommits: true, Modified: true, Untracked: true}},
				{Path: []byte("a"), Conflict: "UU", Staged: pb.Change_CHANGE_UNMERGED, Unstaged: pb.Change_CHANGE_UNMERGED,
					WorktreeMode: 0o100644},
				{Path: []byte("dir/new"), Untracked: true},
				{Path: []byte("x.o"), Ignored: true}}})
		c.holds("the trace", trace(), "--untracked-files=all")
		r = call(c, g.Status, &pb.StatusRequest{Path: g.path, Paths: [][]byte{[]byte("dir"), []byte("renamed")}, Limit: 1})
		equal(c, "whether there is more", r.Truncated, true)
		same(c, "what there is", &pb.StatusResponse{Entries: r.Entries, Truncated: true}, &pb.StatusResponse{Truncated: true,
			Entries: []*pb.StatusEntry{{Path: []byte("renamed"), Staged: pb.Change_CHANGE_ADDED, Unstaged: pb.Change_CHANGE_MODIFIED,
				IndexMode: 0o100644, WorktreeMode: 0o100755}}})
	})
}

// --- Clone -----------------------------------------------------------------------------------------------------------

// clone is the last message of Clone, which is the result.
func (c *client) clone(m *pb.CloneRequest) (*pb.CloneResponse, error) {
	c.Helper()
	s, err := c.localGit().Clone(c.ctx, request(m, []string{"Authorization", basicRoot}))
	return lastOf(c, s, err)
}

// served is a repository of two branches, and one that has it as its submodule, behind an HTTP server that wants a name.
func (c *client) served() (url string, commit string) {
	root := c.TempDir()
	c.gitSays(root, "init", "-q", "--bare", "-b", "main", "part.git")
	work := c.aRepository()
	c.gitSays(work, "push", "-q", filepath.Join(root, "part.git"), "main")
	server := c.gitServer(root)
	c.must(os.WriteFile(filepath.Join(work, ".gitmodules"), []byte("[submodule \"part\"]\n\tpath = part\n\turl = ../part.git\n"), 0o644))
	c.must(os.Mkdir(filepath.Join(work, "dir"), 0o755))
	c.file(filepath.Join(work, "dir/b"), "1\n")
	c.gitSays(work, "add", "-A")
	c.gitSays(work, "update-index", "--add", "--cacheinfo", "160000,"+c.gitSays(work, "rev-parse", "HEAD")+",part")
	c.gitSays(work, "commit", "-q", "-m", "whole")
	c.gitSays(work, "branch", "side", "HEAD~1")
	c.gitSays(root, "clone", "-q", "--bare", work, "whole.git")
	c.gitSays(filepath.Join(root, "whole.git"), "config", "uploadpack.allowFilter", "true")
	return server.URL + "/whole.git", c.gitSays(work, "rev-parse", "HEAD")
}

func TestGitClone(t *testing.T) {
	eachWay(t, func(c *client) {
		url, commit := c.served()
		dir := c.TempDir()
		ann := &pb.GitCredentials{Kind: &pb.GitCredentials_Basic{Basic: &pb.GitBasic{Username: "ann", Password: "t0k3n"}}}
		options, trace := c.traced()
		r, err := c.clone(&pb.CloneRequest{Url: url, Path: dir + "/all", RecurseSubmodules: true, Credentials: ann, Options: options})
		c.must(err)
		same(c, "the clone", r, &pb.CloneResponse{Message: &pb.CloneResponse_Result{Result: &pb.CloneResult{
			Path: dir + "/all", Branch: "main", Commit: commit}}})
		equal(c, "the submodule's file", c.plumbing(dir+"/all/part", "show", "HEAD:a"), "1")
		c.holds("the trace", trace(), "--recurse-submodules")
		r, err = c.clone(&pb.CloneRequest{Url: url, Path: dir + "/one", Branch: "side", Depth: 1, SingleBranch: true, Credentials: ann})
		c.must(err)
		equal(c, "the branch", r.GetResult().GetBranch(), "side")
		equal(c, "the branches", c.plumbing(dir+"/one", "for-each-ref", "--format=%(refname)"), "refs/heads/side\nrefs/remotes/origin/side")
		equal(c, "its depth", c.plumbing(dir+"/one", "rev-parse", "--is-shallow-repository"), "true")
		_, err = c.clone(&pb.CloneRequest{Url: url, Path: dir + "/some", Filter: "blob:none", SparsePaths: []string{"none"}, Credentials: ann})
		c.must(err)
		equal(c, "the filter", c.plumbing(dir+"/some", "config", "remote.origin.partialclonefilter"), "blob:none")
		equal(c, "what is checked out", names(c, dir+"/some"), ".git .gitmodules a part")
		_, err = c.clone(&pb.CloneRequest{Url: url, Path: dir + "/none", NoCheckout: true, Credentials: ann})
		c.must(err)
		equal(c, "what is checked out", names(c, dir+"/none"), ".git")
		_, err = c.clone(&pb.CloneRequest{Url: url, Path: dir + "/bare", Bare: true, Credentials: ann})
		c.must(err)
		equal(c, "whether it is bare", c.plumbing(dir+"/bare", "rev-parse", "--is-bare-repository"), "true")
	})
}

func names(c *client, dir string) string {
	c.Helper()
	entries, err := os.ReadDir(dir)
	c.must(err)
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return strings.Join(list, " ")
}

// teller puts a line of progress before the first pack of an answer, and sends the pack when `seen` is closed.
type teller struct {
	http.ResponseWriter
	line string
	seen chan struct{}
}

func (w *teller) Write(data []byte) (int, error) {
	const start = "000dpackfile\n" // gitprotocol-v2(5)
	if !bytes.HasPrefix(data, []byte(start)) {
		return w.ResponseWriter.Write(data)
	}
	line := "\x02" + w.line + "\n" // of the side band
	if _, err := w.ResponseWriter.Write(fmt.Appendf([]byte(start), "%04x%s", 4+len(line), line)); err != nil {
		return 0, err
	}
	w.ResponseWriter.(http.Flusher).Flush()
	<-w.seen
	n, err := w.ResponseWriter.Write(data[len(start):])
	return n + len(start), err
}

func TestGitProgress(t *testing.T) {
	eachWay(t, func(c *client) {
		bare, _ := c.repositories()
		backend, seen := c.gitBackend(filepath.Dir(bare)), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			backend.ServeHTTP(&teller{w, "Making tea:  50% (1/2), 2.00 KiB | 1.00 KiB/s", seen}, r)
		}))
		c.Cleanup(server.Close)
		tell := sync.OnceFunc(func() { close(seen) })
		c.Cleanup(tell) // also when the test fails: the server waits for it
		defer time.AfterFunc(hang, tell).Stop()
		s, err := c.localGit().Clone(c.ctx, request(&pb.CloneRequest{Url: server.URL + "/x.git", Path: c.TempDir() + "/c"},
			[]string{"Authorization", basicRoot}))
		c.must(err)
		defer s.Close()
		want := &pb.CloneResponse{Message: &pb.CloneResponse_Progress{Progress: &pb.GitProgress{Phase: "Making tea",
			Done: 1, Total: 2, Bytes: 2048, BytesPerSecond: 1024}}}
		for s.Receive() && s.Msg().GetProgress().GetPhase() != "Making tea" {
		}
		same(c, "the progress", s.Msg(), want)
		tell()
		r, err := lastOf(c, s, nil)
		c.must(err)
		equal(c, "the branch", r.GetResult().GetBranch(), "main")
	})
}

// --- Run -------------------------------------------------------------------------------------------------------------

// run is each message of it.
func (c *client) run(m *pb.RunGitRequest) []*pb.RunGitResponse {
	c.Helper()
	s, err := c.localGit().Run(c.ctx, request(m, []string{"Authorization", basicRoot}))
	c.must(err)
	defer s.Close()
	var list []*pb.RunGitResponse
	for s.Receive() {
		list = append(list, proto.CloneOf(s.Msg()))
	}
	c.must(s.Err())
	return list
}

func TestGitRun(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.aRepository()
		for name, script := range map[string]string{"say": "!printf %s \"$WORD\"", "fail": "!printf oh >&2; exit 3", "die": "!kill -KILL $PPID"} {
			c.plumbing(dir, "config", "alias."+name, script)
		}
		stdout := func(text string) *pb.RunGitResponse {
			return &pb.RunGitResponse{Message: &pb.RunGitResponse_Stdout{Stdout: []byte(text)}}
		}
		result := func(code int32) *pb.RunGitResponse {
			return &pb.RunGitResponse{Message: &pb.RunGitResponse_Result{Result: &pb.RunGitResult{ExitCode: code}}}
		}
		for _, x := range []struct {
			m    *pb.RunGitRequest
			want []*pb.RunGitResponse
		}{
			{&pb.RunGitRequest{Path: dir, Args: []string{"hash-object", "--stdin"}, Input: []byte("hello\n")},
				[]*pb.RunGitResponse{stdout("ce013625030ba8dba906f756967f9e9ca394464a\n"), result(0)}},
			{&pb.RunGitRequest{Path: dir, Args: []string{"say"}, Options: &pb.GitOptions{Env: map[string]string{"WORD": "well"}}},
				[]*pb.RunGitResponse{stdout("well"), result(0)}},
			{&pb.RunGitRequest{Path: dir, Args: []string{"fail"}},
				[]*pb.RunGitResponse{{Message: &pb.RunGitResponse_Stderr{Stderr: []byte("oh")}}, result(3)}},
			{&pb.RunGitRequest{Path: dir, Args: []string{"die"}}, []*pb.RunGitResponse{result(-1)}},
		} {
			got := c.run(x.m)
			equal(c, "the number of messages", len(got), len(x.want))
			for i := range got {
				same(c, "a message", got[i], x.want[i])
			}
		}
	})
}

func TestGitRunWithCredentials(t *testing.T) {
	eachWay(t, func(c *client) {
		url, commit := c.served()
		got := c.run(&pb.RunGitRequest{Args: []string{"ls-remote", url, "HEAD"},
			Credentials: &pb.GitCredentials{Kind: &pb.GitCredentials_Bearer{Bearer: "t0k3n"}}})
		equal(c, "what HEAD is", string(got[0].GetStdout()), commit+"\tHEAD\n")
	})
}
