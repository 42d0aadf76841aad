"""Trees in one stream: what is read is what is written, nothing leads out of the destination, nothing is half, and neither a slow
reader nor a fast writer makes the agent grow."""
import base64
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from agent import SLOW, Agent, RpcError, wait_for
from guestctl import command
from hung import HungMount
from test_guestctl import ctl
from trees import READ, Writing, b64, describe, directory, entry, grow, link, read, refused, write

codecs = pytest.mark.parametrize("codec", ["json", "proto"])


def rss_kib(agent):
    with open(f"/proc/{agent.pid}/status") as f:
        return int(f.read().partition("VmRSS:")[2].split()[0])


@pytest.mark.parametrize("seed", range(6))
def test_any_tree_comes_back_as_it_was(shared, tmp_path, seed):
    grow(random.Random(seed), tmp_path / "a", 120)
    options = {"codec": ["json", "proto"][seed % 2]}
    items = read(shared, tmp_path / "a", **options)
    answer = write(shared, tmp_path / "b", *items, **options)
    assert "problems" not in answer
    assert describe(tmp_path / "b") == describe(tmp_path / "a")
    assert int(answer["files"]) + int(answer["directories"]) == len(describe(tmp_path / "a"))


@pytest.mark.usefixtures("protocol")
@pytest.mark.parametrize("seed", range(6, 9))
def test_any_tree_goes_through_guestctl(shared, tmp_path, seed):
    grow(random.Random(seed), tmp_path / "a", 120)
    for source, target in ((f"{tmp_path}/a", f":{tmp_path}/b"), (f":{tmp_path}/b", f"{tmp_path}/c")):
        r = ctl(shared, "cp", "-r", source, target)
        assert (r.returncode, r.stdout, r.stderr) == (0, b"", b"")
    want = describe(tmp_path / "a")
    assert describe(tmp_path / "b") == want
    out = {path: (mode & ~0o7000, *rest) for path, (mode, *rest) in want.items()}  # no rights are gained
    assert describe(tmp_path / "c") == out


def test_a_directory_comes_before_what_is_in_it_and_all_of_that_before_others(shared, tmp_path):
    grow(random.Random(9), tmp_path / "a", 200)
    way = [b""]
    for item in read(shared, tmp_path / "a"):
        if "entry" in item:
            path = base64.b64decode(item["entry"].get("path", ""))
            above = os.path.dirname(path)
            while way[-1] != above:
                assert len(way) > 1, f"{path} comes after its directory was left"
                way.pop()
            if item["entry"]["type"] == "TYPE_DIRECTORY" and path:
                way.append(path)


def test_many_levels(shared, tmp_path):
    """More than are open at once, and a path longer than PATH_MAX."""
    here = os.getcwd()
    os.mkdir(tmp_path / "a")
    os.chdir(tmp_path / "a")
    for i in range(150):
        with open("file", "w") as f:
            f.write(str(i))
        os.mkdir("d" * 50)
        os.chdir("d" * 50)
    os.chdir(here)
    answer = write(shared, tmp_path / "b", *read(shared, tmp_path / "a"))
    assert (answer["files"], answer["directories"], "problems" in answer) == ("150", "151", False)
    again = read(shared, tmp_path / "b")
    assert len(again) == 301


@codecs
def test_hostile_names_end_it(shared, tmp_path, codec):
    (tmp_path / "outside").mkdir()
    for path in ["../outside/f", "/etc/f", "..", "a/../../outside/f", "a//f", "./f", "f/", "a\0b"]:
        says = refused("invalid_argument", write, shared, tmp_path / "t", directory(""), entry(path), codec=codec)
        assert "not a path below a directory" in says, path
    for item in [entry(""), {"data": b64(b"x")}, link("l", ""), link("l", "a\0b"), entry("d", "TYPE_DIRECTORY", b"x"),
                 entry("l", "TYPE_SYMLINK", more=True)]:
        refused("invalid_argument", write, shared, tmp_path / "t", directory(""), item, codec=codec)
    assert os.listdir(tmp_path / "t") == [] and os.listdir(tmp_path / "outside") == []


def test_no_link_is_followed(shared, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "t").mkdir()
    (tmp_path / "t/there").symlink_to(tmp_path / "outside")
    (tmp_path / "t/file").symlink_to(tmp_path / "outside/file")
    answer = write(shared, tmp_path / "t", link("came", tmp_path / "outside"), entry("came/f"), directory("came"), entry("came/g"),
                   entry("there/f"), entry("file", data=b"x"), overwrite=True)
    assert [p["code"] for p in answer["problems"]] == ["failed_precondition"] * 3
    assert answer["problemCount"] == "3" and os.listdir(tmp_path / "outside") == []
    assert not (tmp_path / "t/file").is_symlink() and (tmp_path / "t/file").read_text() == "x"


def test_the_root_may_be_a_link_that_the_caller_named(shared, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(shared, tmp_path / "link", entry("f", data=b"x"))
    assert len(read(shared, tmp_path / "link")) == 2 and (tmp_path / "real/f").exists()


def test_a_directory_that_is_moved_meanwhile(shared, tmp_path):
    """What follows goes into it, wherever it is by then; and its place's new one is another."""
    with shared.connect() as c:
        w = Writing(c, path=f"{tmp_path}/t")
        w.items(directory("a"), entry("a/f"))
        wait_for(lambda: (tmp_path / "t/a/f").exists())
        (tmp_path / "t/a").rename(tmp_path / "moved")
        (tmp_path / "t/a").symlink_to("/etc")
        w.items(entry("a/guestd-test"))
        w.answer()
    assert (tmp_path / "moved/guestd-test").exists() and not os.path.exists("/etc/guestd-test")


def test_what_is_in_the_way(shared, tmp_path):
    write(shared, tmp_path / "t", directory("", 0o711), directory("d", 0o700), entry("f", data=b"old"), entry("x"), link("l", "old"))
    before = os.lstat(tmp_path / "t")
    kept = write(shared, tmp_path / "t", directory("", 0o777), entry("f", data=b"new"), link("l", "new"), directory("d", 0o777))
    assert [p["code"] for p in kept["problems"]] == ["already_exists"] * 2 and (tmp_path / "t/f").read_text() == "old"
    new = write(shared, tmp_path / "t", entry("f", data=b"new"), link("l", "new"), directory("x"), entry("x/y"), entry("d"),
                overwrite=True)
    assert [p["code"] for p in new["problems"]] == ["failed_precondition"] * 2  # x, with all in it, and d
    assert (tmp_path / "t/f").read_text() == "new" and os.readlink(tmp_path / "t/l") == "new"
    assert (tmp_path / "t/d").stat().st_mode & 0o777 == 0o700 and (tmp_path / "t").stat().st_mode == before.st_mode
    refused("already_exists", write, shared, tmp_path / "t", entry("f"), stop=True)


def test_problems_are_counted_beyond_a_thousand(shared, tmp_path):
    answer = write(shared, tmp_path / "t", *[entry(f"none/{i}") for i in range(1100)], codec="proto")
    assert (len(answer["problems"]), answer["problemCount"]) == (1000, "1100")


def test_what_cannot_be_begun(shared, tmp_path):
    (tmp_path / "f").write_text("x")
    refused("not_found", read, shared, tmp_path / "none")
    refused("failed_precondition", read, shared, tmp_path / "f")
    assert "path is a file" in refused("internal", write, shared, tmp_path / "f/t", entry("x"))
    refused("failed_precondition", write, shared, tmp_path / "f", entry("x"))


def test_a_client_that_goes_leaves_no_half_file(tmp_path):
    with Agent() as agent:
        read(agent, tmp_path)  # the table of mounts is open from here on
        before = agent.fds()
        for i in range(20):
            with agent.connect() as c:
                w = Writing(c, "proto", path=f"{tmp_path}/t{i}")
                w.items(entry("whole", data=b"x"), entry("half", data=b"x" * 50_000, more=True))
                for _ in range(i):
                    w.items({"data": b64(b"x" * 50_000), "more": True})
                if i % 2:
                    wait_for(lambda: (tmp_path / f"t{i}/whole").exists())
        wait_for(lambda: agent.fds() <= before)
        for i in range(20):
            names = os.listdir(tmp_path / f"t{i}") if (tmp_path / f"t{i}").exists() else []
            assert names in ([], ["whole"]), names


def test_an_agent_that_is_killed_leaves_no_half_file(tmp_path):
    agent = Agent()
    try:
        with agent.connect() as c:
            w = Writing(c, path=f"{tmp_path}/t")
            w.items(entry("whole", data=b"x"), entry("half", data=b"x", more=True))
            wait_for(lambda: (tmp_path / "t/whole").exists())
            agent.process.kill()
            agent.process.wait()
        assert os.listdir(tmp_path / "t") == ["whole"]
    finally:
        agent.process.stdout.close()
        agent.dir.cleanup()


def test_a_reader_that_waits_costs_two_blocks(tmp_path):
    os.mkdir(tmp_path / "t")
    for i in range(8):
        with open(tmp_path / f"t/{i}", "wb") as f:
            f.truncate(100 << 20)
    with Agent() as agent:
        before = rss_kib(agent)
        streams = [agent.stream(READ, {"path": f"{tmp_path}/t"}, "proto") for _ in range(4)]
        time.sleep(1)
        assert rss_kib(agent) - before < 4 * 1536
        for s in streams:
            s.close()
        assert agent.request("GET", "/health").status == 204


def test_a_writer_is_held_while_the_disk_is_slow(tmp_path):
    """Its socket fills up, and the agent does not."""
    with Agent() as agent, HungMount(tmp_path) as mount, agent.connect() as c:
        w = Writing(c, "proto", path=f"{mount.directory}/t")
        c.sock.settimeout(2)
        sent = 0
        with pytest.raises(TimeoutError):
            for i in range(1000):
                w.items(entry(f"{i}", data=b"x" * 60_000))
                sent += 60_000
        assert sent < 4 << 20 and rss_kib(agent) < (16 << 10) * SLOW  # a sanitizer keeps what is freed
        assert agent.request("GET", "/health").status == 204


def test_more_trees_than_there_may_be(tmp_path):
    with Agent() as agent:
        held = []
        for i in range(32):
            c = agent.connect()
            held.append(Writing(c, path=f"{tmp_path}/{i}"))
        wait_for(lambda: len(os.listdir(tmp_path)) == 32)
        assert "more than 32 trees" in refused("resource_exhausted", read, agent, tmp_path)
        for w in held:
            w.close()
        wait_for(lambda: _reads(agent, tmp_path))


def _reads(agent, path):
    try:
        return read(agent, path)
    except RpcError:
        return None


def test_files_that_change_while_they_are_read(shared, tmp_path):
    """Whole as they were, or a problem: never a file that is another's half."""
    os.mkdir(tmp_path / "t")
    with open(tmp_path / "t/f", "wb") as f:
        f.write(b"x" * (8 << 20))
    with shared.stream(READ, {"path": f"{tmp_path}/t"}, "proto") as stream:
        messages = iter(stream)
        items = next(messages)["items"]
        os.truncate(tmp_path / "t/f", 1000)
        items += [item for m in messages for item in m["items"]]
    assert items[-1]["problem"]["code"] == "aborted"
    answer = write(shared, tmp_path / "u", *items)
    assert os.listdir(tmp_path / "u") == [] and answer["directories"] == "1"


def test_files_of_the_kernel_come_to_their_end(shared):
    items = read(shared, f"/proc/{os.getpid()}/net")
    [dev] = [i for i in items if i.get("entry", {}).get("path") == b64(b"dev")]
    assert b"lo:" in base64.b64decode(dev["data"])


@pytest.fixture
def public():
    """A directory that every user can come to: pytest's own are closed."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        os.chmod(path, 0o755)
        yield Path(path)


def test_as_a_user_only_what_that_user_may(public):
    tmp_path = public
    os.mkdir(tmp_path / "t")
    (tmp_path / "t/open").write_text("x")
    (tmp_path / "t/locked").write_text("x")
    (tmp_path / "t/locked").chmod(0o600)
    (tmp_path / "t/closed").mkdir(mode=0o700)
    with Agent("--files-as", "user") as agent:
        user = {"Authorization": "Basic " + b64(b"user:")}
        with agent.stream(READ, {"path": f"{tmp_path}/t"}, **user) as stream:
            items = [item for m in stream for item in m["items"]]
        assert sorted(i["problem"]["code"] for i in items if "problem" in i) == ["permission_denied"] * 2
        r = ctl(agent, "cp", "-r", "--owner", "user", f":{tmp_path}/t", f"{tmp_path}/copy")
        assert r.returncode == 1 and b"locked': open: permission denied" in r.stderr
        assert os.listdir(tmp_path / "copy") == ["open"]
        r = ctl(agent, "cp", "-r", "--owner", "user", f"{tmp_path}/copy", f":{tmp_path}/new")
        assert r.returncode == 1 and b"permission denied" in r.stderr and not (tmp_path / "new").exists()


def test_guestctl_interrupted_leaves_nothing_half(shared, tmp_path):
    os.mkdir(tmp_path / "t")
    with open(tmp_path / "t/big", "wb") as f:
        f.truncate(2 << 30)
    for source, target in ((f":{tmp_path}/t", f"{tmp_path}/u"), (f"{tmp_path}/t", f":{tmp_path}/v")):
        p = subprocess.Popen(command("-t", f"unix:{shared.path}", "cp", "-r", source, target))
        made = target.lstrip(":")
        wait_for(lambda: os.path.isdir(made))
        time.sleep(0.1)
        p.send_signal(signal.SIGINT)
        assert p.wait(20) == -signal.SIGINT, "it was done too soon to be interrupted"
        wait_for(lambda: os.listdir(made) == [])
        shutil.rmtree(made)


def test_no_space(tmp_path):
    """On a tiny tmpfs: what fits is there, the rest is told, and no half file."""
    os.mkdir(tmp_path / "tiny")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tiny", tmp_path / "tiny"], check=True)
    try:
        with Agent() as agent:
            answer = write(agent, tmp_path / "tiny/t", *[entry(f"{i}", data=b"x" * 100_000) for i in range(20)], entry("last"))
        codes = {p["code"] for p in answer["problems"]}
        assert codes == {"resource_exhausted"} and 8 <= int(answer["files"]) <= 11
        names = os.listdir(tmp_path / "tiny/t")
        assert "last" in names and all(n == "last" or os.path.getsize(tmp_path / "tiny/t" / n) == 100_000 for n in names)
    finally:
        subprocess.run(["umount", tmp_path / "tiny"], check=True)
