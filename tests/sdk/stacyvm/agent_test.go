package stacyvm

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type okResult struct {
	OK bool `json:"ok"`
}

type contentResult struct {
	Content []byte `json:"content"`
}

type filesResult struct {
	Files []fileInfo `json:"files"`
}

type matchesResult struct {
	Matches []string `json:"matches"`
}

// place is a directory in the guest for this test alone.
func place(h *host) string {
	path := filepath.Join(h.TempDir(), "place")
	h.Cleanup(func() { call[okResult](connect(h.T), "delete_file", pathParams{Path: path, Recursive: true}) })
	return path
}

func TestPing(t *testing.T) {
	h := connect(t)
	equal(h, call[map[string]bool](h, "ping", nil)["pong"], true)
	h.fails("unknown method: fly", "fly", nil)
}

func TestExec(t *testing.T) {
	h := connect(t)
	for _, c := range []struct {
		params execParams
		want   execResult
	}{
		{execParams{Command: "echo out; echo err >&2; exit 3"}, execResult{3, "out\n", "err\n"}},
		{execParams{Command: "kill -9 $$", Mode: "shell"}, execResult{-1, "", ""}},
		{execParams{Command: "printf '%s|'", Args: []string{"it's", "a b", "$X", ""}}, execResult{0, "it's|a b|$X||", ""}},
		{execParams{Command: "printf", Args: []string{"%s|", "$X"}, Mode: "argv"}, execResult{0, "$X|", ""}},
		{execParams{Command: "echo $A; pwd", Env: map[string]string{"A": "b"}, WorkDir: "/tmp"}, execResult{0, "b\n/tmp\n", ""}},
		{execParams{Command: "pwd; cat"}, execResult{0, "/\n", ""}},
		{execParams{Command: `printf 'x\377y'`}, execResult{0, "x\ufffdy", ""}},
	} {
		equal(h, call[execResult](h, "exec", c.params), c.want)
	}
	for _, name := range strings.Fields(call[execResult](h, "exec", execParams{Command: "env", Mode: "argv"}).Stdout) {
		equal(h, strings.HasPrefix(name, "PATH="), true)
	}
	h.fails(`unsupported exec mode "fly"`, "exec", execParams{Command: "x", Mode: "fly"})
	h.fails("exec: ", "exec", execParams{Mode: "argv"})
	h.fails("exec: ", "exec", execParams{Command: "no-such-program", Mode: "argv"})
	h.fails("exec: ", "exec", execParams{Command: "true", WorkDir: "/nowhere"})
	h.fails("bad params: ", "exec", map[string]any{"command": 5})
}

func TestExecStream(t *testing.T) {
	h := connect(t)
	stdout, stderr, last := h.stream(execParams{Command: "echo one; echo two >&2; echo drei €; exit 7"})
	equal(h, stdout, "one\ndrei €\n")
	equal(h, stderr, "two\n")
	equal(h, last.ExitCode, 7)
	_, _, last = h.stream(execParams{Command: "no-such-program", Mode: "argv"})
	equal(h, strings.HasPrefix(last.Error, "exec: "), true)
	stdout, _, last = h.stream(execParams{Command: "i=0; while [ $i -lt 20000 ]; do echo äöü€$i; i=$((i+1)); done"})
	equal(h, strings.Count(stdout, "\n"), 20000)
	equal(h, strings.Contains(stdout, "\ufffd"), false)
	equal(h, last.ExitCode, 0)
}

func TestABackgroundServerIsNotWaitedFor(t *testing.T) {
	h := connect(t)
	begun := time.Now()
	result := call[execResult](h, "exec", execParams{Command: "sleep 250 & echo $!"})
	if time.Since(begun) > time.Minute {
		t.Errorf("it was waited for: %v", time.Since(begun))
	}
	equal(h, call[execResult](h, "exec", execParams{Command: "kill " + result.Stdout}).ExitCode, 0)
}

func TestFiles(t *testing.T) {
	h := connect(t)
	dir := place(h)
	for _, size := range []int{0, 1, 2, 3, 49152, 65537, 3 << 20} {
		data := make([]byte, size)
		rand.Read(data)
		call[okResult](h, "write_file", writeParams{dir + "/a/b", data, ""})
		if got := call[contentResult](h, "read_file", pathParams{Path: dir + "/a/b"}); !bytes.Equal(got.Content, data) {
			t.Errorf("%d bytes did not come back", size)
		}
	}
	call[okResult](h, "write_file", writeParams{dir + "/a/c.txt", []byte("x"), "600"})
	call[okResult](h, "chmod_file", pathParams{Path: dir + "/a/c.txt", Mode: "750"})
	info := call[fileInfo](h, "stat_file", pathParams{Path: dir + "/a/c.txt"})
	equal(h, info.Size, 1)
	equal(h, info.Mode, "750")
	equal(h, info.ModTime.IsZero(), false)
	call[okResult](h, "move_file", moveParams{dir + "/a/c.txt", dir + "/d/e/f.txt"})
	list := call[filesResult](h, "list_files", pathParams{Path: dir}).Files
	equal(h, len(list), 2)
	equal(h, list[0].Path, dir+"/a")
	equal(h, list[0].Mode, "20000000755")
	equal(h, list[1].IsDir, true)
	equal(h, strings.Join(call[matchesResult](h, "glob_files", patternParams{dir + "/**/*.txt"}).Matches, " "), dir+"/d/e/f.txt")
	equal(h, len(call[matchesResult](h, "glob_files", patternParams{dir + "/*.txt"}).Matches), 0)
	h.fails("delete: ", "delete_file", pathParams{Path: dir + "/d"})
	call[okResult](h, "delete_file", pathParams{Path: dir + "/d", Recursive: true})
	call[okResult](h, "delete_file", pathParams{Path: dir + "/d", Recursive: true})
}

func TestFileErrors(t *testing.T) {
	h := connect(t)
	for method, begins := range map[string]string{"read_file": "read: ", "list_files": "readdir: ", "stat_file": "stat: ",
		"delete_file": "delete: ", "chmod_file": "parse mode: "} {
		h.fails(begins, method, pathParams{Path: "/nowhere/at/all"})
	}
	h.fails("chmod: ", "chmod_file", pathParams{Path: "/nowhere", Mode: "644"})
	h.fails("rename: ", "move_file", moveParams{"/nowhere", "/tmp/never"})
	h.fails("glob: ", "glob_files", patternParams{"/["})
	h.fails("write: ", "write_file", writeParams{"/tmp", nil, ""})
	h.fails("mkdir: ", "write_file", writeParams{"/dev/null/x", nil, ""})
	h.fails("bad params: ", "write_file", map[string]any{"path": "/tmp/never", "content": "no base64!"})
	h.fails("bad params: ", "read_file", map[string]any{"path": "/tmp\x00/x"})
}

func TestRequestsAreAnsweredInOrder(t *testing.T) {
	h := connect(t)
	var ids []string
	for i := range 8 {
		ids = append(ids, h.send("exec", execParams{Command: fmt.Sprintf("sleep 0.0%d; echo %d", 7-i, i)}))
	}
	for i, id := range ids {
		var result execResult
		equal(h, h.answer(id, &result), "")
		equal(h, result.Stdout, fmt.Sprintf("%d\n", i))
	}
}

func TestWhatIsNoRequestEndsTheConnection(t *testing.T) {
	for _, body := range []string{"[]", "nonsense", "{", `{"id":5}`, strings.Repeat("[", 500)} {
		h := connect(t)
		h.sendFrame([]byte(body))
		if n, err := io.Copy(io.Discard, h.reader); n > 0 || (err != nil && !strings.Contains(err.Error(), "reset")) {
			t.Errorf("%q is answered with %d bytes, %v", body, n, err)
		}
	}
	h := connect(t)
	h.must(binary.Write(h.conn, binary.BigEndian, uint32(frameMax+1)))
	if n, _ := io.Copy(io.Discard, h.reader); n > 0 {
		t.Errorf("a frame that is too long is answered")
	}
}
