"""What the measurements share: servers, /proc readers, rounds, tables.

Servers listen on 127.0.0.1 only, run in a session and a directory of their own and are ended by
pid. Nothing outside the standard library is imported.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
TICKS = os.sysconf("SC_CLK_TCK")
BASELINE = "debian"
DEADLINE_S = 30.0
# Variables that would change what a server does; everything else is passed on.
DROPPED_VARIABLES = ("GUNICORN_CMD_ARGS", "PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS",
                     "SENDFILE", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV",
                     "CONDA_PREFIX", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID")


# Figures that say whether a measurement is valid; a ratio of them means nothing.
NO_RATIO = ("status", "busy", "socket errors", "bad status")
NOTES = []


class Unavailable(Exception):
    """This peer cannot be measured; the text says why."""


# ------------------------------------------------------------------- options

def positive(kind):
    """An argparse type: a number of this kind above zero."""
    def convert(text):
        value = kind(text)
        if value <= 0:
            raise ValueError(text)
        return value
    convert.__name__ = "positive " + kind.__name__
    return convert


def parser(text, rounds, duration=None):
    """The options that every script understands."""
    ap = argparse.ArgumentParser(description=text)
    ap.add_argument("--rounds", type=positive(int), default=rounds,
                    help="rounds; in each one the peers take turns (default: %(default)s)")
    ap.add_argument("--duration", type=positive(int), default=duration,
                    help="seconds of load per measurement (default: %(default)s)"
                    if duration else "ignored, there is no load in this measurement")
    ap.add_argument("--json", metavar="FILE", help="also write the results to FILE")
    ap.add_argument("--peer", metavar="NAME=PROGRAM", action="append", default=[],
                    help="one more gunicorn to compare (may be repeated)")
    ap.add_argument("--strict", action="store_true",
                    help="exit with status 1 when a target is missed")
    return ap


def find_peers(opt):
    """Name -> program; what is missing is named on stderr and left out."""
    wanted = {"ours": os.environ.get("GUNICORN") or os.path.join(TOP, "build", "gunicorn"),
              BASELINE: "/usr/bin/gunicorn"}
    for pair in opt.peer:
        name, sep, path = pair.partition("=")
        if not sep or not name or not path:
            sys.exit("--peer wants NAME=PROGRAM, not %r" % pair)
        wanted[name] = path
    found = {}
    for name, path in wanted.items():
        full = shutil.which(path)
        if full:
            found[name] = os.path.abspath(full)
        else:
            note("%s is left out: no program %s" % (name, path))
    if not found:
        sys.exit("nothing to measure")
    return found


def note(text):
    NOTES.append(text)
    print("note: " + text, file=sys.stderr, flush=True)


# ----------------------------------------------------------------- processes

def clean_environment():
    env = {k: v for k, v in os.environ.items() if k not in DROPPED_VARIABLES}
    env["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    return env


@contextlib.contextmanager
def app_directory():
    """A copy of apps/, so that byte code written by a run stays out of the source tree."""
    with tempfile.TemporaryDirectory(prefix="gunicorn-bench-") as top:
        path = os.path.join(top, "apps")
        shutil.copytree(os.path.join(HERE, "apps"), path,
                        ignore=shutil.ignore_patterns("__pycache__"))
        yield path


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def stat_fields(pid):
    """Fields of /proc/PID/stat from the third one on, or None when the process is gone."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as fh:
            text = fh.read().decode("latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2:].split()


def descendants(root):
    """root and all processes below it, parents first."""
    children = {}
    for name in os.listdir("/proc"):
        fields = stat_fields(int(name)) if name.isdigit() else None
        if fields and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += sorted(children.get(pid, []))
    return found


def cpu_seconds(pids):
    """User and system time of the processes, all threads, in steps of a clock tick."""
    total = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def cpu_seconds_fine(pids):
    """The same in nanosecond steps, without threads that have ended; None if not provided."""
    total = 0
    for pid in pids:
        try:
            for tid in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as fh:
                    total += int(fh.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            if not os.path.exists("/proc/self/schedstat"):
                return None
    return total / 1e9


def memory_kb(pid):
    """Proportional and private memory of one process in KiB."""
    with open("/proc/%d/smaps_rollup" % pid) as fh:
        rows = dict(re.findall(r"^(\w+):\s+(\d+) kB$", fh.read(), re.M))
    return {"pss": int(rows["Pss"]),
            "uss": int(rows["Private_Clean"]) + int(rows["Private_Dirty"])}


def memory_of(pids):
    """Memory of a server: the first pid is the master. A process may end while we look."""
    total = {"master PSS MiB": 0.0, "workers PSS MiB": 0.0, "PSS MiB": 0.0, "USS MiB": 0.0}
    for index, pid in enumerate(pids):
        try:
            kb = memory_kb(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total["workers PSS MiB" if index else "master PSS MiB"] += kb["pss"] / 1024
        total["PSS MiB"] += kb["pss"] / 1024
        total["USS MiB"] += kb["uss"] / 1024
    return total


class Server:
    """A running server; a context manager that ends it."""

    def __init__(self, argv, port, cwd, core=None):
        self.port = port
        self.log = tempfile.TemporaryFile()
        self.started = time.monotonic()
        # taskset instead of a function between fork and exec: the child stays a vfork.
        prefix = [] if core is None else ["taskset", "-c", str(core)]
        self.process = subprocess.Popen(prefix + argv, cwd=cwd, env=clean_environment(),
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def pids(self):
        return descendants(self.process.pid)

    def output(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def wait_ready(self):
        """Asks until the first 200 and returns the seconds since exec."""
        last = None
        while time.monotonic() - self.started < DEADLINE_S:
            try:
                status = get(self.port)
                if status == 200:
                    return time.monotonic() - self.started
                last = "status %d" % status
            except OSError as exc:
                last = str(exc)
            if self.ended():
                raise Unavailable("it ended: " + self.output()[-500:].strip())
            time.sleep(0.0005)
        raise Unavailable("no answer in %d s (%s)" % (DEADLINE_S, last))

    def wait_workers(self, count):
        """Waits until `count` processes below the master exist."""
        end = time.monotonic() + DEADLINE_S
        while len(self.pids()) < count + 1:
            if time.monotonic() > end:
                raise Unavailable("only %d processes" % len(self.pids()))
            time.sleep(0.01)

    def ended(self):
        """True when the master has ended; it is not reaped, so its number stays its own."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, options) is not None

    def stop(self):
        pid, end = self.process.pid, time.monotonic() + 10
        if not self.ended():
            os.kill(pid, signal.SIGTERM)
        while not self.ended() and time.monotonic() < end:
            time.sleep(0.005)
        # The group is ours alone: the server runs in a session of its own.
        os.killpg(pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


def gunicorn_argv(program, port, workers=1, app="hello:app"):
    return [program, "--workers", str(workers), "--worker-class", "sync",
            "--bind", "127.0.0.1:%d" % port, app]


def get(port):
    """One GET over a connection of its own; the status."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        data = b""
        while True:
            part = sock.recv(65536)
            if not part:
                break
            data += part
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ", data)
    if not match:
        raise OSError("no HTTP response")
    return int(match.group(1))


# -------------------------------------------------------------------- rounds

def run_rounds(peers, rounds, measure, warm_up=True):
    """Calls measure(name, program) -> {metric: number}; returns peer -> metric -> samples.

    The peers take turns and every round begins with another one, so that a busy moment of the
    machine does not hit always the same. The warm-up round fills caches and is not counted.
    """
    samples, dead = {name: {} for name in peers}, {}
    order = list(peers)
    for index in range(-1 if warm_up else 0, rounds):
        turn = index % len(order)
        for name in order[turn:] + order[:turn]:
            if name in dead:
                continue
            try:
                result = measure(name, peers[name])
            except Unavailable as exc:
                dead[name] = str(exc)
                note("%s is left out: %s" % (name, exc))
                continue
            if index >= 0:
                for metric, value in result.items():
                    samples[name].setdefault(metric, []).append(value)
    return {name: rows for name, rows in samples.items() if rows and name not in dead}


def number(value):
    """Three significant figures without an exponent; whole numbers in full."""
    if value == int(value) or abs(value) >= 1000:
        return "%d" % round(value)
    digits = 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return "%.*f" % (digits, value)


def cell(values):
    text = number(statistics.median(values))
    if min(values) != max(values):
        text += " (%s-%s)" % (number(min(values)), number(max(values)))
    return text


def value_of(results, name, metric):
    """The median of one peer, or None."""
    values = results.get(name, {}).get(metric)
    return statistics.median(values) if values else None


def ratio(results, metric):
    """ours / baseline, or None when one of them is missing."""
    ours, base = value_of(results, "ours", metric), value_of(results, BASELINE, metric)
    return ours / base if ours is not None and base else None


# ------------------------------------------------------------------- reports

class Report:
    """Collects tables and targets; prints Markdown, writes JSON."""

    def __init__(self, name, title, opt):
        self.name, self.opt = name, opt
        self.cases, self.targets = {}, []
        load = os.getloadavg()[0]
        self.machine = {"cpus": os.cpu_count(), "kernel": os.uname().release, "load1": load}
        print("## %s\n" % title)
        print("%d processors, Linux %s, load average %.2f when started; median (min-max) of %d "
              "rounds." % (os.cpu_count(), os.uname().release, load, opt.rounds))

    def table(self, case, title, results):
        self.cases[case] = results
        metrics = list(dict.fromkeys(m for rows in results.values() for m in rows))
        print("\n### %s\n" % title)
        print("| peer | %s |" % " | ".join(metrics))
        print("|---%s|" % ("|---:" * len(metrics)))
        for name, rows in results.items():
            print("| %s | %s |" % (name, " | ".join(cell(rows[m]) if m in rows else "-"
                                                    for m in metrics)))
        ratios = [None if m in NO_RATIO else ratio(results, m) for m in metrics]
        if any(r is not None for r in ratios):
            print("| ours / %s | %s |" % (BASELINE, " | ".join(
                "-" if r is None else "%.3f" % r for r in ratios)))
        sys.stdout.flush()

    def target(self, text, value, limit, at_least=False):
        """Remembers a figure that has to be at most (or at least) `limit`."""
        if value is None:
            note("no figure for: " + text)
            return
        met = value >= limit if at_least else value <= limit
        self.targets.append({"text": text, "value": value, "limit": limit,
                             "at_least": at_least, "met": met})

    def finish(self):
        """Prints the targets, writes the file; the exit status."""
        if self.targets:
            print("\n### Targets\n\n| target | bound | measured | met |\n|---|---:|---:|---|")
        for t in self.targets:
            print("| %s | %s %s | %.3f | %s |" % (t["text"], ">=" if t["at_least"] else "<=",
                                                  number(t["limit"]), t["value"],
                                                  "yes" if t["met"] else "**no**"))
        if self.opt.json:
            with open(self.opt.json, "w") as fh:
                json.dump({"benchmark": self.name, "machine": self.machine,
                           "rounds": self.opt.rounds, "duration_s": self.opt.duration,
                           "cases": self.cases, "targets": self.targets,
                           "notes": NOTES}, fh, indent=1)
                fh.write("\n")
        missed = any(not t["met"] for t in self.targets)
        return 1 if self.opt.strict and missed else 0
