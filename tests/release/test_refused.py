"""What must not be released is not, and the reason is told before anything is built."""
import dist
import pytest
from releasing import linked, source


def refused(folder, *words):
    r = dist.release(folder, *words, check=False)
    assert r.returncode == 1 and r.stdout.startswith("release: ") and not (folder / "build/dist-work").exists(), r.stdout
    return r.stdout


def edit(folder, name, old, new):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_what_is_not_committed(copy):
    edit(copy, "README.md", "guestd", "Guestd")
    assert "README.md" in refused(copy)
    dist.git(copy, "checkout", "--", "README.md")
    (copy / "agent/new.c").write_text("")
    assert "agent/new.c" in refused(copy)


@pytest.mark.parametrize("version", ["1.0", "01.0.0", "1.0.0 ", "v1.0.0", "1.0.0-"])
def test_a_version_that_is_none(copy, version):
    (copy / "VERSION").write_text(f"{version.replace(' ', '+x')}\n")
    dist.commit(copy)
    assert "is not a semantic version" in refused(copy)


def test_a_version_that_the_changes_do_not_know(copy):
    (copy / "VERSION").write_text("77.0.0\n")
    dist.commit(copy)
    assert "CHANGELOG.md has no section '## 77.0.0'" in refused(copy)


def test_changes_that_say_nothing_to_hosts(copy):
    edit(copy, "CHANGELOG.md", "### What a host must know", "### Other")
    dist.commit(copy)
    assert "there is no '### What a host must know'" in refused(copy)


def test_a_proto_that_breaks_a_client(copy):
    edit(copy, "proto/guest/v1/agent.proto", "string version = 1;", "string release = 1;")
    dist.commit(copy)
    assert ".guest.v1.GetInfoResponse 1 version string: is .guest.v1.GetInfoResponse 1 release string" in refused(copy)


def test_a_tag_before_the_changes_say_so(copy):
    edit(copy, "CHANGELOG.md", f"## {dist.VERSION}", f"## {dist.VERSION}, not yet released\n\n## 0.0.0")
    dist.commit(copy)
    dist.git(copy, "tag", f"v{dist.VERSION}")
    edit(copy, "README.md", "guestd", "guestd")
    assert "CHANGELOG.md" in refused(copy)


def test_a_tag_before_its_protos_are_listed(copy):
    """The next release is held to what this one writes down."""
    edit(copy, "CHANGELOG.md", ", not yet released", "")
    lines = (copy / "proto/released.txt").read_text().splitlines(keepends=True)
    (copy / "proto/released.txt").write_text("".join(lines[:-1]))
    dist.commit(copy)
    dist.git(copy, "tag", f"v{dist.VERSION}")
    assert f"{lines[-1].strip()}: is missing" in refused(copy)


def test_a_folder_that_holds_something_else(copy, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("dear to me")
    assert "it is not empty, and no release" in refused(copy, "--out", str(tmp_path / "mine"))
    assert (tmp_path / "mine/file").read_text() == "dear to me"


def test_what_is_linked_in_on_unknown_terms(tmp_path):
    """A file of a package whose licence is not written down; of none."""
    with pytest.raises(source.ReleaseError, match="the licence of dpkg is not in"):
        linked.owner("/usr/bin/dpkg")
    (tmp_path / "lib.a").write_bytes(b"")
    with pytest.raises(source.ReleaseError, match="of no package"):
        linked.owner(tmp_path / "lib.a")
