"""What is linked in is told: as a list for programs, as terms for people, as objects for those who link anew."""
import hashlib
import re
import subprocess

import dist

COMMON = {"LGPL-2.1-or-later": r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1",
          "GPL-3.0-or-later WITH GCC-exception-3.1": r"GNU GENERAL PUBLIC LICENSE\s+Version 3"}


def linked(target):
    """{program: {(package, version)}}"""
    return {p: {tuple(line.split()) for line in dist.package_facts(dist.linked_packages(target.built(f"{p}.map")),
                                                                   "${Package} ${Version}")} for p in dist.PROGRAMS}


def by_id(elements):
    found = {e["SPDXID"]: e for e in elements}
    assert len(found) == len(elements)
    return found


def test_the_list_names_what_the_linker_took(target):
    sbom = target.sbom()
    packages, files = by_id(sbom["packages"]), by_id(sbom["files"])
    links = {}
    for r in sbom["relationships"]:
        if r["relationshipType"] == "STATIC_LINK":
            p = packages[r["relatedSpdxElement"]]
            links.setdefault(files[r["spdxElementId"]]["fileName"], set()).add((p["name"], p["versionInfo"]))
    wanted = linked(target)
    assert links == {f"./{dist.PROGRAMS[p]}": found for p, found in wanted.items()}
    assert ("libev-dev" in dict(wanted["guestd"])) and ("libev-dev" not in dict(wanted["guestctl"]))


def test_the_list_is_spdx_2_3(target, clone):
    sbom = target.sbom()
    assert (sbom["spdxVersion"], sbom["dataLicense"], sbom["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert re.fullmatch(r"https://\S+", sbom["documentNamespace"]) and "#" not in sbom["documentNamespace"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom["creationInfo"]["created"])
    known = {"SPDXRef-DOCUMENT", *by_id(sbom["packages"]), *by_id(sbom["files"])}
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name) for name in known)
    for r in sbom["relationships"]:
        assert {r["spdxElementId"], r["relatedSpdxElement"]} <= known
    product, = (p for p in sbom["packages"] if p["name"] == "guestd")
    assert product["versionInfo"] == dist.VERSION and dist.git(clone, "rev-parse", "HEAD") in product["sourceInfo"]
    described = {r["relatedSpdxElement"] for r in sbom["relationships"] if r["relationshipType"] == "DESCRIBES"}
    assert described == {product["SPDXID"]}
    for p in sbom["packages"]:
        assert p["downloadLocation"] and p["licenseConcluded"] and p["copyrightText"]
        if p is not product:
            assert p["filesAnalyzed"] is False and p["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/debian/")


def test_the_sums_are_those_of_the_programs(target):
    sbom, sha1 = target.sbom(), []
    for file in sbom["files"]:
        data = (target.main / file["fileName"]).read_bytes()
        for sum_ in file["checksums"]:
            assert hashlib.new(sum_["algorithm"].lower(), data).hexdigest() == sum_["checksumValue"]
        sha1.append(hashlib.sha1(data).hexdigest())
    product, = (p for p in sbom["packages"] if p["name"] == "guestd")
    code = hashlib.sha1("".join(sorted(sha1)).encode()).hexdigest()
    assert product["packageVerificationCode"] == {"packageVerificationCodeValue": code}


def test_the_notices_hold_the_terms_of_each(target):
    text = (target.main / "share/doc/guestd/THIRD-PARTY-NOTICES").read_text()
    for package in target.sbom()["packages"]:
        if package["name"] == "guestd":
            continue
        assert package["copyrightText"].rstrip() in text, package["name"]
        source = re.fullmatch(r"Debian's source package (\S+) (\S+)", package["sourceInfo"])
        row, = re.findall(rf"^\S+ +{re.escape(source[1])} +{re.escape(source[2])} +(.+)$", text, re.M)
        assert row == package["licenseConcluded"]
        assert re.search(COMMON.get(row, ""), text)
    assert f"{target.name}-relink.tar.gz" in text


def sections(target, program):
    """The SHA-256 of the code and the constants."""
    found = {}
    for name in (".text", ".rodata"):
        data = subprocess.run([target.tool("objcopy"), "-O", "binary", "-j", name, program, "/dev/stdout"],
                              stdout=subprocess.PIPE, check=True).stdout
        found[name] = (len(data), hashlib.sha256(data).hexdigest())
    return found


def relinked(target, folder, **environment):
    """The folder in which both programs are linked anew; on their own machine no tool has to be named."""
    dist.run("tar", "-C", folder, "-xzf", target.file("-relink.tar.gz"))
    if target.architecture != dist.NATIVE:
        environment |= {"CC": target.tool("gcc"), "STRIP": target.tool("strip")}
    dist.run(folder / f"{target.name}-relink/relink", cwd="/", env={"PATH": "/usr/bin:/bin", **environment})
    return folder / f"{target.name}-relink"


def test_the_programs_can_be_linked_anew(target, tmp_path):
    folder = relinked(target, tmp_path)
    assert not [p.name for p in folder.rglob("*") if re.match(r"lib(c|m|gcc|pthread)[.-]|crt", p.name)]
    for program in dist.PROGRAMS:
        # The C library was not changed.
        assert sections(target, folder / program) == sections(target, target.program(program))
    with target.serving(folder / "guestd", folder / "guestctl", tmp_path) as call:
        assert call("exec", "sh", "-c", "echo $((6 * 7))") == "42\n"


def test_the_c_library_that_is_given_is_linked(target, tmp_path):
    """One function of it is another: the new program has that one."""
    library = dist.run(target.tool("gcc"), "-print-file-name=libc.a").strip()
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "getpid.c").write_text("int getpid(void) { return 4242; }\nint __getpid(void) { return 4242; }\n")
    dist.run(target.tool("gcc"), "-fPIE", "-c", "getpid.c", "-o", "getpid.o", cwd=changed)
    (changed / "libc.a").write_bytes(open(library, "rb").read())
    dist.run(target.tool("ar"), "rD", "libc.a", "getpid.o", cwd=changed)
    folder = relinked(target, tmp_path, LDFLAGS=f"-L{changed}")
    with target.serving(folder / "guestd", target.program("guestctl"), tmp_path) as call:
        assert re.search(r"^pid +4242$", call("info"), re.M)
    with target.serving(target.program("guestd"), target.program("guestctl"), tmp_path) as call:
        assert not re.search(r"^pid +4242$", call("info"), re.M)
