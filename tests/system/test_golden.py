"""What is on the wire, byte by byte: the conversations of tests/golden, held with the real agent.

A file of tests/golden is one connection. Lines that begin with ">" are sent, those with "<" must be what comes back, and the
connection ends behind them; all others are comment. What follows is

    > text        the text and CR LF
    >- text       the text
    >x 00 01 7f   bytes

and the same for "<", where "..." stands for anything within a line, or any bytes.
"""
import re
import socket
from pathlib import Path

import pytest
from agent import SLOW

FILES = sorted((Path(__file__).resolve().parents[1] / "golden").glob("*.txt"))


def sent(kind, text):
    return bytes.fromhex(text) if kind == "x" else text.encode() + (b"" if kind == "-" else b"\r\n")


def expected(kind, text):
    """A pattern of the bytes."""
    parts = [re.escape(sent(kind, part)[:None if kind else -2]) for part in text.split("...")]
    return (b"(?s:.*?)" if kind == "x" else b"[^\r\n]*?").join(parts) + (b"" if kind else b"\r\n")


def conversation(text):
    request, response = b"", []
    for line in text.splitlines():
        match = re.fullmatch(r"([<>])([-x]?)(?: (.*))?", line)
        if match and match[1] == ">":
            request += sent(match[2], match[3] or "")
        elif match:
            response.append(expected(match[2], match[3] or ""))
    return request, response


def heard(agent, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10 * SLOW)
        s.connect(agent.path)
        s.sendall(request)
        answer = b""
        while data := s.recv(65536):
            answer += data
        return answer


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(shared, path):
    request, response = conversation(path.read_text())
    answer = heard(shared, request)
    if re.fullmatch(b"".join(response), answer):
        return
    while response and not re.match(b"".join(response), answer):  # up to where it is as it should be
        last = response.pop()
    at = re.match(b"".join(response), answer).end()
    pytest.fail(f"{path.name}: after {at} bytes comes {answer[at:at + 200]!r}, not {last!r}")


def test_there_are_some():
    assert len(FILES) > 10
