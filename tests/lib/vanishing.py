"""Clients that are gone at any point of what they do."""
import socket
import struct
import time

from agent import Agent, Connection

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST


class Vanished(Exception):
    """The client is gone; whatever it was doing."""


class VanishingSocket:
    """A connected socket that is closed when so many bytes went through it, in both directions together."""

    def __init__(self, sock, after, reset=False, asleep_s=0.0):
        self.sock, self.left, self.reset, self.asleep_s = sock, after, reset, asleep_s

    def vanish(self):
        time.sleep(self.asleep_s)  # it reads nothing meanwhile
        if self.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()
        raise Vanished

    def sendall(self, data):
        self.sock.sendall(data[:self.left])
        self.left -= len(data)
        if self.left <= 0:
            self.vanish()

    def recv(self, n):
        if self.left <= 0:
            self.vanish()
        data = self.sock.recv(min(n, self.left))
        self.left -= len(data)
        return data

    def recv_into(self, buffer, n):
        data = self.recv(n)
        buffer[:len(data)] = data
        return len(data)

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def close(self):
        self.sock.close()


class Client(Agent):
    """A client of an agent that runs: its calls are an Agent's, and each of its connections may vanish."""

    def __init__(self, agent, rng, doomed, to=None, timeout=60):
        self.agent, self.rng, self.doomed, self.to, self.timeout = agent, rng, doomed, to, timeout

    def __exit__(self, *_):
        pass  # the agent is another's

    def wrap(self, sock):
        """The socket; or, of a doomed client, one that vanishes: early or late, as all lengths are worth the same."""
        sock.settimeout(self.timeout)
        if not self.doomed:
            return sock
        return VanishingSocket(sock, int(2 ** self.rng.uniform(0, 19)), self.rng.random() < 0.5,
                               self.rng.choice([0, 0, 0, 0.01, 0.3]))

    def connect(self, to=None):
        return Connection(self.wrap(self.agent.connect(to or self.to).sock))
