"""Files too large to hold: sent and fetched block by block, with a checksum."""
import hashlib
import os
import random

BLOCK = 1 << 20
OCTETS = {"Content-Type": "application/octet-stream"}


def blocks(size, seed=1):
    """That many bytes, no block like the one before."""
    noise = bytearray(random.Random(seed).randbytes(BLOCK))
    for at in range(0, size, BLOCK):
        noise[:8] = at.to_bytes(8, "little")
        yield memoryview(noise)[:min(BLOCK, size - at)]


def upload(agent, query, size):
    """Returns the SHA-256 of what was sent."""
    digest = hashlib.sha256()
    with agent.connect() as c:
        c.send_request("POST", f"/files?{query}", {**OCTETS, "Content-Length": size})
        for block in blocks(size):
            digest.update(block)
            c.send(block)
        r = c.read_response()
        assert r.status == 200, r.text
    return digest.hexdigest()


def download(agent, query, size):
    """Returns the SHA-256 of what came."""
    digest, room = hashlib.sha256(), memoryview(bytearray(BLOCK))
    with agent.connect() as c:
        c.send_request("GET", f"/files?{query}")
        status, _, headers = c.read_head()
        assert (status, headers["content-length"]) == (200, str(size))
        digest.update(c.buffer)
        left = size - len(c.buffer)
        while left > 0:
            n = c.sock.recv_into(room)
            assert n, f"closed with {left} bytes to come"
            digest.update(room[:n])
            left -= n
        assert left == 0
    return digest.hexdigest()


def checksum(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def fill_directory(path, count):
    """Names 0 to count - 1, all of one file: as fast as a file system of memory takes them."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.mknod("0", dir_fd=fd)
        for i in range(1, count):
            os.link("0", str(i), src_dir_fd=fd, dst_dir_fd=fd)
    finally:
        os.close(fd)


def list_directory(agent, path, limit=10_000):
    """guest.v1.Files/List to its end; yields the names of each page."""
    from agent import protos
    protos()
    from guest.v1 import files_pb2
    message = files_pb2.ListFilesRequest(path=str(path), limit=limit)
    with agent.connect() as c:
        while True:
            r = c.request("POST", "/guest.v1.Files/List", {"Content-Type": "application/proto"},
                          message.SerializeToString())
            assert r.status == 200, r.text
            page = files_pb2.ListFilesResponse.FromString(r.body)
            yield [f.name for f in page.files]
            assert page.truncated == bool(page.next_page)
            if not page.next_page:
                return
            message.page = page.next_page
