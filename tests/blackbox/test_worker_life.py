"""The life of a worker: its number, what is said when it hangs or dies, and how it is replaced."""

import contextlib
import os
import re
import signal
import threading

import pytest

from support import client, procs
from support.client import Response
from support.server import app_source

EXTRA = '''

import itertools


@route
def number(environ, start_response):
    return plain(start_response, os.environ["GUNICORN_WORKER_ID"].encode())


@route
def stuck(environ, start_response):
    """Never looks at signals and never gives the interpreter to another thread."""
    note("stuck %d" % os.getpid())
    sum(itertools.repeat(0))


@route
def die(environ, start_response):
    os.kill(os.getpid(), int(environ["QUERY_STRING"]))
    time.sleep(60)
'''


def start(site, *args, **options):
    return site.start("app:app", *args, files={"app.py": app_source("probe") + EXTRA}, **options)


@contextlib.contextmanager
def asking(server, target, seen):
    """A request that is running in the server (it has left the line `seen` in the notes)."""
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
        note = procs.until(lambda: re.search(seen, server.dir.read("notes")), "the request")
        yield sock, int(note.group(1))


# -- numbers

def test_numbers_are_small_and_used_again(site):
    server = start(site, "-w", "3")
    server.wait_workers(3)

    def numbers():
        return {client.request(server.address, "/number").body for _ in range(50)}
    procs.until(lambda: numbers() <= {b"1", b"2", b"3"} or None, "the numbers 1 to 3")
    for pid in server.wait_workers(3):
        server.signal(signal.SIGKILL, pid)
        procs.until(lambda: not procs.alive(pid), "the end of the worker")
        server.wait_workers(3)
    assert numbers() <= {b"1", b"2", b"3"}


def test_titles(site):
    server = start(site, "-n", "shop")
    worker = server.wait_workers(1)[0]
    assert procs.title(server.pid) == "gunicorn: master [shop]"
    assert procs.title(worker) == "gunicorn: worker [shop]"


def test_titles_by_the_application(site):
    server = start(site)
    worker = server.wait_workers(1)[0]
    assert procs.title(server.pid) == "gunicorn: master [app:app]"
    assert procs.title(worker) == "gunicorn: worker [app:app]"


# -- time limits

def test_timeout_names_request_peer_time_and_stack(site):
    server = start(site, "--timeout", "1", "--access-logfile", "access.log")
    with asking(server, "/wait?a=b", r"waiting (\d+)\n") as (sock, worker):
        server.wait_log(r"\[CRITICAL\] WORKER TIMEOUT \(pid:%d\) of worker 1 in "
                        r"GET /wait\?a=b HTTP/1\.1 from 127\.0\.0\.1, for \d+\.\d seconds$" % worker)
        assert Response(client.read_all(sock)).status == 504
    procs.until(lambda: not procs.alive(worker), "the end of the worker")
    server.wait_log(r'^  File ".*app\.py", line \d+ in wait$')
    # The stack is that of the hanging code, from before the signal that ends it.
    log = server.log()
    assert log.index(" in wait\n") < log.index("Error handling request GET /wait?a=b")
    lines = [line for line in site.dir.read("access.log").splitlines() if "/wait" in line]
    assert len(lines) == 1 and '"GET /wait?a=b HTTP/1.1" 504 ' in lines[0]


@pytest.mark.parametrize("threads", [1, 2])
def test_timeout_of_a_worker_that_cannot_be_interrupted(threads, site):
    server = start(site, "--timeout", "1", "--threads", threads, "--access-logfile", "access.log",
                   "--access-logformat", "%(h)s|%(r)s|%(s)s|%(U)s|%(q)s|%(f)s")
    with asking(server, "/stuck?x=1", r"stuck (\d+)\n") as (sock, worker):
        assert client.read_all(sock) == b""
    server.wait_log(r"\[CRITICAL\] WORKER TIMEOUT \(pid:%d\) of worker 1 in GET /stuck\?x=1 "
                    % worker)
    server.wait_log(r'^  File ".*app\.py", line \d+ in stuck$')
    server.wait_log(r"\[ERROR\] Worker \(pid:%d\) was sent SIGKILL! Perhaps out of memory\?$"
                    % worker)
    server.wait_log(r"\[ERROR\] Worker 1 \(pid:%d\) left unanswered: GET /stuck\?x=1 HTTP/1\.1 "
                    r"from 127\.0\.0\.1, for \d+\.\d seconds$" % worker)
    procs.until(lambda: site.dir.read("access.log"), "the access line")
    assert site.dir.read("access.log") == "127.0.0.1|GET /stuck?x=1 HTTP/1.1|504|/stuck|x=1|-\n"
    assert server.get("/hello").status == 200


def test_abort_timeout_is_the_time_between_abort_and_kill(site):
    site.dir.write("app.py", '''\
import os, signal, time
def app(environ, start_response):
    def handler(*args):
        start = time.monotonic()
        while True:
            with open("after.new", "w") as handle:
                handle.write("%.3f" % (time.monotonic() - start))
            os.rename("after.new", "after")
    signal.signal(signal.SIGABRT, handler)
    time.sleep(100)
''')
    server = site.start("app:app", "--timeout", "1", "--abort-timeout", "3")
    worker = server.wait_workers(1)[0]
    assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    procs.until(lambda: not procs.alive(worker), "the end of the worker")
    assert 2.0 < float(site.dir.read("after") or 0) < 10


def test_threads_that_leave_the_interpreter_alone_are_no_reason(site):
    """One request that hangs in a thread stops nobody else: the worker lives."""
    server = start(site, "--timeout", "1", "--threads", "2")
    with asking(server, "/wait", r"waiting (\d+)\n") as (sock, worker):
        with asking(start(site, "--timeout", "1"), "/stuck", r"stuck (\d+)\n") as (_, other):
            procs.until(lambda: not procs.alive(other), "the other server's time limit")
        assert server.get("/hello").status == 200
        site.dir.write("go", "")
        assert Response(client.read_all(sock)).status == 200
    assert procs.alive(worker) and "TIMEOUT" not in server.log()


# -- deaths

@pytest.mark.parametrize("signo,level", [(signal.SIGALRM, "WARNING"), (signal.SIGKILL, "ERROR")])
def test_death_by_signal_is_explained(signo, level, site):
    server = start(site)
    worker = server.wait_workers(1)[0]
    assert server.raw(b"GET /die?%d HTTP/1.1\r\nHost: x\r\n\r\n" % signo) == b""
    server.wait_log(r"\[%s\] Worker \(pid:%d\) was sent %s!" % (level, worker, signo.name))
    server.wait_log(r"\[%s\] Worker 1 \(pid:%d\) left unanswered: GET /die\?%d HTTP/1\.1 "
                    r"from 127\.0\.0\.1, for \d" % (level, worker, signo))
    server.wait_log(r"\[%s\] Worker 1 \(pid:%d\) lived for \d+\.\d seconds, answered 0 requests, "
                    r"used \d+\.\d\d seconds of CPU time and at most [1-9]\d*\.\d MiB of memory$"
                    % (level, worker))


def test_orderly_ends_need_no_explanation(site):
    server = start(site)
    worker = server.wait_workers(1)[0]
    server.signal(signal.SIGHUP)
    procs.until(lambda: not procs.alive(worker), "the end of the old worker")
    assert server.terminate() == 0
    assert " lived for " not in server.log()


# -- replacement

def ask_until(server, what, condition):
    """Requests without a pause until the condition holds; every one must be answered."""
    def step():
        assert server.get("/hello").status == 200
        return condition()
    return procs.until(step, what)


def test_worker_serves_until_its_replacement_does(site):
    """Booting takes as long as the test wants; meanwhile the old worker answers on."""
    site.dir.write("app.py", app_source("probe") + '''
import time
note("loading %d" % os.getpid())
while not os.path.exists("boot%d" % len(open("notes").readlines())):
    time.sleep(0.01)
''')
    site.dir.write("boot1", "")
    server = site.start("app:app", "--max-requests", "3")
    first = server.wait_workers(1)[0]
    ask_until(server, "the second worker", lambda: site.dir.read("notes").count("loading") == 2)
    for _ in range(10):
        assert server.get("/hello").status == 200
    assert procs.alive(first) and server.log().count("Autorestarting") == 1
    site.dir.write("boot2", "")
    ask_until(server, "the end of the first worker", lambda: not procs.alive(first))
    server.wait_log(r"Worker exiting \(pid: %d\)" % first)


def test_replacement_that_cannot_boot_stops_nobody(site):
    server = start(site, "--max-requests", "3")
    first = server.wait_workers(1)[0]
    assert server.get("/hello").status == 200
    site.dir.write("app.py", "raise RuntimeError('broken on purpose')\n")
    ask_until(server, "the failure of a new worker",
              lambda: "A new worker did not boot; those that serve stay" in server.log())
    assert server.get("/hello").status == 200 and procs.alive(first)
    site.dir.write("app.py", app_source("probe"))
    ask_until(server, "the end of the first worker", lambda: not procs.alive(first))
    assert server.get("/hello").status == 200


def test_workers_are_replaced_one_at_a_time(site):
    server = start(site, "-w", "3", "--max-requests", "5")
    old = set(server.wait_workers(3))
    most = 0

    def gone():
        nonlocal most
        most = max(most, len(server.workers()))
        return not any(map(procs.alive, old))
    ask_until(server, "new workers", gone)
    assert most == 4


def test_memory_limit(site):
    site.dir.write("app.py", app_source("probe") + '''
KEPT = []
@route
def grow(environ, start_response):
    KEPT.append(b"x" * (64 << 20))
    return plain(start_response, b"grown")
''')
    server = site.start("app:app", "--max-worker-memory", "60M")
    first = server.wait_workers(1)[0]
    assert server.get("/grow").status == 200
    ask_until(server, "the end of the large worker", lambda: not procs.alive(first))
    server.wait_log(r"\[INFO\] Autorestarting worker after current request\. It uses \d+\.\d MiB, more "
                    r"than max_worker_memory$")
    assert server.get("/hello").status == 200


@pytest.mark.parametrize("text,printed", [
    ("0", "0"), ("512", "512"), ("64K", "65536"), ("2m", "2097152"), ("1 GB", "1073741824"),
    ("3kb", "3072")])
def test_memory_sizes(text, printed, site):
    site.dir.write("app.py", "app = print\n")
    done = site.run("--max-worker-memory", text, "--print-config=origin", "app:app")
    assert done.returncode == 0, done.stderr
    assert re.search(r"max_worker_memory\W+%s\b" % printed, done.stdout), done.stdout


@pytest.mark.parametrize("text", ["", "M", "1.5G", "-1", "12T", "99999999999G", "1 2M"])
def test_memory_sizes_that_are_none(text, site):
    site.dir.write("app.py", "app = print\n")
    done = site.run("--max-worker-memory=" + text, "--check-config", "app:app")
    assert done.returncode == 1 and "max_worker_memory" in done.stderr


# -- the time of one request

LATE = '''

@route
def spin(environ, start_response):
    note("spin %d" % os.getpid())
    while True:
        pass


@route
def sleep(environ, start_response):
    note("sleep %d" % os.getpid())
    time.sleep(600)


@route
def stubborn(environ, start_response):
    """Answers all the same."""
    note("stubborn %d" % os.getpid())
    try:
        while True:
            pass
    except BaseException as error:
        return plain(start_response, type(error).__name__.encode())


@route
def begun(environ, start_response):
    start_response("200 OK", [])
    yield b"begun"
    while True:
        pass
'''


def start_limited(site, *args):
    files = {"app.py": app_source("probe") + EXTRA + LATE}
    return site.start("app:app", "--request-timeout", "1", *args, files=files)


@pytest.mark.parametrize("target,threads", [("/spin", 1), ("/spin", 2), ("/sleep", 1),
                                            ("/wait", 1), ("/wait", 3)])
def test_request_timeout(target, threads, site):
    server = start_limited(site, "--threads", threads, "--access-logfile", "access.log")
    worker = server.wait_workers(1)[0]
    assert server.get(target).status == 504
    server.wait_log(r"\[ERROR\] REQUEST TIMEOUT \(pid:%d\) of worker 1 in GET %s HTTP/1\.1 "
                    r"from 127\.0\.0\.1, for \d+\.\d seconds$" % (worker, target))
    server.wait_log(r"^_gunicorn\.RequestTimeout$")
    procs.until(lambda: ' 504 ' in site.dir.read("access.log"), "the access line")
    # The worker is replaced, without a gap.
    ask_until(server, "the end of the worker", lambda: not procs.alive(worker))
    server.wait_log(r"Worker exiting \(pid: %d\)" % worker)
    assert "WORKER TIMEOUT" not in server.log() and "SIGKILL" not in server.log()


def test_request_timeout_after_the_head(site):
    server = start_limited(site)
    raw = server.raw(b"GET /begun HTTP/1.1\r\nHost: x\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n") and raw.endswith(b"5\r\nbegun\r\n")


def test_request_timeout_that_the_application_answers(site):
    server = start_limited(site)
    answer = server.get("/stubborn")
    assert answer.status == 200 and answer.body == b"RequestTimeout"


def test_request_timeout_of_a_thread_in_a_system_call(site):
    """Nothing ends it but the end of the worker, which others don't notice."""
    server = start_limited(site, "--threads", "2", "--graceful-timeout", "2")
    # The first one runs in the main thread.
    with asking(server, "/sleep", r"sleep (\d+)\n") as (main, worker), \
            asking(server, "/sleep", r"sleep \d+\nsleep (\d+)\n") as (other, same):
        assert worker == same
        server.wait_log(r"REQUEST TIMEOUT \(pid:%d\)" % worker, 2)
        assert Response(client.read_all(main)).status == 504
        ask_until(server, "the end of the worker", lambda: not procs.alive(worker))
        assert client.read_all(other) == b""


def test_quick_requests_have_time(site):
    server = start_limited(site, "--threads", "2")
    worker = server.wait_workers(1)[0]
    with asking(server, "/spin", r"spin (\d+)\n") as (sock, _):
        for _ in range(20):
            assert server.get("/hello").status == 200
        assert Response(client.read_all(sock)).status == 504
    assert server.log().count("REQUEST TIMEOUT") == 1
    ask_until(server, "the end of the worker", lambda: not procs.alive(worker))


def test_interpreter_that_is_never_given_back_is_noticed_under_load(site):
    """The loop of a threaded worker turns all the time; the worker is stuck all the same."""
    server = start(site, "--threads", "2", "--timeout", "2")
    stop = threading.Event()

    def load():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                with contextlib.closing(client.connect(server.address)) as sock:
                    sock.settimeout(0.05)
                    sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                    sock.recv(100)
    threads = [threading.Thread(target=load) for _ in range(4)]
    with asking(server, "/stuck", r"stuck (\d+)\n") as (sock, worker):
        for thread in threads:
            thread.start()
        try:
            procs.until(lambda: not procs.alive(worker), "the end of the stuck worker")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert client.read_all(sock) == b""
    server.wait_log(r"WORKER TIMEOUT \(pid:%d\)" % worker)
    server.wait_log(r'^  File ".*app\.py", line \d+ in stuck$')
    assert server.get("/hello").status == 200
