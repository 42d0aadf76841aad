"""grpcio, Google's client for Python, with code that its own compiler makes of our protos."""
import asyncio
import os
import queue
import subprocess
import sys
import time

import grpc
import pytest
from agent import ROOT, pid_exists, protos, wait_for
from git_host import ANN, commit, git
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

HANG = 30  # seconds after which something hangs

process_pb2, agent_pb2, exec_pb2 = protos()
OUT = ROOT / "build/deps/python"
subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto", f"--grpc_python_out={OUT}",
                "process/process.proto", "filesystem/filesystem.proto", "guest/v1/agent.proto",
                "guest/v1/exec.proto"], check=True)

from filesystem import filesystem_pb2, filesystem_pb2_grpc  # noqa: E402
from guest.v1 import exec_pb2_grpc, git_pb2  # noqa: E402
from process import process_pb2_grpc  # noqa: E402

Request = exec_pb2.SessionRequest


@pytest.fixture(params=["tcp", "unix"])
def target(request):
    return {"tcp": "localhost:49983", "unix": f"unix:{os.environ['GUESTD_SOCKET']}"}[request.param]


@pytest.fixture
def channel(target):
    with grpc.insecure_channel(target) as c:
        yield c


@pytest.fixture
def processes(channel):
    return process_pb2_grpc.ProcessStub(channel)


def shell(script, **fields):
    return process_pb2.StartRequest(process={"cmd": "/bin/sh", "args": ["-c", script]}, **fields)


class Events:
    """A stream of events: what it has told so far."""

    def __init__(self, responses):
        self.responses, self.pid, self.stdout, self.end, self.keepalives = responses, None, b"", None, 0

    def step(self):
        event = next(self.responses).event
        kind = event.WhichOneof("event")
        if kind == "start":
            self.pid = event.start.pid
        elif kind == "data":
            self.stdout += event.data.stdout
        elif kind == "keepalive":
            self.keepalives += 1
        else:
            self.end = event.end
        return kind

    def started(self):
        assert self.step() == "start"
        return self

    def until(self, text):
        while text not in self.stdout:
            self.step()

    def finish(self):
        with pytest.raises(StopIteration):
            while True:
                self.step()
        return self


def failure(call):
    with pytest.raises(grpc.RpcError) as e:
        call()
    return e.value


def kill(processes, pid):
    processes.SendSignal(process_pb2.SendSignalRequest(process={"pid": pid}, signal="SIGNAL_SIGKILL"))


def test_unary(processes):
    s = Events(processes.Start(shell("sleep 1000"))).started()
    assert s.pid in [p.pid for p in processes.List(process_pb2.ListRequest()).processes]
    kill(processes, s.pid)
    assert s.finish().end.status == "signal: killed"


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_much_output(processes, compression):
    s = Events(processes.Start(shell("seq 0 999999"), compression=compression)).finish()
    assert s.stdout == b"".join(b"%d\n" % i for i in range(1000000))
    assert s.end.exit_code == 0


def test_client_stream(processes):
    s = Events(processes.Start(shell("read x; echo got $x"))).started()
    messages = [{"start": {"process": {"pid": s.pid}}}, {"data": {"input": {"stdin": b"word\n"}}}]
    processes.StreamInput(process_pb2.StreamInputRequest(**m) for m in messages)
    assert s.finish().stdout == b"got word\n"


def test_errors_have_codes_and_details(processes):
    request = shell("true")
    request.process.cwd = "/no/such"
    e = failure(lambda: next(processes.Start(request)))
    assert e.code() == grpc.StatusCode.INVALID_ARGUMENT and "cwd '/no/such' does not exist" in e.details()
    detail, = rpc_status.from_call(e).details
    spawn = agent_pb2.SpawnFailure()
    assert detail.Unpack(spawn) and (spawn.stage, spawn.object) == ("chdir", "/no/such")
    e = failure(lambda: processes.List(process_pb2.ListRequest(), metadata=[("authorization", "Basic bm9ib2R5LWhlcmU6")]))
    assert e.code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_large_detail_has_room_in_trailers(channel, tmp_path):
    """This client takes 8 KiB of them, and forgets the error for more: a commit while 400 files are in conflict."""
    names = [f"{i:03}-{'n' * 60}" for i in range(400)]
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    for branch in ("side", "main"):
        git(tmp_path, "checkout", "-q", "-B", branch)
        commit(tmp_path, **dict.fromkeys(names, branch))
        git(tmp_path, "checkout", "-q", "HEAD~1")
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "merge", "side", check=False)
    call = channel.unary_unary("/guest.v1.Git/Commit", git_pb2.CommitRequest.SerializeToString, git_pb2.CommitResponse.FromString)
    request = git_pb2.CommitRequest(path=str(tmp_path), message="x", author=ANN, committer=ANN)
    e = failure(lambda: call(request, metadata=[("authorization", "Basic cm9vdDo=")]))
    assert e.code() == grpc.StatusCode.ABORTED and "unresolved conflict" in e.details()
    detail, = rpc_status.from_call(e).details
    told = git_pb2.GitFailure()
    assert detail.Unpack(told) and told.reason == git_pb2.GitFailure.REASON_CONFLICT and len(detail.value) <= 3072
    assert told.paths == [name.encode() for name in names[:len(told.paths)]] and len(told.paths) > 10 and told.paths_truncated
    assert told.stderr.endswith("because of an unresolved conflict.\n")


def test_metadata(processes):
    s = Events(processes.Start(shell("id -un; sleep 2.5"), metadata=[
        ("keepalive-ping-interval", "1"), ("authorization", "Basic dXNlcjo=")])).finish()
    assert (s.stdout, s.keepalives) == (b"user\n", 2)


def test_a_deadline(processes):
    s = Events(processes.Start(shell("sleep 1000"), timeout=0.3)).started()
    assert failure(s.step).code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for(lambda: not pid_exists(s.pid), HANG, "the process is killed")


@pytest.mark.parametrize("kills", [False, True])
def test_a_cancel(processes, kills):
    call = processes.Start(shell("sleep 1000", options={"kill_on_disconnect": kills}))
    s = Events(call).started()
    call.cancel()
    assert failure(s.step).code() == grpc.StatusCode.CANCELLED
    if not kills:
        time.sleep(0.1)  # for one that is killed by mistake to be gone
        assert pid_exists(s.pid)
        kill(processes, s.pid)
    wait_for(lambda: not pid_exists(s.pid), HANG, "the process is killed")


def test_health(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "process.Process", "guest.v1.Exec"):
        assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == health_pb2.HealthCheckResponse.SERVING
    assert failure(lambda: health.Check(health_pb2.HealthCheckRequest(service="nobody"))).code() == \
        grpc.StatusCode.NOT_FOUND
    watch = health.Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


def test_a_call_by_reflection_alone(channel):
    """As a client calls that has no protos: what it needs to know comes from the agent."""
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {"process.Process", "guest.v1.Exec", "guest.v1.Agent", "grpc.health.v1.Health"} <= set(database.get_services())
    method = DescriptorPool(database).FindServiceByName("guest.v1.Agent").FindMethodByName("GetInfo")
    get_info = channel.unary_unary("/guest.v1.Agent/GetInfo",
                                   request_serializer=lambda m: m.SerializeToString(),
                                   response_deserializer=GetMessageClass(method.output_type).FromString)
    assert get_info(GetMessageClass(method.input_type)()).compat == "e2b"


# --- sessions ------------------------------------------------------------------------------------------------------------


def test_a_session_is_a_conversation(channel):
    requests = queue.SimpleQueue()
    requests.put(Request(start=shell("while read x; do echo got $x; done; exit 6")))
    s = Events(exec_pb2_grpc.ExecStub(channel).Session(iter(requests.get, None))).started()
    for word in (b"one\n", b"two\n"):
        requests.put(Request(input=word))
        s.until(b"got " + word)
    requests.put(None)
    assert s.finish().end.exit_code == 6


def test_a_session_of_a_cat(channel):
    data = os.urandom(6 << 20)

    def requests():
        yield Request(start={"process": {"cmd": "cat"}})
        for at in range(0, len(data), 50000):
            yield Request(input=data[at:at + 50000])

    assert Events(exec_pb2_grpc.ExecStub(channel).Session(requests())).finish().stdout == data


def test_a_session_in_asyncio(target):
    async def talk():
        async with grpc.aio.insecure_channel(target) as channel:
            session = exec_pb2_grpc.ExecStub(channel).Session()
            await session.write(Request(start=shell("read x; echo got $x; cat", pty={"size": {"rows": 24, "cols": 80}})))
            seen = b""
            while b"got word\r\n" not in seen:
                response = await session.read()
                if response.event.HasField("start"):
                    await session.write(Request(input=b"word\n"))
                seen += response.event.data.pty
            await session.write(Request(signal={"number": 9}))
            while not response.event.HasField("end"):
                response = await session.read()
            assert await session.read() == grpc.aio.EOF
            return response.event.end.status

    assert asyncio.run(talk()) == "signal: killed"


def test_a_session_that_is_left(channel, processes):
    requests = queue.SimpleQueue()
    requests.put(Request(start=shell("echo up; sleep 1000")))
    call = exec_pb2_grpc.ExecStub(channel).Session(iter(requests.get, None))
    s = Events(call)
    s.until(b"up\n")
    call.cancel()
    requests.put(None)
    assert failure(s.step).code() == grpc.StatusCode.CANCELLED
    kill(processes, s.pid)
    wait_for(lambda: not pid_exists(s.pid), HANG, "the process is killed")


def test_a_watch(channel, tmp_path):
    files = filesystem_pb2_grpc.FilesystemStub(channel)
    polled = files.CreateWatcher(filesystem_pb2.CreateWatcherRequest(path=str(tmp_path))).watcher_id
    stream = files.WatchDir(filesystem_pb2.WatchDirRequest(path=str(tmp_path), recursive=True))
    assert next(stream).WhichOneof("event") == "start"
    files.MakeDir(filesystem_pb2.MakeDirRequest(path=f"{tmp_path}/a"))
    events = files.GetWatcherEvents(filesystem_pb2.GetWatcherEventsRequest(watcher_id=polled)).events
    assert [(e.name, e.type) for e in events] == [("a", filesystem_pb2.EVENT_TYPE_CREATE),
                                                  ("a", filesystem_pb2.EVENT_TYPE_CHMOD)]
    assert [next(stream).filesystem for _ in events] == list(events)
    stream.cancel()
    assert failure(lambda: next(stream)).code() == grpc.StatusCode.CANCELLED
    files.RemoveWatcher(filesystem_pb2.RemoveWatcherRequest(watcher_id=polled))
    gone = failure(lambda: files.RemoveWatcher(filesystem_pb2.RemoveWatcherRequest(watcher_id=polled)))
    assert (gone.code(), gone.details()) == (grpc.StatusCode.NOT_FOUND, f"watcher with id {polled} not found")
