"""A guest: guestd as init of a real Linux kernel in QEMU, in an image that rootfs/bake made, reached by virtio-vsock through
a hybrid unix socket.

The vsock device is a process of its own (vhost-device-vsock), so neither root nor /dev/vhost-vsock is needed; and QEMU
emulates unless a trial shows that KVM works here. tests/vm/setup makes what is booted.
"""
import functools
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent import ARCH, ROOT, Agent, Connection, RpcError, wait_for
from images import CACHE, VSOCK, initramfs

RUNS = ROOT / "build/vm"
CTL = ROOT / "build/release/guestctl"  # it runs here, whatever the guest is
KERNELS = {"amd64": ["5.10", "6.1", "6.12"], "arm64": ["6.1"]}[ARCH]
CPUS = {"kvm": "2", "tcg": "1"}  # emulated, a second one sometimes runs into an instruction that the first one just patches
PORT = 49983
MODULES = ["virtio_blk", "virtio_net", "overlay", "squashfs"]  # that images have besides; a configuration loads them
HANG = 120  # seconds after which something that takes one or two is called stuck
STILL_AFTER = 8  # seconds: still.c waits 7 until it begins to watch
TRY = 2  # seconds after which a connection made to a booting guest is given up: the backend may have lost it

# What an architecture's QEMU is called by; its machine; its serial port. Arm's pointers are signed the quick way.
MACHINES = {
    "amd64": (["qemu-system-x86_64", "-cpu", "max"], "q35", "ttyS0"),
    "arm64": (["qemu-system-aarch64", "-cpu", "max,pauth-impdef=on"], "virt", "ttyAMA0"),
}
QEMU, MACHINE, CONSOLE = MACHINES[ARCH]

# Without these an emulated boot takes twice as long. panic=-1: a kernel that panics ends QEMU.
WORDS = f"console={CONSOLE} quiet panic=-1 mitigations=off init_on_alloc=0 cryptomgr.notests no_timer_check"


def spawn(words, directory, log):
    """A process that does not outlive us, however we end; and which a terminal's Ctrl-C does not reach."""
    with open(directory / log, "ab") as out:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], cwd=directory, stdin=subprocess.DEVNULL,
                                stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def end(process):
    """Kills it; one that hangs in the kernel is left to it."""
    process.kill()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        print(f"pid {process.pid} ({process.args[3]}) cannot be killed", file=sys.stderr)


def qemu(accelerator, kernel, *more):
    return [*QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-M", f"{MACHINE},accel={accelerator},memory-backend=memory",
            "-m", "256", "-object", "memory-backend-memfd,id=memory,size=256M,share=on",  # the backend sees it too
            "-kernel", CACHE / kernel / "vmlinux", "-serial", "file:console.log", *more]


@functools.cache
def accelerator():
    """"kvm" where a kernel gets as far as to miss its root under it, within 10 s; /dev/kvm alone says little."""
    if platform.machine() != {"amd64": "x86_64", "arm64": "aarch64"}[ARCH] or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kvm-", dir=RUNS) as directory:
        trial = spawn(qemu("kvm", KERNELS[0], "-append", WORDS), Path(directory), "qemu.log")
        try:
            trial.wait(10)
        except subprocess.TimeoutExpired:
            pass
        end(trial)
        console = Path(directory, "console.log")
        return "kvm" if console.exists() and b"Unable to mount root" in console.read_bytes() else "tcg"


def cpio(files):
    """An archive of {path: bytes} in the kernel's initramfs format ("newc"), which unpacks it over the first one; None: an empty
    directory."""
    out = b""
    for number, (path, data) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        name, mode, data = path.encode() + b"\0", 0o040755 if data is None else 0o100755, data or b""
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return out


class Qmp:
    """QEMU's control socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(HANG)
        self.sock.connect(path)
        self.lines = self.sock.makefile("r")
        self.events = []
        self.message()
        self("qmp_capabilities")

    def message(self):
        line = self.lines.readline()
        if not line:
            raise ConnectionError("QEMU has gone")
        return json.loads(line)

    def __call__(self, command, **arguments):
        self.sock.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            message = self.message()
            if "error" in message:
                raise RuntimeError(f"{command}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]
            self.events.append(message)

    def event(self, name, **data):
        """Waits for an event with such data, and takes it; its data."""
        while True:
            for message in self.events:
                if message["event"] == name and data.items() <= message.get("data", {}).items():
                    self.events.remove(message)
                    return message.get("data", {})
            self.events.append(self.message())

    def close(self):
        self.lines.close()
        self.sock.close()


class Refused(ConnectionError):
    """The hybrid socket was closed instead of an OK: nobody listens on that port."""


def load(modules):
    """Statements that load what reaches the host, and these."""
    return "".join(f"module {name}\n" for name in [*VSOCK, *modules])


def make_initrd(kernel, directory, config="", modules=(), files=None):
    """What is booted: a baked initramfs, with a configuration of its own and {path: bytes} over it."""
    files = {"etc/guestd.conf": (load(modules) + config).encode(), **(files or {})}
    with open(initramfs(kernel, modules=MODULES), "rb") as source, open(directory / "initrd", "wb") as initrd:
        shutil.copyfileobj(source, initrd)
        initrd.write(cpio(files))


def boot_words(kernel, args=(), words="", devices=()):
    """QEMU's command, to be run beside the initrd and the backend's vhost.sock."""
    append = f"{WORDS} {words} -- {' '.join(args)}"
    return qemu(accelerator(), kernel, "-smp", CPUS[accelerator()], "-initrd", "initrd", "-append", append,
                "-device", "pcie-root-port,id=root,chassis=1,slot=1",  # so that the device can be unplugged
                "-chardev", "socket,id=vhost,path=vhost.sock",
                "-device", "vhost-user-vsock-pci,id=vsock,chardev=vhost,bus=root", *devices)


def drive(path, name):
    """QEMU's words for a disk that is not plugged in yet; what is written to it is lost."""
    return ["-drive", f"file={path},format=raw,if=none,id={name},snapshot=on"]


def disk(path, name="disk", bus=None):
    """And for one that is."""
    return [*drive(path, name), "-device", f"virtio-blk-pci,drive={name}" + (f",bus={bus}" if bus else "")]


BACKEND = [ROOT / "build/deps/vm/bin/vhost-device-vsock", "--guest-cid=3", "--socket=vhost.sock", "--uds-path=v.sock"]


class Guest(Agent):
    """A booted guest. The calls of Agent reach it over vsock.

    args: of guestd; words: more of the kernel command line; config: statements of its configuration; modules: more kernel
    modules to load; files: {path: bytes} over its initramfs; initrd: another one, as it is; devices: more words for QEMU;
    wait=False: do not wait for guestd, call wait() later.
    """
    running = []
    boots = []  # (kernel, seconds from QEMU's start to the first answer)

    def __init__(self, kernel, *args, words="", config="", modules=(), files=None, initrd=None, devices=(), wait=True):
        self.kernel, self.process, self.backend, self.qmp = kernel, None, None, None
        if not (CACHE / kernel / "vmlinux").exists():
            raise FileNotFoundError(f"no Linux {kernel} to boot: run tools/setup vm")
        accelerator()
        RUNS.mkdir(parents=True, exist_ok=True)
        self.dir = Path(tempfile.mkdtemp(prefix=f"{kernel}-", dir=RUNS))
        self.dirfd = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
        Guest.running.append(self)
        try:
            if initrd:
                (self.dir / "initrd").symlink_to(initrd)
            else:
                make_initrd(kernel, self.dir, config, modules, files)
            self.start_backend()
            self.start_qemu(args, words, devices)
            if wait:
                self.wait()
        except BaseException as error:
            error.add_note(self.report())
            self.close()
            raise

    # --- the machine --------------------------------------------------------------------------------------------------

    def short(self, name):
        """A path of a socket in our directory that is short enough for connect (107 bytes), wherever that lies."""
        path = str(self.dir / name)
        return path if len(path.encode()) <= 107 else f"/proc/{os.getpid()}/fd/{self.dirfd}/{name}"

    def start_backend(self):
        self.backend = spawn(BACKEND, self.dir, "backend.log")
        sockets = [self.dir / "vhost.sock", self.dir / "v.sock"]
        self.until(lambda: all(s.exists() for s in sockets), "the backend's sockets")
        self.hide()

    def start_qemu(self, args, words, devices):
        words = [*boot_words(self.kernel, args, words, devices), "-qmp", "unix:qmp.sock,server=on,wait=off"]
        self.since = time.monotonic()
        self.process = spawn(words, self.dir, "qemu.log")
        self.until(self.controlled, "QEMU's control socket")

    def controlled(self):
        try:
            self.qmp = Qmp(self.short("qmp.sock"))
            return True
        except (FileNotFoundError, ConnectionRefusedError):  # not made yet, or not listened to yet
            return False

    def hide(self):
        """A connection made while the guest's driver starts may be lost, so nobody finds the socket until then."""
        (self.dir / "v.sock").rename(self.dir / "v.sock.off")

    def show(self):
        path = "/machine/peripheral/vsock/virtio-backend"
        self.until(lambda: any(s.startswith("VIRTIO_CONFIG_S_DRIVER_OK") for s in self.qmp(
            "x-query-virtio-status", path=path)["status"]["statuses"]), "the guest's vsock driver")
        (self.dir / "v.sock.off").rename(self.dir / "v.sock")

    def until(self, condition, what):
        limit = time.monotonic() + HANG
        while not condition():
            for process in (self.process, self.backend):
                if process and process.poll() is not None:
                    raise AssertionError(f"{process.args[3]} ended while waiting for {what}")
            if time.monotonic() > limit:
                raise AssertionError(f"not within {HANG} s: {what}")
            time.sleep(0.005)

    def answers(self):
        try:
            with Connection(self.dial(seconds=TRY)) as c:
                return c.request("GET", "/health").status == 204
        except (ConnectionError, TimeoutError):
            return False

    def wait(self):
        """Until guestd answers."""
        self.show()
        self.until(self.answers, "the first answer")
        self.boot_seconds = time.monotonic() - self.since
        Guest.boots.append((self.kernel, self.boot_seconds))

    def press(self, *keys):
        self.qmp("send-key", keys=[{"type": "qcode", "data": k} for k in keys])

    def reset_vsock(self):
        """Unplugs the vsock device and plugs another: the guest sees what a restore from a snapshot shows it."""
        self.hide()
        self.qmp("device_del", id="vsock")
        self.qmp.event("DEVICE_DELETED", device="vsock")
        self.qmp("chardev-remove", id="vhost")
        end(self.backend)
        for name in ("v.sock.off", "vhost.sock"):  # a killed backend leaves its sockets
            (self.dir / name).unlink(missing_ok=True)
        self.start_backend()
        self.qmp("chardev-add", id="vhost", backend={"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": "vhost.sock"}}, "server": False}})
        self.qmp("device_add", driver="vhost-user-vsock-pci", id="vsock", chardev="vhost", bus="root")
        self.show()

    def ended(self):
        """Waits for the machine's end; why: "guest-shutdown" (a power-off) or "guest-reset" (a reboot, or a panic)."""
        try:
            reason = self.qmp.event("SHUTDOWN")["reason"]
            self.process.wait(HANG)
            return reason
        except (ConnectionError, TimeoutError, subprocess.TimeoutExpired) as error:
            raise AssertionError("the machine did not end in order") from error

    @property
    def console(self):
        path = self.dir / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def report(self):
        """What is known when something went wrong."""
        text = ""
        for name in ("console", "qemu", "backend"):
            path = self.dir / f"{name}.log"
            tail = path.read_text(errors="replace")[-6000:] if path.exists() else ""
            text += f"--- {name} of Linux {self.kernel}\n{tail}\n"
        return text

    def complaints(self):
        """What guestd says on the console."""
        return [line for line in self.console.splitlines() if line.startswith("guestd: ")]

    # --- the agent ----------------------------------------------------------------------------------------------------

    @property
    def target(self):
        """Where guestctl finds it."""
        return f"hybrid:{self.short('v.sock')}"

    def ctl(self, *words, **options):
        """guestctl's whole run: a CompletedProcess."""
        return subprocess.run([CTL, "-t", self.target, *map(str, words)], capture_output=True, timeout=HANG, **options)

    def exec(self, *words, **options):
        return self.ctl("exec", *words, **options)

    def dial(self, port=PORT, seconds=HANG):
        """A socket connected to a port of the guest."""
        s = socket.socket(socket.AF_UNIX)
        try:
            s.settimeout(seconds)
            s.connect(self.short("v.sock"))
            s.sendall(b"CONNECT %d\n" % port)  # in one write, and nothing behind it before the OK
            line = b""
            while not line.endswith(b"\n"):  # byte by byte: what follows is not ours
                byte = s.recv(1)
                if not byte:
                    raise Refused(f"port {port}: closed after {line!r}")
                line += byte
            assert line.startswith(b"OK "), line
            return s
        except BaseException:
            s.close()
            raise

    def connect(self, to=None):
        return Connection(self.dial(to or PORT))  # Agent's calls come through here; `to` is a port

    def text(self, script):
        """What a shell in the guest prints; it must succeed."""
        r = self.exec("sh", "-c", script)
        assert r.returncode == 0, f"{script}: {r}"
        return r.stdout.decode()

    def fds(self):
        return int(self.text("ls /proc/1/fd | wc -l"))

    def processes(self):
        return self.call("process.Process/List").get("processes", [])

    def kill_all(self):
        for process in self.processes():
            try:
                self.call("process.Process/SendSignal", {"process": {"pid": process["pid"]}, "signal": 9})
            except RpcError:  # it has just ended by itself
                pass

    def stillness(self, seconds, meanwhile=lambda: None):
        """What PID 1 does in so many seconds in which it hears nothing of us: {"switches": N, "dirty": N} (still.c)."""
        self.exec("--detach", "sh", "-c", f"still {seconds} >/tmp/still")
        time.sleep(STILL_AFTER + seconds / 2)
        meanwhile()
        time.sleep(seconds / 2)
        wait_for(lambda: "dirty" in self.text("cat /tmp/still"), HANG, "PID 1 was watched")
        return {name: int(count) for name, count in (line.split() for line in self.text("cat /tmp/still").splitlines())}

    # --- the end ------------------------------------------------------------------------------------------------------

    def close(self):
        if self not in Guest.running:
            return
        Guest.running.remove(self)
        if self.qmp:
            self.qmp.close()
        for process in (self.process, self.backend):
            if process:
                end(process)
        os.close(self.dirfd)
        shutil.rmtree(self.dir)

    def __exit__(self, kind, error, trace):
        if error:
            error.add_note(self.report())
        self.close()
