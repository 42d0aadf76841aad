"""How to get a socket to guestd, whatever lies between. Copy this file.

    unix:PATH          a unix socket
    tcp:HOST:PORT      TCP
    vsock:CID:PORT     AF_VSOCK, to a guest of QEMU or the like
    hybrid:PATH:PORT   the VM's unix socket of Firecracker or Cloud Hypervisor, and a port in the guest
"""
import socket


def dial(address, timeout=5.0):
    """A connected socket without a time-out; OSError."""
    kind, _, rest = address.partition(":")
    name, _, port = rest.rpartition(":")
    if kind == "tcp":
        s = socket.create_connection((name.strip("[]"), int(port)), timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    elif kind == "vsock":
        s = connected(socket.AF_VSOCK, (int(name), int(port)), timeout)
    elif kind == "unix":
        s = connected(socket.AF_UNIX, rest, timeout)
    elif kind == "hybrid":
        s = connected(socket.AF_UNIX, name, timeout)
        handshake(s, port)
    else:
        raise ValueError(f"{address}: neither unix, tcp, vsock nor hybrid")
    s.settimeout(None)
    return s


def connected(family, address, timeout):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.connect(address)
    return s


def handshake(s, port):
    """Asks the VMM for a port of the guest. What comes behind the line is the guest's, so it is read byte by byte."""
    s.sendall(f"CONNECT {port}\n".encode())
    line = b""
    while not line.endswith(b"\n") and len(line) < 32:
        byte = s.recv(1)
        if not byte:
            raise ConnectionRefusedError(f"nothing listens on port {port} in the guest, or not yet: try again")
        line += byte
    if not line.startswith(b"OK "):
        raise ConnectionError(f"{line!r} is not the answer of a VMM")
