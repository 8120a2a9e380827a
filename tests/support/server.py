"""Starts the program under test, watches it and stops it."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile

from support import client, procs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")

HELLO = '''\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\\n"]
'''


def program():
    """Path of the program under test."""
    return os.path.abspath(os.environ.get("GUNICORN") or os.path.join(TOP, "build", "gunicorn"))


def app_source(name):
    with open(os.path.join(APPS, name + ".py")) as handle:
        return handle.read()


class WorkDir:
    """A directory of its own, readable for the users a worker may switch to."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="gn-")
        os.chmod(self.path, 0o755)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def __str__(self):
        return self.path

    def write(self, name, text):
        """Writes a file whole, by rename, so that no reader sees half of it."""
        path = self / name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb" if isinstance(text, bytes) else "w") as handle:
            handle.write(text)
        os.rename(path + ".new", path)
        return path

    def read(self, name):
        """The text of a file; empty while it does not exist."""
        try:
            with open(self / name, encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except FileNotFoundError:
            return ""

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def run(workdir, *args, env=None, path=None, timeout=procs.DEADLINE, **options):
    """Runs the program to its end; returns a CompletedProcess with texts."""
    return subprocess.run([path or program(), *map(str, args)], cwd=str(workdir), text=True,
                          env=procs.clean_env(workdir, env), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, check=False, **options)


class Server:
    """One running master with its workers."""

    NUMBERS = itertools.count(1)
    LISTENING = re.compile(r"Listening at: (\S+) \((\d+)\)")

    def __init__(self, workdir, app="app:app", args=(), env=None, bind="127.0.0.1:0", path=None,
                 **options):
        self.dir = workdir
        argv = [path or program()]
        for address in ([bind] if isinstance(bind, str) else bind or []):
            argv += ["-b", address]
        argv += [str(word) for word in args]
        if app:
            argv.append(app)
        self.number = next(self.NUMBERS)  # several servers may share a directory
        self.output, self.errors = "stdout%d.log" % self.number, "stderr%d.log" % self.number
        self.out = open(workdir / self.output, "ab")
        self.err = open(workdir / self.errors, "ab")
        self.proc = subprocess.Popen(argv, cwd=str(workdir), env=procs.clean_env(workdir, env),
                                     stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
                                     start_new_session=True, **options)
        self.pid = self.proc.pid

    # -- what it says

    def log(self):
        return self.dir.read(self.errors)

    def stdout(self):
        return self.dir.read(self.output)

    def wait_log(self, pattern, count=1):
        """Waits until the error log holds `count` matches; returns the last of them."""
        regex = re.compile(pattern, re.M)

        def enough():
            found = list(regex.finditer(self.log()))
            return found[count - 1] if len(found) >= count else None
        return procs.until(enough, lambda: "%d x %r in the log:\n%s" % (count, pattern, self.log()))

    def wait_listening(self):
        def ready():
            found = self.LISTENING.search(self.log())
            if not found and self.proc.poll() is not None:
                raise AssertionError("ended with %r at start:\n%s"
                                     % (self.proc.returncode, self.log()))
            return found
        self.listening = procs.until(ready, lambda: "the listener:\n" + self.log()).group(1)
        return self

    @property
    def addresses(self):
        """All listening addresses in the forms that client.connect takes."""
        result = []
        for part in self.listening.split(","):
            if part.startswith("unix:"):
                result.append(part[5:])
            else:
                host, _, port = part.partition("://")[2].rpartition(":")
                result.append((host.strip("[]"), int(port)))
        return result

    @property
    def address(self):
        return self.addresses[0]

    # -- what it does

    def get(self, target="/", **options):
        return client.request(self.address, target, **options)

    def raw(self, data, pieces=None):
        return client.exchange(self.address, data, pieces)

    def workers(self):
        return procs.children(self.pid)

    def wait_workers(self, count):
        """Waits for exactly `count` workers that have told their start; returns their pids."""
        def settled():
            pids = self.workers()
            log = self.log()
            told = all("Booting worker with pid: %d\n" % pid in log for pid in pids)
            return pids if len(pids) == count and told else None
        return procs.until(settled, lambda: "%d workers, there are %r:\n%s"
                           % (count, self.workers(), self.log()))

    # -- its end

    def signal(self, number, pid=None):
        os.kill(pid or self.pid, number)

    def wait_exit(self, timeout=procs.DEADLINE):
        return self.proc.wait(timeout)

    def terminate(self):
        """TERM and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit()

    def stop(self):
        """Ends what was started here, whatever state it is in."""
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)  # a session of its own: master and workers only
        except ProcessLookupError:
            pass
        self.proc.wait()
        self.out.close()
        self.err.close()


class Site:
    """A working directory and the servers started in it; cleans up both."""

    def __init__(self):
        self.dir = WorkDir()
        self.started = []

    def start(self, app="app:app", *args, files=None, conf=None, listen=True, **options):
        """Starts a server. `files` maps names to texts; without app.py the hello app is written."""
        for name, text in (files or {}).items():
            self.dir.write(name, text)
        if not os.path.exists(self.dir / "app.py"):
            self.dir.write("app.py", HELLO)
        if conf is not None:
            self.dir.write("gunicorn.conf.py", conf)
        server = Server(self.dir, app, args, **options)
        self.started.append(server)
        return server.wait_listening() if listen else server

    def run(self, *args, **options):
        return run(self.dir, *args, **options)

    def close(self):
        for server in reversed(self.started):
            server.stop()
        for pid in procs.in_directory(os.path.realpath(self.dir.path)):
            if pid != os.getpid():
                os.kill(pid, signal.SIGKILL)  # a daemon, in a session of its own
        self.dir.remove()
