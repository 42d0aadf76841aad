"""process.Process over the wire, in both codecs: what clients of E2B's and Wrenn's agents rely on."""
import base64
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from agent import Agent, RpcError, SLOW, pid_exists, wait_for


def b64(data):
    return base64.b64encode(data).decode()


# --- Start ----------------------------------------------------------------------------------------------------------


def test_order_and_streams(shared, codec):
    r = shared.shell("printf out; printf err >&2; exit 7", codec=codec)
    assert r.order[0] == "start" and r.order[-1] == "end"
    assert (r.stdout, r.stderr) == (b"out", b"err")
    assert r.end == {"exitCode": 7, "exited": True, "status": "exit status 7", "error": "exit status 7"}


def test_exit_0_says_as_little_as_envd(shared):
    """Zero values are left out: no exitCode, no error."""
    with shared.start("/bin/true") as s:
        messages = list(s)
    assert messages[0] == {"event": {"start": {"pid": messages[0]["event"]["start"]["pid"]}}}
    assert messages[1:] == [{"event": {"end": {"exited": True, "status": "exit status 0"}}}]


@pytest.mark.parametrize("signo,text", [(9, "killed"), (15, "terminated"), (1, "hangup"), (40, "signal 40")])
def test_signal_deaths(shared, codec, signo, text):
    r = shared.shell(f"kill -{signo} $$", codec=codec)
    status = f"signal: {text}"
    assert r.end == {"exitCode": -1, "status": status, "error": status}


def test_a_missing_program_is_an_exit(shared, codec):
    r = shared.run("no-such-program", codec=codec)
    assert r.code == 127 and r.pid > 0
    assert r.stderr == b"guestd: exec: no-such-program: no such file or directory\n"
    assert shared.run("/etc/passwd", codec=codec).code == 126
    assert shared.run("", codec=codec).code == 127
    assert shared.run("no-such-program", pty={"size": {"cols": 80, "rows": 24}}, codec=codec).code == 127


@pytest.mark.parametrize("fields,code,message", [
    ({"cwd": "/no/such"}, "invalid_argument", "cwd '/no/such' does not exist"),
    ({"cwd": "/root", "headers": {"Authorization": "Basic " + b64(b"user:")}}, "invalid_argument",
     "error starting process '/bin/true x': fork/exec /bin/true: permission denied"),
    ({"cwd": "~root"}, "invalid_argument", "cannot expand user-specific home dir"),
    ({"headers": {"Authorization": "Basic " + b64(b"nobody-here:")}}, "unauthenticated",
     "invalid username: 'nobody-here'"),
])
def test_bad_requests(shared, codec, fields, code, message):
    with pytest.raises(RpcError) as e:
        shared.run("/bin/true", "x", codec=codec, **fields)
    assert (e.value.code, e.value.message) == (code, message)
    assert e.value.status == 200  # a stream's error is in its end


def test_spawn_failures_have_a_typed_detail(shared):
    from agent import protos
    with pytest.raises(RpcError) as e:
        shared.run("/bin/true", cwd="/no/such")
    detail, = e.value.details
    assert detail["type"] == "guest.v1.SpawnFailure"
    failure = protos()[1].SpawnFailure.FromString(base64.b64decode(detail["value"] + "=="))
    assert (failure.stage, failure.errno_number, failure.object) == ("chdir", 0, "/no/such")


def test_too_much_is_refused(shared, codec):
    with pytest.raises(RpcError) as e:
        shared.run("/bin/true", "a" * 200000, codec=codec)
    assert e.value.code == "invalid_argument" and "argument list too long" in e.value.message
    with pytest.raises(RpcError) as e:
        shared.run("/bin/true", envs={f"V{i}": "" for i in range(5000)}, codec=codec)
    assert e.value.code == "invalid_argument"


def test_identity_and_environment(shared, codec):
    basic = {"Authorization": "Basic " + b64(b"user:ignored")}
    r = shared.shell("id -un; id -Gn; pwd; echo $HOME $USER $LOGNAME; echo $PATH; echo $A; env | grep -c TERM",
                     codec=codec, headers=basic, envs={"A": "ä=b"})
    assert r.stdout.decode().split("\n")[:6] == [
        "user", "user sudo", "/home/user", "/home/user user user", os.environ["PATH"], "ä=b"]
    assert r.stdout.endswith(b"\n0\n")
    assert shared.shell("id -un", codec=codec).stdout == b"root\n"
    assert shared.run("env", envs={"PATH": "/bin"}, codec=codec).stdout.count(b"PATH=") == 1


def test_cwd(shared, codec):
    basic = {"Authorization": "Basic " + b64(b"user:")}
    for cwd, want in [("/tmp", b"/tmp\n"), ("~", b"/home/user\n"), (".", b"/home/user\n"), ("..", b"/home\n")]:
        assert shared.run("pwd", cwd=cwd, headers=basic, codec=codec).stdout == want


def test_stdin_is_a_pipe_unless_refused(shared):
    assert shared.run("readlink", "/proc/self/fd/0").stdout == b"/dev/null\n"
    with shared.stream("process.Process/Start", {"process": {"cmd": "readlink", "args": ["/proc/self/fd/0"]}}) as s:
        assert s.result().stdout.startswith(b"pipe:")


def test_nothing_of_the_agent_leaks(shared):
    r = shared.run("ls", "-l", "/proc/self/fd")
    assert r.stdout.count(b"->") == 4 and b"socket" not in r.stdout and b"eventpoll" not in r.stdout
    r = shared.shell("grep -E 'Sig(Blk|Ign|Cgt)|NoNewPrivs' /proc/self/status; ulimit -n; nice; cat /proc/self/oom_score_adj")
    lines = r.stdout.decode().split()
    assert lines[1] == "0" * 16 and lines[3] == "0" * 16
    import resource
    assert lines[-3:] == [str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]), "0", "100"]


def test_output_is_whole(shared, codec):
    """Numbered lines on two streams at once: every byte once and in order."""
    r = shared.shell("seq 100000 & seq 200000 300000 >&2; wait", codec=codec)
    assert r.stdout == b"".join(b"%d\n" % i for i in range(1, 100001))
    assert r.stderr == b"".join(b"%d\n" % i for i in range(200000, 300001))


def test_any_bytes_pass(shared, codec):
    with shared.start("cat", codec=codec, stdin=True) as s:
        pid = s.started()
        data = bytes(range(256)) * 100
        shared.call("process.Process/SendInput", {"process": {"pid": pid}, "input": {"stdin": b64(data)}}, codec)
        shared.call("process.Process/CloseStdin", {"process": {"pid": pid}}, codec)
        assert s.result().stdout == data


def test_a_deadline_kills_and_says_so(shared, codec):
    start = time.monotonic()
    with shared.start("/bin/sh", "-c", "sleep 1000 & echo $!; wait", codec=codec,
                      headers={"Connect-Timeout-Ms": 300}) as s:
        s.started()
        child = int(s.read_until(b"\n"))
        with pytest.raises(RpcError) as e:
            list(s.iterator)
    assert (e.value.code, e.value.message) == ("deadline_exceeded", "context deadline exceeded")
    assert 0.25 < time.monotonic() - start < 5 * SLOW
    wait_for(lambda: not pid_exists(child), what="the tree is gone")


def test_a_deadline_outlives_its_client(agent):
    with agent.start("sleep", "1000", headers={"Connect-Timeout-Ms": 400}) as s:
        pid = s.started()
    assert pid_exists(pid)
    wait_for(lambda: not pid_exists(pid), what="the process is killed at its deadline")


def test_a_client_that_goes_kills_nothing(agent, tmp_path):
    with agent.start("/bin/sh", "-c", f"sleep .3; echo x >{tmp_path}/here; sleep 1000") as s:
        pid = s.started()
    wait_for((tmp_path / "here").exists)
    assert [p["pid"] for p in agent.call("process.Process/List")["processes"]] == [pid]


def test_a_background_child_does_not_hold_the_end(agent, codec):
    start = time.monotonic()
    r = agent.shell("sleep 30 & echo hi", codec=codec)
    assert r.stdout == b"hi\n" and r.code == 0
    assert time.monotonic() - start < 3 * SLOW


def test_keepalives(agent, codec):
    with agent.start("sleep", "2.5", codec=codec, headers={"Keepalive-Ping-Interval": 1}) as s:
        assert s.result().order == ["start", "keepalive", "keepalive", "end"]


@pytest.mark.parametrize("value", ["0", "-1", "9223372037", "abc", "", "1.5", "9" * 20, "00000000000000001"])
def test_a_strange_keepalive_is_the_default(agent, value):
    with agent.start("sleep", "0.2", headers={"Keepalive-Ping-Interval": value}) as s:
        assert s.result().order == ["start", "end"]
    assert agent.request("GET", "/health").status == 204


# --- List, Connect ----------------------------------------------------------------------------------------------------


def test_list(agent, codec):
    assert agent.call("process.Process/List", codec=codec) == {}
    with agent.start("sleep", "1000", codec=codec, tag="t", envs={"A": "b"}, cwd="/tmp") as a:
        pids = [a.started()]
        b = agent.start("sleep", "1001", codec=codec)
        pids.append(b.started())
        assert agent.call("process.Process/List", codec=codec)["processes"] == [
            {"config": {"cmd": "sleep", "args": ["1000"], "envs": {"A": "b"}, "cwd": "/tmp"}, "pid": pids[0], "tag": "t"},
            {"config": {"cmd": "sleep", "args": ["1001"]}, "pid": pids[1]}]
        agent.call("process.Process/SendSignal", {"process": {"tag": "t"}, "signal": "SIGNAL_SIGKILL"}, codec)
        list(a.iterator)
        assert [p["pid"] for p in agent.call("process.Process/List", codec=codec)["processes"]] == [pids[1]]
        b.close()


def test_gone_before_the_end_is_told(agent):
    for _ in range(50):
        r = agent.run("/bin/true")
        assert "processes" not in agent.call("process.Process/List")
        assert not pid_exists(r.pid)  # and reaped: a zombie still answers kill -0


def test_connect_joins_at_the_head(agent, codec):
    with agent.start("/bin/sh", "-c", "echo early; read x; echo late:$x", codec=codec, stdin=True, tag="t") as s:
        pid = s.started()
        s.read_until(b"early\n")
        with agent.stream("process.Process/Connect", {"process": {"tag": "t"}}, codec) as c:
            assert c.started() == pid
            agent.call("process.Process/SendInput", {"process": {"pid": pid}, "input": {"stdin": b64(b"y\n")}}, codec)
            r = c.result()
            assert r.stdout == b"late:y\n" and r.end["status"] == "exit status 0"
        assert s.result().stdout == b"late:y\n"


def test_connect_to_the_past(agent, codec):
    r = agent.shell("exit 9", codec=codec, tag="old")
    for selector in ({"pid": r.pid}, {"tag": "old"}):
        with agent.stream("process.Process/Connect", {"process": selector}, codec) as c:
            past = c.result()
            assert past.order == ["start", "end"] and past.pid == r.pid and past.code == 9


@pytest.mark.parametrize("selector,code,message", [
    ({"pid": 4194305}, "not_found", "process with pid 4194305 not found"),
    ({"tag": "nope"}, "not_found", "process with tag nope not found"),
    ({}, "unimplemented", "invalid input type *process.ProcessSelector"),
])
def test_selectors(shared, codec, selector, code, message):
    for method, fields in [("SendSignal", {"signal": "SIGNAL_SIGKILL"}), ("Update", {}), ("CloseStdin", {}),
                           ("SendInput", {"input": {"stdin": ""}})]:
        with pytest.raises(RpcError) as e:
            shared.call(f"process.Process/{method}", {"process": selector, **fields}, codec)
        assert (e.value.code, e.value.message) == (code, message), method
    with pytest.raises(RpcError) as e, shared.stream("process.Process/Connect", {"process": selector}, codec) as s:
        list(s)
    assert (e.value.code, e.value.message) == (code, message)


def test_connects_deadline_ends_the_stream_only(agent, codec):
    with agent.start("sleep", "1000", codec=codec) as s:
        pid = s.started()
        with pytest.raises(RpcError) as e, \
                agent.stream("process.Process/Connect", {"process": {"pid": pid}}, codec,
                             **{"Connect-Timeout-Ms": 100}) as c:
            list(c)
        assert e.value.code == "deadline_exceeded"
        assert pid_exists(pid)


def test_tags_among_many(agent):
    streams = [agent.start("sleep", "1000", tag=f"tag{i}") for i in range(20)]
    pids = [s.started() for s in streams]
    for i in reversed(range(20)):
        with agent.stream("process.Process/Connect", {"process": {"tag": f"tag{i}"}}) as c:
            assert c.started() == pids[i]
    for s in streams:
        s.close()


# --- signals ------------------------------------------------------------------------------------------------------------


def test_kill_is_at_once_and_for_the_tree(agent, codec):
    with agent.start("/bin/bash", "-c", "sleep 1000 & echo $!; wait", codec=codec) as s:
        pid = s.started()
        child = int(s.read_until(b"\n"))
        agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}, codec)
        assert s.result().end["status"] == "signal: killed"
    assert not pid_exists(pid)
    wait_for(lambda: not pid_exists(child))


def test_term_reaches_the_leader_and_its_last_words_arrive(agent, codec):
    with agent.start("/bin/sh", "-c", "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep .02; done",
                     codec=codec) as s:
        pid = s.started()
        s.read_until(b"up")
        agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGTERM"}, codec)
        r = s.result()
        assert r.stdout.endswith(b"bye\n") and r.code == 5


@pytest.mark.parametrize("signo,name", [(0, "SIGNAL_UNSPECIFIED"), (2, "2")])
def test_other_signals_are_unimplemented(agent, codec, signo, name):
    with agent.start("sleep", "1000") as s:
        with pytest.raises(RpcError) as e:
            agent.call("process.Process/SendSignal", {"process": {"pid": s.started()}, "signal": signo}, codec)
        assert (e.value.code, e.value.message) == ("unimplemented", f"invalid signal: {name}")


def test_a_signal_to_what_is_listed_is_no_error(agent, codec):
    """The program has ended, a child holds its output: it is listed still, as a zombie would be, and SIGKILL ends the rest."""
    with agent.start("/bin/sh", "-c", "(while :; do echo; sleep .05; done) & echo $!", codec=codec) as s:
        pid = s.started()
        child = int(s.read_until(b"\n"))
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the program is reaped")
        for signo in (15, 9):
            agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": signo}, codec)
        wait_for(lambda: not pid_exists(child), what="the child is killed")
        assert s.result().code == 0


def test_the_oldest_client_is_told_that_it_is_known(agent):
    """Its user agent is exactly that; every other client's is not."""
    for name, legacy in (("connect-python", "true"), ("connect-python/1", None), ("connectrpc/0.9", None)):
        with agent.start("true", headers={"User-Agent": name}) as s:
            s.result()
            assert s.headers.get("x-e2b-legacy-sdk") == legacy
        with agent.connect() as c:
            r = c.request("POST", "/process.Process/List", {"Content-Type": "application/json", "User-Agent": name}, b"{}")
            assert r.headers.get("x-e2b-legacy-sdk") == legacy


# --- input --------------------------------------------------------------------------------------------------------------


def test_input_errors(agent, codec):
    def send(pid, **data):
        agent.call("process.Process/SendInput", {"process": {"pid": pid}, "input": data}, codec)

    with agent.start("sleep", "1000", codec=codec) as nothing, \
            agent.start("cat", codec=codec, stdin=True) as pipe, \
            agent.start("cat", codec=codec, pty={"size": {"cols": 80, "rows": 24}}) as tty:
        pids = nothing.started(), pipe.started(), tty.started()
        for call, message in [
            (lambda: send(pids[0], stdin=b64(b"x")), "error writing to stdin: stdin not enabled or closed"),
            (lambda: send(pids[1], pty=b64(b"x")), "error writing to tty: tty not assigned to process"),
            (lambda: send(pids[2], stdin=b64(b"x")), "error writing to stdin: tty assigned to process"),
        ]:
            with pytest.raises(RpcError) as e:
                call()
            assert e.value.code == "internal" and e.value.message.startswith(message)
        with pytest.raises(RpcError) as e:
            agent.call("process.Process/SendInput", {"process": {"pid": pids[1]}}, codec)
        assert e.value.code == "unimplemented"
        send(pids[1], stdin="")  # the empty input is legal
        for _ in range(2):
            agent.call("process.Process/CloseStdin", {"process": {"pid": pids[0]}}, codec)
        agent.call("process.Process/CloseStdin", {"process": {"pid": pids[1]}}, codec)
        assert pipe.result().code == 0
        agent.call("process.Process/CloseStdin", {"process": {"pid": pids[2]}}, codec)
        assert tty.result().code == 0


@pytest.mark.parametrize("typed", [b"", b"line\n", b"line\nhalf", b"x" * 4000 + b"\n"])
def test_the_end_of_a_terminals_input(agent, codec, typed, tmp_path):
    """A reader sees it behind all that was typed, a half line too."""
    with agent.start("/bin/sh", "-c", f"stty -echo; echo ready; cat >{tmp_path}/typed; wc -c <{tmp_path}/typed", codec=codec,
                     pty={"size": {"cols": 80, "rows": 24}}) as s:
        selector = {"process": {"pid": s.started()}}
        s.read_until(b"ready", "pty")
        if typed:
            agent.call("process.Process/SendInput", {**selector, "input": {"pty": b64(typed)}}, codec)
        agent.call("process.Process/CloseStdin", selector, codec)
        assert s.result().pty.split() == [b"%d" % len(typed)]


def test_a_terminal_is_hung_up_the_second_time(agent, codec):
    script = "trap '' HUP; stty raw -echo; (trap - HUP; exec sleep 1000) & trap 'echo hup; exit 4' HUP; echo $!; while :; do sleep .05; done"
    with agent.start("/bin/bash", "-c", script, codec=codec, pty={"size": {"cols": 80, "rows": 24}}) as s:
        selector = {"process": {"pid": s.started()}}
        s.read_until(b"\n", "pty")
        for _ in range(2):
            agent.call("process.Process/CloseStdin", selector, codec)
        r = s.result()
        assert r.code == 4 and b"hup" in r.pty


def test_a_terminal_that_nobody_has_open_is_not_hung_up(agent, codec):
    """Who closes its standard streams and ends later has its own exit code; and /dev/tty can be opened again."""
    for script, end, said in (("exec <&- >&- 2>&-; sleep .3; exit 5", 5, b""),
                              ("exec <&- >&- 2>&-; sleep .3; echo back >/dev/tty; exit 6", 6, b"back\r\n"),
                              ("exec <&- >&- 2>&-; sleep 1.5; exec >/dev/tty; seq 3000; exit 7", 7,
                               b"".join(b"%d\r\n" % i for i in range(1, 3001)))):
        with agent.start("/bin/sh", "-c", script, codec=codec, pty={"size": {"cols": 80, "rows": 24}}) as s:
            r = s.result()
            assert (r.code, r.pty) == (end, said)


def test_many_terminals_end_as_they_want(agent):
    """`cat` has closed its end of the terminal a moment before it has ended."""
    def run():
        for _ in range(60):
            with agent.start("cat", pty={"size": {"cols": 80, "rows": 24}}) as s:
                agent.call("process.Process/CloseStdin", {"process": {"pid": s.started()}})
                codes.append(s.result().code)

    codes = []
    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert codes == [0] * 240


def test_a_process_that_does_not_read_holds_its_sender_only(agent, codec):
    """The sender of more than pipe and queue hold waits; everybody else is served; nothing is lost."""
    with agent.start("/bin/sh", "-c", "sleep 1; exec cat", codec=codec, stdin=True) as s:
        pid = s.started()
        data = os.urandom(2 << 20)
        with agent.connect() as c:
            from agent import encode
            body = encode("process.Process/SendInput", {"process": {"pid": pid}, "input": {"stdin": b64(data)}}, codec)
            c.send_request("POST", "/process.Process/SendInput", {"Content-Type": f"application/{codec}"}, body)
            time.sleep(0.3)
            assert agent.request("GET", "/health").status == 204
            c.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                c.read_response()
            c.sock.settimeout(30 * SLOW)
            got = b""
            for kind, value in s.iterator:
                got += value if kind == "stdout" else b""
                if len(got) == len(data):
                    break
            assert got == data
            assert c.read_response().status == 200


def test_stream_input_is_ordered(agent, codec):
    from agent import encode, envelope
    method = "process.Process/StreamInput"
    with agent.start("cat", codec=codec, stdin=True) as s, agent.connect() as c:
        pid = s.started()
        messages = [{"start": {"process": {"pid": pid}}}, {"keepalive": {}}]
        messages += [{"data": {"input": {"stdin": b64(b"%d " % i)}}} for i in range(500)]
        body = b"".join(envelope(encode(method, m, codec)) for m in messages)
        c.send_request("POST", f"/{method}", {"Content-Type": f"application/connect+{codec}"}, body)
        r = c.read_response()
        assert r.status == 200 and r.body.endswith(envelope(b"{}", 2))
        agent.call("process.Process/CloseStdin", {"process": {"pid": pid}}, codec)
        assert s.result().stdout == b"".join(b"%d " % i for i in range(500))


def test_stream_input_wants_its_start_first(agent, codec):
    from agent import encode, envelope
    method = "process.Process/StreamInput"
    for message, code in [({"data": {"input": {"stdin": "eA=="}}}, b"invalid_argument"), ({}, b"unimplemented"),
                          ({"start": {"process": {"pid": 4194305}}}, b"not_found")]:
        with agent.connect() as c:
            c.send_request("POST", f"/{method}", {"Content-Type": f"application/connect+{codec}"},
                           envelope(encode(method, message, codec)))
            r = c.read_response()
            assert r.status == 200 and code in r.body
    assert agent.request("GET", "/health").status == 204


# --- terminals ----------------------------------------------------------------------------------------------------------


def foreground(pid):
    """The name of the program whose process group has the terminal of a process; none while its leader is gone."""
    leader = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[5]
    try:
        return Path(f"/proc/{leader}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_terminal(agent, codec):
    basic = {"Authorization": "Basic " + b64(b"user:")}
    with agent.start("/bin/bash", "--norc", "-i", codec=codec, headers=basic, envs={"TERM": "dumb", "PS1": "$ "},
                     pty={"size": {"cols": 91, "rows": 33}}) as s:
        pid = s.started()

        def type_(text):
            agent.call("process.Process/SendInput", {"process": {"pid": pid}, "input": {"pty": b64(text)}}, codec)

        type_(b"stty size; stat -c '%U %G %a' $(tty)\n")
        s.read_until(b"33 91\r\nuser tty 620\r\n", "pty")
        agent.call("process.Process/Update", {"process": {"pid": pid}, "pty": {"size": {"cols": 50, "rows": 20}}}, codec)
        type_(b"stty size; printf '\\303\\244\\377'\n")
        s.read_until(b"20 50\r\n\xc3\xa4\xff", "pty")
        agent.call("process.Process/Update", {"process": {"pid": pid}}, codec)  # nothing to do is not an error
        type_(b"sleep 100\n")
        # Before that the shell forgets what was typed, or its child, which still has the shell's handlers, the signal.
        wait_for(lambda: foreground(pid) == "sleep\n", what="the shell's job has the terminal")
        type_(b"\x03")
        wait_for(lambda: foreground(pid) == "bash\n", what="the shell has it again")
        s.read_until(b"^C\r\n$ ", "pty")
        type_(b"exit 4\n")
        r = s.result()
        assert r.code == 4 and r.stdout == r.stderr == b""


def test_resize_without_a_terminal(agent, codec):
    with agent.start("sleep", "1000") as s, pytest.raises(RpcError) as e:
        agent.call("process.Process/Update", {"process": {"pid": s.started()}, "pty": {"size": {"cols": 1, "rows": 1}}},
                   codec)
    assert (e.value.code, e.value.message) == ("internal", "error resizing tty: tty not assigned to process")


def test_a_terminals_first_and_last_words(agent):
    for _ in range(100):
        r = agent.shell("echo first; echo last", pty={"size": {"cols": 80, "rows": 24}})
        assert r.pty == b"first\r\nlast\r\n"


def test_a_killed_terminal_keeps_its_server(agent):
    """As on envd: SIGKILL reaches the shell, the kernel hangs up, what ignores that lives on."""
    with agent.start("/bin/sh", "-c", "nohup sleep 1000 >/dev/null 2>&1 & echo $!; sleep 1000",
                     pty={"size": {"cols": 80, "rows": 24}}) as s:
        pid = s.started()
        server = int(s.read_until(b"\n", "pty"))
        wait_for(lambda: open(f"/proc/{server}/comm").read() == "sleep\n", what="nohup has done its work")
        agent.call("process.Process/SendSignal", {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"})
        assert s.result().end["status"] == "signal: killed"
    assert pid_exists(server)
    os.kill(server, signal.SIGKILL)


# --- readers ------------------------------------------------------------------------------------------------------------


def test_a_lone_reader_may_take_its_time(agent, codec):
    with agent.start("/bin/sh", "-c", "yes | head -c 5000000", codec=codec) as s:
        s.started()
        time.sleep(2)
        assert len(s.result().stdout) == 5000000


def test_a_stuck_reader_does_not_hurt_a_healthy_one(agent):
    with agent.start("yes") as healthy:
        pid = healthy.started()
        stuck = agent.stream("process.Process/Connect", {"process": {"pid": pid}})
        stuck.started()
        last, gap, got = time.monotonic(), 0, 0
        while got < 30_000_000:
            kind, value = next(healthy.iterator)
            now = time.monotonic()
            gap, last = max(gap, now - last), now
            got += len(value)
        assert gap < 1.6 * SLOW
        with pytest.raises(RpcError) as e:
            for _ in stuck.iterator:
                pass
        assert e.value.code == "resource_exhausted" and "from offset" in e.value.message
        stuck.close()


def test_many_at_once(agent, codec):
    streams = [agent.start("/bin/sh", "-c", f"echo {i}; exit {i % 50}", codec=codec) for i in range(150)]
    for i, s in enumerate(streams):
        r = s.result()
        assert r.stdout == b"%d\n" % i and r.code == i % 50
        s.close()
    wait_for(lambda: agent.fds() < 30, what="the descriptors are back")


def test_what_the_agent_was_started_with_is_not_handed_on():
    """Signals that its parent ignored and blocked, as nohup and some supervisors do, and a file mode mask."""
    def spoil():
        for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGSYS):
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGCHLD])
        os.umask(0o077)

    with Agent(preexec=spoil) as a:
        said = dict(line.split(":\t", 1) for line in a.run("cat", "/proc/self/status").stdout.decode().splitlines())
        assert said["Umask"] == "0022" and {said[f"Sig{k}"] for k in ("Blk", "Ign", "Cgt")} == {"0" * 16}
        # But it is itself what nohup made of it: who hangs up does not end it.
        os.kill(a.pid, signal.SIGHUP)
        os.kill(a.pid, signal.SIGUSR1)
        assert a.run("/bin/sh", "-c", "kill -HUP $$").code != 0
        assert a.process.poll() is None
