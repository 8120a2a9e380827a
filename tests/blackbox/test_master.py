"""The master and what surrounds it: sockets of its own making, owners, daemon, first process."""

import collections
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from support import client, procs
from support.server import HELLO, app_source, program

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

SLOW = '''\
import os, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        with open("notes", "a") as handle:
            handle.write("waiting %d\\n" % os.getpid())
        while not os.path.exists("go"):
            time.sleep(0.005)
    body = b"%d" % os.getpid()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''


def ask(server):
    return client.request(server.address).body


class Load:
    """Clients that ask without a pause and count what they get."""

    def __init__(self, address, clients=3):
        self.address, self.seen = address, collections.Counter()
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.is_over.is_set():
            try:
                response = client.request(self.address)
                self.seen["%d" % response.status] += 1
            except (OSError, ValueError) as exc:
                self.seen["failed: %r" % exc] += 1

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        return dict(self.seen)


def listening(pid):
    """Inodes of the listening TCP sockets of a process."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    inodes = {row[9] for row in rows[1:] if row[3] == "0A"}
    links = set()
    for name in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            links.add(os.readlink("/proc/%d/fd/%s" % (pid, name)))
    return {i for i in inodes if "socket:[%s]" % i in links}


# -- reuse_port

def test_reuse_port_gives_each_worker_its_own_socket(site):
    server = site.start("app:app", "--reuse-port", "-w", "3", files={"app.py": SLOW})
    workers = server.wait_workers(3)
    sockets = [listening(pid) for pid in workers]
    assert [len(s) for s in sockets] == [1, 1, 1]
    assert len(set.union(*sockets)) == 3
    assert listening(server.pid) == set.union(*sockets)
    server.signal(signal.SIGTTIN)
    more = server.wait_workers(4)
    assert len(set.union(*map(listening, more))) == 4
    # The kernel spreads them: 100 connections reach everybody.
    assert {int(ask(server)) for _ in range(100)} == set(more)


def test_reuse_port_keeps_what_waits_for_a_killed_worker(site):
    """Its successor has the same socket."""
    server = site.start("app:app", "--reuse-port", "-w", "2", files={"app.py": SLOW})
    workers = server.wait_workers(2)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    waiting = [client.connect(server.address) for _ in range(20)]
    for sock in waiting:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    for sock in waiting:
        with contextlib.closing(sock):
            assert client.Response(client.read_all(sock)).status == 200


def test_reuse_port_term_answers_what_waits(site):
    server = site.start("app:app", "--reuse-port", "-w", "2", files={"app.py": SLOW})
    workers = server.wait_workers(2)
    ask(server)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    waiting = [client.connect(server.address) for _ in range(20)]
    for sock in waiting:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    server.signal(signal.SIGTERM)
    server.wait_log("Handling signal: term")
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    for sock in waiting:
        with contextlib.closing(sock):
            assert client.Response(client.read_all(sock)).status == 200
    assert server.wait_exit() == 0


def test_reuse_port_loses_nothing(site):
    """Reloads, more and fewer workers, all under load."""
    server = site.start("app:app", "--reuse-port", files={"app.py": SLOW}, conf="workers = 3\n")
    server.wait_workers(3)
    load = Load(server.address)
    for count in (3, 1, 4):
        old = server.workers()
        site.dir.write("gunicorn.conf.py", "workers = %d\n" % count)
        server.signal(signal.SIGHUP)
        procs.until(lambda: not set(old) & set(server.workers()), "the end of the old workers")
        server.wait_workers(count)
    server.signal(signal.SIGTTOU)
    server.wait_workers(3)
    server.signal(signal.SIGTTOU)
    server.wait_workers(2)
    procs.until(lambda: len(listening(server.pid)) == 2, "two sockets")
    server.signal(signal.SIGTTIN)
    server.wait_workers(3)
    seen = load.end()
    assert set(seen) == {"200"}, seen


def test_reuse_port_with_workers_that_are_replaced(site):
    """max_requests: each worker's successor sits on the same sockets."""
    server = site.start("app:app", "--reuse-port", "-w", "2", "--max-requests", "50",
                        files={"app.py": SLOW})
    server.wait_workers(2)
    load = Load(server.address)
    server.wait_log("Autorestarting worker", 10)
    assert len(listening(server.pid)) == 2
    assert set(load.end()) == {"200"}


def test_reuse_port_upgrade(site):
    server = site.start("app:app", "--reuse-port", "-w", "2", "-p", "x.pid",
                        files={"app.py": SLOW})
    server.wait_workers(2)
    load = Load(server.address)
    server.signal(signal.SIGUSR2)
    heir = int(procs.until(lambda: site.dir.read("x.pid.2"), "the second master"))
    server.wait_log("Booting worker", 4)
    assert listening(heir) == listening(server.pid)
    assert server.terminate() == 0
    procs.until(lambda: site.dir.read("x.pid") == "%d\n" % heir, "promotion")
    assert set(load.end()) == {"200"}


# -- Unix sockets

def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_options_of_a_unix_socket(site):
    path = site.dir / "a.sock"
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    server = site.start(bind="unix:%s?mode=620&user=%s" % (path, user))
    assert mode_of(path) == 0o620
    assert os.lstat(path).st_uid == pwd.getpwnam(user).pw_uid
    assert client.request(path).status == 200
    server.wait_log("Listening at: unix:%s " % path)
    assert server.terminate() == 0
    assert not os.path.exists(path)


def test_options_of_a_unix_socket_change_at_hup(site):
    path = site.dir / "a.sock"
    server = site.start(bind=None, conf="bind = 'unix:%s?mode=600'\n" % path)
    assert mode_of(path) == 0o600
    inode = os.lstat(path).st_ino
    site.dir.write("gunicorn.conf.py", "bind = 'unix:%s?mode=666'\n" % path)
    server.signal(signal.SIGHUP)
    procs.until(lambda: mode_of(path) == 0o666, "the new mode")
    assert os.lstat(path).st_ino == inode
    assert client.request(path).status == 200


@pytest.mark.parametrize("bind,message", [
    ("unix:/tmp/x?mode=abc", "three octal digits"),
    ("unix:/tmp/x?mode=660&colour=red", "'colour=red' is not an option of a Unix socket"),
    ("unix:/tmp/x?user=no-such-user", "there is no user 'no-such-user'"),
    ("unix:/tmp/x?group=no-such-group", "there is no group 'no-such-group'"),
    ("unix:@x?mode=660", "an abstract socket has no file"),
    ("unix:@", "the name is missing"),
])
def test_bad_options_are_errors(bind, message, site):
    site.dir.write("app.py", HELLO)
    done = site.run("--check-config", "-b", bind, "app:app")
    assert done.returncode == 1 and message in done.stderr


def test_abstract_socket(site):
    name = "gn-%d" % os.getpid()
    server = site.start(bind="unix:@" + name, files={"app.py": app_source("probe")})
    server.wait_log("Listening at: unix:@%s " % name)
    assert not os.path.exists(site.dir / ("@" + name))
    values = json.loads(client.request("\0" + name, "/env").body)["values"]
    assert values["SERVER_NAME"] and values["REMOTE_ADDR"] == ""
    assert server.terminate() == 0
    with pytest.raises(OSError):
        client.connect("\0" + name)


def test_live_socket_is_not_stolen(site):
    path = site.dir / "a.sock"
    first = site.start(bind="unix:" + path)
    second = site.start(bind="unix:" + path, listen=False)
    assert second.wait_exit() == 1
    assert client.request(path).status == 200
    first.signal(signal.SIGKILL)
    first.wait_exit()
    assert os.path.exists(path)
    procs.until(lambda: "Parent changed" in first.log(), "the end of its worker")
    third = site.start(bind="unix:" + path)
    assert client.request(path).status == 200
    # The file is another one now: who removes it must be the one who made it.
    os.rename(path, path + ".kept")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as other:
        other.bind(path)
        assert third.terminate() == 0
        assert os.path.exists(path)


# -- HUP

def queue_length(path):
    """How many connections a Unix socket takes that nobody accepts."""
    held = []
    try:
        while True:
            sock = socket.socket(socket.AF_UNIX)
            held.append(sock)
            sock.setblocking(False)
            sock.connect(path)
    except BlockingIOError:
        return len(held) - 1
    finally:
        for sock in held:
            sock.close()


def test_hup_changes_the_backlog_of_a_kept_socket(site):
    path = site.dir / "a.sock"
    server = site.start(bind="unix:" + path, conf="backlog = 3\n")
    old = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "backlog = 20\n")
    server.signal(signal.SIGHUP)
    procs.until(lambda: not procs.alive(old[0]), "the end of the old worker")
    worker, = server.wait_workers(1)
    assert client.request(path).status == 200
    os.kill(worker, signal.SIGSTOP)
    procs.until(lambda: procs.stat_fields(worker)[0] == "T", "the stop of the worker")
    assert queue_length(path) == 21


def test_worker_of_the_old_generation_comes_back_as_it_was(site):
    """It dies while the new generation boots, in another directory and environment."""
    site.dir.write("a/app.py", app_source("probe"))
    site.dir.write("b/app.py", "import os, time\nopen('booting', 'w').close()\n"
                   "while not os.path.exists('go'): time.sleep(0.005)\n" + app_source("probe"))
    server = site.start(conf="chdir = 'a'\nraw_env = ['COLOUR=red']\nworkers = 1\n")
    old, = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "chdir = 'b'\nraw_env = ['SIZE=4']\nworkers = 1\n")
    server.signal(signal.SIGHUP)
    procs.until(lambda: os.path.exists(site.dir / "b/booting"), "the new generation")
    os.kill(old, signal.SIGKILL)
    found = json.loads(server.get("/process").body)
    assert found["pid"] != old
    assert found["cwd"] == os.path.realpath(site.dir / "a")
    assert found["environ"]["COLOUR"] == "red" and "SIZE" not in found["environ"]
    site.dir.write("b/go", "")
    procs.until(lambda: not procs.alive(found["pid"]), "the end of the old generation")
    found = json.loads(server.get("/process").body)
    assert found["cwd"] == os.path.realpath(site.dir / "b")
    assert found["environ"]["SIZE"] == "4" and "COLOUR" not in found["environ"]


@root_only
def test_hup_names_and_applies_another_user(site):
    server = site.start(conf="workers = 1\n", files={"app.py": app_source("probe")})
    old, = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "workers = 1\nuser = 'nobody'\ngroup = 'nogroup'\n")
    server.signal(signal.SIGHUP)
    server.wait_log(r"\[INFO\] user: .* -> .*gunicorn\.conf\.py:2")
    server.wait_log(r"\[INFO\] group: .* -> .*gunicorn\.conf\.py:3")
    procs.until(lambda: not procs.alive(old), "the end of the old worker")
    assert json.loads(server.get("/process").body)["uid"] == pwd.getpwnam("nobody").pw_uid


@root_only
def test_groups_of_root_are_dropped(site):
    server = site.start("app:app", "--user", "nobody", "--group", "nogroup",
                        files={"app.py": app_source("probe")}, extra_groups=[1, 2])
    assert procs.status(server.pid)["Groups"].split() == ["1", "2"]
    found = json.loads(server.get("/process").body)
    assert found["groups"] == []


# -- stopping

def test_pre_stop_delay_accepts_on(site):
    server = site.start("app:app", "--pre-stop-delay", "1", "-w", "2")
    workers = server.wait_workers(2)
    load = Load(server.address)
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    server.wait_log(r"Requests are accepted for 1 more seconds")
    for _ in range(5):
        assert server.get().status == 200
    assert set(workers) == set(server.workers())
    # A worker that dies in this time is replaced.
    os.kill(workers[0], signal.SIGKILL)
    procs.until(lambda: len(set(server.workers()) - {workers[0]}) == 2
                or server.proc.poll() is not None, "another worker")
    assert server.wait_exit() == 0
    assert time.monotonic() - begin >= 1
    assert load.end()["200"] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_pre_stop_delay_is_cut_short(number, site):
    server = site.start("app:app", "--pre-stop-delay", "600")
    server.signal(signal.SIGTERM)
    server.wait_log("Handling signal: term")
    assert server.get().status == 200
    server.signal(number)
    assert server.wait_exit() == 0


# -- preload

def test_preload_freezes_what_was_loaded(site):
    site.dir.write("app.py", "import gc\n" + HELLO.replace('b"hello\\n"',
                   'b"%-6d" % min(gc.get_freeze_count(), 99999)'))
    plain = site.start("app:app")
    frozen = site.start("app:app", "--preload")
    assert int(plain.get().body) == 0
    assert int(frozen.get().body) > 1000


# -- daemon

def test_daemon_keeps_its_output_with_r(site):
    """-R: messages and prints go where they went before."""
    site.dir.write("app.py", "print('printed', flush=True)\n" + HELLO)
    with open(site.dir / "both", "w") as both:
        done = subprocess.run([program(), "-D", "-R", "-b", "127.0.0.1:0", "-p", "x.pid",
                               "app:app"], cwd=str(site.dir), env=procs.clean_env(site.dir),
                              stdin=subprocess.DEVNULL, stdout=both, stderr=both, timeout=30,
                              check=False)
    assert done.returncode == 0
    pid = int(procs.until(lambda: site.dir.read("x.pid"), "the pid file"))
    procs.until(lambda: "Booting worker" in site.dir.read("both"), "the log")
    procs.until(lambda: "printed\n" in site.dir.read("both"), "what the application prints")
    links = [os.readlink("/proc/%d/fd/%d" % (pid, fd)) for fd in range(3)]
    assert links == ["/dev/null"] + [os.path.realpath(site.dir / "both")] * 2
    assert os.getsid(pid) not in (pid, os.getsid(0))  # detached, and no leader of a session
    assert procs.status(pid)["Umask"] == "0022"
    os.kill(pid, signal.SIGTERM)
    procs.until(lambda: not procs.alive(pid), "the end")


def test_daemon_that_cannot_start_is_in_the_log(site):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        site.dir.write("app.py", HELLO)
        done = site.run("-D", "-b", "127.0.0.1:%d" % taken.getsockname()[1], "--log-file", "d.log",
                        "app:app")
        assert done.returncode == 0
        procs.until(lambda: "Can't connect to" in site.dir.read("d.log"), "the message")


# -- first process of a container

def can_unshare():
    return os.geteuid() == 0 and shutil.which("unshare") and subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True,
        check=False).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="needs root and PID namespaces")
def test_first_process_of_a_container(site):
    """Orphans of others are reaped, whatever their status; TERM reaches the workers."""
    site.dir.write("app.py", SLOW.replace("def app", '''
import subprocess
# Orphans: their parent, the shell, ends first.
subprocess.run(["sh", "-c", "(sleep 0.1; exit 3) & (sleep 0.1; exit 4) & (exec sleep 0.2) &"])
def app''') + '''
def zombies():
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with open("/proc/%s/stat" % name) as handle:
                found += handle.read().rpartition(")")[2].split()[0] == "Z"
    return found
_app = app
def app(environ, start_response):
    if environ["PATH_INFO"] == "/look":
        body = b"%d %d %d" % (os.getppid(), zombies(), len([n for n in os.listdir("/proc")
                                                             if n.isdigit()]))
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    return _app(environ, start_response)
''')
    with open(site.dir / "log", "w") as log:
        outer = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                                  program(), "-b", "unix:a.sock", "--pid", "x.pid", "--log-level",
                                  "debug", "app:app"], cwd=str(site.dir), stderr=log,
                                 env=procs.clean_env(site.dir), start_new_session=True)
    path = site.dir / "a.sock"
    try:
        procs.until(lambda: "Booting worker" in site.dir.read("log"), "the start")
        assert site.dir.read("x.pid") == "1\n"
        # Master, worker, and nothing that was left behind.
        procs.until(lambda: client.request(path, "/look").body == b"1 0 2",
                    lambda: repr(client.request(path, "/look").body))
        log = site.dir.read("log")
        assert "Shutting down" not in log and "exited with code" not in log
        assert len(re.findall(r"\[DEBUG\] Unknown child \(pid:\d+\) ended", log)) >= 3
        master, = procs.children(outer.pid)
        os.kill(master, signal.SIGTERM)
        assert outer.wait(procs.DEADLINE) == 0
        assert "Worker exiting" in site.dir.read("log")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(outer.pid, signal.SIGKILL)
        outer.wait()


# -- rest

def test_idle_master_wakes_up_once_a_second(site):
    server = site.start("app:app", "-w", "4")
    server.wait_workers(4)
    assert server.get().status == 200

    def switches():
        return int(procs.status(server.pid)["voluntary_ctxt_switches"])
    # What belongs to the start is over when a whole second has passed with one wake-up at most.
    before, begin = switches(), time.monotonic()
    while True:
        procs.until(lambda: time.monotonic() >= begin + 1, "a second")
        if switches() - before <= 1 or time.monotonic() > begin + 10:
            break
        before, begin = switches(), time.monotonic()
    before, begin = switches(), time.monotonic()
    procs.until(lambda: time.monotonic() >= begin + 3, "three seconds")
    assert switches() - before <= 4
