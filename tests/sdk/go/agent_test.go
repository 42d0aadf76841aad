package sdk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"

	agentpb "guestd/proto/guest/v1"
	pb "guestd/proto/process"
)

func TestGetInfo(t *testing.T) {
	eachWay(t, func(c *client) {
		r, err := c.agent.GetInfo(c.ctx, connect.NewRequest(&agentpb.GetInfoRequest{}))
		c.must(err)
		info := r.Msg
		equal(c, "the profile", info.Compat, "e2b")
		if info.Version == "" || info.ToldVersion == "" || len(info.Features) == 0 || len(info.Limits) == 0 {
			c.Errorf("something is missing: %v", info)
		}
		if !slices.ContainsFunc(info.Listeners, func(l string) bool { return strings.HasSuffix(l, ":49983") }) {
			c.Errorf("port 49983 is not among the listeners %q", info.Listeners)
		}
		boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
		c.must(err)
		equal(c, "the boot id", info.Kernel.BootId, strings.TrimSpace(string(boot)))
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", info.Pid))
		c.must(err)
		equal(c, "the program of the pid", program, os.Getenv("GUESTD"))
	})
}

func TestGetBoot(t *testing.T) {
	eachWay(t, func(c *client) {
		r, err := c.agent.GetBoot(c.ctx, connect.NewRequest(&agentpb.GetBootRequest{}))
		c.must(err)
		boot := r.Msg
		if len(boot.Phases) != 1 || boot.StartedUs == 0 || boot.Phases[0].EndUs < boot.StartedUs {
			c.Fatalf("not the boot of a service: %v", boot)
		}
		equal(c, "the last phase", boot.Phases[0].Name, "listen")
		if len(boot.Problems) != 0 || boot.ProblemsLost != 0 {
			c.Errorf("problems: %v", boot)
		}
	})
}

// An agent with a token, as every sandbox of E2B has one.
func TestToken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := exec.Command(os.Getenv("GUESTD"), "--listen", "tcp:127.0.0.1:49984", "--token-file", file,
		"--run-dir", dir, "--log-level", "warn", "--no-cgroups") // the cgroup here is the other agent's
	agent.Stderr = os.Stderr
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		agent.Process.Signal(os.Interrupt)
		if err := agent.Wait(); err != nil {
			t.Error(err)
		}
	}()
	for _, way := range ways {
		if way.wire == unix {
			continue // that is the other agent's
		}
		t.Run(way.name, func(t *testing.T) {
			c := dial(t, "http://127.0.0.1:49984", way)
			list := func(token string) error {
				_, err := c.process.List(c.ctx, request(&pb.ListRequest{}, []string{"X-Access-Token", token}))
				return err
			}
			c.eventually("the agent listens", func() bool { return connect.CodeOf(list("")) != connect.CodeUnavailable })
			for _, token := range []string{"", "wrong"} {
				equal(c, "List's code", connect.CodeOf(list(token)), connect.CodeUnauthenticated)
				s := c.tryStart(c.ctx, shell("true"), "X-Access-Token", token)
				equal(c, "Start's code", connect.CodeOf(s.wait()), connect.CodeUnauthenticated)
			}
			c.must(list("secret"))
			c.start(shell("true"), "X-Access-Token", "secret").finish()
		})
	}
}
