"""slowhttptest against both kinds of workers: other clients are served as ever."""

import contextlib
import subprocess
import time

import pytest

from support import client, procs
from support.client import Response

pytestmark = pytest.mark.timeout(120)

APP = '''\
def app(environ, start_response):
    body = b"hello\\n"
    if environ["PATH_INFO"] == "/read":
        body = b"%d" % len(environ["wsgi.input"].read())
    elif environ["PATH_INFO"] == "/page":
        body = b"x" * 60000
    elif environ["PATH_INFO"] == "/large":
        body = b"x" * 1000000
    elif environ["PATH_INFO"] == "/file":
        start_response("200 OK", [("Content-Length", "8000000")])
        return environ["wsgi.file_wrapper"](open("data", "rb"))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''

CONNECTIONS = 150
SECONDS = 20
COMMON = ["-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-i", "1", "-l", str(SECONDS), "-p", "10"]
ATTACKS = {
    "headers": ("/", ["-H"]),
    "body": ("/read", ["-B", "-s", "8192"]),
    "large_body": ("/read", ["-B", "-s", "10000000"]),
    "read_large": ("/large", ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"]),
    "read_file": ("/file", ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"]),
    "read": ("/page", ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"]),
}


@contextlib.contextmanager
def attack(server, target, options):
    """Runs while the block does, and must not have ended before."""
    with open(server.dir / "attack.log", "wb") as log:
        proc = subprocess.Popen(
            ["slowhttptest", *COMMON, *options, "-u",
             "http://127.0.0.1:%d%s" % (server.address[1], target)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=str(server.dir))
    try:
        yield proc
        assert proc.poll() is None, server.dir.read("attack.log")
    finally:
        proc.kill()  # it takes seconds to heed anything milder
        proc.wait(30)


def connections_of(server):
    """How many connections its side of the port has, in whatever state after the handshake."""
    port = ":%04X" % server.address[1]
    with open("/proc/net/tcp") as handle:
        rows = [line.split() for line in list(handle)[1:]]
    # ESTABLISHED, and those that the server has closed while the client holds its end.
    return sum(1 for row in rows if row[1].endswith(port) and row[3] in ("01", "04", "05"))


def longest_wait(server, seconds):
    """Asks without a pause; the longest time that an answer took."""
    worst, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        assert Response(client.exchange(server.address, b"GET / HTTP/1.1\r\nHost: x\r\n"
                                        b"Connection: close\r\n\r\n")).body == b"hello\n"
        worst = max(worst, time.monotonic() - begun)
    return worst


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_others_are_served(name, kind, site):
    target, options = ATTACKS[name]
    server = site.start("app:app", "-k", kind, "--threads", "2" if kind == "gthread" else "1",
                        files={"app.py": APP, "data": "x" * 8000000})
    with attack(server, target, options):
        procs.until(lambda: connections_of(server) >= CONNECTIONS * 9 // 10,
                    lambda: "the attack: " + server.dir.read("attack.log"))
        worst = longest_wait(server, 2)
        # Still under attack: nothing was measured that had ended meanwhile.
        assert connections_of(server) >= CONNECTIONS * 9 // 10
    # A worker that waits for one of them would wait for seconds.
    assert worst < 2
