// Package stacyvm is StacyVM's host, as far as it talks to the agent in a guest, written from docs/protocol.md alone: frames of JSON on
// one connection. Where the agent is says GUESTD_STACYVM: the path of its unix socket, or hybrid:PATH of a VM's, on which it is asked
// for the port first.
package stacyvm

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const frameMax = 64 << 20

// host is one connection, for one test.
type host struct {
	*testing.T
	conn   net.Conn
	reader *bufio.Reader
	count  int
}

type request struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	Params any    `json:"params,omitempty"`
}

type response struct {
	ID     string          `json:"id"`
	Error  string          `json:"error"`
	Result json.RawMessage `json:"result"`
}

type chunk struct {
	ID       string `json:"id"`
	Stream   string `json:"stream"`
	Data     string `json:"data"`
	Error    string `json:"error"`
	Done     bool   `json:"done"`
	ExitCode int    `json:"exit_code"`
}

type execParams struct {
	Command string            `json:"command"`
	Args    []string          `json:"args,omitempty"`
	Mode    string            `json:"mode,omitempty"`
	WorkDir string            `json:"work_dir,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
}

type execResult struct {
	ExitCode int    `json:"exit_code"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
}

type writeParams struct {
	Path    string `json:"path"`
	Content []byte `json:"content"`
	Mode    string `json:"mode,omitempty"`
}

type pathParams struct {
	Path      string `json:"path"`
	Mode      string `json:"mode,omitempty"`
	Recursive bool   `json:"recursive,omitempty"`
}

type moveParams struct {
	OldPath string `json:"old_path"`
	NewPath string `json:"new_path"`
}

type patternParams struct {
	Pattern string `json:"pattern"`
}

type fileInfo struct {
	Path    string    `json:"path"`
	Size    int64     `json:"size"`
	Mode    string    `json:"mode"`
	IsDir   bool      `json:"is_dir"`
	ModTime time.Time `json:"mod_time"`
}

func (h *host) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func connect(t *testing.T) *host {
	t.Helper()
	path, hybrid := strings.CutPrefix(os.Getenv("GUESTD_STACYVM"), "hybrid:")
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	h := &host{T: t, conn: conn, reader: bufio.NewReaderSize(conn, 1<<16)}
	h.must(conn.SetDeadline(time.Now().Add(5 * time.Minute)))
	if hybrid {
		fmt.Fprint(conn, "CONNECT 1024\n")
		line, err := h.reader.ReadString('\n')
		h.must(err)
		if !strings.HasPrefix(line, "OK") {
			t.Fatalf("the hybrid socket says %q", line)
		}
	}
	return h
}

func (h *host) sendFrame(body []byte) {
	h.Helper()
	h.must(binary.Write(h.conn, binary.BigEndian, uint32(len(body))))
	_, err := h.conn.Write(body)
	h.must(err)
}

// send writes a request; its id.
func (h *host) send(method string, params any) string {
	h.Helper()
	h.count++
	id := fmt.Sprintf("req-%d", h.count)
	body, err := json.Marshal(request{id, method, params})
	h.must(err)
	h.sendFrame(body)
	return id
}

func (h *host) receive(message any) {
	h.Helper()
	var length uint32
	h.must(binary.Read(h.reader, binary.BigEndian, &length))
	if length > frameMax {
		h.Fatalf("a frame of %d bytes", length)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(h.reader, body)
	h.must(err)
	h.must(json.Unmarshal(body, message))
}

// answer reads the answer to the request of that id into result; its error.
func (h *host) answer(id string, result any) string {
	h.Helper()
	var r response
	h.receive(&r)
	if r.ID != id {
		h.Fatalf("an answer to %q, not %q", r.ID, id)
	}
	if r.Error == "" {
		h.must(json.Unmarshal(r.Result, result))
	}
	return r.Error
}

// call succeeds.
func call[T any](h *host, method string, params any) T {
	h.Helper()
	var result T
	if text := h.answer(h.send(method, params), &result); text != "" {
		h.Fatalf("%s: %s", method, text)
	}
	return result
}

// fails checks that the call fails with an error that begins so.
func (h *host) fails(begins, method string, params any) {
	h.Helper()
	var result any
	if text := h.answer(h.send(method, params), &result); text == "" || !strings.HasPrefix(text, begins) {
		h.Errorf("%s %+v: the error is %q, not %q", method, params, text, begins)
	}
}

func (h *host) stream(params execParams) (stdout, stderr string, last chunk) {
	h.Helper()
	id := h.send("exec_stream", params)
	for !last.Done {
		last = chunk{}
		h.receive(&last)
		if last.ID != id {
			h.Fatalf("a chunk of %q, not %q", last.ID, id)
		}
		switch last.Stream {
		case "stdout":
			stdout += last.Data
		case "stderr":
			stderr += last.Data
		}
	}
	return stdout, stderr, last
}

func equal[T comparable](h *host, got, want T) {
	h.Helper()
	if got != want {
		h.Errorf("%v, not %v", got, want)
	}
}
