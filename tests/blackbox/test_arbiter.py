"""The master: signals, repair, reload, limits, exit statuses and what it says about them."""

import collections
import contextlib
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from support import client, procs
from support.client import Response
from support.server import HELLO, app_source


def start(site, *args, app="app:app", **options):
    return site.start(app, *args, files={"app.py": app_source("probe")}, **options)


class Pending:
    """A request to /wait, running in the server until the file `go` is written."""

    def __init__(self, server):
        self.server = server
        self.sock = client.connect(server.address)
        self.sock.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        note = procs.until(lambda: re.search(r"waiting (\d+)\n", server.dir.read("notes")),
                           "the start of the request")
        self.worker = int(note.group(1))

    def release(self):
        self.server.dir.write("go", "")

    def answer(self):
        with contextlib.closing(self.sock):
            return client.read_all(self.sock)


# -- start and stop

def test_log_lines_of_a_life(site):
    server = start(site, "-w", "2")
    first, second = server.wait_workers(2)
    assert server.get("/hello").status == 200
    assert server.terminate() == 0
    port = server.address[1]
    lines = re.findall(r"^\[[^]]+\] \[(\d+)\] \[(\w+)\] (.*)$", server.log(), re.M)
    master = [text for pid, _, text in lines if int(pid) == server.pid]
    assert master == ["Starting gunicorn 23.0.0",
                      "Listening at: http://127.0.0.1:%d (%d)" % (port, server.pid),
                      "Using worker: sync", "Handling signal: term", "Shutting down: Master"]
    for worker in (first, second):
        assert [text for pid, _, text in lines if int(pid) == worker] == [
            "Booting worker with pid: %d" % worker, "Worker exiting (pid: %d)" % worker]
    assert {level for _, level, _ in lines} == {"INFO"}
    assert lines[-1][2] == "Shutting down: Master"


@pytest.mark.parametrize("number,name", [(signal.SIGTERM, "term"), (signal.SIGINT, "int"),
                                         (signal.SIGQUIT, "quit")])
def test_stop_signals(number, name, site):
    server = start(site, "-w", "2", "--pid", "x.pid")
    workers = server.wait_workers(2)
    server.signal(number)
    assert server.wait_exit() == 0
    server.wait_log("Handling signal: " + name)
    server.wait_log("Shutting down: Master")
    assert not any(map(procs.alive, workers))
    assert not os.path.exists(site.dir / "x.pid")
    with pytest.raises(OSError):
        client.connect(server.address)


def test_stop_while_booting(site):
    site.dir.write("app.py", "import time\ntime.sleep(600)\n")
    server = site.start("app:app", "--graceful-timeout", "1")
    procs.until(server.workers, "a worker")
    assert server.terminate() == 0


def test_term_finishes_the_running_request(site):
    server = start(site)
    pending = Pending(server)
    server.signal(signal.SIGTERM)
    server.wait_log("Handling signal: term")
    pending.release()
    assert Response(pending.answer()).body == b"waited"
    assert server.wait_exit() == 0


def test_term_answers_what_waits_in_the_backlog(site):
    server = start(site)
    pending = Pending(server)
    waiting = [client.connect(server.address) for _ in range(5)]
    for sock in waiting:
        sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    server.signal(signal.SIGTERM)
    server.wait_log("Handling signal: term")
    pending.release()
    assert Response(pending.answer()).status == 200
    for sock in waiting:
        with contextlib.closing(sock):
            assert Response(client.read_all(sock)).status == 200
    assert server.wait_exit() == 0


def test_graceful_timeout_kills(site):
    server = start(site, "--graceful-timeout", "1")
    pending = Pending(server)
    assert server.terminate() == 0
    assert not procs.alive(pending.worker)
    pending.sock.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_quick_stop_does_not_wait_for_requests(number, site):
    server = start(site, "--graceful-timeout", "300")
    pending = Pending(server)
    server.signal(number)
    assert server.wait_exit() == 0
    assert not procs.alive(pending.worker)
    pending.sock.close()


def test_second_signal_makes_a_graceful_stop_quick(site):
    server = start(site, "--graceful-timeout", "300")
    pending = Pending(server)
    server.signal(signal.SIGTERM)
    server.wait_log("Handling signal: term")
    server.signal(signal.SIGINT)
    assert server.wait_exit() == 0
    pending.sock.close()


# -- repair

@pytest.mark.parametrize("number,name", [(signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV")])
def test_killed_worker_is_replaced(number, name, site):
    server = start(site, "-w", "2")
    first, second = server.wait_workers(2)
    server.signal(number, first)
    procs.until(lambda: not procs.alive(first), "the end of the worker")
    workers = server.wait_workers(2)
    assert first not in workers and second in workers
    server.wait_log(r"\[(ERROR|WARNING)\] Worker \(pid:%d\) was sent %s!" % (first, name))
    assert server.get("/hello").status == 200


def test_all_workers_killed_again_and_again(site):
    server = start(site, "-w", "2")
    for _ in range(3):
        workers = server.wait_workers(2)
        for pid in workers:
            server.signal(signal.SIGKILL, pid)
        procs.until(lambda: not any(map(procs.alive, workers)), "the end of the workers")
    server.wait_workers(2)
    assert server.get("/hello").status == 200


def test_worker_that_exits_by_itself_is_replaced_and_named(site):
    site.dir.write("app.py", '''\
import os
def app(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        os._exit(7)
    start_response("200 OK", [("Content-Length", "0")])
    return []
''')
    server = site.start("app:app")
    assert server.raw(b"GET /exit HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    server.wait_log(r"\[ERROR\] Worker \(pid:\d+\) exited with code 7")
    assert server.get("/").status == 200


def test_worker_stopped_by_term_is_replaced(site):
    server = start(site)
    worker = server.wait_workers(1)[0]
    server.signal(signal.SIGTERM, worker)
    procs.until(lambda: not procs.alive(worker), "the end of the worker")
    assert server.get("/hello").status == 200
    server.wait_log(r"Worker exiting \(pid: %d\)" % worker)


def test_workers_end_when_the_master_is_killed(site):
    server = start(site, "-w", "2", "--timeout", "4")
    workers = server.wait_workers(2)

    def handle_term():
        """A worker without handlers yet ends as well, but without a word."""
        return all(int(procs.status(pid)["SigCgt"], 16) >> signal.SIGTERM - 1 & 1
                   for pid in workers)
    procs.until(handle_term, "the workers' handlers")
    server.signal(signal.SIGKILL)
    server.wait_exit()
    procs.until(lambda: not any(map(procs.alive, workers)), "the end of the workers")
    server.wait_log("Parent changed, shutting down", 2)


def test_timeout_kills_a_stuck_worker(site):
    server = start(site, "--timeout", "1")
    pending = Pending(server)
    procs.until(lambda: not procs.alive(pending.worker), "the end of the stuck worker")
    server.wait_log(r"\[CRITICAL\] WORKER TIMEOUT \(pid:%d\)" % pending.worker)
    raw = pending.answer()
    assert Response(raw).status == 504
    assert server.get("/hello").status == 200


def test_timeout_kills_a_worker_that_cannot_be_interrupted(site):
    site.dir.write("app.py", '''\
import itertools, os
def app(environ, start_response):
    if environ["PATH_INFO"] == "/stuck":
        with open("stuck", "w") as handle:
            handle.write("%d" % os.getpid())
        sum(itertools.repeat(0))  # never looks at signals
    start_response("200 OK", [("Content-Length", "0")])
    return []
''')
    server = site.start("app:app", "--timeout", "1")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
        stuck = int(procs.until(lambda: site.dir.read("stuck"), "the stuck request"))
        procs.until(lambda: not procs.alive(stuck), "the end of the stuck worker")
        assert client.read_all(sock) == b""
    server.wait_log(r"\[CRITICAL\] WORKER TIMEOUT \(pid:%d\)" % stuck)
    assert server.get("/").status == 200


def test_idle_worker_is_not_timed_out(site):
    server = start(site, "--timeout", "1")
    worker = server.wait_workers(1)
    # A second worker that is stuck shows that the master has looked at least once.
    server.signal(signal.SIGTTIN)
    server.wait_workers(2)
    pending = Pending(server)
    procs.until(lambda: not procs.alive(pending.worker), "the end of the stuck worker")
    idle = [pid for pid in server.workers() if pid != pending.worker]
    assert idle and "WORKER TIMEOUT (pid:%d)" % pending.worker in server.log()
    assert server.log().count("WORKER TIMEOUT") == 1
    assert set(worker) - {pending.worker} <= set(idle)
    pending.sock.close()


def test_timeout_zero_never_kills(site):
    server = start(site, "--timeout", "0")
    pending = Pending(server)
    pending.release()
    assert Response(pending.answer()).status == 200
    assert "TIMEOUT" not in server.log()


def test_max_requests(site):
    server = start(site, "--max-requests", "3")
    first = server.wait_workers(1)[0]

    def thrice():
        assert server.get("/hello").status == 200
        return server.log().count("[INFO] Autorestarting worker after current request.\n") >= 3
    procs.until(thrice, "three replacements")
    procs.until(lambda: not procs.alive(first), "the end of the first worker")


# -- number of workers

def test_ttin_and_ttou(site):
    server = start(site)
    oldest = server.wait_workers(1)[0]
    server.signal(signal.SIGTTIN)
    server.wait_workers(2)
    server.signal(signal.SIGTTIN)
    workers = server.wait_workers(3)
    server.wait_log("Handling signal: ttin", 2)
    server.signal(signal.SIGTTOU)
    left = server.wait_workers(2)
    assert oldest in workers and oldest not in left
    server.signal(signal.SIGTTOU)
    last = server.wait_workers(1)
    server.signal(signal.SIGTTOU)
    server.wait_log("Handling signal: ttou", 3)
    assert server.get("/hello").status == 200
    assert server.wait_workers(1) == last


def test_zero_workers_start_and_grow(site):
    server = start(site, "-w", "0")
    assert server.workers() == []
    server.signal(signal.SIGTTIN)
    server.wait_workers(1)
    assert server.get("/hello").status == 200


def test_winch_in_the_foreground_changes_nothing(site):
    server = start(site)
    workers = server.wait_workers(1)
    server.signal(signal.SIGWINCH)
    server.wait_log("Handling signal: winch")
    assert server.get("/hello").status == 200
    assert server.workers() == workers


# -- failing to start

def test_two_workers_that_fail_to_boot_stop_the_master(site):
    site.dir.write("app.py", "raise RuntimeError('no boot on purpose')\n")
    server = site.start("app:app", "-w", "2", "--pid", "x.pid", listen=False)
    assert server.wait_exit() == 3
    log = server.log()
    assert "Exception in worker process" in log
    assert "RuntimeError: no boot on purpose" in log
    assert "Reason: Worker failed to boot." in log
    assert not os.path.exists(site.dir / "x.pid")


def test_port_in_use(site):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = taken.getsockname()
        server = start(site, bind="%s:%d" % address, listen=False)
        assert server.wait_exit() == 1
    log = server.log()
    shown = re.escape(repr(address))
    assert len(re.findall(r"\[ERROR\] Connection in use: " + shown, log)) == 5
    assert re.search(r"Address already in use", log)
    assert re.search(r"\[ERROR\] Can't connect to " + shown, log)


def test_port_freed_in_time_is_taken(site):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        server = start(site, bind="127.0.0.1:%d" % taken.getsockname()[1], listen=False)
        server.wait_log("Connection in use")
    server.wait_listening()
    assert server.get("/hello").status == 200


def test_address_that_is_not_ours(site):
    server = start(site, bind="192.0.2.1:8000", listen=False)
    assert server.wait_exit() == 1
    assert re.search(r"192\.0\.2\.1", server.log())


# -- pid file

@pytest.mark.parametrize("content", ["", "nonsense\n", "0\n", "-1\n", "999999999\n"])
def test_stale_pid_file_is_overwritten(content, site):
    site.dir.write("x.pid", content)
    server = start(site, "--pid", "x.pid")
    assert site.dir.read("x.pid") == "%d\n" % server.pid


def test_live_pid_file_is_respected(site):
    text = "%d\n" % os.getpid()
    site.dir.write("x.pid", text)
    server = start(site, "--pid", "x.pid", listen=False)
    assert server.wait_exit() == 1
    assert re.search(r"Already running on PID %d \(or pid file '.*x\.pid' is stale\)" % os.getpid(),
                     server.log())
    assert site.dir.read("x.pid") == text


def test_pid_file_of_somebody_else_is_left(site):
    server = start(site, "--pid", "x.pid")
    server.wait_workers(1)
    site.dir.write("x.pid", "1\n")
    assert server.terminate() == 0
    assert site.dir.read("x.pid") == "1\n"


def test_pid_file_in_a_missing_directory(site):
    server = start(site, "--pid", "no/such/x.pid", listen=False)
    assert server.wait_exit() == 1
    assert re.search(r"no/such.*doesn't exist", server.log())


# -- preload

def test_preload_loads_once_in_the_master(site):
    site.dir.write("app.py", '''\
import os
LOADED = os.getpid()
def app(environ, start_response):
    body = b"%d" % LOADED
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
''')
    server = site.start("app:app", "--preload", "-w", "2")
    server.wait_workers(2)
    assert {server.get().body for _ in range(10)} == {b"%d" % server.pid}


def test_preload_of_a_broken_application(site):
    site.dir.write("app.py", "raise RuntimeError('no preload on purpose')\n")
    server = site.start("app:app", "--preload", listen=False)
    assert server.wait_exit() == 1
    assert "RuntimeError: no preload on purpose" in server.log()
    assert "Booting worker" not in server.log()


# -- reload

VERSION = HELLO.replace('"6"', '"2"').replace('b"hello\\n"', "b'v%d'")


def test_hup_picks_up_code_and_configuration(site):
    site.dir.write("app.py", VERSION % 1)
    server = site.start("app:app", conf="workers = 1\nraw_env = ['A=1']\n")
    old = server.wait_workers(1)
    assert server.get().body == b"v1"
    site.dir.write("app.py", VERSION % 2)
    site.dir.write("gunicorn.conf.py", "workers = 3\n")
    server.signal(signal.SIGHUP)
    server.wait_log("Handling signal: hup")
    server.wait_log("Hang up: Master")
    procs.until(lambda: not procs.alive(old[0]), "the end of the old worker")
    assert len(server.wait_workers(3)) == 3
    assert server.get().body == b"v2"
    assert server.proc.poll() is None
    server.wait_log(r"Worker exiting \(pid: %d\)" % old[0])


def test_hup_keeps_the_command_line(site):
    server = start(site, "-w", "2", conf="workers = 1\n")
    old = server.wait_workers(2)
    server.signal(signal.SIGHUP)
    procs.until(lambda: not any(map(procs.alive, old)), "the end of the old workers")
    server.wait_workers(2)


def test_hup_forgets_ttin(site):
    server = start(site)
    server.wait_workers(1)
    server.signal(signal.SIGTTIN)
    old = server.wait_workers(2)
    server.signal(signal.SIGHUP)
    procs.until(lambda: not any(map(procs.alive, old)), "the end of the old workers")
    server.wait_workers(1)


def test_hup_moves_to_another_address(site):
    path = "unix:" + site.dir / "new"
    server = start(site, bind=None, conf="bind = 'unix:%s'\n" % (site.dir / "old"))
    assert client.request(site.dir / "old", "/hello").status == 200
    site.dir.write("gunicorn.conf.py", "bind = %r\n" % path)
    server.signal(signal.SIGHUP)
    server.wait_log(r"Listening at: unix:\S+/new")
    assert client.request(site.dir / "new", "/hello").status == 200


def test_hup_finishes_the_running_request(site):
    server = start(site)
    pending = Pending(server)
    server.signal(signal.SIGHUP)
    server.wait_log("Hang up: Master")
    procs.until(lambda: len(server.workers()) == 2, "the new worker beside the old one")
    assert server.get("/hello").status == 200
    pending.release()
    assert Response(pending.answer()).body == b"waited"
    procs.until(lambda: not procs.alive(pending.worker), "the end of the old worker")


@pytest.mark.parametrize("broken", ["workers = 'x'\n", "this is not python\n",
                                    "raise RuntimeError('x')\n", "import no_such_module\n"])
def test_hup_with_a_broken_file_keeps_everything(broken, site):
    server = start(site, conf="workers = 2\n")
    workers = server.wait_workers(2)
    site.dir.write("gunicorn.conf.py", "\n" + broken)
    server.signal(signal.SIGHUP)
    server.wait_log(r"gunicorn\.conf\.py")
    assert server.get("/hello").status == 200
    assert server.workers() == workers
    site.dir.write("gunicorn.conf.py", "workers = 1\n")
    server.signal(signal.SIGHUP)
    procs.until(lambda: not any(map(procs.alive, workers)), "the end of the old workers")
    server.wait_workers(1)


@pytest.mark.parametrize("broken", ["raise RuntimeError('broken on purpose')\n", "app = 5\n"])
def test_hup_with_a_broken_application_keeps_the_old_workers(broken, site):
    site.dir.write("app.py", VERSION % 1)
    server = site.start("app:app", "-w", "2")
    workers = server.wait_workers(2)
    assert server.get().body == b"v1"
    site.dir.write("app.py", broken)
    server.signal(signal.SIGHUP)
    server.wait_log(r"Worker \(pid:\d+\) exited with code [34]")
    for _ in range(20):
        assert server.get().body == b"v1"
    assert set(workers) <= set(server.workers())
    site.dir.write("app.py", VERSION % 2)
    server.signal(signal.SIGHUP)
    procs.until(lambda: not any(map(procs.alive, workers)), "the end of the old workers")
    assert server.get().body == b"v2"


def hammer(address, stop, results):
    """One client process: request after request, each on its own connection."""
    seen = collections.Counter()
    while not stop.is_set():
        try:
            response = client.request(address, "/")
            seen["%d %s" % (response.status, response.body.decode())] += 1
            if not response.complete:
                seen["incomplete"] += 1
        except (OSError, ValueError) as exc:
            seen["failed: %r" % exc] += 1
    results.put(seen)


def reload_through_versions(site, server, versions):
    """HUP for each version; the next one only when the last is served and the old are gone."""
    for number in versions:
        old = server.wait_workers(2)
        site.dir.write("app.py", VERSION % number)
        server.signal(signal.SIGHUP)
        procs.until(lambda: not any(map(procs.alive, old)), "the end of the old workers")
        procs.until(lambda: server.get().body == b"v%d" % number, "the new version")


def test_hup_under_load_loses_no_request(site):
    site.dir.write("app.py", VERSION % 1)
    server = site.start("app:app", "-w", "2")
    server.wait_workers(2)
    context = multiprocessing.get_context("fork")
    stop, results = context.Event(), context.Queue()
    clients = [context.Process(target=hammer, args=(server.address, stop, results))
               for _ in range(3)]
    for process in clients:
        process.start()
    try:
        reload_through_versions(site, server, range(2, 6))
    finally:
        stop.set()
        seen = sum((results.get(timeout=30) for _ in clients), collections.Counter())
        for process in clients:
            process.join()
    assert set(seen) <= {"200 v%d" % n for n in range(1, 6)}, seen
    assert {"200 v1", "200 v5"} <= set(seen)


def test_hup_under_wrk_load_loses_no_request(site):
    site.dir.write("app.py", VERSION % 1)
    server = site.start("app:app", "-w", "2")
    server.wait_workers(2)
    wrk = subprocess.Popen(["wrk", "-t1", "-c8", "-d4s", "-H", "Connection: close",
                            "http://127.0.0.1:%d/" % server.address[1]],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    reload_through_versions(site, server, range(2, 5))
    out = wrk.communicate(timeout=30)[0]
    assert wrk.returncode == 0
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 0, out
    assert "Socket errors" not in out and "Non-2xx" not in out, out


def test_many_hups_at_once(site):
    server = start(site, "-w", "2")
    server.wait_workers(2)
    for _ in range(30):
        server.signal(signal.SIGHUP)
    results = []
    threads = [threading.Thread(target=lambda: results.append(server.get("/hello").status))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 20
    server.wait_log("Hang up: Master")
    server.wait_workers(2)
    assert server.terminate() == 0


# -- children that are not workers

def test_stranger_that_ends_with_3_stops_nobody(site):
    site.dir.write("app.py", HELLO + '''
import subprocess
STRANGER = subprocess.Popen(["sh", "-c", "exit 3"])
with open("stranger", "w") as handle:
    handle.write("%d" % STRANGER.pid)
''')
    server = site.start("app:app", "--preload")
    workers = server.wait_workers(1)
    stranger = int(site.dir.read("stranger"))
    procs.until(lambda: not procs.alive(stranger), "the end of the stranger")
    server.signal(signal.SIGTTIN)  # the master has looked at its children when this is done
    server.wait_workers(2)
    assert server.get().status == 200
    assert set(workers) <= set(server.workers())
    assert "exited with code" not in server.log()
