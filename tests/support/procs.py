"""Waiting by condition, clean environments and a view of the process table."""

import contextlib
import os
import socket
import time

DEADLINE = 30.0

# All that a server under test inherits: the rest of a developer's or runner's environment could
# change its settings.
KEPT = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TZ")


def until(condition, what, deadline=DEADLINE):
    """The first true value of condition(); fails with `what` after the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise AssertionError("gave up after %g s waiting for %s" % (deadline, text))
        time.sleep(0.005)


def clean_env(home, extra=None):
    """An environment in which only the test decides about settings."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    env.update(HOME=str(home), LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
    for name, value in (extra or {}).items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


def stat_fields(pid):
    """Fields of /proc/PID/stat after the command name, or None when the process is gone."""
    try:
        with open("/proc/%d/stat" % pid) as handle:
            return handle.read().rpartition(")")[2].split()
    except OSError:
        return None


def alive(pid):
    """True for a process that exists and is no zombie."""
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def children(pid):
    """Living children of a process, by number."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields and int(fields[1]) == pid and fields[0] not in "ZX":
                found.append(int(name))
    return sorted(found)


def title(pid):
    """The command line as `ps` shows it; empty when the process is gone."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as handle:
            return handle.read().rstrip(b"\0").replace(b"\0", b" ").decode()
    except OSError:
        return ""


def status(pid):
    """/proc/PID/status as a dict of strings."""
    with open("/proc/%d/status" % pid) as handle:
        return {k: v.strip() for k, _, v in (line.partition(":") for line in handle)}


def in_directory(path):
    """Processes whose current directory is `path`."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink("/proc/%s/cwd" % name) == path and alive(int(name)):
                found.append(int(name))
        except OSError:
            pass
    return found


def free_port():
    """A TCP port of the loopback that nobody listens on at the moment."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return sock.getsockname()[1]
