package sdk

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"connectrpc.com/connect"

	pb "guestd/proto/filesystem"
	agentpb "guestd/proto/guest/v1"
)

// The watches of filesystem.Filesystem.

const eventsMax = 10000 // that are kept for a client who does not take them

// watching is a stream of WatchDir that has told that it begins.
type watching struct {
	*client
	stream *connect.ServerStreamForClient[pb.WatchDirResponse]
}

func (c *client) watchDir(message *pb.WatchDirRequest) *watching {
	c.Helper()
	ctx, cancel := context.WithCancel(c.ctx)
	c.Cleanup(cancel)
	s, err := c.envd.WatchDir(ctx, request(message, []string{"Authorization", basicRoot}))
	c.must(err)
	w := &watching{c, s}
	if w.receive().GetStart() == nil {
		c.Fatal("the first message is not start")
	}
	return w
}

func (w *watching) receive() *pb.WatchDirResponse {
	w.Helper()
	if !w.stream.Receive() {
		w.Fatalf("the stream ended: %v", w.stream.Err())
	}
	return w.stream.Msg()
}

// next is the next event.
func (w *watching) next() *pb.FilesystemEvent {
	w.Helper()
	return w.receive().GetFilesystem()
}

func (c *client) createWatcher(message *pb.CreateWatcherRequest) string {
	c.Helper()
	return call(c, c.envd.CreateWatcher, message).WatcherId
}

func (c *client) watcherEvents(id string) []*pb.FilesystemEvent {
	c.Helper()
	return call(c, c.envd.GetWatcherEvents, &pb.GetWatcherEventsRequest{WatcherId: id}).Events
}

// sameEvents wants these events, one by one.
func sameEvents(c *client, got []*pb.FilesystemEvent, want ...*pb.FilesystemEvent) {
	c.Helper()
	if len(got) != len(want) {
		c.Fatalf("the events are %v, not %v", got, want)
	}
	for i := range want {
		same(c, "event "+strconv.Itoa(i), got[i], want[i])
	}
}

// flood makes so many events, which the kernel does not merge: no two in a row are the same.
func (c *client) flood(dir string, n int) {
	c.Helper()
	for i := range n {
		c.must(os.Chmod(dir+[]string{"/a", "/b"}[i%2], 0o644))
	}
}

func (c *client) dirForFlood() string {
	c.Helper()
	dir := c.TempDir()
	c.file(dir+"/a", "")
	c.file(dir+"/b", "")
	return dir
}

func TestWatches(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.TempDir()
		c.must(os.MkdirAll(dir+"/sub", 0o755))
		stream := c.watchDir(&pb.WatchDirRequest{Path: dir, Recursive: true, IncludeEntry: true})
		id := c.createWatcher(&pb.CreateWatcherRequest{Path: dir, Recursive: true, IncludeEntry: true})
		c.must(os.Mkdir(dir+"/sub/d", 0o710))
		c.must(os.Rename(dir+"/sub/d", dir+"/\xff"))
		c.must(os.Chmod(dir+"/\xff", 0o700))
		entry := call(c, c.envd.ListDir, &pb.ListDirRequest{Path: dir, Depth: 1}).Entries[1]
		told := []*pb.FilesystemEvent{
			{Name: "sub/d", Type: pb.EventType_EVENT_TYPE_CREATE},
			{Name: "sub/d", Type: pb.EventType_EVENT_TYPE_RENAME},
			{Name: "\ufffd", Type: pb.EventType_EVENT_TYPE_CREATE, Entry: entry},
			{Name: "\ufffd", Type: pb.EventType_EVENT_TYPE_CHMOD, Entry: entry},
		}
		sameEvents(c, c.watcherEvents(id), told...)
		sameEvents(c, c.watcherEvents(id))
		for _, want := range told {
			got := stream.next()
			same(c, "what the stream tells", &pb.FilesystemEvent{Name: got.Name, Type: got.Type, Overflow: got.Overflow},
				&pb.FilesystemEvent{Name: want.Name, Type: want.Type}) // an entry is as it was when the event was sent
		}
		call(c, c.envd.RemoveWatcher, &pb.RemoveWatcherRequest{WatcherId: id})
		for _, err := range []error{
			refused(c, c.envd.GetWatcherEvents, &pb.GetWatcherEventsRequest{WatcherId: id}),
			refused(c, c.envd.RemoveWatcher, &pb.RemoveWatcherRequest{WatcherId: id}),
		} {
			c.fails(err, connect.CodeNotFound, "watcher with id "+id+" not found")
		}
		c.fails(refused(c, c.envd.CreateWatcher, &pb.CreateWatcherRequest{Path: dir + "/no"}), connect.CodeNotFound, "not found")
	})
}

// What a client does not take is lost after so many, and told as one event.
func TestEventsThatAreNotTaken(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.dirForFlood()
		id := c.createWatcher(&pb.CreateWatcherRequest{Path: dir})
		c.flood(dir, eventsMax+5)
		events := c.watcherEvents(id)
		equal(c, "the number of events", len(events), eventsMax+1)
		for i, event := range events[:eventsMax] {
			same(c, "an event", event, &pb.FilesystemEvent{Name: []string{"a", "b"}[i%2], Type: pb.EventType_EVENT_TYPE_CHMOD})
		}
		same(c, "what was lost", events[eventsMax], &pb.FilesystemEvent{Name: ".", Overflow: true})
		c.must(os.Mkdir(dir+"/after", 0o755))
		sameEvents(c, c.watcherEvents(id), &pb.FilesystemEvent{Name: "after", Type: pb.EventType_EVENT_TYPE_CREATE})
		call(c, c.envd.RemoveWatcher, &pb.RemoveWatcherRequest{WatcherId: id})
	})
}

// What the kernel had no room for while the agent stood still is told as one event, too, and the stream goes on.
func TestEventsThatTheKernelLost(t *testing.T) {
	eachWay(t, func(c *client) {
		dir := c.dirForFlood()
		stream := c.watchDir(&pb.WatchDirRequest{Path: dir})
		text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
		c.must(err)
		room, err := strconv.Atoi(strings.TrimSpace(string(text)))
		c.must(err)
		info, err := c.agent.GetInfo(c.ctx, connect.NewRequest(&agentpb.GetInfoRequest{}))
		c.must(err)
		agent := int(info.Msg.Pid)
		c.must(syscall.Kill(agent, syscall.SIGSTOP))
		defer syscall.Kill(agent, syscall.SIGCONT)
		c.flood(dir, room+10)
		c.must(syscall.Kill(agent, syscall.SIGCONT))
		for !stream.next().Overflow {
		}
		c.must(os.Mkdir(dir+"/after", 0o755))
		same(c, "the next", stream.next(), &pb.FilesystemEvent{Name: "after", Type: pb.EventType_EVENT_TYPE_CREATE})
	})
}
