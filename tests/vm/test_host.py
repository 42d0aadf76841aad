"""examples/host: a host program that knows nothing of these tests boots a guest, runs a job, loses its streams, and ends it."""
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from machine import BACKEND, HANG, ROOT, RUNS, accelerator, boot_words, make_initrd

HOST = ROOT / "examples/host/host.py"


class Cable:
    """A unix socket that leads to another, and can be cut."""

    def __init__(self, path, to):
        self.to, self.pairs = to, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client = self.server.accept()[0]
            except OSError:
                return
            vmm = socket.socket(socket.AF_UNIX)
            try:
                vmm.connect(str(self.to))
            except OSError:  # there is no VMM yet
                client.close()
                continue
            self.pairs.append((client, vmm))
            for source, sink in ((client, vmm), (vmm, client)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for pair in self.pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def command(kernel, directory):
    """What boots a guest, as one command: the device's backend, and QEMU, which it does not outlive."""
    accelerator()
    make_initrd(kernel, directory)
    backend, machine = (shlex.join(map(str, words)) for words in (BACKEND, boot_words(kernel)))
    return ["sh", "-c", f"cd {shlex.quote(str(directory))}; setpriv --pdeathsig KILL {backend} >backend.log 2>&1 & "
                        f"until [ -S vhost.sock ]; do sleep .01; done; exec {machine} >qemu.log 2>&1"]


def test_a_host(kernel):
    RUNS.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="host-", dir=RUNS))
    with tempfile.TemporaryDirectory() as short:  # a socket's path may have 107 bytes
        os.symlink(directory, f"{short}/vm")
        cable = Cable(f"{short}/s", f"{short}/vm/v.sock")
        script = "for i in 1 2 3 4 5 6; do echo line $i; sleep .4; done; echo oops >&2; exit 7"
        host = subprocess.Popen([sys.executable, HOST, f"{short}/s", script, "--", *command(kernel, directory)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "PYTHONPATH": str(ROOT / "build/deps/python")})
        lines = [host.stdout.readline() for _ in range(2)]
        for _ in range(2):  # its streams are lost, and what was written meanwhile comes all the same
            cable.cut()
            time.sleep(.6)
        out, err = host.communicate(timeout=HANG)
        lines += out.splitlines(keepends=True)
        assert re.fullmatch(r"host: ready after [\d.]+ s\n", lines[0]), (lines, err)
        assert "".join(lines[1:]) == "".join(f"line {i}\n" for i in range(1, 7)) + \
            "host: exit code 7\nhost: the guest has ended (0)\n", err
        assert (host.returncode, err) == (7, "oops\n")
