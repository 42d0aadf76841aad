"""guestd as init: what it makes of the bare machine that the kernel hands it."""
import json
import re
import subprocess

from agent import wait_for
from machine import CTL, HANG, Guest


def test_it_mounts_what_programs_expect(guest):
    mounts = [line.split() for line in guest.text("cat /proc/mounts").splitlines()]
    found = {target: (kind, options.split(",")) for _, target, kind, options, *_ in mounts}
    for target, kind in {"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs",
                         "/run": "tmpfs", "/tmp": "tmpfs", "/sys/fs/cgroup": "cgroup2"}.items():
        assert found[target][0] == kind and "rw" in found[target][1] and "nosuid" in found[target][1]
    assert {"gid=5", "mode=620", "ptmxmode=666"} <= set(found["/dev/pts"][1])
    assert len(mounts) == len(found), mounts  # each once
    assert guest.text("stat -c %a /run /tmp /dev/shm; readlink /dev/fd").split() == ["755", "1777", "1777", "/proc/self/fd"]


def test_it_is_pid_1_and_gives_processes_cgroups(guest):
    parent, comm, group, agent = guest.text("echo $PPID; cat /proc/1/comm /proc/self/cgroup /proc/1/cgroup").split()
    assert (parent, comm, agent) == ("1", "init", "0::/")
    assert re.fullmatch(r"0::/user/\w+", group)


def test_it_says_what_machine_this_is(guest):
    info = json.loads(guest.ctl("--json", "info").stdout)
    release, machine, boot_id = guest.text("uname -r; uname -m; cat /proc/sys/kernel/random/boot_id").split()
    assert release.startswith(f"{guest.kernel}.")
    assert info["kernel"] == {"release": release, "machine": machine, "bootId": boot_id}
    assert info["listeners"] == ["vsock:49983"] and info["pid"] == 1 and info["cgroupRoot"] == "/sys/fs/cgroup"
    out = guest.ctl("info").stdout.decode()
    assert all(word in out for word in (release, boot_id, "vsock:49983"))


def test_each_boot_is_another(guest):
    with Guest(guest.kernel) as other:
        ids = [g.call("guest.v1.Agent/GetInfo")["kernel"]["bootId"] for g in (guest, other)]
    assert ids[0] != ids[1]


def test_it_reaps_orphans(guest):
    guest.text("for i in $(seq 100); do (sleep 0.2 &); done")
    wait_for(lambda: guest.text("ps -o stat,comm | grep -c -e '^Z' -e sleep || true") == "0\n", HANG, "none is left")


def test_the_console_is_quiet(guest):
    secret = "5f1c-sesame"
    script = f"cat; echo $SECRET {secret}; no-such-program"
    r = guest.exec("-i", "-e", f"SECRET={secret}", "sh", "-c", script, input=secret.encode())
    assert r.returncode == 127 and r.stdout.decode().count(secret) == 3
    assert "guestd" not in guest.console and secret not in guest.console


def test_guestctl_waits_for_the_boot(kernel):
    with Guest(kernel, wait=False) as g:
        waiting = subprocess.Popen([CTL, "-t", g.target, "--wait", f"{HANG}s", "exec", "cat", "/proc/1/comm"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        r = g.ctl("ping")
        assert r.returncode == 125 and b"no such socket; is the VM running" in r.stderr
        g.show()
        assert waiting.communicate(timeout=HANG) == (b"init\n", b"") and waiting.returncode == 0


def test_the_kernel_command_line_carries_its_options(kernel):
    with Guest(kernel, "--listen", "vsock:49983", "--listen", "vsock:5000", "--default-user", "user") as g:
        assert json.loads(g.ctl("--json", "info").stdout)["listeners"] == ["vsock:49983", "vsock:5000"]
        r = g.ctl("-t", f"{g.target}:5000", "exec", "id", "-un")
        assert (r.returncode, r.stdout) == (0, b"user\n")


def test_it_needs_no_open_descriptors(kernel):
    with Guest(kernel, files={"dev/console": None}) as g:  # the kernel cannot open it
        assert g.text("for i in 0 1 2; do readlink /proc/1/fd/$i; done").split() == ["/dev/console"] * 3
