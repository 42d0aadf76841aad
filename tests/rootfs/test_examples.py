"""The examples beside bake, and what docs/images.md says of it."""
import json
import os
import re
import shlex
import subprocess

import pytest
from agent import ROOT
from conftest import BAKE
from vmms import FIRECRACKER

PAGE = (ROOT / "docs/images.md").read_text()
OPTION = re.compile(r"\bCONFIG_[A-Z0-9_]+")


def test_the_kernel_options_are_those_of_the_page():
    lines = (ROOT / "rootfs/kernel.config").read_text().splitlines()
    options = [line.removesuffix("=y") for line in lines if line and not line.startswith("#")]
    assert all(OPTION.fullmatch(option) for option in options) and len(set(options)) == len(options)
    assert set(options) == set(OPTION.findall(PAGE.partition("## What a kernel needs")[2])) - {"CONFIG_"}
    told = set(OPTION.findall((ROOT / "agent/guest/check.c").read_text()))
    assert told <= set(options), told - set(options)


def test_the_page_uses_options_that_there_are():
    said = subprocess.run([BAKE, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", said))
    blocks = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.S))
    commands = [shlex.split(line, comments=True) for line in blocks.splitlines() if line.startswith("rootfs/bake")]
    assert len(commands) == 4
    for words in commands:
        assert {word for word in words if word.startswith("-")} <= options, words


def test_the_firecracker_vm_is_made_of_what_it_knows():
    machine = json.loads((ROOT / "rootfs/firecracker.json").read_text())
    for name, part in machine.items():
        for fields in part if isinstance(part, list) else [part]:
            assert fields.keys() <= FIRECRACKER[name], name
    drive, = machine["drives"]
    assert drive["is_root_device"] and {"vcpu_count", "mem_size_mib"} <= machine["machine-config"].keys()
    assert machine["vsock"]["guest_cid"] > 2  # 0 to 2 are taken
    words = machine["boot-source"]["boot_args"].split()
    assert {"reboot=k", "panic=1", "init=/sbin/init"} <= set(words)


@pytest.mark.parametrize("name,access,readonly", [("a.ext4", "rw", "off"), ("a.squashfs", "ro", "on")])
def test_the_cloud_hypervisor_script(tmp_path, name, access, readonly):
    fake = tmp_path / "cloud-hypervisor"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    (tmp_path / "v.sock").touch()
    r = subprocess.run([ROOT / "rootfs/cloud-hypervisor.sh", "vmlinux", name, "v.sock"], cwd=tmp_path,
                       text=True, check=True, stdout=subprocess.PIPE, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    words = r.stdout.splitlines()
    options = dict(zip(words[::2], words[1::2]))
    assert options["--kernel"] == "vmlinux" and options["--disk"] == f"path={name},readonly={readonly}"
    assert options["--vsock"] == "cid=3,socket=v.sock"
    assert f"root=/dev/vda {access} init=/sbin/init" in options["--cmdline"]
    assert not (tmp_path / "v.sock").exists()
    r = subprocess.run([ROOT / "rootfs/cloud-hypervisor.sh"], stderr=subprocess.PIPE, text=True)
    assert r.returncode == 2 and "KERNEL IMAGE SOCKET" in r.stderr
