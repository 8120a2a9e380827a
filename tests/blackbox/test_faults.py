"""What goes wrong around the server: deaths, full disks, no processes, no descriptors, storms.

Bounded by default. GUNICORN_FAULTS_SECONDS=60 makes the times longer, GUNICORN_FAULTS_RELOADS=1000
the series of reloads.
"""

import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import time

import pytest

from support import client, procs
from support.load import load, read_answer
from support.server import app_source

SECONDS = float(os.environ.get("GUNICORN_FAULTS_SECONDS", "10"))
RELOADS = int(os.environ.get("GUNICORN_FAULTS_RELOADS", "50"))

ROOT = os.geteuid() == 0


def start(site, *args, **options):
    return site.start("app:app", *args, files={"app.py": app_source("probe")}, **options)


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def memory_kb(pid):
    """Private memory: what the process itself has come to use."""
    with open("/proc/%d/smaps_rollup" % pid) as handle:
        rows = dict(re.findall(r"^(\w+): +(\d+) kB$", handle.read(), re.M))
    return int(rows["Private_Clean"]) + int(rows["Private_Dirty"])


# -- deaths

def test_workers_killed_at_random_under_load(site):
    """Who is killed takes his request with him, and nothing else."""
    server = start(site, "-w", "4")
    server.wait_workers(4)
    end = time.monotonic() + SECONDS
    killed = 0
    with load(server.address) as result:
        while time.monotonic() < end:
            workers = server.workers()
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    server.signal(signal.SIGKILL, random.choice(workers))
                    killed += 1
            time.sleep(0.05)  # the pace of the fault, not a wait
    assert result.seen[200] > 100
    # A kill can cost what that worker had accepted: never more than one request per client.
    assert sum(result.failures.values()) <= 3 * killed, result.seen
    server.wait_workers(4)
    assert server.get("/hello").status == 200
    assert server.terminate() == 0


@pytest.mark.parametrize("threads", [1, 3])
def test_master_killed_leaves_nobody_behind(threads, site):
    server = start(site, "-w", "3", "--threads", threads, "--pid", "x.pid")
    workers = server.wait_workers(3)
    port = server.address[1]
    server.signal(signal.SIGKILL)
    server.wait_exit()
    procs.until(lambda: not any(map(procs.alive, workers)), "the end of the workers")
    # Nobody keeps the port, and the pid file that was left is no obstacle.
    again = start(site, "--pid", "x.pid", bind="127.0.0.1:%d" % port)
    assert again.get("/hello").status == 200
    assert "Connection in use" not in again.log()


def test_master_killed_while_workers_boot(site):
    site.dir.write("app.py", "import time\ntime.sleep(600)\n")
    server = site.start("app:app", "-w", "2")
    workers = procs.until(lambda: len(server.workers()) == 2 and server.workers(), "workers")
    procs.until(lambda: server.log().count("Booting worker") == 2, "their start")
    server.signal(signal.SIGKILL)
    server.wait_exit()
    procs.until(lambda: not any(map(procs.alive, workers)), "the end of the workers")


# -- nothing left of something

@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_no_more_processes(site):
    """RLIMIT_NPROC counts all processes of a user, and doesn't count for root."""
    uid = 64242
    os.chmod(site.dir.path, 0o777)

    def become_other():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
    # Master, worker, and one who takes the third place.
    with subprocess.Popen(["sleep", "600"], preexec_fn=become_other) as third:
        try:
            server = start(site, preexec_fn=become_other)
            server.wait_workers(1)
            server.signal(signal.SIGTTIN)
            server.wait_log(r"\[ERROR\] Can't fork a worker: Resource temporarily unavailable", 3)
            assert server.get("/hello").status == 200
            assert server.log().count("Can't fork") < 100
        finally:
            third.kill()
    server.wait_workers(2)
    assert server.terminate() == 0


@pytest.fixture
def small_disk(site):
    """A file system of 64 KiB."""
    if not ROOT:
        pytest.skip("only root can mount")
    path = site.dir / "small"
    os.mkdir(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", path],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("no mount here: " + done.stderr)
    yield path
    for server in site.started:
        server.stop()
    subprocess.run(["umount", path], check=True)


def fill(path):
    """Leaves no byte free; returns what to remove again."""
    name = os.path.join(path, "fill")
    with open(name, "wb", buffering=0) as handle, contextlib.suppress(OSError):
        while True:
            handle.write(b"x" * 512)
    return name


def test_full_disk_for_logs(site, small_disk):
    server = start(site, "--access-logfile", small_disk + "/access.log",
                   "--error-logfile", small_disk + "/error.log", listen=False)
    procs.until(lambda: "Listening at" in site.dir.read("small/error.log"), "the listener")
    found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", site.dir.read("small/error.log"))
    address = ("127.0.0.1", int(found.group(1)))
    assert client.request(address, "/hello").status == 200
    filler = fill(small_disk)
    for _ in range(50):
        assert client.request(address, "/hello").status == 200
    server.signal(signal.SIGHUP)
    for _ in range(50):
        assert client.request(address, "/hello").status == 200
    os.unlink(filler)
    before = site.dir.read("small/access.log").count("/hello")
    assert client.request(address, "/hello").status == 200
    procs.until(lambda: site.dir.read("small/access.log").count("/hello") > before, "a line")
    assert server.terminate() == 0


def test_full_disk_for_the_pid_file(site, small_disk):
    fill(small_disk)
    server = start(site, "--pid", small_disk + "/x.pid", listen=False)
    assert server.wait_exit() == 1
    assert "No space left on device" in server.log()
    assert not os.path.exists(small_disk + "/x.pid") or not os.path.getsize(small_disk + "/x.pid")


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_descriptors(threads, site):
    """Accepting pauses without a spin, says so once, and goes on when there are some again."""
    server = start(site, "--threads", threads, "--worker-connections", "1000")
    worker = server.wait_workers(1)[0]
    assert server.get("/hello").status == 200
    used = max(int(fd) for fd in os.listdir("/proc/%d/fd" % worker)) + 1
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 5, 4096))
    waiting = [client.connect(server.address) for _ in range(40)]
    server.wait_log(r"\[ERROR\] Connections can't be accepted for the moment: Too many open files")
    before = sum(int(n) for n in procs.stat_fields(worker)[11:13])
    start_of_pause = time.monotonic()
    procs.until(lambda: time.monotonic() - start_of_pause > 1.5, "a while of it")
    spent = sum(int(n) for n in procs.stat_fields(worker)[11:13]) - before
    assert spent < 50 * os.sysconf("SC_CLK_TCK") / 100, "it spins"
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (4096, 4096))
    for sock in waiting:
        with contextlib.closing(sock):
            sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"hello" in client.read_all(sock)
    assert server.get("/hello").status == 200
    assert server.log().count("Connections can't be accepted") < 10
    assert server.workers() == [worker]


# -- storms

def test_signal_storm(site):
    """Everything but the ends, in any order and number."""
    server = start(site, "-w", "2", "--graceful-timeout", "10")
    server.wait_workers(2)
    storm = [signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH,
             signal.SIGCHLD]
    end = time.monotonic() + min(SECONDS, 10) / 2
    with load(server.address) as result:
        while time.monotonic() < end:
            server.signal(random.choice(storm))
            time.sleep(0.002)  # the pace of the fault, not a wait
        # Signals that wait together are not acted on in their order: a TTIN may count after a HUP
        # that was sent later. So that the last HUP is alone, it follows others that were seen.
        for _ in range(3):
            seen = server.log().count("Hang up: Master")
            server.signal(signal.SIGHUP)
            procs.until(lambda: server.log().count("Hang up: Master") > seen, "the reload")
        server.wait_workers(2)
    assert result.seen[200] > 0 and not result.failures, result.seen
    assert server.terminate() == 0


@pytest.mark.parametrize("threads,persistent", [(1, False), (4, True)])
def test_reloads_in_a_row_under_load(threads, persistent, site):
    """No request is lost, and the master needs nothing more than before."""
    server = start(site, "-w", "2", "--threads", threads, "--keep-alive", "20")
    figures = []
    with load(server.address, persistent=persistent) as result:
        for number in range(RELOADS // 2):
            old = server.wait_workers(2)
            server.signal(signal.SIGHUP)
            procs.until(lambda: not any(map(procs.alive, old)), "the end of the old workers")
            if number in (4, RELOADS // 2 - 1):
                server.wait_workers(2)
                figures.append((descriptors(server.pid), memory_kb(server.pid)))
    assert result.seen[200] > RELOADS and not result.failures, result.seen
    (first_fds, first_kb), (last_fds, last_kb) = figures
    assert last_fds <= first_fds
    assert last_kb <= first_kb + 600, "KiB: %d, then %d" % (first_kb, last_kb)
    assert server.terminate() == 0


def test_idle_connections_get_one_last_answer(site):
    server = start(site, "--threads", "2", "--keep-alive", "60")
    worker = server.wait_workers(1)[0]
    request = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    with contextlib.ExitStack() as stack:
        first, *others = [stack.enter_context(contextlib.closing(client.connect(server.address)))
                          for _ in range(20)]

        def ask(sock):
            sock.sendall(request)
            return read_answer(sock).header("Connection")
        assert {ask(sock) for sock in (first, *others)} == {"keep-alive"}
        server.signal(signal.SIGTERM, worker)
        procs.until(lambda: ask(first) == "close", "the word that the worker ends")
        for sock in others:
            sock.sendall(request)
        assert [read_answer(sock).header("Connection") for sock in others] == ["close"] * 19
        assert all(sock.recv(1) == b"" for sock in others)
    procs.until(lambda: not procs.alive(worker), "the end of the worker")
