"""What a service manager sees: messages, sockets that it opens, the unit files."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from support import client, procs
from support.server import TOP, app_source, program

WAITS = '''\
import os, time
while not os.path.exists("go"):
    time.sleep(0.01)
'''


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, name):
        self.name, self.got = name, []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + name[1:] if name.startswith("@") else name)
        self.sock.setblocking(False)

    def messages(self):
        """All so far, each as a dict, with the time of its arrival."""
        while True:
            try:
                data = self.sock.recv(65536).decode()
            except BlockingIOError:
                return self.got
            fields = dict(line.split("=", 1) for line in data.split("\n"))
            self.got.append((time.monotonic(), fields))

    def all(self, key):
        return [fields[key] for _, fields in self.messages() if key in fields]

    def wait(self, key, value=None, count=1):
        def there():
            found = [v for v in self.all(key) if value is None or re.fullmatch(value, v)]
            return found if len(found) >= count else None
        return procs.until(there, lambda: "%s=%s among %r" % (key, value, self.messages()))[-1]


@pytest.fixture(params=["file", "abstract"])
def manager(request, site):
    name = site.dir / "notify" if request.param == "file" else "@gn-test-%d" % os.getpid()
    instance = Manager(name)
    yield instance
    instance.sock.close()


def start(site, manager, *args, env=None, app="", **options):
    return site.start("app:app", *args, env=dict(env or {}, NOTIFY_SOCKET=manager.name),
                      files={"app.py": app + app_source("probe")}, **options)


def test_life(site, manager):
    server = start(site, manager, "-w", "2", app=WAITS)
    server.wait_workers(2)
    manager.wait("EXTEND_TIMEOUT_USEC")
    assert manager.all("READY") == []
    site.dir.write("go", "")
    manager.wait("READY", "1")
    assert manager.all("MAINPID") == ["%d" % server.pid]
    manager.wait("STATUS", "Serving with 2 of 2 workers")
    server.signal(signal.SIGTTIN)
    manager.wait("STATUS", "Serving with 3 of 3 workers")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    server.signal(signal.SIGHUP)
    manager.wait("RELOADING", "1")
    assert before <= int(manager.all("MONOTONIC_USEC")[0]) <= time.monotonic_ns() // 1000
    manager.wait("READY", "1", 2)
    assert manager.all("STOPPING") == []
    assert server.terminate() == 0
    assert manager.all("STOPPING") == ["1"]
    assert manager.all("WATCHDOG") == []


def test_ready_needs_a_worker_that_has_loaded(site, manager):
    server = start(site, manager, app="raise RuntimeError('no')\n")
    assert server.wait_exit() == 3
    assert manager.all("READY") == [] and manager.all("STOPPING") == ["1"]


def test_failed_reload_is_ready_again(site, manager):
    server = start(site, manager)
    manager.wait("READY")
    site.dir.write("app.py", "raise RuntimeError('no')\n")
    server.signal(signal.SIGHUP)
    server.wait_log("Reload failed")
    manager.wait("READY", "1", 2)
    assert manager.all("STATUS")[-1].startswith("Reload failed, the old configuration serves with")
    assert manager.all("RELOADING") == ["1"]
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_environment_is_not_passed_on(site, manager):
    server = start(site, manager, env={"WATCHDOG_USEC": "30000000", "LISTEN_PID": "1",
                                       "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x",
                                       "GUNICORN_PID": "1", "GUNICORN_FD": "3"})
    environ = json.loads(server.get("/process").body)["environ"]
    assert not [n for n in environ if n.startswith(("NOTIFY", "WATCHDOG", "LISTEN", "GUNICORN"))
                and n != "GUNICORN_WORKER_ID"]


def test_watchdog(site, manager):
    server = start(site, manager, env={"WATCHDOG_USEC": "200000"})
    manager.wait("WATCHDOG", "1", 5)
    times = [at for at, fields in manager.messages() if "WATCHDOG" in fields]
    # Half of the period: five of them can't come within less than four halves.
    assert times[-1] - times[0] > 0.2
    server.signal(signal.SIGSTOP)
    manager.messages()
    count = len(manager.all("WATCHDOG"))
    end = time.monotonic() + 0.5
    procs.until(lambda: time.monotonic() > end, "half a second")
    assert len(manager.all("WATCHDOG")) <= count + 1
    server.signal(signal.SIGCONT)
    manager.wait("WATCHDOG", "1", count + 3)


def test_watchdog_wants_a_living_worker(site, manager):
    """All workers are gone and no new one can be started."""
    server = start(site, manager, env={"WATCHDOG_USEC": "200000"})
    manager.wait("WATCHDOG", "1", 2)
    site.dir.write("app.py", "import os\nos._exit(9)\n")
    os.kill(server.wait_workers(1)[0], signal.SIGKILL)
    # The delays between attempts grow to 3.2 s: there is silence in them.
    server.wait_log("exited with code 9", 6)
    count = len(manager.all("WATCHDOG"))
    end = time.monotonic() + 1
    procs.until(lambda: time.monotonic() > end, "a second")
    assert len(manager.all("WATCHDOG")) <= count + 1


def test_watchdog_of_another_process(site, manager):
    start(site, manager, env={"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"})
    manager.wait("READY")
    end = time.monotonic() + 0.2
    procs.until(lambda: time.monotonic() > end, "ten periods")
    assert manager.all("WATCHDOG") == []


def test_upgrade(site, manager):
    server = start(site, manager, "-p", "x.pid")
    manager.wait("READY")
    server.signal(signal.SIGUSR2)
    heir = int(procs.until(lambda: site.dir.read("x.pid.2"), "the second master"))
    server.wait_log("Booting worker", 2)
    assert manager.all("READY") == ["1"]  # the second master keeps silent
    assert server.terminate() == 0
    assert manager.all("MAINPID")[1] == "%d" % heir
    assert manager.all("STOPPING") == []
    manager.wait("READY", "1", 2)
    assert manager.all("MAINPID")[2] == "%d" % heir
    os.kill(heir, signal.SIGTERM)
    manager.wait("STOPPING", "1")


# -- sockets

def activate(site, binds, *args):
    """Starts the program by systemd-socket-activate; returns the process."""
    words = ["systemd-socket-activate"]
    for bind in binds:
        words += ["-l", bind]
    words += ["--fdname=web:admin"]
    for name in procs.clean_env(site.dir):
        words += ["-E", name]
    words += [program(), *args]
    with open(site.dir / "log", "w") as log:
        return subprocess.Popen(words, cwd=str(site.dir), env=procs.clean_env(site.dir),
                                stdin=subprocess.DEVNULL, stderr=log, start_new_session=True)


@contextlib.contextmanager
def ended(process):
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_socket_activation(site):
    site.dir.write("app.py", app_source("probe"))
    port, path = procs.free_port(), site.dir / "a.sock"
    with ended(activate(site, ["127.0.0.1:%d" % port, path], "-b", "127.0.0.1:1", "-p", "x.pid",
                        "app:app")) as master:
        procs.until(lambda: os.path.exists(path), "the socket")
        # The first connection is what starts the server.
        environ = json.loads(client.request(path, "/process").body)["environ"]
        assert not [name for name in environ if name.startswith("LISTEN_")]
        assert client.request(("127.0.0.1", port), "/hello").status == 200
        log = site.dir.read("log")
        assert re.search(r"Listening at: http://127\.0\.0\.1:%d,unix:%s \(" % (port, path), log)
        assert "Sockets of systemd are used instead of bind: 2 (web:admin)" in log
        # Upgrade: the original dies of it.
        master.send_signal(signal.SIGUSR2)
        heir = int(procs.until(lambda: site.dir.read("x.pid.2"), "the second master"))
        procs.until(lambda: site.dir.read("log").count("Booting worker") == 2, "its worker")
        master.terminate()
        assert master.wait(procs.DEADLINE) == 0
        procs.until(lambda: site.dir.read("x.pid") == "%d\n" % heir, "promotion")
        assert client.request(path, "/hello").status == 200
        assert client.request(("127.0.0.1", port), "/hello").status == 200
        os.kill(heir, signal.SIGHUP)
        procs.until(lambda: site.dir.read("log").count("Booting worker") == 3, "the reload")
        assert client.request(path, "/hello").status == 200
        os.kill(heir, signal.SIGTERM)
        procs.until(lambda: not procs.alive(heir), "the end")
        assert os.path.exists(path)  # belongs to who has opened it


def test_activation_of_another_process_is_ignored(site):
    server = site.start("app:app", env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert server.get().status == 200


# -- units

def test_units_are_sound(site):
    """Both units as they are installed, checked by systemd itself."""
    units = site.dir / "units"
    os.mkdir(units)
    for name in ("gunicorn.service", "gunicorn.socket"):
        with open(os.path.join(TOP, "contrib", "systemd", name + ".in")) as handle:
            text = handle.read()
        text = text.replace("@bindir@/gunicorn", program()).replace("/srv/app", str(site.dir))
        with open(os.path.join(units, name), "w") as handle:
            handle.write(text)
    assert shutil.which("systemd-analyze")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           os.path.join(units, "gunicorn.service"),
                           os.path.join(units, "gunicorn.socket")],
                          capture_output=True, text=True, timeout=60, check=False)
    mine = [line for line in done.stderr.splitlines() if "gunicorn" in line]
    assert mine == [] and done.returncode == 0, done.stderr
