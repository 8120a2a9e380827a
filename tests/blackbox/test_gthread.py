"""Threads and persistent connections: what stays open, what is closed, and in which order."""

import contextlib
import json
import os
import select
import signal
import socket
import threading
import time

import pytest

from support import client, procs
from support.client import chunked, head_bytes
from support.server import app_source

THREADS = 4

EXTRA = '''

import threading

MEETING = threading.Barrier(%d)


@route
def number(environ, start_response):
    return plain(start_response, environ["QUERY_STRING"].encode())


@route
def nap(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return plain(start_response, b"slept")


@route
def meet(environ, start_response):
    """Returns when as many requests as there are threads run at the same time."""
    MEETING.wait(20)
    return plain(start_response, b"met")


@route
def whoami(environ, start_response):
    return plain(start_response, b"%%d" %% os.getpid())
''' % THREADS


def start(site, *args, **options):
    files = {"app.py": app_source("probe") + EXTRA}
    return site.start(options.pop("app", "app:app"), "--threads", THREADS, *args, files=files,
                      **options)


@pytest.fixture(scope="module")
def server(shared_site):
    return start(shared_site, "--keep-alive", "20")


class Closed(Exception):
    """The server has closed the connection instead of answering."""


class Wire:
    """A persistent connection: requests out, one response at a time in."""

    def __init__(self, address, timeout=client.TIMEOUT):
        self.sock = client.connect(address, timeout)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.sock.close()

    def send(self, target, method="GET", headers=(), body=b"", version="1.1"):
        fields = [("Host", "test"), *headers]
        if body and not any(n in ("Content-Length", "Transfer-Encoding") for n, _ in fields):
            fields.append(("Content-Length", str(len(body))))
        self.sock.sendall(head_bytes(method, target, fields, version) + body)

    def more(self):
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed("after %r" % self.rest[:200])
        self.rest += piece

    def upto(self, mark):
        while mark not in self.rest:
            self.more()
        return self.take(self.rest.index(mark) + len(mark))

    def take(self, size):
        while len(self.rest) < size:
            self.more()
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece

    def chunks(self):
        raw = b""
        while True:
            line = self.upto(b"\r\n")
            size = int(line, 16)
            raw += line + self.take(size + 2)
            if size == 0:
                return raw

    def response(self, method="GET"):
        """The next response; what follows it stays for the next call."""
        head = self.upto(b"\r\n\r\n")
        parsed = client.Response(head, "HEAD")
        length = parsed.header("Content-Length")
        if method == "HEAD" or parsed.status in (204, 304):
            raw = head
        elif parsed.header("Transfer-Encoding") == "chunked":
            raw = head + self.chunks()
        elif length is not None:
            raw = head + self.take(int(length))
        else:
            raw, self.rest = head + self.rest + client.read_all(self.sock), b""
        return client.Response(raw, method)

    def get(self, target, **options):
        self.send(target, **options)
        return self.response(options.get("method", "GET"))

    def at_end(self):
        """Waits for the server's end of the connection; True when nothing came before it."""
        return self.rest + client.read_all(self.sock) == b""


def ask(server, target):
    """One request on a connection of its own, which ends with it."""
    return server.get(target, headers=[("Connection", "close")])


def together(jobs):
    """Runs functions in threads of their own; returns their results, raises their first error."""
    results, errors = [None] * len(jobs), []

    def run(number, job):
        try:
            results[number] = job()
        except BaseException as error:  # handed to the test's own thread
            errors.append(error)
    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads), "clients that got no end"
    return results


# -- one connection, several requests

@pytest.mark.parametrize("target,body", [("/hello", b"hello\n"), ("/parts", b"onetwothree"),
                                         ("/nothing", b""), ("/writes", b"first second third")])
def test_keep_alive(target, body, server):
    with Wire(server.address) as wire:
        for _ in range(5):
            response = wire.get(target)
            assert (response.status, response.body) == (200, body)
            assert response.header("Connection") == "keep-alive"


@pytest.mark.parametrize("method,target", [("HEAD", "/hello"), ("HEAD", "/parts"),
                                           ("GET", "/status?204+No+Content"),
                                           ("GET", "/status?304+Not+Modified")])
def test_keep_alive_after_a_response_without_body(method, target, server):
    with Wire(server.address) as wire:
        assert wire.get(target, method=method).payload == b""
        assert wire.get("/number?7").body == b"7"


def test_connection_close_is_honoured(server):
    with Wire(server.address) as wire:
        assert wire.get("/hello").header("Connection") == "keep-alive"
        last = wire.get("/hello", headers=[("Connection", "close")])
        assert (last.body, last.header("Connection")) == (b"hello\n", "close")
        assert wire.at_end()


def test_http10_closes(server):
    with Wire(server.address) as wire:
        response = wire.get("/hello", version="1.0")
        assert (response.body, response.header("Connection")) == (b"hello\n", "close")
        assert wire.at_end()


def test_http10_keep_alive(server):
    with Wire(server.address) as wire:
        for _ in range(3):
            response = wire.get("/hello", version="1.0", headers=[("Connection", "keep-alive")])
            assert (response.version, response.body) == ("1.0", b"hello\n")
            assert response.header("Connection") == "keep-alive"


def test_http10_body_without_length_ends_with_the_connection(server):
    with Wire(server.address) as wire:
        response = wire.get("/parts", version="1.0", headers=[("Connection", "keep-alive")])
        assert (response.body, response.header("Connection")) == (b"onetwothree", "close")
        assert response.header("Transfer-Encoding") is None


def test_error_closes(server):
    with Wire(server.address) as wire:
        assert wire.get("/hello").status == 200
        assert wire.get("/error?ValueError").status == 500
        assert wire.at_end()


def test_bad_request_after_a_good_one(server):
    with Wire(server.address) as wire:
        assert wire.get("/hello").status == 200
        wire.sock.sendall(b"nonsense\r\n\r\n")
        assert wire.response().status == 400
        assert wire.at_end()


def test_short_response_closes(server):
    """The client must not take the next response for the missing bytes."""
    with Wire(server.address) as wire:
        wire.send("/short")
        wire.send("/hello")
        with pytest.raises(Closed):
            wire.response()
        assert b"hello" not in wire.rest


@pytest.mark.parametrize("seconds", [1, 2])
def test_idle_connection_is_closed_in_time(seconds, site):
    server = start(site, "--keep-alive", seconds)
    with Wire(server.address) as wire:
        assert wire.get("/hello").header("Connection") == "keep-alive"
        begun = time.monotonic()
        assert wire.at_end()
        passed = time.monotonic() - begun
    assert seconds - 0.3 <= passed < seconds + 5


def test_no_keep_alive(site):
    server = start(site, "--keep-alive", "0")
    with Wire(server.address) as wire:
        assert wire.get("/hello").header("Connection") == "close"
        assert wire.at_end()


# -- pipelining

def test_pipeline_is_answered_in_order(server):
    burst = b"".join(head_bytes("GET", "/number?%d" % i, [("Host", "x")]) for i in range(400))
    with Wire(server.address) as wire:
        wire.sock.sendall(burst)
        assert [wire.response().body for _ in range(400)] == [b"%d" % i for i in range(400)]
        assert wire.get("/hello").status == 200


def test_pipeline_that_ends(server):
    burst = b"".join(head_bytes("GET", "/number?%d" % i, [("Host", "x")]) for i in range(40))
    last = head_bytes("GET", "/number?last", [("Host", "x"), ("Connection", "close")])
    with Wire(server.address) as wire:
        wire.sock.sendall(burst + last + burst)
        assert [wire.response().body for _ in range(40)] == [b"%d" % i for i in range(40)]
        assert wire.response().body == b"last"
        assert wire.at_end()


@pytest.mark.parametrize("size", [1, 5000, 65536, 65537, 70000, 300000])
@pytest.mark.parametrize("target", ["/upload", "/unread"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_and_next_request_in_one_burst(size, target, is_chunked, server):
    data = os.urandom(size)
    fields = [("Host", "x")]
    if is_chunked:
        fields.append(("Transfer-Encoding", "chunked"))
        coded = chunked(*(data[i:i + 8000] for i in range(0, size, 8000)))
    else:
        fields.append(("Content-Length", str(size)))
        coded = data
    burst = (head_bytes("PUT", target, fields) + coded
             + head_bytes("GET", "/number?after", [("Host", "x")]))
    with Wire(server.address) as wire:
        sender = threading.Thread(target=send_quietly, args=(wire.sock, burst), daemon=True)
        sender.start()
        first = wire.response()
        assert first.status == 200
        if target == "/upload":
            assert json.loads(first.body)["size"] == size
        else:
            assert first.body == b"not read"
        # What the application left unread may be too much to wait for: then the connection ends.
        try:
            second = wire.response()
        except Closed:
            assert target == "/unread" and size > 65536
            assert wire.rest == b""
        else:
            assert second.body == b"after"
        sender.join(procs.DEADLINE)


def send_quietly(sock, data):
    with contextlib.suppress(OSError):
        sock.sendall(data)


def test_missing_body_is_never_taken_from_the_next_request(server):
    """The application answers without reading; the client goes on as if nothing had happened."""
    with Wire(server.address) as wire:
        wire.sock.sendall(head_bytes("POST", "/unread", [
            ("Host", "x"), ("Content-Length", "1000000")]) + b"x" * 70000)
        assert wire.response().body == b"not read"
        send_quietly(wire.sock, head_bytes("GET", "/number?inside", [("Host", "x")]))
        assert b"inside" not in wire.rest + client.read_all(wire.sock)
    assert ask(server, "/hello").status == 200


# -- Expect

def test_expect_100_continue(server):
    with Wire(server.address) as wire:
        for _ in range(2):
            wire.sock.sendall(head_bytes("POST", "/echo", [
                ("Host", "x"), ("Content-Length", "4"), ("Expect", "100-continue")]))
            assert wire.upto(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            wire.sock.sendall(b"data")
            assert wire.response().body == b"data"


def test_expect_without_a_reader(server):
    """No 100, and no guess about what the next bytes are."""
    with Wire(server.address) as wire:
        wire.sock.sendall(head_bytes("POST", "/unread", [
            ("Host", "x"), ("Content-Length", "4"), ("Expect", "100-continue")]))
        assert wire.response().body == b"not read"
        send_quietly(wire.sock, b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"hello" not in wire.rest + client.read_all(wire.sock)


# -- data and FIN in one segment

def send_with_fin(sock, data):
    """The kernel holds the data back until the FIN: both leave in one segment."""
    sock.send(data, socket.MSG_MORE)
    sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("earlier", [0, 1, 3])
def test_data_with_fin_is_answered_at_once(earlier, server):
    with Wire(server.address) as wire:
        for _ in range(earlier):
            assert wire.get("/hello").status == 200
        begun = time.monotonic()
        send_with_fin(wire.sock, head_bytes("GET", "/number?5", [("Host", "x")]))
        assert wire.response().body == b"5"
        assert wire.at_end()
        assert time.monotonic() - begun < 5


def test_body_with_fin_is_answered_at_once(server):
    with Wire(server.address) as wire:
        wire.sock.sendall(head_bytes("POST", "/echo", [("Host", "x"), ("Content-Length", "5")]))
        begun = time.monotonic()
        send_with_fin(wire.sock, b"whole")
        assert wire.response().body == b"whole"
        assert wire.at_end()
        assert time.monotonic() - begun < 5


def test_fin_while_the_request_runs(site):
    """A half-closed client still gets its answer, and its connection does not stay behind."""
    server = start(site)
    with Wire(server.address) as wire:
        wire.send("/wait")
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        wire.sock.shutdown(socket.SHUT_WR)
        site.dir.write("go", "")
        begun = time.monotonic()
        assert wire.response().body == b"waited"
        assert wire.at_end()
        assert time.monotonic() - begun < 5


# -- threads

def test_environ_says_multithread(server):
    values = json.loads(ask(server, "/env").body)["values"]
    assert (values["wsgi.multithread"], values["wsgi.run_once"]) == (True, False)


def test_requests_run_at_the_same_time(server):
    responses = together([lambda: ask(server, "/meet")] * THREADS)
    assert [r.body for r in responses] == [b"met"] * THREADS


@pytest.mark.parametrize("requests", [1, 3])
def test_more_clients_than_threads(requests, server):
    def one():
        with Wire(server.address) as wire:
            return [wire.get("/nap?0.02").body for _ in range(requests)]
    assert together([one] * 64) == [[b"slept"] * requests] * 64


def test_new_clients_do_not_starve_behind_busy_connections(server):
    done = threading.Event()

    def busy():
        with Wire(server.address) as wire:
            while not done.is_set():
                assert wire.get("/nap?0.02").body == b"slept"

    def newcomers():
        try:
            return [ask(server, "/hello").status for _ in range(10)]
        finally:
            done.set()
    assert together([busy] * (2 * THREADS) + [newcomers])[-1] == [200] * 10


@pytest.mark.parametrize("threads", [1, 2])
def test_new_clients_find_the_worker_with_room(threads, site):
    """A worker whose threads are all busy takes no connection from an idle one."""
    site.dir.write("roomy.py", "from app import app, note\nnote('loaded')\n")
    server = start(site, "--worker-class", "gthread", "--workers", "2", "--threads", threads,
                   app="roomy:app")
    procs.until(lambda: site.dir.read("notes").count("loaded") == 2, "both workers")
    with contextlib.ExitStack() as stack:
        for count in range(1, threads + 1):
            stack.enter_context(Wire(server.address)).send("/wait")
            procs.until(lambda: site.dir.read("notes").count("waiting") == count,
                        "the start of the request")
        begun = time.monotonic()
        for _ in range(200):
            assert ask(server, "/hello").status == 200
        assert time.monotonic() - begun < 10
        site.dir.write("go", "")


def test_worker_connections(site):
    """A connection above the limit waits until another one has gone."""
    server = start(site, "--worker-connections", "4", "--keep-alive", "25")
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(server.address)) for _ in range(4)]
        assert [w.get("/hello").status for w in wires] == [200] * 4
        extra = stack.enter_context(Wire(server.address))
        extra.send("/number?9")
        assert not select.select([extra.sock], [], [], 0.5)[0]
        wires[0].sock.close()
        assert extra.response().body == b"9"
        assert wires[1].get("/hello").status == 200


# -- the end of workers

def test_max_requests(site):
    server = start(site, "--max-requests", "5")
    pids = []

    def third():
        """A worker goes on until the next one serves."""
        response = ask(server, "/whoami")
        assert response.status == 200
        pids.append(response.body)
        return len(set(pids)) >= 3
    procs.until(third, "a third worker")
    assert all(pids.count(pid) >= 5 for pid in pids if pid != pids[-1])
    assert "Autorestarting worker after current request." in server.log()


def test_max_requests_says_close_to_persistent_clients(site):
    server = start(site, "--max-requests", "5")
    with Wire(server.address) as wire:
        said = [wire.get("/hello").header("Connection") for _ in range(5)]
        assert said == ["keep-alive"] * 4 + ["close"]
        assert wire.at_end()
    assert ask(server, "/hello").status == 200


def test_term_finishes_what_runs_and_closes_what_idles(site):
    server = start(site, "--keep-alive", "25")
    with Wire(server.address) as idle, Wire(server.address) as running:
        assert idle.get("/hello").status == 200
        running.send("/wait")
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        server.signal(signal.SIGTERM)
        begun = time.monotonic()
        assert idle.at_end()
        assert time.monotonic() - begun < 10
        assert server.proc.poll() is None
        site.dir.write("go", "")
        assert running.response().body == b"waited"
        assert running.at_end()
    assert server.wait_exit() == 0


def test_term_with_idle_connections_only(site):
    server = start(site, "--keep-alive", "25")
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(server.address)) for _ in range(8)]
        assert [w.get("/hello").status for w in wires] == [200] * 8
        begun = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - begun < 10
        assert all(w.at_end() for w in wires)


def test_request_that_never_ends_is_cut_after_graceful_timeout(site):
    server = start(site, "--graceful-timeout", "1")
    with Wire(server.address) as wire:
        wire.send("/wait")
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        begun = time.monotonic()
        assert server.terminate() == 0
        assert 0.9 <= time.monotonic() - begun < 10


def test_hup_under_keep_alive_load_loses_nothing(site):
    """Every request is answered; connections end only after a response that has said so."""
    server = start(site, "--workers", "2")
    old = server.wait_workers(2)
    done = threading.Event()

    def load(number):
        answered, wire = 0, Wire(server.address)
        while not done.is_set():
            text = b"%d-%d" % (number, answered)
            response = wire.get("/number?" + text.decode())
            assert (response.status, response.body) == (200, text)
            answered += 1
            if response.header("Connection") == "close":
                assert wire.at_end()
                wire.sock.close()
                wire = Wire(server.address)
        wire.sock.close()
        return answered

    def reload():
        try:
            for count in (1, 2):
                gone = server.workers()
                server.signal(signal.SIGHUP)
                server.wait_log("Handling signal: hup", count)
                procs.until(lambda: not set(gone) & set(server.workers()), "the old workers' end")
        finally:
            done.set()
    counts = together([lambda n=n: load(n) for n in range(6)] + [reload])
    assert min(counts[:-1]) > 0
    assert not set(old) & set(server.wait_workers(2))
