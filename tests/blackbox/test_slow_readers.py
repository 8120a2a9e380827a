"""Large responses for clients that don't read them yet: nobody else waits, and nothing is lost."""

import contextlib
import hashlib
import os
import signal
import socket
import time

import pytest

from support import client, procs

pytestmark = pytest.mark.timeout(120)

APP = '''\
import random
DATA = random.Random(7).randbytes(6000000)

def app(environ, start_response):
    path = environ["PATH_INFO"]
    length = [("Content-Length", str(len(DATA)))]
    if path == "/quick":
        start_response("200 OK", [("Content-Length", "6")])
        return [b"quick\\n"]
    start_response("200 OK", [] if path.startswith("/chunked") else length)
    if path.endswith("/one"):
        return [DATA]
    if path.endswith("/many"):
        return [DATA[i:i + 50000] for i in range(0, len(DATA), 50000)]
    if path.endswith("/tiny"):
        return tuple(DATA[i:i + 100] for i in range(0, len(DATA), 100))
    if path.endswith("/short"):
        return [DATA[:-1]]
    if path.endswith("/long"):
        return [DATA, DATA]
    return environ["wsgi.file_wrapper"](open("data", "rb"), 65536)
'''

WAYS = ["/one", "/many", "/tiny", "/file", "/chunked/one", "/chunked/many", "/chunked/tiny",
        "/chunked/file"]


def data():
    import random
    return random.Random(7).randbytes(6000000)


@pytest.fixture(params=["sync", "gthread"])
def kind(request):
    return request.param


def start(site, kind, *args):
    with open(site.dir / "data", "wb") as handle:
        handle.write(data())
    return site.start("app:app", "-k", kind, *args, files={"app.py": APP})


@contextlib.contextmanager
def idler(server, target):
    """A client that has asked and does not read."""
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(30)
        sock.connect(server.address)
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
        # The first byte shows that the application has answered.
        assert sock.recv(1, socket.MSG_PEEK) == b"H"
        with sock.makefile("rb") as file:
            yield sock, file


def quick(server):
    raw = client.exchange(server.address,
                          b"GET /quick HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return client.Response(raw).body == b"quick\n"


def body_of(file):
    """The next body by its framing."""
    lines = list(iter(file.readline, b"\r\n"))
    assert lines[0].startswith(b"HTTP/1.1 200")
    length = [line for line in lines if line.startswith(b"Content-Length: ")]
    if length:
        return file.read(int(length[0].split()[1]))
    body = bytearray()
    while True:
        n = int(file.readline(), 16)
        body += file.read(n)
        assert file.readline() == b"\r\n"
        if n == 0:
            return bytes(body)


def digest(text):
    return hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("way", WAYS)
def test_others_are_answered_and_the_bytes_are_right(site, kind, way):
    server = start(site, kind)
    with idler(server, way) as (sock, first), idler(server, way) as (_, second):
        for _ in range(20):
            assert quick(server)
        assert digest(body_of(second)) == digest(data())
        assert digest(body_of(first)) == digest(data())
        if kind == "gthread":
            sock.sendall(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
            assert body_of(first) == b"quick\n"
        else:
            assert first.read(1) == b""


@pytest.mark.parametrize("way", ["/one", "/chunked/many", "/file"])
def test_request_behind_a_response_that_waits(site, way):
    server = start(site, "gthread")
    with idler(server, way) as (sock, file):
        sock.sendall(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        assert quick(server)
        assert digest(body_of(file)) == digest(data())
        for _ in range(3):
            assert body_of(file) == b"quick\n"


def test_body_that_is_too_short_or_too_long(site, kind):
    server = start(site, kind)
    with idler(server, "/long") as (_, file):
        assert digest(body_of(file)) == digest(data())
    with idler(server, "/short") as (sock, _):
        head, rest = client.read_head(sock)
        assert digest(rest + client.read_all(sock)) == digest(data()[:-1])
        assert b"Content-Length: 6000000\r\n" in head


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


@pytest.mark.parametrize("way", ["/one", "/file"])
def test_clients_that_leave(site, kind, way):
    server = start(site, kind)
    worker, = server.wait_workers(1)
    assert quick(server)
    before = descriptors(worker)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(idler(server, way))
        assert quick(server)
    procs.until(lambda: descriptors(worker) <= before,
                lambda: "%d descriptors, %d before" % (descriptors(worker), before))
    assert quick(server)


@pytest.mark.parametrize("way", ["/one", "/file"])
def test_term_waits_for_the_reader(site, kind, way):
    server = start(site, kind)
    with idler(server, way) as (_, file):
        server.signal(signal.SIGTERM)
        server.wait_log("Handling signal: term")
        assert digest(body_of(file)) == digest(data())
    assert server.wait_exit() == 0


def test_silent_reader_is_given_up(site, kind):
    server = start(site, kind, "--timeout", "2", "--log-level", "debug")
    worker, = server.wait_workers(1)
    with idler(server, "/one") as (sock, _):
        server.wait_log("The client left, or was too slow, before it had the response")
        head, rest = client.read_head(sock)
        assert len(rest + client.read_all(sock)) < 6000000
    assert server.workers() == [worker] and quick(server)


def test_access_line_is_written_at_the_end(site, kind):
    server = start(site, kind, "--access-logfile", "access.log", "--access-logformat",
                   "%(U)s %(s)s %(B)s %(D)s")
    with idler(server, "/file") as (_, file):
        begun = time.monotonic()
        assert quick(server)
        procs.until(lambda: "/quick" in server.dir.read("access.log"), "the other's line")
        assert "/file" not in server.dir.read("access.log")
        # The response can't be out before it is read: its time holds at least what has passed.
        passed_us = int((time.monotonic() - begun) * 1000000)
        assert digest(body_of(file)) == digest(data())
    procs.until(lambda: "/file" in server.dir.read("access.log"), "the line")
    fields = server.dir.read("access.log").splitlines()[-1].split()
    assert fields[:3] == ["/file", "200", "6000000"] and int(fields[3]) >= passed_us > 0
