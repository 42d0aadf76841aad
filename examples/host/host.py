"""A host: boots a guest, waits until its agent answers, runs a job whose stream may be lost, and ends the guest.

    host.py SOCKET SCRIPT -- VMM...

SOCKET is the VM's unix socket of Firecracker or Cloud Hypervisor (a "hybrid" one), VMM... the command that boots an image with
guestd as its init; it makes the socket. SCRIPT is what runs in the guest, by /bin/sh. What a host has to get right:

- It does not know when the guest is there: it dials again until /health is answered, each try with a time-out, because a VMM
  may take a connection before there is a guest and forget it.
- A start may be answered and the answer be lost. It carries an idempotency key, so trying again never runs the job twice.
- A stream may be lost (a snapshot that is resumed resets every connection). The job goes on; the stream is taken up at the byte
  where it was, and what is not kept any more is said, not skipped in silence.
- The guest may end by itself, and then nothing that is waited for comes: the VMM's end is looked at with everything else.
"""
import pathlib
import signal
import subprocess
import sys
import time
import uuid
from http.client import HTTPConnection, HTTPException

sys.path.append(str(pathlib.Path(__file__).parent.parent / "python"))
from client import Client, Failed
from dial import dial
from process import process_pb2 as pb

PORT = 49983  # of guestd
READY_S = 120  # a boot under emulation takes its time
TRY_S = 2  # of one try while the guest boots
LOST_S = 30  # so long a lost stream is tried to be taken up
END_S = 15  # guestd ends a machine within 5 s


class Ended(Exception):
    """The VMM has ended."""


class Guest:
    def __init__(self, path, vmm):
        self.address = f"hybrid:{path}:{PORT}"
        self.client = Client(self.address)
        self.vmm = subprocess.Popen(vmm, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.vmm.poll() is None:
            self.vmm.kill()
        self.vmm.wait()

    def check(self):
        if self.vmm.poll() is not None:
            raise Ended(f"the VMM ended with {self.vmm.returncode}")

    def wait_ready(self):
        """Until the agent answers. Returns how long it took, in s."""
        since = time.monotonic()
        while not self.answers():
            self.check()
            if time.monotonic() > since + READY_S:
                raise TimeoutError(f"the agent does not answer within {READY_S} s")
            time.sleep(0.02)
        return time.monotonic() - since

    def answers(self):
        try:
            connection = HTTPConnection("guest", timeout=TRY_S)
            connection.sock = dial(self.address, TRY_S)
            connection.sock.settimeout(TRY_S)
            connection.request("GET", "/health")
            ready = connection.getresponse().status == 204
            connection.close()
            return ready
        except (OSError, HTTPException):
            return False

    def end(self):
        """Asks guestd, which is PID 1, to end the machine; kills it when that takes too long. Returns the VMM's exit code."""
        try:
            for _ in Job(self, "kill -TERM 1").start():
                pass
        except (OSError, HTTPException, Failed):
            pass  # of course: the agent has been told to end
        try:
            return self.vmm.wait(END_S)
        except subprocess.TimeoutExpired:
            self.vmm.send_signal(signal.SIGKILL)
            return self.vmm.wait()


class Job:
    """A program in the guest, whose output outlives its streams."""

    def __init__(self, guest, script):
        self.guest, self.script, self.key = guest, script, uuid.uuid4().hex
        self.id = None  # of the process; its pid may be used again, this is not
        self.next = 0  # offset of the first byte that has not come
        self.lost = 0  # bytes that were not kept for us

    def start(self):
        """A stream that begins the job, or, with the same key, finds it begun."""
        request = pb.StartRequest(process=pb.ProcessConfig(cmd="/bin/sh", args=["-c", self.script]),
                                  options=pb.StartOptions(idempotency_key=self.key), events=pb.EventOptions(offsets=True))
        return self.guest.client.stream("process.Process/Start", request, pb.StartResponse)

    def attach(self):
        """A stream that goes on where the last one was lost."""
        request = pb.ConnectRequest(process=pb.ProcessSelector(id=self.id), replay=pb.Replay(offset=self.next),
                                    events=pb.EventOptions(offsets=True))
        return self.guest.client.stream("process.Process/Connect", request, pb.ConnectResponse)

    def events(self):
        """Every event of the job, once, over as many streams as it takes."""
        until = None
        while True:
            try:
                for response in self.attach() if self.id else self.start():
                    until = None
                    self.follow(response.event)
                    yield response.event
                    if response.event.HasField("end"):
                        return
            except (OSError, HTTPException):  # of an error that the agent has told (Failed) nothing is tried again
                self.guest.check()
                until = until or time.monotonic() + LOST_S
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def follow(self, event):
        if event.HasField("start"):
            self.id = event.start.id
            self.lost += max(event.start.offset - self.next, 0)
            self.next = max(event.start.offset, self.next)
        elif event.HasField("data"):
            self.next = event.data.offset + len(event.data.stdout) + len(event.data.stderr)


def main(path, script, vmm):
    with Guest(path, vmm) as guest:
        print(f"host: ready after {guest.wait_ready():.1f} s", flush=True)
        job, code = Job(guest, script), None
        for event in job.events():
            sys.stdout.buffer.write(event.data.stdout)
            sys.stdout.buffer.flush()
            sys.stderr.buffer.write(event.data.stderr)
            sys.stderr.buffer.flush()
            if event.HasField("end"):
                code = event.end.exit_code
        if job.lost:
            print(f"host: {job.lost} bytes were not kept", flush=True)
        print(f"host: exit code {code}", flush=True)
        print(f"host: the guest has ended ({guest.end()})", flush=True)
    return code


if __name__ == "__main__":
    if len(sys.argv) < 5 or sys.argv[3] != "--":
        sys.exit("usage: host.py SOCKET SCRIPT -- VMM...")
    try:
        sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[4:]))
    except (Ended, Failed, OSError, HTTPException) as error:
        sys.exit(f"host: {error}")
