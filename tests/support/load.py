"""Clients that count every request: what was answered, and what was not."""

import collections
import contextlib
import multiprocessing
import select
import socket

from support import client
from support.client import Response

CONTEXT = multiprocessing.get_context("fork")


def fresh(address, target):
    """One request on a connection of its own."""
    answer = client.request(address, target)
    return answer.status if answer.complete else "incomplete"


def has_ended(sock):
    """The server has closed, and said so, before anything was sent."""
    readable, _, _ = select.select([sock], [], [], 0)
    if not readable:
        return False
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except ConnectionResetError:
        return True


def read_answer(sock):
    """One response with a Content-Length."""
    head, body = client.read_head(sock)
    if not head:
        return None
    answer = Response(head + body)
    length = int(answer.header("Content-Length"))
    while len(body) < length:
        piece = sock.recv(65536)
        if not piece:
            return None
        body += piece
    return Response(head + body)


class Persistent:
    """A client that keeps its connection as long as the server lets it."""

    def __init__(self):
        self.sock = None

    def __call__(self, address, target):
        if self.sock is not None and has_ended(self.sock):
            self.close()
        if self.sock is None:
            self.sock = client.connect(address)
        try:
            self.sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
            answer = read_answer(self.sock)
        except OSError:
            self.close()
            raise
        if answer is None:
            self.close()
            return "closed without an answer"
        if answer.header("Connection") == "close":
            self.close()
        return answer.status

    def close(self):
        self.sock.close()
        self.sock = None


def hammer(address, target, is_persistent, stop, results):
    """One client process."""
    seen = collections.Counter()
    ask = Persistent() if is_persistent else fresh
    while not stop.is_set():
        try:
            seen[ask(address, target)] += 1
        except (OSError, ValueError) as error:
            seen["failed: %r" % error] += 1
    results.put(seen)


class Load:
    """Clients at work; `seen` has the count of every result after the end."""

    def __init__(self, seen):
        self.seen = seen

    @property
    def failures(self):
        return {result: n for result, n in self.seen.items() if result != 200}


@contextlib.contextmanager
def load(address, target="/hello", clients=3, persistent=False):
    stop, results = CONTEXT.Event(), CONTEXT.Queue()
    working = [CONTEXT.Process(target=hammer, args=(address, target, persistent, stop, results))
               for _ in range(clients)]
    for process in working:
        process.start()
    state = Load(collections.Counter())
    try:
        yield state
    finally:
        stop.set()
        for _ in working:
            state.seen.update(results.get(timeout=40))
        for process in working:
            process.join()
