package sdk

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "guestd/proto/filesystem"
	agentpb "guestd/proto/guest/v1"
)

// Files as the hosts of E2B and Wrenn ask for them, and what guestd adds.

// call is a unary call as root, who may do what the tests look at.
func call[Q, R any](c *client, method func(context.Context, *connect.Request[Q]) (*connect.Response[R], error), m *Q) *R {
	c.Helper()
	r, err := method(c.ctx, request(m, []string{"Authorization", basicRoot}))
	c.must(err)
	return r.Msg
}

// refused is the error of one.
func refused[Q, R any](c *client, method func(context.Context, *connect.Request[Q]) (*connect.Response[R], error), m *Q) error {
	_, err := method(c.ctx, request(m, []string{"Authorization", basicRoot}))
	return err
}

// same wants equal messages.
func same(c *client, what string, got, want proto.Message) {
	c.Helper()
	if !proto.Equal(got, want) {
		c.Fatalf("%s is %v, not %v", what, got, want)
	}
}

func (c *client) file(path, text string) {
	c.Helper()
	c.must(os.WriteFile(path, []byte(text), 0o644))
}

func lstat(c *client, path string) *syscall.Stat_t {
	c.Helper()
	st := new(syscall.Stat_t)
	c.must(syscall.Lstat(path, st))
	return st
}

func stamp(t syscall.Timespec) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: t.Sec, Nanos: int32(t.Nsec)}
}

// --- filesystem.Filesystem -------------------------------------------------------------------------------------------

// A name that is not UTF-8 comes as bytes, too; all else is as envd has it.
func TestEntries(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		name := "a\xffb"
		c.file(filepath.Join(dir, name), "four")
		r := call(c, c.envd.ListDir, &pb.ListDirRequest{Path: dir})
		equal(c, "the number of entries", len(r.Entries), 1)
		same(c, "the entry", r.Entries[0], &pb.EntryInfo{
			Name: "a\ufffdb", NameBytes: []byte(name), Path: dir + "/a\ufffdb", PathBytes: []byte(dir + "/" + name),
			Type: pb.FileType_FILE_TYPE_FILE, Size: 4, Mode: 0o644, Permissions: "-rw-r--r--", Owner: "root", Group: "root",
			ModifiedTime: stamp(lstat(c, dir+"/"+name).Mtim)})
	})
}

func TestOneLifeOfADirectory(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		made := call(c, c.envd.MakeDir, &pb.MakeDirRequest{Path: dir + "/a/b"}).Entry
		equal(c, "the type", made.Type, pb.FileType_FILE_TYPE_DIRECTORY)
		c.fails(refused(c, c.envd.MakeDir, &pb.MakeDirRequest{Path: dir + "/a"}), connect.CodeAlreadyExists,
			"directory already exists: "+dir+"/a")
		moved := call(c, c.envd.Move, &pb.MoveRequest{Source: dir + "/a", Destination: dir + "/x/y"}).Entry
		equal(c, "the path", moved.Path, dir+"/x/y")
		c.fails(refused(c, c.envd.Move, &pb.MoveRequest{Source: dir + "/a", Destination: dir + "/z"}), connect.CodeNotFound,
			"source file not found: ")
		listed := call(c, c.envd.ListDir, &pb.ListDirRequest{Path: dir, Depth: 3}).Entries
		equal(c, "the number of entries", len(listed), 3)
		equal(c, "the last", listed[2].Path, dir+"/x/y/b")
		call(c, c.envd.Remove, &pb.RemoveRequest{Path: dir + "/x"})
		call(c, c.envd.Remove, &pb.RemoveRequest{Path: dir + "/x"})
		c.fails(refused(c, c.envd.Stat, &pb.StatRequest{Path: dir + "/x"}), connect.CodeNotFound, "file not found: ")
		c.fails(refused(c, c.envd.ListDir, &pb.ListDirRequest{Path: dir + "/x"}), connect.CodeNotFound, "path not found: lstat ")
	})
}

// --- guest.v1.Files --------------------------------------------------------------------------------------------------

func TestStatAsTheKernelHasIt(t *testing.T) {
	eachWay(t, func(c *client) {
		link := c.TempDir() + "/l\xff"
		c.must(os.Symlink("to\xff", link))
		c.must(os.Lchown(link, 0, 54321))
		got := call(c, c.files.Stat, &agentpb.StatFileRequest{PathBytes: []byte(link)})
		st := lstat(c, link)
		same(c, "the answer", got, &agentpb.StatFileResponse{File: &agentpb.FileInfo{
			Name: []byte("l\xff"), Path: []byte(link), Type: agentpb.FileInfo_TYPE_SYMLINK, Mode: st.Mode, Uid: 0, Gid: 54321,
			Owner: "root", Group: "", Size: 3, Blocks: st.Blocks, Inode: st.Ino, Device: uint64(st.Dev), Links: 1,
			ModifiedTime: stamp(st.Mtim), ChangedTime: stamp(st.Ctim),
			AccessedTime: got.File.GetAccessedTime(), // reading it changes it
			LinkTarget:   []byte("to\xff")}})
		equal(c, "the access's time", got.File.AccessedTime.IsValid(), true)
		c.fails(refused(c, c.files.Stat, &agentpb.StatFileRequest{Path: "/no/such"}), connect.CodeNotFound, "stat '/no/such'")
	})
}

func TestTypes(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		c.file(dir+"/f", "")
		c.must(syscall.Mkfifo(dir+"/p", 0o600))
		c.must(syscall.Mknod(dir+"/s", syscall.S_IFSOCK|0o600, 0))
		c.must(syscall.Mknod(dir+"/b", syscall.S_IFBLK|0o600, 0))
		for path, want := range map[string]agentpb.FileInfo_Type{
			dir + "/f": agentpb.FileInfo_TYPE_FILE, dir: agentpb.FileInfo_TYPE_DIRECTORY, dir + "/p": agentpb.FileInfo_TYPE_FIFO,
			dir + "/s": agentpb.FileInfo_TYPE_SOCKET, "/dev/null": agentpb.FileInfo_TYPE_CHARACTER_DEVICE,
			dir + "/b": agentpb.FileInfo_TYPE_BLOCK_DEVICE,
		} {
			equal(c, path, call(c, c.files.Stat, &agentpb.StatFileRequest{Path: path}).File.Type, want)
		}
	})
}

func TestPages(t *testing.T) {
	eachWay(t, func(c *client) {
		dir, seen := c.TempDir(), map[string]int{}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			c.file(filepath.Join(dir, name), "")
		}
		for page := ""; ; {
			r := call(c, c.files.List, &agentpb.ListFilesRequest{PathBytes: []byte(dir), Limit: 2, Page: page})
			for _, f := range r.Files {
				seen[string(f.Name)]++
			}
			last := len(seen) == 5
			same(c, "the rest", &agentpb.ListFilesResponse{Truncated: r.Truncated, NextPage: r.NextPage},
				&agentpb.ListFilesResponse{Files: nil, Truncated: !last, NextPage: r.NextPage})
			equal(c, "there is a next page", r.NextPage != "", !last)
			if page = r.NextPage; page == "" {
				break
			}
		}
		for name, n := range seen {
			equal(c, name, n, 1)
		}
		c.fails(refused(c, c.files.List, &agentpb.ListFilesRequest{Path: dir, Page: "?"}), connect.CodeInvalidArgument, "page '?'")
	})
}

func TestStrictSteps(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		made := call(c, c.files.MakeDir, &agentpb.MakeFileDirRequest{Path: dir + "/d", Mode: 0o710})
		same(c, "the answer", made, &agentpb.MakeFileDirResponse{File: made.File})
		equal(c, "the mode", made.File.Mode, syscall.S_IFDIR|0o710)
		c.fails(refused(c, c.files.MakeDir, &agentpb.MakeFileDirRequest{Path: dir + "/d"}), connect.CodeAlreadyExists, "")
		call(c, c.files.Symlink, &agentpb.SymlinkRequest{Target: "there", Path: dir + "/d/l"})
		same(c, "the link", call(c, c.files.ReadLink, &agentpb.ReadLinkRequest{Path: dir + "/d/l"}),
			&agentpb.ReadLinkResponse{Target: []byte("there")})
		c.fails(refused(c, c.files.Remove, &agentpb.RemoveFileRequest{Path: dir + "/d"}), connect.CodeFailedPrecondition, "")
		call(c, c.files.Remove, &agentpb.RemoveFileRequest{PathBytes: []byte(dir + "/d/l")})
		call(c, c.files.Remove, &agentpb.RemoveFileRequest{Path: dir + "/d"})
		c.fails(refused(c, c.files.Remove, &agentpb.RemoveFileRequest{Path: dir + "/d"}), connect.CodeNotFound, "")
	})
}

func TestTreesAreChangedAndCopied(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		c.must(os.MkdirAll(dir+"/t/d", 0o755))
		c.file(dir+"/t/d/f", "four")
		call(c, c.files.Chmod, &agentpb.ChmodRequest{Path: dir + "/t", Mode: 0o750, Recursive: true})
		call(c, c.files.Chown, &agentpb.ChownRequest{Path: dir + "/t", Owner: "user", Group: "54321", Recursive: true})
		copied := call(c, c.files.Copy, &agentpb.CopyRequest{Source: dir + "/t", Destination: dir + "/u", Recursive: true})
		same(c, "what was copied", copied, &agentpb.CopyResponse{Files: 1, Directories: 2, Bytes: 4})
		st := lstat(c, dir+"/u/d/f")
		equal(c, "the mode", st.Mode, syscall.S_IFREG|0o750)
		equal(c, "the owner", [2]uint32{st.Uid, st.Gid}, [2]uint32{1000, 54321})
		c.file(dir+"/t/d/f", "again")
		again := &agentpb.CopyRequest{Source: dir + "/t/d/f", Destination: dir + "/u/d/f"}
		c.fails(refused(c, c.files.Copy, again), connect.CodeAlreadyExists, "")
		call(c, c.files.Copy, &agentpb.CopyRequest{Source: again.Source, Destination: again.Destination, Overwrite: true})
		text, err := os.ReadFile(dir + "/u/d/f")
		c.must(err)
		equal(c, "the copy", string(text), "again")
	})
}

func TestNamesThatAreNotText(t *testing.T) {
	eachWay(t, func(c *client) {
		name := c.TempDir() + "/\xff"
		d, l, k := []byte(name), []byte(name+"/l\xfe"), []byte(name+"/k")
		call(c, c.files.MakeDir, &agentpb.MakeFileDirRequest{PathBytes: d})
		call(c, c.files.Symlink, &agentpb.SymlinkRequest{TargetBytes: []byte("\xfd"), PathBytes: l})
		call(c, c.files.Copy, &agentpb.CopyRequest{SourceBytes: l, DestinationBytes: k})
		same(c, "the link", call(c, c.files.ReadLink, &agentpb.ReadLinkRequest{PathBytes: k}),
			&agentpb.ReadLinkResponse{Target: []byte("\xfd")})
		call(c, c.files.Chmod, &agentpb.ChmodRequest{PathBytes: d, Mode: 0o711})
		call(c, c.files.Chown, &agentpb.ChownRequest{PathBytes: l, Owner: "1000"})
		equal(c, "the mode", lstat(c, name).Mode, syscall.S_IFDIR|0o711)
		equal(c, "the owner", lstat(c, name+"/l\xfe").Uid, 1000)
		c.fails(refused(c, c.files.Symlink, &agentpb.SymlinkRequest{TargetBytes: []byte("a\x00b"), Path: "/tmp/x"}),
			connect.CodeInvalidArgument, "a path with a NUL")
	})
}

// readTree is what ReadTree sends, item by item, and how it ends.
func readTree(c *client, m *agentpb.ReadTreeRequest) ([]*agentpb.TreeItem, error) {
	c.Helper()
	stream, err := c.files.ReadTree(c.ctx, request(m, []string{"Authorization", basicRoot}))
	c.must(err)
	defer stream.Close()
	got := &agentpb.ReadTreeResponse{Items: nil}
	for stream.Receive() {
		got.Items = append(got.Items, stream.Msg().Items...)
	}
	return got.Items, stream.Err()
}

func writeTree(c *client, o *agentpb.WriteTreeOptions, items ...*agentpb.TreeItem) (*agentpb.WriteTreeResponse, error) {
	c.Helper()
	stream := c.files.WriteTree(c.ctx)
	stream.RequestHeader().Set("Authorization", basicRoot)
	c.must(stream.Send(&agentpb.WriteTreeRequest{Options: o}))
	for _, item := range items {
		if stream.Send(&agentpb.WriteTreeRequest{Items: []*agentpb.TreeItem{item}}) != nil {
			break // the answer says why
		}
	}
	r, err := stream.CloseAndReceive()
	if err != nil {
		return nil, err
	}
	return r.Msg, nil
}

func TestATreeGoesOutAndIn(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		c.must(os.Mkdir(dir+"/t", 0o750))
		c.file(dir+"/t/f\xff", "four")
		c.must(os.Lchown(dir+"/t/f\xff", 1000, 54321))
		c.must(os.Mkdir(dir+"/l", 0o755))
		c.must(os.Symlink("some/where", dir+"/l/l"))
		items, err := readTree(c, &agentpb.ReadTreeRequest{PathBytes: []byte(dir + "/t")})
		c.must(err)
		root, file := lstat(c, dir+"/t"), lstat(c, dir+"/t/f\xff")
		same(c, "the root", items[0], &agentpb.TreeItem{Entry: &agentpb.TreeEntry{Path: nil,
			Type: agentpb.FileInfo_TYPE_DIRECTORY, Mode: 0o750, ModifiedTime: stamp(root.Mtim)}})
		same(c, "the file", items[1], &agentpb.TreeItem{Entry: &agentpb.TreeEntry{Path: []byte("f\xff"),
			Type: agentpb.FileInfo_TYPE_FILE, Mode: 0o644, ModifiedTime: stamp(file.Mtim), Size: 4, Uid: 1000, Gid: 54321},
			Data: []byte("four"), More: false})
		links, err := readTree(c, &agentpb.ReadTreeRequest{Path: dir + "/l"})
		c.must(err)
		same(c, "the link", links[1].Entry, &agentpb.TreeEntry{Path: []byte("l"), Type: agentpb.FileInfo_TYPE_SYMLINK,
			Mode: 0o777, ModifiedTime: stamp(lstat(c, dir+"/l/l").Mtim), LinkTarget: []byte("some/where")})

		made, err := writeTree(c, &agentpb.WriteTreeOptions{PathBytes: []byte(dir + "/x/u"), Owners: true}, items...)
		c.must(err)
		same(c, "what was made", made, &agentpb.WriteTreeResponse{Files: 1, Directories: 1, Bytes: 4})
		st := lstat(c, dir+"/x/u/f\xff")
		equal(c, "the copy", [4]uint32{st.Mode, st.Uid, st.Gid, uint32(st.Size)}, [4]uint32{syscall.S_IFREG | 0o644, 1000, 54321, 4})
		equal(c, "the root's time", lstat(c, dir+"/x/u").Mtim, root.Mtim)
	})
}

func TestATreeWithProblems(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		c.must(os.Mkdir(dir+"/t", 0o755))
		c.must(syscall.Mkfifo(dir+"/t/p", 0o600))
		items, err := readTree(c, &agentpb.ReadTreeRequest{Path: dir + "/t"})
		c.must(err)
		same(c, "the problem", items[1], &agentpb.TreeItem{Problem: &agentpb.TreeProblem{Path: []byte("p"),
			Code: "failed_precondition", Message: "neither a file, a directory nor a link"}})
		_, err = readTree(c, &agentpb.ReadTreeRequest{Path: dir + "/t", Stop: true})
		c.fails(err, connect.CodeFailedPrecondition, "'p' in '"+dir+"/t': neither a file")

		file := &agentpb.TreeItem{Entry: &agentpb.TreeEntry{Path: []byte("f"), Type: agentpb.FileInfo_TYPE_FILE, Mode: 0o600},
			Data: []byte("one, "), More: true}
		rest := &agentpb.TreeItem{Data: []byte("two")}
		to := &agentpb.WriteTreeOptions{Path: dir + "/u"}
		_, err = writeTree(c, to, file, rest)
		c.must(err)
		again, err := writeTree(c, to, file, rest)
		c.must(err)
		same(c, "what was there", again, &agentpb.WriteTreeResponse{ProblemCount: 1, Problems: []*agentpb.TreeProblem{
			{Path: []byte("f"), Code: "already_exists", Message: again.Problems[0].Message}}})
		_, err = writeTree(c, &agentpb.WriteTreeOptions{Path: dir + "/u", Stop: true}, file, rest)
		c.fails(err, connect.CodeAlreadyExists, "")
		over, err := writeTree(c, &agentpb.WriteTreeOptions{Path: dir + "/u", Overwrite: true}, file, rest)
		c.must(err)
		equal(c, "the files", over.Files, 1)
		out := &agentpb.TreeItem{Entry: &agentpb.TreeEntry{Path: []byte("../out"), Type: agentpb.FileInfo_TYPE_FILE}}
		_, err = writeTree(c, to, out)
		c.fails(err, connect.CodeInvalidArgument, "not a path below a directory: '../out'")
	})
}
