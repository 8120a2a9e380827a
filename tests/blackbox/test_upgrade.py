"""The signal USR2: a second master with the same sockets, promotion, and the way back."""

import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from support import client, procs
from support.server import HELLO, app_source, program

VERSION = HELLO.replace('"6"', '"2"').replace('b"hello\\n"', "b'v%d'")


class Counter:
    """Clients that ask without a pause, each time on a new connection, and count the answers."""

    def __init__(self, address, clients=2):
        self.address, self.seen = address, collections.Counter()
        self.lock, self.is_over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.is_over.is_set():
            try:
                response = client.request(self.address, "/")
                text = "%d %s" % (response.status, response.body.decode())
            except (OSError, ValueError) as exc:
                text = "failed: %r" % exc
            with self.lock:
                self.seen[text] += 1

    def wait_for(self, text):
        procs.until(lambda: self.seen[text], lambda: "%r among %r" % (text, self.seen))

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        return self.seen


def read_pid(site, name):
    """The number in a pid file, when it is that of a living process."""
    def number():
        text = site.dir.read(name)
        return int(text) if text and procs.alive(int(text)) else None
    return procs.until(number, lambda: "%s in %s" % (name, os.listdir(str(site.dir))))


def upgrade(site, server, pidfile="x.pid", pid=None):
    """USR2; returns the number of the new master, when its first worker has told its start."""
    server.signal(signal.SIGUSR2, pid)
    heir = read_pid(site, pidfile + ".2")
    procs.until(lambda: any("Booting worker with pid: %d\n" % w in server.log()
                            for w in procs.children(heir)), lambda: "a worker:\n" + server.log())
    return heir


def wait_promoted(site, server, heir):
    procs.until(lambda: site.dir.read("x.pid") == "%d\n" % heir, lambda: "promotion:" + server.log())
    procs.until(lambda: not os.path.exists(site.dir / "x.pid.2"), "the end of x.pid.2")


def test_two_masters_then_the_new_one_alone(site):
    server = site.start("app:app", "-p", "x.pid", "-w", "2", files={"app.py": VERSION % 1})
    server.wait_workers(2)
    counter = Counter(server.address)
    counter.wait_for("200 v1")
    site.dir.write("app.py", VERSION % 2)
    heir = upgrade(site, server)
    assert site.dir.read("x.pid") == "%d\n" % server.pid
    assert procs.title(server.pid) == "gunicorn: master [app:app]"
    assert procs.title(heir) == "gunicorn: master [app:app.2]"
    counter.wait_for("200 v2")
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    server.wait_log(r"\[%d\] \[INFO\] Master has been promoted\." % heir)
    procs.until(lambda: procs.title(heir) == "gunicorn: master [app:app]", "the title")
    assert set(counter.end()) == {"200 v1", "200 v2"}
    assert client.request(server.address).body == b"v2"
    os.kill(heir, signal.SIGTERM)
    procs.until(lambda: not procs.alive(heir), "the end of the new master")
    assert not os.path.exists(site.dir / "x.pid")
    with pytest.raises(OSError):
        client.connect(server.address)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL])
def test_way_back(number, site):
    """The new master ends; the old one has never stopped serving, and can be upgraded again."""
    path = site.dir / "a.sock"
    server = site.start("app:app", "-p", "x.pid", bind=["127.0.0.1:0", "unix:" + path],
                        files={"app.py": VERSION % 1})
    server.wait_workers(1)
    counter = Counter(server.address)
    heir = upgrade(site, server)
    os.kill(heir, number)
    procs.until(lambda: not procs.alive(heir), "the end of the new master")
    server.wait_log(r"The new master \(pid:%d\) (ended with status 0|was ended by SIGKILL)" % heir)
    again = upgrade(site, server)
    assert again != heir
    os.kill(again, signal.SIGTERM)
    procs.until(lambda: not procs.alive(again), "the end of the second one")
    assert client.request(path).body == b"v1"  # its file is still there
    seen = counter.end()
    if number == signal.SIGTERM:  # who is killed or told to quit takes what it has accepted along
        assert set(seen) == {"200 v1"}
    assert seen["200 v1"] > 0
    assert server.terminate() == 0
    assert not os.path.exists(path)


def test_old_master_that_is_killed(site):
    """Its pid file is left, and nobody has waited for it yet."""
    path = site.dir / "a.sock"
    server = site.start("app:app", "-p", "x.pid", bind="unix:" + path)
    heir = upgrade(site, server)
    server.signal(signal.SIGKILL)
    wait_promoted(site, server, heir)
    assert procs.stat_fields(server.pid)[0] == "Z"
    assert client.request(path).status == 200


def test_unix_socket_passes_to_the_new_master(site):
    path = site.dir / "a.sock"
    server = site.start("app:app", "-p", "x.pid", bind="unix:" + path)
    before = os.stat(path).st_ino
    heir = upgrade(site, server)
    counter = Counter(path)
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    assert os.stat(path).st_ino == before
    assert set(counter.end()) == {"200 hello\n"}
    os.kill(heir, signal.SIGTERM)
    procs.until(lambda: not procs.alive(heir), "the end of the new master")
    assert not os.path.exists(path)


def test_second_usr2_is_refused(site):
    server = site.start("app:app", "-p", "x.pid")
    heir = upgrade(site, server)
    server.signal(signal.SIGUSR2)
    server.wait_log(r"\[%d\] \[WARNING\] USR2 signal ignored\. Child exists\." % server.pid)
    server.signal(signal.SIGUSR2, heir)
    server.wait_log(r"\[%d\] \[WARNING\] USR2 signal ignored\. Parent exists\." % heir)
    assert procs.children(heir) and server.log().count("Starting gunicorn") == 2


def test_new_master_that_does_not_boot(site):
    server = site.start("app:app", "-p", "x.pid", files={"app.py": VERSION % 1})
    workers = server.wait_workers(1)
    counter = Counter(server.address)
    site.dir.write("app.py", "raise RuntimeError('on purpose')\n")
    server.signal(signal.SIGUSR2)
    server.wait_log(r"\[WARNING\] The new master \(pid:\d+\) ended with status 3")
    assert site.dir.read("x.pid") == "%d\n" % server.pid
    assert not os.path.exists(site.dir / "x.pid.2")
    assert procs.children(server.pid) == workers
    site.dir.write("app.py", VERSION % 2)
    upgrade(site, server)
    counter.wait_for("200 v2")
    assert set(counter.end()) == {"200 v1", "200 v2"}


def test_configuration_and_binds_are_read_again(site):
    old, new = "unix:" + site.dir / "old", "unix:" + site.dir / "new"
    server = site.start("app:app", "-p", "x.pid", bind=None, conf="bind = [%r]\n" % old)
    server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "bind = [%r, %r]\nworkers = 3\n" % (old, new))
    heir = upgrade(site, server)
    procs.until(lambda: len(procs.children(heir)) == 3, "three workers")
    for name in ("old", "new"):
        assert client.request(site.dir / name).status == 200
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    for name in ("old", "new"):
        assert client.request(site.dir / name).status == 200


def test_environment_arguments_and_directory_are_those_of_the_start(site):
    """What the configuration does to them is not passed on."""
    os.mkdir(site.dir / "elsewhere")
    site.dir.write("elsewhere/app.py", app_source("probe"))
    site.dir.write("gunicorn.conf.py", "import os\nassert 'ADDED' not in os.environ\n"
                   "raw_env = ['ADDED=1']\nchdir = 'elsewhere'\n")
    server = site.start("app:app", "-p", "../x.pid", env={"MINE": "yes"},
                        path=os.path.relpath(program(), str(site.dir)))
    server.wait_workers(1)
    server.signal(signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    server.wait_log("Booting worker", 2)
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    process = json.loads(client.request(server.address, "/process").body)
    assert process["ppid"] == heir
    assert process["environ"]["ADDED"] == "1" and process["environ"]["MINE"] == "yes"
    assert not {"GUNICORN_PID", "GUNICORN_FD"} & set(process["environ"])
    assert process["cwd"] == os.path.realpath(site.dir / "elsewhere")
    # And once more, from the second to the third.
    os.kill(heir, signal.SIGUSR2)
    third = read_pid(site, "x.pid.2")
    server.wait_log("Booting worker", 3)
    assert procs.title(third).endswith("[app:app.2]")
    os.kill(heir, signal.SIGTERM)
    wait_promoted(site, server, third)


def test_program_is_found_again_by_the_search_path(site):
    """A new version that has taken the name is what runs next."""
    bin_dir = site.dir / "bin"
    os.mkdir(bin_dir)
    os.symlink(program(), os.path.join(bin_dir, "gunicorn"))
    site.dir.write("app.py", HELLO)
    environ = procs.clean_env(site.dir)
    environ["PATH"] = bin_dir + ":" + environ["PATH"]
    with open(site.dir / "log", "w") as log:
        old = subprocess.Popen(["gunicorn", "-b", "127.0.0.1:0", "-p", "x.pid", "app:app"],
                               cwd=str(site.dir), env=environ, stderr=log, start_new_session=True)
    procs.until(lambda: "Booting worker" in site.dir.read("log"), "the start")
    os.unlink(os.path.join(bin_dir, "gunicorn"))
    with open(os.path.join(bin_dir, "gunicorn"), "w") as script:
        script.write('#!/bin/sh\necho wrapped >>wrapper.log\nexec %s "$@"\n' % program())
    os.chmod(os.path.join(bin_dir, "gunicorn"), 0o755)
    old.send_signal(signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    assert site.dir.read("wrapper.log") == "wrapped\n"
    old.terminate()
    assert old.wait(procs.DEADLINE) == 0
    procs.until(lambda: site.dir.read("x.pid") == "%d\n" % heir, "promotion")


def test_name_that_is_no_file(site):
    """As `exec -a` or a service manager may call it: the program that runs is found by its file."""
    site.dir.write("app.py", HELLO)
    with open(site.dir / "log", "w") as log:
        old = subprocess.Popen(["no-such-name", "-b", "127.0.0.1:0", "-p", "x.pid", "app:app"],
                               executable=program(), cwd=str(site.dir), stderr=log,
                               env=procs.clean_env(site.dir), start_new_session=True)
    procs.until(lambda: "Booting worker" in site.dir.read("log"), "the start")
    old.send_signal(signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    assert heir != old.pid
    old.terminate()
    assert old.wait(procs.DEADLINE) == 0


def test_program_that_cannot_be_started(site):
    link = site.dir / "gunicorn"
    os.symlink(program(), link)
    server = site.start("app:app", "-p", "x.pid", path=link)
    workers = server.wait_workers(1)
    os.unlink(link)
    site.dir.write("gunicorn", "not executable\n")
    server.signal(signal.SIGUSR2)
    server.wait_log(r"\[ERROR\] Can't start a new master: \S+: Permission denied")
    server.wait_log(r"\[WARNING\] The new master \(pid:\d+\) ended with status 1")
    assert server.get().status == 200 and server.workers() == workers
    os.unlink(link)
    os.symlink(program(), link)
    upgrade(site, server)


def test_upgrade_during_a_reload(site):
    """The sockets of both generations go over."""
    old, new = "unix:" + site.dir / "old", "unix:" + site.dir / "new"
    server = site.start("app:app", "-p", "x.pid", bind=None, conf="bind = [%r]\n" % old)
    assert client.request(site.dir / "old").status == 200
    site.dir.write("gunicorn.conf.py", "bind = [%r, %r]\n" % (old, new))
    site.dir.write("app.py", "import os, time\nopen('booting', 'w').close()\n"
                   "while not os.path.exists('go'): time.sleep(0.005)\n" + HELLO)
    server.signal(signal.SIGHUP)
    procs.until(lambda: os.path.exists(site.dir / "booting"), "the reload")
    server.signal(signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    site.dir.write("go", "")
    procs.until(lambda: procs.children(heir), "workers of the new master")
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    for name in ("old", "new"):
        assert client.request(site.dir / name).status == 200


def test_virtual_environment_is_kept(site):
    venv = site.dir / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", venv], check=True)
    os.symlink(program(), os.path.join(venv, "bin", "gunicorn"))
    server = site.start("app:app", "-p", "x.pid", files={"app.py": app_source("probe")},
                        path=os.path.join(venv, "bin", "gunicorn"))
    heir = upgrade(site, server)
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    process = json.loads(client.request(server.address, "/process").body)
    assert process["prefix"] == os.path.realpath(venv)


def test_daemon_with_all_steps(site):
    """USR2, WINCH, back by HUP, and forward again: the documented choreography."""
    site.dir.write("app.py", VERSION % 1)
    port = procs.free_port()
    done = site.run("-D", "-b", "127.0.0.1:%d" % port, "-p", "x.pid", "--log-file", "d.log",
                    "-w", "2", "app:app")
    assert done.returncode == 0
    old = read_pid(site, "x.pid")
    procs.until(lambda: len(procs.children(old)) == 2, "two workers")
    address = ("127.0.0.1", port)
    procs.until(lambda: site.dir.read("d.log").count("Booting worker") == 2, "their start")
    counter = Counter(address)
    counter.wait_for("200 v1")
    site.dir.write("app.py", VERSION % 2)
    os.kill(old, signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    assert procs.stat_fields(heir)[1] == str(old)
    counter.wait_for("200 v2")
    os.kill(old, signal.SIGWINCH)
    procs.until(lambda: procs.children(old) == [heir], "the end of the old workers")
    procs.until(lambda: client.request(address).body == b"v2", "the new version alone")
    # Back: the old one still has its sockets.
    site.dir.write("app.py", VERSION % 1)
    os.kill(old, signal.SIGHUP)
    procs.until(lambda: len(procs.children(old)) == 3, "workers of the old master again")
    os.kill(heir, signal.SIGTERM)
    procs.until(lambda: not procs.alive(heir), "the end of the new master")
    assert client.request(address).body == b"v1"
    # And the second attempt succeeds.
    site.dir.write("app.py", VERSION % 2)
    os.kill(old, signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    procs.until(lambda: len(procs.children(heir)) == 2, "the second attempt")
    procs.until(lambda: site.dir.read("d.log").count("Booting worker") == 8, "its workers")
    os.kill(old, signal.SIGTERM)
    procs.until(lambda: not procs.alive(old), "the end of the old master")
    procs.until(lambda: site.dir.read("x.pid") == "%d\n" % heir, "promotion")
    assert client.request(address).body == b"v2"
    assert set(counter.end()) == {"200 v1", "200 v2"}
    os.kill(heir, signal.SIGTERM)
    procs.until(lambda: not procs.alive(heir), "the end")
    assert not os.path.exists(site.dir / "x.pid")


def test_fd_bind_keeps_its_number(site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        server = site.start("app:app", "-p", "x.pid", bind="fd://%d" % listener.fileno(),
                            pass_fds=[listener.fileno()])
        address = listener.getsockname()
    heir = upgrade(site, server)
    assert server.terminate() == 0
    wait_promoted(site, server, heir)
    assert client.request(address).status == 200


def test_leftover_variables_start_no_second_master(site):
    server = site.start("app:app", "-p", "x.pid", env={"GUNICORN_PID": "1", "GUNICORN_FD": "77,x"})
    assert site.dir.read("x.pid") == "%d\n" % server.pid
    assert procs.title(server.pid) == "gunicorn: master [app:app]"


def test_no_descriptor_is_leaked(site):
    server = site.start("app:app", "-p", "x.pid", bind=["127.0.0.1:0", "127.0.0.1:0"])
    server.wait_workers(1)

    def sockets(pid):
        links = (os.readlink("/proc/%d/fd/%s" % (pid, n)) for n in os.listdir("/proc/%d/fd" % pid))
        return sorted(re.findall(r"socket:\[\d+\]", " ".join(links)))
    heir = upgrade(site, server)
    assert sockets(heir) == sockets(server.pid) and len(sockets(heir)) == 2


ORIGINAL = shutil.which("gunicorn", path="/usr/bin")


@pytest.mark.skipif(not ORIGINAL, reason="the original is not installed")
def test_takes_over_from_the_original(site):
    """Its form of the hand-over is understood: the way from one program to the other."""
    link = site.dir / "gunicorn"
    os.symlink(ORIGINAL, link)
    site.dir.write("app.py", VERSION % 1)
    with open(site.dir / "log", "w") as log:
        old = subprocess.Popen(["/usr/bin/python3", link, "-b", "127.0.0.1:0", "-p", "x.pid",
                                "app:app"], cwd=str(site.dir), env=procs.clean_env(site.dir),
                               stderr=log, start_new_session=True)
    found = procs.until(lambda: re.search(r"127\.0\.0\.1:(\d+)", site.dir.read("log")), "the start")
    address = ("127.0.0.1", int(found.group(1)))
    procs.until(lambda: "Booting worker" in site.dir.read("log"), "a worker")
    counter = Counter(address)
    counter.wait_for("200 v1")
    # The original runs `python SCRIPT`: a script that starts our program is found there.
    site.dir.write("gunicorn.new", "import os, sys\nos.execv(%r, ['gunicorn'] + sys.argv[1:])\n"
                   % program())
    os.rename(site.dir / "gunicorn.new", link)
    site.dir.write("app.py", VERSION % 2)
    old.send_signal(signal.SIGUSR2)
    heir = read_pid(site, "x.pid.2")
    counter.wait_for("200 v2")
    old.send_signal(signal.SIGWINCH)
    old.terminate()
    assert old.wait(procs.DEADLINE) == 0
    procs.until(lambda: site.dir.read("x.pid") == "%d\n" % heir, "promotion")
    assert client.request(address).body == b"v2"
    seen = counter.end()
    assert seen["200 v1"] and seen["200 v2"]
    os.kill(heir, signal.SIGTERM)
    procs.until(lambda: not procs.alive(heir), "the end")
