"""What the tars hold, and that it works."""
import re
import sys
import tarfile

import dist
from agent import ROOT, protos

CONTENT = """
bin/guestctl sbin/guestd share/man/man1/guestctl.1 share/man/man8/guestd.8
share/bash-completion/completions/guestctl share/fish/vendor_completions.d/guestctl.fish share/zsh/site-functions/_guestctl
share/guestd/guestd.conf share/guestd/guestd.openrc share/guestd/guestd.service share/guestd/protos.binpb
share/doc/guestd/LICENSE share/doc/guestd/README.md share/doc/guestd/CHANGELOG.md share/doc/guestd/SECURITY.md
share/doc/guestd/THIRD-PARTY-NOTICES
""".split()


PROGRAMS = set(dist.PROGRAMS.values())


def test_every_file_of_a_release(made):
    assert {p.name for p in made.folder.iterdir()} == {"SHA256SUMS", made.image.name} | {
        name for target in map(made.target, dist.ARCHITECTURES)
        for name in (f"{target.name}.tar.gz", f"{target.name}.spdx.json", f"{target.name}-debug.tar.gz",
                     f"{target.name}-relink.tar.gz", *(target.deb(p).name for p in dist.PROGRAMS))}


def test_every_file_of_the_tar(target, clone):
    documents = [f"share/doc/guestd/docs/{p.name}" for p in (ROOT / "docs").glob("*.md")]
    epoch = int(dist.git(clone, "log", "-1", "--format=%ct"))
    with tarfile.open(target.file(".tar.gz")) as tar:
        members = tar.getmembers()
    files = [m.name.removeprefix(f"{target.name}/") for m in members if m.isreg()]
    assert sorted(files) == sorted(CONTENT + documents)
    assert [m.name for m in members] == sorted(m.name for m in members)
    for m in members:
        runs = m.isdir() or m.name.endswith(("sbin/guestd", "bin/guestctl"))
        assert (m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode) == (0, 0, "root", "root", epoch, 0o755 if runs else 0o644), m


def test_architectures_differ_in_what_is_linked_alone(made):
    """The pages and scripts, too, that a program of each has printed during its build."""
    trees = [made.target(architecture).main for architecture in dist.ARCHITECTURES]
    for tree in trees[1:]:
        differ = {path for path in CONTENT if (tree / path).read_bytes() != (trees[0] / path).read_bytes()}
        assert differ == {*PROGRAMS, "share/doc/guestd/THIRD-PARTY-NOTICES"}


def test_the_programs_are_of_this_commit(target, clone):
    commit = dist.git(clone, "rev-parse", "HEAD")
    for program in dist.PROGRAMS:
        said = dict(line.split(" ", 1) for line in target.run(target.program(program), "--version").splitlines())
        assert said[program] == dist.VERSION and commit.startswith(said["commit"]) and len(said["commit"]) == 12
        assert said["build"] == dist.build_id(target.program(program))


def test_the_programs_are_of_their_architecture(target):
    for program in dist.PROGRAMS:
        assert dist.machine(target.program(program)) == dist.MACHINES[target.architecture]


def test_the_programs_are_what_lint_has_seen(target):
    """The bytes of the build, which is as any build of the tree is to be: static, hardened, of a bounded size."""
    for program in dist.PROGRAMS:
        assert target.program(program).read_bytes() == target.built(program).read_bytes()
    dist.run(sys.executable, "-B", ROOT / "tests/lint/elf.py", target.built("."))


def test_guestctl_calls_guestd(target, tmp_path):
    with target.serving(target.program("guestd"), target.program("guestctl"), tmp_path) as call:
        assert call("exec", "echo", "hello") == "hello\n"


def test_symbols_are_found_by_build_id(target):
    folder = target.release.tar(f"{target.name}-debug.tar.gz") / ".build-id"
    assert len([p for p in folder.rglob("*") if p.is_file()]) == len(dist.PROGRAMS)
    for program, source in {"guestd": "agent/main.c", "guestctl": "ctl/main.c"}.items():
        name = dist.build_id(target.program(program))
        symbols = folder / name[:2] / f"{name[2:]}.debug"
        assert dist.build_id(symbols) == name
        main = re.search(r"^([0-9a-f]+) [Tt] main$", dist.run(target.tool("nm"), symbols), re.M)[1]
        line = dist.run(target.tool("addr2line"), "-f", "-e", symbols, main)
        assert re.match(rf"main\n/usr/src/guestd/{source}:\d+", line)


def test_the_descriptors_are_of_all_services(target):
    from google.protobuf import descriptor_pool
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    told = FileDescriptorSet.FromString((target.main / "share/guestd/protos.binpb").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in told.file:
        pool.Add(file)  # fails where something is missing
    _, agent_pb2, _ = protos()
    methods = {f"{s.full_name}/{m.name}" for f in told.file for s in
               pool.FindFileByName(f.name).services_by_name.values() for m in s.methods}
    for service in agent_pb2.DESCRIPTOR.services_by_name.values():
        assert {f"{service.full_name}/{m.name}" for m in service.methods} <= methods
    assert {"process.Process/Start", "filesystem.Filesystem/Stat", "grpc.health.v1.Health/Check"} <= methods


def test_the_example_has_every_statement(target):
    keys = re.findall(r'^    \{\{"([a-z-]+)", ', (ROOT / "init/config_keys.c").read_text(), re.M)
    shown = re.findall(r"^#([a-z-]+) ", (target.main / "share/guestd/guestd.conf").read_text(), re.M)
    assert len(keys) > 10 and set(shown) == set(keys)


def test_completions_are_scripts(target):
    dist.run("bash", "-n", target.main / "share/bash-completion/completions/guestctl")
    assert (target.main / "share/zsh/site-functions/_guestctl").read_text().startswith("#compdef guestctl")
