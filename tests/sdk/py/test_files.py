"""sandbox.files of the published package."""
import copy
import io
import json
import os
import re
import stat
import subprocess
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from agent import Agent, wait_for
from clients import HANG, Async, Sync, short
from e2b import (AuthenticationException, FileNotFoundException, FileType, InvalidArgumentException,
                 NotEnoughSpaceException, NotFoundException, RateLimitException, SandboxException, TimeoutException)
from e2b.sandbox.filesystem.filesystem import EntryInfo, WriteInfo

UNICODE = "grüße, 世界 🌍\r\n"
TOKEN = "0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0"
KINDS = {FileType.FILE: stat.S_ISREG, FileType.DIR: stat.S_ISDIR}

# How a file can be sent: as a form, as bytes, and packed.
WAYS = {"form": {"use_octet_stream": False}, "octets": {"use_octet_stream": True}, "gzip": {"gzip": True}}


@pytest.fixture
def home(sdk):
    """The user's home, which is empty again afterwards."""
    yield "/home/user"
    subprocess.run(["find", "/home/user", "-mindepth", "1", "-delete"], check=True)


@contextmanager
def fails(kind, match):
    """With exactly that exception, no subclass of it."""
    with pytest.raises(kind, match=match) as e:
        yield
    assert type(e.value) is kind


# --- read and write --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("data", [b"", UNICODE.encode(), bytes(range(256)) * 20000], ids=["empty", "text", "5 MB"])
def test_read(sdk, tmp_path, data, gzip):
    (tmp_path / "f").write_bytes(data)
    path = str(tmp_path / "f")
    assert sdk(sdk.files.read(path, format="bytes", gzip=gzip)) == data
    assert sdk.read_stream(path, gzip=gzip) == data
    if data[:1] != b"\0":
        assert sdk(sdk.files.read(path, gzip=gzip)) == data.decode()


def test_a_stream_that_is_closed_early(sdk, tmp_path):
    (tmp_path / "f").write_bytes(bytes(50 << 20))
    stream = sdk(sdk.files.read(str(tmp_path / "f"), format="stream"))
    if isinstance(sdk, Async):
        assert sdk(stream.__anext__())
        sdk(stream.aclose())
    else:
        assert next(stream)
        stream.close()
    assert sdk(sdk.files.exists(str(tmp_path / "f"))) is True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["str", "bytes", "bytes file", "text file", "disk file", "chunks"])
def test_write(sdk, tmp_path, kind, way):
    text = UNICODE * 50000
    (tmp_path / "source").write_bytes(text.encode())
    with open(tmp_path / "source", "rb") as disk:
        data = {"str": text, "bytes": text.encode(), "bytes file": io.BytesIO(text.encode()), "text file": io.StringIO(text),
                "disk file": disk, "chunks": sdk.chunks(*[text.encode()[i:i + 70001] for i in range(0, 2000000, 70001)])}[kind]
        path = str(tmp_path / "a/b/to ü.txt")
        if kind == "chunks" and way == "form":
            with fails(InvalidArgumentException, "octet-stream"):
                sdk(sdk.files.write(path, data, **WAYS[way]))
            return
        info = sdk(sdk.files.write(path, data, **WAYS[way]))
    assert info == WriteInfo(name="to ü.txt", type=FileType.FILE, path=path)
    assert (tmp_path / "a/b/to ü.txt").read_bytes() == text.encode()


def test_writing_again_replaces(sdk, home):
    for text in ("a longer one", "short", ""):
        sdk(sdk.files.write("f", text))
        assert sdk(sdk.files.read("f")) == text


@pytest.mark.parametrize("way", WAYS)
def test_write_files(sdk, home, way):
    files = [{"path": f"d{i % 3}/{i}.txt", "data": [f"text {i}", b"bytes %d" % i, io.BytesIO(b"file %d" % i)][i % 3]}
             for i in range(9)]
    infos = sdk(sdk.files.write_files(files, **WAYS[way]))
    assert infos == [WriteInfo(name=f"{i}.txt", type=FileType.FILE, path=f"/home/user/d{i % 3}/{i}.txt") for i in range(9)]
    for i in range(9):
        assert sdk(sdk.files.read(f"d{i % 3}/{i}.txt")) == f"{['text', 'bytes', 'file'][i % 3]} {i}"
    assert sdk(sdk.files.write_files([])) == []


@pytest.mark.parametrize("way", WAYS)
def test_metadata(sdk, home, way):
    info = sdk(sdk.files.write("f", "x", metadata={"Author": "me & you", "empty": ""}, **WAYS[way]))
    told = {"author": "me & you", "empty": ""}
    assert info.metadata == told
    assert os.getxattr("/home/user/f", "user.e2b.author") == b"me & you"
    assert sdk(sdk.files.get_info("f")).metadata == told
    assert [e.metadata for e in sdk(sdk.files.list("."))] == [told]
    assert sdk(sdk.files.rename("f", "g")).metadata == told
    os.setxattr("/home/user/g", "user.e2b.own", b"of a process")
    assert sdk(sdk.files.get_info("g")).metadata == {**told, "own": "of a process"}
    assert sdk(sdk.files.write("g", "y", **WAYS[way])).metadata is None
    assert os.listxattr("/home/user/g") == []


def test_metadata_that_is_too_long(sdk, home):
    with fails(InvalidArgumentException, "metadata"):
        sdk(sdk.files.write("f", "x", metadata={"a": "x" * 5000}))


# --- directories and entries -----------------------------------------------------------------------------------------


def as_the_kernel_has_it(path, kind, **more):
    """The entry of a path that is no link."""
    st = os.stat(path)
    assert KINDS[kind](st.st_mode)
    seconds, ns = divmod(st.st_mtime_ns, 10**9)
    when = datetime.fromtimestamp(seconds, timezone.utc) + timedelta(microseconds=round(ns / 1000))
    return EntryInfo(name=os.path.basename(path), type=kind, path=path, size=st.st_size, mode=stat.S_IMODE(st.st_mode),
                     permissions=stat.filemode(st.st_mode), owner="user", group="user", modified_time=when, **more)


def test_get_info(sdk, home):
    sdk(sdk.files.write("f", "four"))
    os.chmod("/home/user/f", 0o640)
    assert sdk(sdk.files.get_info("f")) == as_the_kernel_has_it("/home/user/f", FileType.FILE)
    sdk(sdk.files.make_dir("d"))
    assert sdk(sdk.files.get_info("~/d")) == as_the_kernel_has_it("/home/user/d", FileType.DIR)


def test_links(sdk, home):
    sdk(sdk.files.write("f", "four"))
    os.symlink("f", "/home/user/l")
    os.symlink("nowhere", "/home/user/dangling")
    link = sdk(sdk.files.get_info("l"))
    assert link.type == FileType.SYMLINK
    assert (link.symlink_target, link.permissions, link.mode) == ("/home/user/f", "Lrwxrwxrwx", 0o644)
    assert sdk(sdk.files.get_info("dangling")).symlink_target == "/home/user/dangling"
    assert sdk(sdk.files.read("l")) == "four"
    assert [e.name for e in sdk(sdk.files.list("."))] == ["f", "l"]  # the package hides what is no file and no directory
    sdk(sdk.files.remove("l"))
    assert sdk(sdk.files.exists("f")) is True


def test_list(sdk, home):
    sdk(sdk.files.write_files([{"path": p, "data": "x"} for p in ("a/b/c/deep", "a/f", "z")]))
    paths = ["/home/user/a", "/home/user/a/b", "/home/user/a/b/c", "/home/user/a/b/c/deep", "/home/user/a/f", "/home/user/z"]
    for depth in range(1, 5):
        listed = sdk(sdk.files.list("/home/user", depth=depth))
        assert [e.path for e in listed] == [p for p in paths if p.count("/") <= depth + 2]
    assert listed == [as_the_kernel_has_it(p, FileType.DIR if os.path.isdir(p) else FileType.FILE) for p in paths]
    assert sdk(sdk.files.list("/home/user")) == [listed[0], listed[-1]]
    sdk(sdk.files.make_dir("empty"))
    assert sdk(sdk.files.list("empty")) == []


def test_a_name_that_is_no_text_hides_nothing(sdk, home):
    sdk(sdk.files.write("before", ""))
    open(b"/home/user/n\xff", "w").close()
    sdk(sdk.files.write("z", ""))
    assert [e.name for e in sdk(sdk.files.list("."))] == ["before", "n\ufffd", "z"]


def test_a_directory_with_too_many_entries(sdk, tmp_path):
    """An answer of any size is no answer: it is the error of what there is too much of."""
    for i in range(50001):
        os.close(os.open(tmp_path / str(i), os.O_CREAT))
    with fails(RateLimitException, "entries"):
        sdk(sdk.files.list(str(tmp_path)))
    os.unlink(tmp_path / "0")
    assert len(sdk(sdk.files.list(str(tmp_path)))) == 50000


def test_exists(sdk, home):
    assert sdk(sdk.files.exists("f")) is False
    sdk(sdk.files.write("f", ""))
    assert sdk(sdk.files.exists("f")) is True
    assert sdk(sdk.files.exists("/home/user")) is True


def test_make_dir(sdk, home):
    assert sdk(sdk.files.make_dir("a/b/c")) is True
    assert sdk(sdk.files.make_dir("a/b/c")) is False
    assert sdk(sdk.files.make_dir("a/b/c/d")) is True
    for path in ("a", "a/b", "a/b/c", "a/b/c/d"):
        st = os.stat(f"/home/user/{path}")
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (0o755, 1000, 1000)


def test_rename(sdk, home):
    sdk(sdk.files.write("f", "old"))
    moved = sdk(sdk.files.rename("f", "new/dir/g"))
    assert moved == as_the_kernel_has_it("/home/user/new/dir/g", FileType.FILE)
    sdk(sdk.files.write("h", "newer"))
    sdk(sdk.files.rename("h", "new/dir/g"))
    assert sdk(sdk.files.read("new/dir/g")) == "newer"
    assert sdk(sdk.files.exists("h")) is False
    assert sdk(sdk.files.rename("new", "other")).type == FileType.DIR
    assert sdk(sdk.files.exists("other/dir/g")) is True


def test_remove(sdk, home):
    sdk(sdk.files.write_files([{"path": p, "data": ""} for p in ("f", "d/e/f")]))
    for path in ("f", "d", "never/there"):
        sdk(sdk.files.remove(path))
        assert sdk(sdk.files.exists(path)) is False


def test_whose_they_are(sdk, home):
    """Relative paths begin at the user's home, and what is made belongs to that user."""
    name = f"sdk-{uuid.uuid4()}"  # /root is everybody's
    try:
        sdk(sdk.files.write(f"{name}/f", "root's", user="root"))
        assert os.stat(f"/root/{name}/f").st_uid == 0
        assert sdk(sdk.files.read(f"~/{name}/f", user="root")) == "root's"
        assert [e.owner for e in sdk(sdk.files.list(name, user="root"))] == ["root"]
        assert sdk(sdk.files.exists(f"{name}/f")) is False
    finally:
        sdk(sdk.files.remove(name, user="root"))
    sdk(sdk.files.write("mine", "", user="user"))
    assert os.stat("/home/user/mine").st_uid == 1000


# --- errors ----------------------------------------------------------------------------------------------------------


def calls(sdk, path, files=None, **options):
    """Every method once, with that path; of the sandbox, or of these files."""
    files = files or sdk.files
    return {
        "read": lambda: sdk(files.read(path, **options)),
        "stream": lambda: sdk(files.read(path, format="stream", **options)),
        "write": lambda: sdk(files.write(path, "x", **options)),
        "write octets": lambda: sdk(files.write(path, "x", use_octet_stream=True, **options)),
        "write_files": lambda: sdk(files.write_files([{"path": path, "data": "x"}], **options)),
        "list": lambda: sdk(files.list(path, **options)),
        "exists": lambda: sdk(files.exists(path, **options)),
        "get_info": lambda: sdk(files.get_info(path, **options)),
        "make_dir": lambda: sdk(files.make_dir(path, **options)),
        "rename": lambda: sdk(files.rename(path, "else", **options)),
        "remove": lambda: sdk(files.remove(path, **options)),
        "watch_dir": lambda: sdk(files.watch_dir(path, *sdk.on_event, **options)),
    }


def test_a_user_who_is_not_there(sdk, home):
    for call in calls(sdk, "f", user="nobody-here").values():
        with fails(AuthenticationException, "nobody-here"):
            call()


def test_what_is_not_there(sdk, home):
    missing = calls(sdk, "no/such")
    for name in ("read", "stream", "list", "get_info", "rename", "watch_dir"):
        with fails(FileNotFoundException, "/home/user/no/such"):
            missing[name]()


def test_what_is_no_file_or_no_directory(sdk, home):
    sdk(sdk.files.make_dir("d"))
    sdk(sdk.files.write("f", ""))
    directory, file = calls(sdk, "d"), calls(sdk, "f")
    for name in ("read", "stream", "write", "write octets", "write_files"):
        with fails(InvalidArgumentException, "is a directory"):
            directory[name]()
    for name in ("list", "make_dir", "watch_dir"):
        with fails(InvalidArgumentException, "directory"):
            file[name]()
    with fails(InvalidArgumentException, "depth"):
        sdk(sdk.files.list("d", depth=0))


def test_what_the_kernel_refuses(sdk, home):
    sdk(sdk.files.write_files([{"path": p, "data": ""} for p in ("f", "d/x", "e/x")]))
    for call, why in ((lambda: sdk.files.make_dir("f/under"), "not a directory"),
                      (lambda: sdk.files.rename("d", "e"), "not empty"),
                      (lambda: sdk.files.write("f/under", ""), "path is a file: /home/user/f")):
        with fails(SandboxException, why):
                sdk(call())


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk(sdk, tmp_path, way):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], check=True)
    try:
        with fails(NotEnoughSpaceException, "not enough disk space available"):
            sdk(sdk.files.write(f"{tmp_path}/f", os.urandom(1 << 20), **WAYS[way]))
        sdk(sdk.files.remove(f"{tmp_path}/f"))
        sdk(sdk.files.write(f"{tmp_path}/f", b"x" * 1000, **WAYS[way]))
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


# --- watches ---------------------------------------------------------------------------------------------------------


def test_watch(sdk, home):
    sdk(sdk.files.make_dir("d/sub"))
    watch = sdk.watch("d")
    sdk(sdk.files.write("d/sub/unseen", "x"))
    sdk(sdk.files.write("d/f", "x"))
    assert list(map(short, watch.up_to("write", "f"))) == [("create", "f"), ("chmod", "f"), ("write", "f")]
    sdk(sdk.files.write("d/f", "y"))
    sdk(sdk.files.rename("d/f", "d/g"))
    told = list(map(short, watch.up_to("create", "g")))
    assert set(told[:-2]) == {("chmod", "f"), ("write", "f")} and told[-2:] == [("rename", "f"), ("create", "g")]
    os.chmod("/home/user/d/g", 0o600)
    assert list(map(short, watch.up_to("chmod", "g"))) == [("chmod", "g")]
    sdk(sdk.files.remove("d/g"))
    assert list(map(short, watch.up_to("remove", "g"))) == [("remove", "g")]
    watch.stop()


def test_a_watch_of_all_below(sdk, home):
    sdk(sdk.files.make_dir("d/sub"))
    watch = sdk.watch("d", recursive=True)
    sdk(sdk.files.write("d/sub/f", "x"))
    watch.up_to("write", "sub/f")
    sdk(sdk.files.make_dir("d/new/deep"))
    sdk(sdk.files.write("d/new/deep/f", "x"))
    told = list(map(short, watch.up_to("write", "new/deep/f")))
    assert [name for kind, name in told if kind == "create"] == ["new", "new/deep", "new/deep/f"]
    watch.stop()


def test_a_watch_with_entries(sdk, home):
    sdk(sdk.files.make_dir("d"))
    watch = sdk.watch("d", include_entry=True)
    sdk(sdk.files.write("d/f", "four"))
    assert watch.up_to("write", "f")[-1].entry == as_the_kernel_has_it("/home/user/d/f", FileType.FILE)
    sdk(sdk.files.remove("d/f"))
    assert [e.entry for e in watch.up_to("remove", "f") if e.type.value == "remove"] == [None]
    watch.stop()


@pytest.mark.parametrize("sdk", [Sync], indirect=True)
def test_what_was_answered_is_among_the_new_events(sdk, home):
    sdk.files.make_dir("d")
    watch = sdk.files.watch_dir("d")
    for i in range(30):
        sdk.files.write(f"d/{i}", "x", use_octet_stream=bool(i % 2))
        assert [short(e) for e in watch.get_new_events()] == [("create", f"{i}"), ("chmod", f"{i}"), ("write", f"{i}")]
        assert watch.get_new_events() == []
        sdk.files.make_dir(f"d/d{i}")
        assert [short(e) for e in watch.get_new_events()] == [("create", f"d{i}"), ("chmod", f"d{i}")]
    watch.stop()


@pytest.mark.parametrize("sdk", [Sync], indirect=True)
def test_a_watcher_that_was_stopped(sdk, home):
    watch = sdk.files.watch_dir(".")
    other = copy.copy(watch)  # which does not know
    watch.stop()
    for call in (other.get_new_events, other.stop):
        with fails(NotFoundException, "watcher with id w[0-9A-Za-z]* not found"):
            call()


@pytest.mark.parametrize("sdk", [Async], indirect=True)
def test_how_a_watch_ends(sdk, home):
    stopped, timed_out = sdk.watch("."), sdk.watch(".", timeout=0.3)
    stopped.stop()
    assert stopped.ends == [None]
    wait_for(lambda: timed_out.ends, HANG, "the watch's timeout")
    assert [type(e) for e in timed_out.ends] == [TimeoutException]


# --- URLs ------------------------------------------------------------------------------------------------------------


def fetch(url, body=None, kind="application/octet-stream"):
    """(status, body) as one without a token gets them."""
    request = urllib.request.Request(url, body, {"Content-Type": kind} if body is not None else {})
    try:
        with urllib.request.urlopen(request, timeout=HANG) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)["message"]


def test_urls(sdk, home):
    """They need no signature of an agent without a token, and the package makes none."""
    assert fetch(sdk.sandbox.upload_url("ü 1.txt"), b"sent")[0] == 200
    assert fetch(sdk.sandbox.download_url("ü 1.txt")) == (200, b"sent")
    assert fetch(sdk.sandbox.download_url("/home/user/ü 1.txt", user="root")) == (200, b"sent")


@pytest.fixture
def secured(sdk, tmp_path):
    """A sandbox whose agent wants a token."""
    (tmp_path / "token").write_text(TOKEN)
    with Agent("--listen", "tcp:127.0.0.1:0", "--token-file", tmp_path / "token", "--default-user", "user",
               "--no-cgroups") as agent:  # the cgroup here is the other agent's
        yield sdk.secured(f"http://{agent.address('tcp')}", TOKEN)


def test_signed_urls(sdk, home, secured):
    sdk(secured.files.write("f", "four"))
    assert sdk(secured.files.read("f")) == "four"
    for options in ({}, {"user": "user"}, {"use_signature_expiration": 100},
                    {"user": "root", "use_signature_expiration": 100}):
        path = "/home/user/sub/ü +1.txt"
        status, answer = fetch(secured.upload_url(path, **options), b"sent")
        assert (status, json.loads(answer)) == (200, [{"path": path, "name": "ü +1.txt", "type": "file"}])
        form = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nsent in a form\r\n--b--\r\n'
        assert fetch(secured.upload_url(path, **options), form, "multipart/form-data; boundary=b")[0] == 200
        assert fetch(secured.download_url(path, **options)) == (200, b"sent in a form")


def test_signatures_that_do_not_hold(sdk, home, secured):
    sdk(secured.files.write("f", "four"))
    url = secured.download_url("f", use_signature_expiration=100)
    expiration = re.search("signature_expiration=([0-9]+)", url)[1]
    without = re.sub("&signature=[^&]*", "", url)
    for wrong in (url.replace("path=f", "path=g"), url + "&username=root", url.replace(expiration, expiration + "0"),
                  url.replace("signature=v1_", "signature=v1_A"), secured.upload_url("f")):
        assert fetch(wrong) == (401, "invalid signature")
    assert fetch(url, b"x") == (401, "invalid signature")
    assert fetch(without) == (401, "missing signature query parameter")
    for expired in (secured.download_url("f", use_signature_expiration=-1),
                    secured.download_url("f", use_signature_expiration=-1000)):
        assert fetch(expired) == (401, "signature is already expired")
    assert fetch(secured.upload_url("f", use_signature_expiration=-1), b"x") == (401, "signature is already expired")
    assert sdk(secured.files.read("f")) == "four"


def test_a_wrong_token(sdk, secured):
    for call in calls(sdk, "f", sdk.secured(secured.envd_api_url, "wrong").files).values():
        with fails(AuthenticationException, "token"):
            call()
