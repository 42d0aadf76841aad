"""What is in the programs, as SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/)."""
import datetime
import hashlib
import json
import re
import urllib.parse
from pathlib import Path

NAMESPACE = "https://spdx.org/spdxdocs"
PRODUCT = "SPDXRef-Package-guestd"


def identifier(*words):
    return "-".join(["SPDXRef", *(re.sub(r"[^A-Za-z0-9.]+", "-", word) for word in words)])


def checksums(data):
    return [{"algorithm": name, "checksumValue": hashlib.new(name.lower(), data).hexdigest()}
            for name in ("SHA1", "SHA256")]


def purl(package):
    """The package's URL (https://github.com/package-url/purl-spec, type deb)."""
    version = urllib.parse.quote(package.version, safe="~")
    return f"pkg:deb/debian/{package.name}@{version}?arch={package.architecture}"


def of_package(package):
    return {
        "SPDXID": identifier("Package", package.name), "name": package.name, "versionInfo": package.version,
        "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "sourceInfo": f"Debian's source package {package.source} {package.source_version}",
        "licenseConcluded": package.licence, "licenseDeclared": "NOASSERTION", "copyrightText": package.copyright,
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": purl(package)}]}


def of_program(name, data):
    return {"SPDXID": identifier("File", name), "fileName": f"./{name}", "fileTypes": ["BINARY"],
            "checksums": checksums(data), "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"],
            "copyrightText": "NOASSERTION"}


def of_product(source, programs):
    """The package that the programs are; its verification code is clause 7.9's."""
    sums = sorted(hashlib.sha1(data).hexdigest() for data in programs.values())
    return {
        "SPDXID": PRODUCT, "name": "guestd", "versionInfo": source.version, "supplier": "NOASSERTION",
        "downloadLocation": "NOASSERTION", "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()},
        "sourceInfo": f"git commit {source.commit}", "licenseConcluded": "NOASSERTION",
        "licenseInfoFromFiles": ["NOASSERTION"], "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "APPLICATION"}


def document(source, architecture, programs, linked):
    """The document's bytes. programs: {path: bytes}; linked: {path: linked.Package...}."""
    packages = sorted({package for each in linked.values() for package in each})
    name = f"guestd-{source.version}-linux-{architecture}"
    bond = hashlib.sha256(b"".join(programs[path] for path in sorted(programs))).hexdigest()
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", PRODUCT)]
    for path in sorted(programs):
        relations.append((PRODUCT, "CONTAINS", identifier("File", path)))
        relations += [(identifier("File", path), "STATIC_LINK", identifier("Package", p.name))
                      for p in sorted(linked[path])]
    value = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
        "documentNamespace": f"{NAMESPACE}/{name}-{bond}",
        "creationInfo": {"created": datetime.datetime.fromtimestamp(source.epoch, datetime.timezone.utc)
                         .strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": [f"Tool: {Path('tools/release')}-{source.version}"]},
        "packages": [of_product(source, programs), *map(of_package, packages)],
        "files": [of_program(path, programs[path]) for path in sorted(programs)],
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                          for a, kind, b in relations]}
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
