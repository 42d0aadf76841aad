"""Both clients of the e2b package behind one face, so that a test is written once.

`sdk(sdk.commands.run(...))` is the result in either: the blocking client has it already, the asyncio one is waited for.
"""
import asyncio
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from agent import wait_for
from e2b import AsyncSandbox, ConnectionConfig, Sandbox
from e2b.sandbox.commands.command_handle import PtySize
from packaging.version import Version

HANG = 30  # seconds after which something hangs; agent.wait_for allows a sanitizer more
ENVD = Version("99.99.99")  # what the package takes an agent for in debug mode


class Sync:
    """The blocking client."""

    kind = Sandbox
    on_event = ()  # what watch_dir wants of this client besides the path

    def __init__(self, **options):
        self.sandbox = self(self.kind.create(**options))

    def __call__(self, value):
        return value

    @property
    def commands(self):
        return self.sandbox.commands

    @property
    def pty(self):
        return self.sandbox.pty

    @property
    def files(self):
        return self.sandbox.files

    def run(self, cmd, **options):
        return self(self.commands.run(cmd, **options))

    def start(self, cmd, **options):
        return self.run(cmd, background=True, **options)

    def run_all(self, cmds, **options):
        """Runs them at the same time; their results in order."""
        with ThreadPoolExecutor(len(cmds)) as pool:
            return list(pool.map(lambda cmd: self.run(cmd, **options), cmds))

    def stream_input(self, module, pid, chunks):
        module.stream_input(pid, chunks)

    def terminal(self, size=PtySize(24, 80), **options):
        return Terminal(self, self.pty.create(size, **options))

    def connect_terminal(self, pid):
        return Terminal(self, self.pty.connect(pid))

    def read_until(self, terminal, text):
        """This client reads a terminal when it is asked for more."""
        for _, _, data in terminal.handle:
            terminal.seen += data
            if text in terminal.seen:
                return
        raise AssertionError(f"the terminal ended without {text!r}: {terminal.seen!r}")

    def secured(self, url, token):
        """A sandbox with a token, as the package makes it of what E2B's cloud answers: in debug mode it has none."""
        config = ConnectionConfig(debug=True, sandbox_url=url, extra_sandbox_headers={"X-Access-Token": token})
        return self.kind(sandbox_id="secured", sandbox_domain=None, envd_version=ENVD, envd_access_token=token,
                         connection_config=config)

    def chunks(self, *pieces):
        """Pieces as this client takes them for a file's content."""
        return iter(pieces)

    def read_stream(self, path, **options):
        with self.files.read(path, format="stream", **options) as stream:
            return b"".join(stream)

    def watch(self, path, **options):
        return Watch(self, self.files.watch_dir(path, **options))

    def more_events(self, watch):
        """This client asks for what has happened."""
        watch.events += watch.handle.get_new_events()


class Async(Sync):
    """The asyncio client, its loop in a thread."""

    kind = AsyncSandbox
    on_event = (print,)

    def __init__(self, **options):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        super().__init__(**options)

    def __call__(self, awaitable):
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(HANG * 4)

    def run_all(self, cmds, **options):
        async def gather():
            return await asyncio.gather(*(self.commands.run(cmd, **options) for cmd in cmds))
        return self(gather())

    def stream_input(self, module, pid, chunks):
        async def send():
            async with module.stream_input(pid) as to:
                for chunk in chunks:
                    await to.send(chunk)
        self(send())

    def terminal(self, size=PtySize(24, 80), **options):
        return self._open_terminal(lambda on_data: self.pty.create(size, on_data, **options))

    def connect_terminal(self, pid):
        return self._open_terminal(lambda on_data: self.pty.connect(pid, on_data))

    def _open_terminal(self, opened):
        terminal = Terminal(self)
        terminal.handle = self(opened(terminal.take))
        return terminal

    def read_until(self, terminal, text):
        """This client reads at any time, and calls take()."""
        wait_for(lambda: text in terminal.seen, HANG, f"{text!r}; the terminal shows {terminal.seen[-500:]!r}")

    def secured(self, url, token):
        async def make():
            return super(Async, self).secured(url, token)
        return self(make())

    def chunks(self, *pieces):
        async def give():
            for piece in pieces:
                yield piece
        return give()

    def read_stream(self, path, **options):
        async def read():
            async with await self.files.read(path, format="stream", **options) as stream:
                return b"".join([chunk async for chunk in stream])
        return self(read())

    def watch(self, path, **options):
        watch = Watch(self)
        watch.handle = self(self.files.watch_dir(path, watch.events.append, watch.ends.append, **options))
        return watch

    def more_events(self, watch):
        """This client is told at any time."""


class Terminal:
    """A terminal, and what it has written so far."""

    def __init__(self, sdk, handle=None):
        self.sdk, self.handle, self.seen = sdk, handle, b""

    @property
    def pid(self):
        return self.handle.pid

    def take(self, data):
        self.seen += data

    def send(self, data):
        self.sdk(self.sdk.pty.send_stdin(self.pid, data))

    def until(self, text):
        if text not in self.seen:
            self.sdk.read_until(self, text)

    def end(self):
        return self.sdk(self.handle.wait())

    def run(self, command):
        """A command's output, without its echo and the prompt."""
        # Two marks around it. The terminal echoes what is typed, so they are typed in two pieces each.
        begin, end = uuid.uuid4().hex, uuid.uuid4().hex
        self.send(f"echo {begin[:9]}''{begin[9:]}; {command}; echo {end[:9]}''{end[9:]}\n".encode())
        self.until(end.encode())
        return self.seen.decode().replace("\r\n", "\n").partition(f"{begin}\n")[2].partition(end)[0]


class Watch:
    """A watch of a directory: what it has told and was not taken yet, and (asyncio) how it has ended."""

    def __init__(self, sdk, handle=None):
        self.sdk, self.handle, self.events, self.ends = sdk, handle, [], []

    def up_to(self, kind, name):
        """All up to that event, with what came along."""
        wait_for(lambda: self.sdk.more_events(self) or (kind, name) in map(short, self.events), HANG, f"{kind} {name}")
        taken, self.events[:] = self.events[:], []
        return taken

    def stop(self):
        self.sdk(self.handle.stop())


def short(event):
    return event.type.value, event.name


def alive(pid):
    """Also as a zombie: a process that was killed is reaped too."""
    return os.path.exists(f"/proc/{pid}")


def pids_of(*words):
    """The processes with exactly this command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if f.read().split(b"\0")[:-1] == [w.encode() for w in words]:
                    found.append(int(pid))
        except OSError:
            pass  # it has gone
    return found
