"""Bounds on requests: sizes and times, names that header_map drops, what may follow, missing Host."""

import contextlib
import re
import select
import socket
import time

import pytest

from support import client
from support.client import Response, chunked, head_bytes
from support.server import app_source

KINDS = {"sync": [], "gthread": ["--threads", "4"]}
APP = app_source("probe")


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def start(site, kind, *args):
    return site.start("app:app", *kind, *args, files={"app.py": APP})


def post(framing, *more, target="/echo"):
    return head_bytes("POST", target, [("Host", "x"), framing, *more])


CHUNKED = ("Transfer-Encoding", "chunked")


def length(size):
    return ("Content-Length", str(size))


# -- limit_request_body

def test_no_limit_by_default(kind, site):
    server = start(site, kind)
    body = b"x" * 3_000_000
    for data in (post(length(len(body))) + body, post(CHUNKED) + chunked(body)):
        response = Response(server.raw(data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)))
        assert (response.status, len(response.body)) == (200, len(body))


@pytest.mark.parametrize("limit", [10, 100_000])
def test_bodies_up_to_the_limit(limit, kind, site):
    server = start(site, kind, "--limit-request-body", limit)
    body = b"x" * limit
    close = ("Connection", "close")
    for data in (post(length(limit), close) + body, post(CHUNKED, close) + chunked(body),
                 post(CHUNKED, close) + chunked(body[:3], body[3:])):
        response = Response(server.raw(data))
        assert (response.status, response.body) == (200, body)


@pytest.mark.parametrize("limit", [10, 100_000])
def test_length_over_the_limit_is_refused_before_the_body(limit, kind, site):
    """The answer does not wait for a byte of it, nor is the client asked to send it."""
    server = start(site, kind, "--limit-request-body", limit)
    for more in ([], [("Expect", "100-continue")]):
        with contextlib.closing(client.connect(server.address)) as sock:
            sock.sendall(post(length(limit + 1), *more))
            response = Response(client.read_all(sock))
            assert (response.status, response.reason) == (413, "Content Too Large")
            assert response.header("Connection") == "close"
            assert b"<h1><p>Content Too Large</p></h1>" in response.body
    server.wait_log(r"\[WARNING\] Invalid request from ip=127\.0\.0\.1: Request body is too large$", 2)


def test_chunks_over_the_limit_are_refused_when_announced(kind, site):
    """Collected by the server, or read by the application: a body beyond 64 KiB is."""
    server = start(site, kind, "--limit-request-body", 100_000)
    for chunks in ([b"x" * 1000], [b"x" * 50_000, b"y" * 40_000]):
        left = 100_000 - sum(map(len, chunks))
        with contextlib.closing(client.connect(server.address)) as sock:
            sock.sendall(post(CHUNKED) + chunked(*chunks, end=b"") + b"%x\r\n" % (left + 1))
            assert Response(client.read_all(sock)).status == 413


def test_application_that_does_not_read_is_not_bothered(site):
    """A body in chunks is measured when it is read; what nobody reads ends with the connection."""
    server = start(site, KINDS["gthread"], "--limit-request-body", 100_000)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(post(CHUNKED, target="/hello") + chunked(b"x" * 80_000, end=b"") + b"fffff\r\n")
        assert Response(client.read_all(sock)).body == b"hello\n"


# -- client_header_timeout, client_body_timeout

def answer_after(sock, data, seconds):
    """Sends a part, and expects an answer after about so many seconds."""
    begun = time.monotonic()
    sock.sendall(data)
    raw = client.read_all(sock)
    assert seconds * 0.7 < time.monotonic() - begun < seconds + 15
    return raw


def test_head_in_time(kind, site):
    server = start(site, kind, "--client-header-timeout", 1, "--timeout", 120)
    with contextlib.closing(client.connect(server.address)) as sock:
        response = Response(answer_after(sock, b"GET / HTTP/1.1\r\nHost: x\r\n", 1))
        assert (response.status, response.header("Connection")) == (408, "close")
    server.wait_log(r"Invalid request from ip=127\.0\.0\.1: Request Timeout")
    with contextlib.closing(client.connect(server.address)) as sock:
        assert answer_after(sock, b"", 1) == b""


def test_body_in_time(kind, site):
    """Collected by the server, or read by the application."""
    server = start(site, kind, "--client-body-timeout", 1, "--timeout", 120)
    for size in (100, 100_000):
        with contextlib.closing(client.connect(server.address)) as sock:
            response = Response(answer_after(sock, post(length(size)) + b"x" * 99, 1))
            assert (response.status, response.header("Connection")) == (408, "close")
    server.wait_log(r"\[WARNING\] Invalid request from ip=127\.0\.0\.1: Request Timeout", 2)


def test_each_part_has_its_own_time(kind, site):
    """A short time for one part does not shorten that of the other."""
    server = start(site, kind, "--client-header-timeout", 1, "--client-body-timeout", 60)
    with contextlib.closing(client.connect(server.address)) as slow_body:
        slow_body.sendall(post(length(4), ("Connection", "close")) + b"ab")
        with contextlib.closing(client.connect(server.address)) as slow_head:
            assert Response(answer_after(slow_head, b"GET / HTTP/1.1\r\n", 1)).status == 408
        assert not select.select([slow_body], [], [], 0)[0]
        slow_body.sendall(b"cd")
        assert Response(client.read_all(slow_body)).body == b"abcd"


def test_body_may_take_longer_than_a_silent_worker(site):
    """The master does not take a worker for dead that waits for its client."""
    server = start(site, KINDS["sync"], "--timeout", 2, "--client-body-timeout", 60)
    pids = server.wait_workers(1)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(post(length(100_000), ("Connection", "close")) + b"x" * 70_000)
        assert not select.select([sock], [], [], 4)[0]
        sock.sendall(b"x" * 30_000)
        assert Response(client.read_all(sock)).body == b"x" * 100_000
    assert server.workers() == pids


# -- bodies that end early

@pytest.mark.parametrize("part", [post(length(5)) + b"ab", post(CHUNKED) + b"5\r\nab",
                                  post(CHUNKED) + b"2\r\nab\r\n0\r\n"])
def test_client_that_closes_its_side_hears_why(part, kind, site):
    server = start(site, kind, "--log-level", "debug")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        assert Response(client.read_all(sock)).status == 400
    server.wait_log(r"\[DEBUG\] Ignored premature client disconnection from ip=127\.0\.0\.1: ")
    assert "[WARNING]" not in server.log()


# -- nothing is parsed behind a change of protocols

SECOND = head_bytes("GET", "/hello?second", [("Host", "x"), ("Connection", "close")])
UPGRADE = [("Host", "x"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]


@pytest.mark.parametrize("head", [head_bytes("GET", "/hello", UPGRADE),
                                  head_bytes("CONNECT", "example.org:443", [("Host", "x")])])
def test_last_request_of_a_connection(head, site):
    server = start(site, KINDS["gthread"])
    for data in (head + SECOND, head):
        raw = server.raw(data)
        assert raw.count(b"HTTP/1.1 ") == 1
        assert Response(raw).header("Connection") == "close"
    assert "Invalid request" not in server.log()


def test_other_requests_are_followed(site):
    server = start(site, KINDS["gthread"])
    for fields in ([("Host", "x")], [("Host", "x"), ("Upgrade", "websocket")]):
        assert server.raw(head_bytes("GET", "/hello", fields) + SECOND).count(b"HTTP/1.1 200 ") == 2


def test_coded_chunks_are_passed_on(site):
    """As version 23 does: the application knows the coding from HTTP_TRANSFER_ENCODING."""
    server = start(site, KINDS["gthread"])
    raw = server.raw(post(("Transfer-Encoding", "gzip, chunked")) + chunked(b"coded") + SECOND)
    assert (raw.count(b"HTTP/1.1 "), Response(raw).body) == (1, b"coded")
    assert Response(server.raw(post(("Transfer-Encoding", "gzip")) + b"coded")).status == 400
    assert Response(server.raw(post(("Transfer-Encoding", "br, chunked")))).status == 501


# -- header_map

def test_dropped_names_are_told_once(kind, site):
    server = start(site, kind)
    for names in (["X_One"], ["x_one", "X_TWO"], ["X_One", "X-Three"], ["X_Two"]):
        fields = [(name, "v") for name in names]
        assert server.get("/hello", headers=[*fields, ("Connection", "close")]).status == 200
    server.wait_log("X_TWO")
    told = re.findall(r"\[WARNING\] Header field dropped by header_map, here and from now on: (\S+)",
                      server.log())
    assert told == ["X_One", "X_TWO"]


def test_dropped_names_do_not_fill_the_log(site):
    server = start(site, KINDS["sync"])
    for part in range(3):
        fields = [("X_%d" % (part * 50 + number), "v") for number in range(50)]
        assert server.get("/hello", headers=fields).status == 200
    assert len(re.findall("dropped by header_map", server.log())) == 32
    assert len(re.findall("More names that header_map drops will not be told", server.log())) == 1


# -- requests without Host

@pytest.mark.parametrize("permitted", [False, True])
def test_permit_missing_host(permitted, kind, site):
    server = start(site, kind, *["--permit-missing-host"] * permitted)
    raw = server.raw(head_bytes("GET", "/hello", [("Connection", "close")]))
    assert Response(raw).status == (200 if permitted else 400)
    # Only its absence is permitted.
    for hosts in ([("Host", "a b")], [("Host", "a"), ("Host", "a")]):
        assert Response(server.raw(head_bytes("GET", "/hello", hosts))).status == 400
