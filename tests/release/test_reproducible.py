"""The same commit is the same bytes, wherever, whenever and by whomever it is released."""
import os
import shutil

import dist


DATE = "2031-03-04 05:06:07"


def dated_tools(folder):
    """The folder, with a cmake that knows no other date; so do the programs that it starts, which have nothing else of the
    caller's environment but PATH."""
    folder.mkdir()
    (folder / "cmake").write_text(f'#!/bin/sh\nexec faketime "{DATE}" {shutil.which("cmake")} "$@"\n')
    (folder / "cmake").chmod(0o755)
    return folder


def test_two_folders_two_dates_the_same_bytes(made, clone, tmp_path):
    """And the architectures in another order."""
    other = tmp_path / "a" / "longer-path"
    dist.git(clone, "clone", "--quiet", clone, other)
    out = tmp_path / "elsewhere"
    named = [word for a in reversed(dist.ARCHITECTURES) for word in ("--arch", a)]
    dist.release(other, "--out", out, *named, prefix=["faketime", DATE], env={
        "PATH": f"{dated_tools(tmp_path / 'bin')}:{os.environ['PATH']}", "TZ": "Asia/Tokyo", "LANG": "C",
        "HOME": str(tmp_path), "CFLAGS": "-O0", "SOURCE_DATE_EPOCH": "1", "CCACHE_BASEDIR": str(tmp_path),
        "USER": "somebody"}, umask=0o077)
    files = sorted(os.listdir(made.folder))
    assert files == sorted(os.listdir(out))
    differ = [name for name in files if (made.folder / name).read_bytes() != (out / name).read_bytes()]
    assert differ == []


def test_nothing_says_where_it_was_built(target, clone):
    # Linked but not stripped, all names are in the symbols.
    for program in dist.PROGRAMS:
        for file in (target.program(program), target.built(f"{program}.debug")):
            assert os.fsencode(clone) not in file.read_bytes(), file


def test_the_sums_are_of_all_files(made):
    assert dist.run("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=made.folder).count(": OK\n") == len(
        os.listdir(made.folder)) - 1
