"""The Debian packages, in a root that holds Debian's smallest system and nothing else."""
import os
import subprocess

import dist
import pytest
from agent import ROOT

UNIT = "lib/systemd/system/guestd.service"
CALL = ["guestctl", "-t", "unix:/run/s", "--wait", "10s"]
LINK = "etc/systemd/system/sysinit.target.wants/guestd.service"


class Root:
    """A minimal root; what is run in it sees a /run of its own, and a systemd that only writes down what it is told."""

    def __init__(self, path):
        self.path = path
        dist.run("tar", "-C", path, "--exclude=./dev/*", "-xf", ROOT / "build/deps/minbase.tar")
        for folder in ("run/systemd/system", "usr/local/bin"):
            (path / folder).mkdir(parents=True, exist_ok=True)
        for tool in ("systemctl", "service", "invoke-rc.d", "deb-systemd-invoke"):
            self.program(f"usr/local/bin/{tool}", '#!/bin/sh\necho "${0##*/} $*" >>/told\n')

    def program(self, name, text):
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o755)

    def told(self):
        file = self.path / "told"
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *words):
        return dist.run("chroot", self.path, *words, env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                                          "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})

    def install(self, *debs):
        for deb in debs:
            (self.path / "tmp" / deb.name).write_bytes(deb.read_bytes())
        return self.run("dpkg", "--install", *(f"/tmp/{deb.name}" for deb in debs))

    def state(self, package):
        r = subprocess.run(["chroot", self.path, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return r.stdout.strip().removeprefix("un")

    def files(self):
        """All that is there but dpkg's own records."""
        found = set()
        for place, folders, names in os.walk(self.path):
            where = os.path.relpath(place, self.path)
            if where in ("var/lib/dpkg", "var/log", "tmp", "proc", "dev"):
                folders.clear()
                continue
            found |= {os.path.normpath(os.path.join(where, name)) for name in names}
        return found - {"told"}


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return Root(path)


def older(deb, folder):
    """The same package, as a version before it would have been."""
    dist.run("dpkg-deb", "-R", deb, folder / "old")
    control = folder / "old/DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {dist.VERSION}", "Version: 0.0.1"))
    return folder / dist.run("dpkg-deb", "--root-owner-group", "-b", folder / "old", folder).split("'")[-2].split("/")[-1]


def test_lintian_has_nothing_to_say(target, tmp_path):
    debs = [target.deb(program) for program in dist.PROGRAMS]
    scratch = {**os.environ, "TMPDIR": str(tmp_path)}  # it leaves files there
    assert dist.run("lintian", "--fail-on", "error,warning,info", "-I", "--allow-root", *debs, env=scratch) == ""


@pytest.mark.parametrize("name", dist.PROGRAMS)
def test_every_file_has_its_sum_and_is_roots(target, tmp_path, name):
    dist.run("dpkg-deb", "-R", target.deb(name), tmp_path)
    lines = (tmp_path / "DEBIAN/md5sums").read_text().splitlines()
    dist.run("md5sum", "--strict", "-c", "DEBIAN/md5sums", cwd=tmp_path)
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file() and "DEBIAN" not in p.parts}
    assert {line.split("  ")[1] for line in lines} == files
    for line in dist.run("dpkg-deb", "-c", target.deb(name)).splitlines():
        assert line.split()[1] == "root/root" and line[1:10] in ("rwxr-xr-x", "rw-r--r--"), line


@pytest.mark.parametrize("name", dist.PROGRAMS)
def test_it_is_of_its_architecture_and_version(target, tmp_path, name):
    said = dist.run("dpkg-deb", "-f", target.deb(name), "Package", "Version", "Architecture", "Depends", "Pre-Depends")
    assert said == f"Package: {name}\nVersion: {dist.DEBIAN_VERSION}\nArchitecture: {target.architecture}\n"
    dist.run("dpkg-deb", "-x", target.deb(name), tmp_path)
    assert (tmp_path / "usr" / dist.PROGRAMS[name]).read_bytes() == target.program(name).read_bytes()


def test_what_is_linked_in_is_named(target):
    for program in dist.PROGRAMS:
        named = set(dist.run("dpkg-deb", "-f", target.deb(program), "Built-Using").strip().split(", "))
        packages = dist.linked_packages(target.built(f"{program}.map"))
        assert named == dist.package_facts(packages, "${source:Package} (= ${source:Version})")


def test_installed_and_purged_it_leaves_nothing(native, root):
    before = root.files()
    root.install(native.deb("guestd"), native.deb("guestctl"))
    assert root.state("guestd") == root.state("guestctl") == "ii"
    for program in dist.PROGRAMS:
        assert root.run(program, "--version").startswith(f"{program} {dist.VERSION}\n")
    assert os.readlink(root.path / LINK) == f"/{UNIT}"  # the next boot has it
    assert all(line.endswith(" daemon-reload") for line in root.told())  # and this one has not
    root.run("dpkg", "--purge", "guestd", "guestctl")
    assert root.state("guestd") == root.state("guestctl") == ""
    assert root.files() == before


def test_a_removed_one_comes_back_as_it_was(native, root):
    root.install(native.deb("guestd"))
    (root.path / LINK).unlink()  # systemctl disable
    root.run("dpkg", "--remove", "guestd")
    assert root.state("guestd") == "rc" and not (root.path / "usr/sbin/guestd").exists()
    root.install(native.deb("guestd"))
    assert not (root.path / LINK).is_symlink()  # the administrator's word counts


def test_an_upgrade_leaves_the_running_agent(native, root, tmp_path):
    """It answers all the way, from the old file, and the new one is what is started next."""
    root.install(older(native.deb("guestd"), tmp_path), native.deb("guestctl"))
    agent = subprocess.Popen(["chroot", root.path, "/usr/sbin/guestd", "--listen", "unix:/run/s"], stderr=subprocess.PIPE)
    try:
        busy = subprocess.Popen(["chroot", root.path, *CALL, "exec", "-i", "cat"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        busy.stdin.write(b"before\n")
        busy.stdin.flush()
        assert busy.stdout.readline() == b"before\n"
        root.install(native.deb("guestd"))
        assert not [line for line in root.told() if any(w in line for w in ("restart", "start", "stop", "kill"))]
        assert agent.poll() is None
        busy.stdin.write(b"after\n")
        busy.stdin.close()
        assert busy.stdout.read() == b"after\n" and busy.wait(10) == 0
        assert root.run(*CALL, "exec", "echo", "new call") == "new call\n"
        assert root.run("guestd", "--version").startswith(f"guestd {dist.VERSION}\n")
    finally:
        agent.terminate()
        assert agent.wait(10) == 0


def test_purging_from_within_the_agent_ends(native, root):
    """The package's scripts run below the very agent that they remove."""
    root.install(native.deb("guestd"), native.deb("guestctl"))
    agent = subprocess.Popen(["chroot", root.path, "/usr/sbin/guestd", "--listen", "unix:/run/s"], stderr=subprocess.DEVNULL)
    try:
        root.run(*CALL, "exec", "dpkg", "--purge", "guestd")
        assert root.state("guestd") == "" and agent.poll() is None
    finally:
        agent.terminate()
        assert agent.wait(10) == 0
