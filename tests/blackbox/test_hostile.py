"""Clients, applications and circumstances that mean harm, or do it without meaning to."""

import contextlib
import os
import re
import resource
import select
import signal
import socket
import threading
import time

import pytest

from support import client, procs
from support.client import Response, chunked, head_bytes
from support.server import app_source

KINDS = {"sync": [], "gthread": ["--threads", "4"]}

EXTRA = '''

import threading

KEPT = []


class RaisesInClose(Noted):
    def close(self):
        raise ValueError("raised in close on purpose")


@route
def bad_close(environ, start_response):
    """?LENGTH or nothing: a whole body, then an error."""
    length = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Length", length)] if length else [])
    return RaisesInClose("bad_close", [b"who", b"le"])


@route
def header(environ, start_response):
    return plain(start_response, environ.get("HTTP_X_A", "none").encode())


@route
def nap(environ, start_response):
    time.sleep(0.02)
    return plain(start_response, b"rested")


@route
def leave(environ, start_response):
    """Changes the working directory of the worker."""
    os.chdir(os.path.join(HERE, "elsewhere"))
    return plain(start_response, os.getcwd().encode())


@route
def keep_socket(environ, start_response):
    KEPT.append(environ["gunicorn.socket"])
    KEPT[-1].getpeername()
    return plain(start_response, b"kept")


@route
def keep_environ(environ, start_response):
    KEPT.append(environ)
    start_response("200 OK", [])
    return [b"ke", b"pt"]


@route
def no_wakeup(environ, start_response):
    import signal
    signal.set_wakeup_fd(-1)
    return plain(start_response, b"silenced")


def in_thread(name, step):
    """Calls step() until it raises, and notes how it ended."""
    def run():
        try:
            while True:
                step()
        except BaseException as error:
            note("%s ended: %s" % (name, type(error).__name__))
    threading.Thread(target=run, daemon=True).start()


@route
def reads_on(environ, start_response):
    stream = environ["wsgi.input"]
    seen = set()

    def step():
        data = stream.read(1)
        if not data:
            raise EOFError
        if data not in seen:
            note("read " + data.decode("latin-1"))
        seen.add(data)
    in_thread("reader", step)
    while not seen:
        time.sleep(0.001)
    return plain(start_response, b"reader runs")


@route
def writes_on(environ, start_response):
    write = start_response("200 OK", [])
    write(b"first")
    in_thread("writer", lambda: write(b"EVIL"))
    return [b"last"]
'''

APP = app_source("probe") + EXTRA


def start(site, *args, app=APP, **options):
    return site.start("app:app", *args, files={"app.py": app}, **options)


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture
def server(kind, site):
    return start(site, *kind)


def get_soon(server, target="/hello", limit=5):
    """A normal client's request, which must not take long."""
    begun = time.monotonic()
    response = server.get(target, headers=[("Connection", "close")])
    assert response.status == 200
    assert time.monotonic() - begun < limit
    return response


# -- slow clients

TRICKLE = b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Trickle: drop by drop\r\n\r\n"


def test_trickled_heads_hold_nobody_up(server):
    pids = server.wait_workers(1)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(contextlib.closing(client.connect(server.address)))
                 for _ in range(200)]
        for at in range(20):
            for sock in socks:
                sock.send(TRICKLE[at:at + 1])
            get_soon(server)
        for sock in socks:
            sock.sendall(TRICKLE[20:])
        assert {Response(client.read_all(sock)).body for sock in socks} == {b"hello\n"}
    assert server.workers() == pids


def test_trickled_heads_end_in_time(kind, site):
    """A byte now and then does not prolong the time that a head may take."""
    server = start(site, *kind, "--timeout", "2")
    with contextlib.closing(client.connect(server.address)) as sock:
        begun, at = time.monotonic(), 0
        while not select.select([sock], [], [], 0.1)[0]:
            sock.send(b"GET / HTTP/1.1\r\nX-A: "[at:at + 1] or b"a")
            at += 1
            assert time.monotonic() - begun < 20
        assert Response(client.read_all(sock)).status == 408
        assert time.monotonic() - begun > 1.5


def drip(sock, data, result):
    """Sends byte by byte until the server has enough of it; notes what it said and when."""
    begun = time.monotonic()
    with contextlib.suppress(OSError):
        for at in range(len(data)):
            if select.select([sock], [], [], 0.05)[0]:
                break
            sock.send(data[at:at + 1])
    result["raw"] = client.read_all(sock)
    result["seconds"] = time.monotonic() - begun


@pytest.mark.parametrize("how", ["chunked", "length"])
def test_trickled_body_holds_nobody_up(how, kind, site):
    server = start(site, *kind, "--timeout", "3")
    pids, result = server.wait_workers(1), {}
    field = ("Transfer-Encoding", "chunked") if how == "chunked" else ("Content-Length", "60000")
    body = b"1\r\nx\r\n" * 1000 if how == "chunked" else b"x" * 60000
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(head_bytes("POST", "/echo", [("Host", "x"), field]))
        dripper = threading.Thread(target=drip, args=(sock, body, result), daemon=True)
        dripper.start()
        served = 0
        while dripper.is_alive():
            get_soon(server, limit=2)
            served += 1
        dripper.join()
    assert served > 1
    assert result["raw"] == b"" or Response(result["raw"]).status == 408
    assert 2.5 < result["seconds"] < 20
    assert server.workers() == pids
    assert "WORKER TIMEOUT" not in server.log()


def test_chunked_body_in_single_bytes_arrives_whole(server):
    data = (head_bytes("POST", "/echo", [("Host", "x"), ("Transfer-Encoding", "chunked"),
                                         ("Connection", "close")])
            + chunked(b"one", b"x" * 300, end=b"") + chunked(b"two"))
    assert Response(server.raw(data, pieces=1)).body == b"one" + b"x" * 300 + b"two"


@pytest.mark.parametrize("bad", [b"3\r\nabcX", b"zz\r\n", b"-1\r\n"])
def test_bad_chunks_are_refused(bad, server):
    data = head_bytes("POST", "/echo", [("Host", "x"), ("Transfer-Encoding", "chunked")])
    assert Response(server.raw(data + b"2\r\nok\r\n" + bad)).status == 400
    get_soon(server)


def test_data_with_fin_is_answered_at_once(server):
    begun = time.monotonic()
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.send(head_bytes("GET", "/hello", [("Host", "x")]), socket.MSG_MORE)
        sock.shutdown(socket.SHUT_WR)
        assert Response(client.read_all(sock)).body == b"hello\n"
    assert time.monotonic() - begun < 5


def test_client_that_does_not_read(kind, site):
    """Its responses are more than the socket takes; it is given up after the timeout."""
    server = start(site, *kind, "--timeout", "2", "--workers", "2")
    pids = server.wait_workers(2)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(head_bytes("GET", "/endless?", [("Host", "x")]))
        procs.until(lambda: "closed endless" in site.dir.read("notes"),
                    lambda: "the end of the endless response\n" + server.log())
        get_soon(server)
    assert server.workers() == pids


# -- the end under load

class Load:
    """Clients that connect, ask and read all the time, until the door is shut."""

    def __init__(self, address, clients):
        self.address = address
        self.complete, self.reset, self.broken, self.refused = 0, 0, [], 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while self.once():
            pass

    def once(self):
        raw = b""
        try:
            with contextlib.closing(client.connect(self.address)) as sock:
                sock.sendall(head_bytes("GET", "/hello", [("Host", "x"), ("Connection", "close")]))
                raw = client.read_all(sock)
        except ConnectionRefusedError:
            with self.lock:
                self.refused += 1
            return False
        except OSError as error:
            raw = b"" if isinstance(error, (ConnectionError, BrokenPipeError)) else repr(error)
        with self.lock:
            if not raw:
                self.reset += 1
            elif raw.endswith(b"\r\n\r\nhello\n"):
                self.complete += 1
            else:
                self.broken.append(raw)
        return True

    def join(self):
        for thread in self.threads:
            thread.join(procs.DEADLINE)
        assert not any(thread.is_alive() for thread in self.threads)


@pytest.mark.parametrize("workers", [1, 3])
def test_term_under_load_ends_soon_and_answers_all(workers, kind, site):
    server = start(site, *kind, "--workers", workers, "--access-logfile", "access.log")
    server.wait_workers(workers)
    load = Load(server.address, 8)
    procs.until(lambda: load.complete > 200, "the load to be on")
    begun = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - begun < 8
    load.join()
    assert (load.broken, load.refused) == ([], 8)
    # Who was still in the kernel's queue when the socket was closed got a reset: nobody had read
    # its request, and a client may repeat it.
    assert len(site.dir.read("access.log").splitlines()) == load.complete
    assert load.reset <= 8


def test_connections_after_term_are_refused(site):
    """The loop of a worker with threads is free to shut the door while requests run."""
    server = start(site, *KINDS["gthread"])
    with contextlib.closing(client.connect(server.address)) as running:
        running.sendall(head_bytes("GET", "/wait", [("Host", "x"), ("Connection", "close")]))
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        server.signal(signal.SIGTERM)

        def refused():
            try:
                client.connect(server.address, timeout=2).close()
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
            return False
        procs.until(refused, "the refusal of new connections", deadline=5)
        assert server.proc.poll() is None
        site.dir.write("go", "")
        assert Response(client.read_all(running)).body == b"waited"
    assert server.wait_exit() == 0


def test_connections_behind_a_busy_sync_worker_are_answered_after_term(site):
    """It can't shut the door before its request has ended; who came in until then is served."""
    server = start(site)
    ask = head_bytes("GET", "/wait", [("Host", "x")])
    with contextlib.ExitStack() as stack:
        running, early = (stack.enter_context(contextlib.closing(client.connect(server.address)))
                          for _ in range(2))
        running.sendall(ask)
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        early.sendall(ask)
        server.signal(signal.SIGTERM)
        server.wait_log("Handling signal: term")
        late = stack.enter_context(contextlib.closing(client.connect(server.address)))
        late.sendall(ask)
        assert server.proc.poll() is None
        site.dir.write("go", "")
        for sock in (running, early, late):
            assert Response(client.read_all(sock)).body == b"waited"
    assert server.wait_exit() == 0


CROWD = 80  # more than the worker looks at in one turn of its loop


def test_crowd_behind_a_busy_sync_worker_is_answered_after_term(site):
    """Requests that are not read yet when the last moment of silent connections ends."""
    server = start(site, "--backlog", "128")
    get_soon(server)  # its worker is there
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(contextlib.closing(client.connect(server.address)))
                 for _ in range(CROWD)]
        for sock in crowd:
            sock.sendall(head_bytes("GET", "/nap", [("Host", "x")]))
        server.signal(signal.SIGTERM)
        for sock in crowd:
            assert Response(client.read_all(sock)).body == b"rested"
    assert server.wait_exit() == 0


def test_requests_that_came_in_time_do_not_expire_behind_others(site):
    server = start(site, "--client-header-timeout", "1", "--backlog", "128")
    with contextlib.ExitStack() as stack:
        running, *crowd = (stack.enter_context(contextlib.closing(client.connect(server.address)))
                           for _ in range(CROWD + 1))
        get_soon(server)  # behind the others: all are accepted, and their time runs
        running.sendall(head_bytes("GET", "/wait", [("Host", "x")]))
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        for sock in crowd:
            sock.sendall(head_bytes("GET", "/hello", [("Host", "x")]))
        begun = time.monotonic()
        procs.until(lambda: time.monotonic() - begun > 1.1, "the end of their time")
        site.dir.write("go", "")
        assert Response(client.read_all(running)).body == b"waited"
        for sock in crowd:
            assert Response(client.read_all(sock)).body == b"hello\n"


# -- applications

# The interpreter allows it on the main thread only, where applications of sync workers run.
@pytest.mark.parametrize("moment,name", [("import", "sync"), ("import", "gthread"),
                                         ("request", "sync")])
def test_application_without_wakeup_descriptor_can_be_stopped(moment, name, site):
    text = "import signal\nsignal.set_wakeup_fd(-1)\n" if moment == "import" else ""
    server = start(site, *KINDS[name], app=text + APP)
    if moment == "request":
        assert get_soon(server, "/no_wakeup").body == b"silenced"
    get_soon(server)
    begun = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - begun < 8


def test_signal_without_wakeup_descriptor_is_never_late(kind, site):
    """Whatever the loop does when the signal comes: just after a request it is rarely waiting."""
    server = start(site, *kind, app="import signal\nsignal.set_wakeup_fd(-1)\n" + APP)
    for _ in range(25):
        pid = server.wait_workers(1)[0]
        get_soon(server)
        server.signal(signal.SIGTERM, pid)
        procs.until(lambda: not procs.alive(pid), "the end of the worker", deadline=5)


@pytest.mark.parametrize("method,fields,data", [
    ("GET", [], head_bytes("GET", "/hello", [("Host", "x")])),
    ("GET", [("Connection", "close")], b"\r\n"),
    ("POST", [("Connection", "close"), ("Content-Length", "0")], b"x" * 70000),
], ids=["pipeline", "crlf", "data"])
def test_late_bytes_do_not_eat_the_response(method, fields, data, kind, site):
    """They come while the application works; close(2) would find them unread."""
    server = start(site, *kind)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(head_bytes(method, "/wait", [("Host", "x"), *fields]))
        procs.until(lambda: "waiting" in site.dir.read("notes"), "the start of the request")
        sock.sendall(data)
        site.dir.write("go", "")
        assert client.read_head(sock)[0].startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("length", ["", "5"])
def test_error_in_close_leaves_the_response_whole(length, server):
    response = get_soon(server, "/bad_close?" + length)
    assert (response.body, response.complete) == (b"whole", True)
    assert response.raw.endswith(b"whole" if length else b"\r\n0\r\n\r\n")
    server.wait_log("^ValueError: raised in close on purpose$")


def test_error_in_close_is_no_second_response(server):
    """The error page of a body that failed stands alone, and both errors are told."""
    raw = get_soon(server, "/bad_close?5").raw
    assert raw.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("values,joined", [(["1", "1"], "1,1"), (["1", "2"], "1,2"),
                                           (["1"], "1"), (["1", "1", "1"], "1,1,1"),
                                           (["", "1"], ",1"), (["1", "", "1"], "1,,1")])
def test_repeated_fields_are_joined(values, joined, server):
    fields = [("X-A", value) for value in values]
    response = server.get("/header", headers=[*fields, ("Connection", "close")])
    assert response.body.decode() == joined


def test_repeated_fields_are_joined_for_every_client(server):
    """What an earlier request has sent does not decide about the next one's."""
    for values, joined in ((["1"], b"1"), (["1", "1"], b"1,1"), (["1"], b"1"), ([], b"none")):
        fields = [("X-A", value) for value in values] + [("Connection", "close")]
        assert server.get("/header", headers=fields).body == joined


def test_usr1_after_chdir_opens_the_right_files(kind, site):
    os.mkdir(site.dir / "elsewhere")
    server = start(site, *kind, "--log-file", "error.log", "--access-logfile", "access.log",
                   listen=False)
    server.errors = "error.log"
    server.wait_listening()
    assert get_soon(server, "/leave").body.decode() == os.path.realpath(site.dir / "elsewhere")
    procs.until(lambda: "/leave" in site.dir.read("access.log"), "the access line")
    for name in ("error.log", "access.log"):
        os.rename(site.dir / name, site.dir / (name + ".1"))
    server.signal(signal.SIGUSR1)

    def reopened():
        get_soon(server, "/hello")
        return "/hello" in site.dir.read("access.log")
    procs.until(reopened, lambda: "the new log file; there are %r, %r"
                % (os.listdir(site.dir.path), os.listdir(site.dir / "elsewhere")))
    assert server.get("/error?ValueError").status == 500
    server.wait_log("raised on purpose")
    assert os.listdir(site.dir / "elsewhere") == []


@pytest.mark.parametrize("target", ["/keep_socket", "/keep_environ"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_kept_socket_does_not_hide_the_end(target, version, server):
    for _ in range(3):
        begun = time.monotonic()
        response = server.get(target, version=version, headers=[("Connection", "close")])
        assert (response.status, response.body) == (200, b"kept")
        assert time.monotonic() - begun < 5


def others_get_their_own(server, count=30):
    for number in range(count):
        body = b"%d" % number * 100
        response = server.get("/echo", method="POST", body=body, headers=[("Connection", "close")])
        assert (response.status, response.body) == (200, body)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_reader_that_outlives_its_request(framing, server, site):
    """Its request is over while it waits for bytes: no later client's bytes may reach it."""
    pids = server.wait_workers(1)
    # More than is collected before the application is called, and less than was announced.
    if framing == "length":
        field, first = ("Content-Length", "100000"), b"A" * 80000
    else:
        field, first = ("Transfer-Encoding", "chunked"), b"186a0\r\n" + b"A" * 80000
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(head_bytes("POST", "/reads_on", [("Host", "x"), field]) + first)
        head, rest = client.read_head(sock)
        assert head.startswith(b"HTTP/1.1 200 ")
        others_get_their_own(server)
    others_get_their_own(server)
    procs.until(lambda: "reader ended" in site.dir.read("notes"), "the end of the reader")
    assert set(re.findall("^read (.*)$", site.dir.read("notes"), re.M)) == {"A"}
    assert server.workers() == pids


def test_writer_that_outlives_its_request(server, site):
    pids = server.wait_workers(1)
    for _ in range(20):
        raw = server.raw(head_bytes("GET", "/writes_on", [("Host", "x"), ("Connection", "close")]))
        assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
        others_get_their_own(server, 3)
    procs.until(lambda: site.dir.read("notes").count("writer ended") == 20, "the writers' ends")
    others_get_their_own(server)
    assert server.workers() == pids


# -- shortages

def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def wakeups(pid):
    return int(procs.status(pid)["voluntary_ctxt_switches"])


def test_descriptor_exhaustion_is_told_once_and_passes(kind, site):
    server = start(site, *kind, preexec_fn=few_descriptors)
    pid = server.wait_workers(1)[0]
    pattern = "Connections can't be accepted for the moment"
    get_soon(server)
    for episode in (1, 2):
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(contextlib.closing(client.connect(server.address)))
            server.wait_log(pattern, episode)
            seen = wakeups(pid)
            procs.until(lambda: wakeups(pid) >= seen + 4, "more attempts to accept")
            assert len(re.findall(pattern, server.log())) == episode
        assert get_soon(server, limit=10).body == b"hello\n"
        # The queue is empty now: all of those connections were seen and closed.
        procs.until(lambda: get_soon(server) and len(os.listdir("/proc/%d/fd" % pid)) < 30,
                    "the descriptors to come back")
    assert server.workers() == [pid]
    assert server.terminate() == 0
