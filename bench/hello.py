#!/usr/bin/python3
"""Requests per CPU second: hello application, connection per request, one sync worker.

    script/bench hello [--rounds N] [--duration S] [--connections N] [--json FILE]

The server is pinned to one processor and wrk to another one. "us/request" is the CPU time of
master and workers from /proc/PID/stat over the measured interval, divided by the answers wrk has
counted; it is the figure to compare on a machine that others use. "busy" is that CPU time over
the wall time: when it is well below 1, requests/s says little about the server.
"""
import os
import re
import shutil
import subprocess
import sys
import time

import common

LIMIT = "limit_epoll"


def processors():
    """One for the server, one for wrk; the same when there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        common.note("one processor only: server and wrk share it")
    return cores[0], cores[-1]


def milliseconds(text):
    value, unit = re.fullmatch(r"([0-9.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]


def percentile(out, percent):
    """A row of wrk's latency distribution, which other lines with a % in them are not."""
    return milliseconds(re.search(r"^ +%d%% +(\S+)$" % percent, out, re.M).group(1))


def run_wrk(port, core, connections, seconds, keep_alive=False):
    """Runs wrk and returns what it says."""
    argv = ["taskset", "-c", str(core), "wrk", "-t", "1", "-c", str(connections),
            "-d", "%ds" % seconds, "--latency",
            "-H", "Connection: " + ("keep-alive" if keep_alive else "close"),
            "http://127.0.0.1:%d/" % port]
    try:
        out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=seconds + common.DEADLINE_S).stdout
    except subprocess.TimeoutExpired:
        raise common.Unavailable("wrk does not end") from None
    count = re.search(r"([1-9]\d*) requests in", out)
    if not count:
        raise common.Unavailable("no answers; wrk says: " + out.strip())
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {"requests": int(count.group(1)),
            "p50": percentile(out, 50),
            "p99": percentile(out, 99),
            "errors": sum(map(int, errors.groups())) if errors else 0,
            "bad": int(bad.group(1)) if bad else 0}


def argv_of(name, program, port):
    if name == LIMIT:
        return [program, str(port)]
    return common.gunicorn_argv(program, port)


def measure(name, program, cwd, opt):
    server_core, wrk_core = processors()
    port = common.free_port()
    with common.Server(argv_of(name, program, port), port, cwd, server_core) as server:
        server.wait_ready()
        run_wrk(port, wrk_core, opt.connections, 1)
        pids = server.pids()
        cpu, wall = common.cpu_seconds(pids), time.monotonic()
        said = run_wrk(port, wrk_core, opt.connections, opt.duration)
        # Before the list is taken again: a dead worker would take its time with it.
        cpu, wall = common.cpu_seconds(pids) - cpu, time.monotonic() - wall
        if server.pids() != pids:
            raise common.Unavailable("processes came or went during the measurement")
        memory = common.memory_of(pids)
    requests = max(said["requests"], 1)
    return {"us/request": cpu / requests * 1e6,
            "requests/CPU s": requests / max(cpu, 1.0 / common.TICKS),
            "requests/s": requests / opt.duration,
            "busy": cpu / wall, "p50 ms": said["p50"], "p99 ms": said["p99"],
            "socket errors": said["errors"], "bad status": said["bad"],
            "PSS MiB": memory["PSS MiB"], "USS MiB": memory["USS MiB"]}


def add_limit(peers):
    """The C server without Python, when it has been built: what the kernel and wrk allow."""
    for folder in (os.environ.get("BENCH_BUILD"), os.path.join(common.TOP, "build", "bench")):
        path = os.path.join(folder, LIMIT) if folder else None
        if path and os.access(path, os.X_OK):
            peers[LIMIT] = path
            return
    common.note("%s is left out: not built (make bench-limits)" % LIMIT)


def main():
    ap = common.parser(__doc__.splitlines()[0], rounds=5, duration=5)
    ap.add_argument("--connections", type=common.positive(int), default=32,
                    help="connections that wrk keeps busy (default: %(default)s)")
    opt = ap.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing (Debian package wrk)")
    peers = common.find_peers(opt)
    add_limit(peers)
    report = common.Report("hello", "Requests per CPU second", opt)
    with common.app_directory() as cwd:
        results = common.run_rounds(peers, opt.rounds,
                                    lambda name, path: measure(name, path, cwd, opt),
                                    warm_up=False)
    report.table("hello", "hello, connection per request, 1 sync worker, %d connections, %g s"
                 % (opt.connections, opt.duration), results)
    report.target("requests per CPU second, ours / Debian's",
                  common.ratio(results, "requests/CPU s"), 4.0, at_least=True)
    report.target("PSS of master and worker, ours / Debian's",
                  common.ratio(results, "PSS MiB"), 0.5)
    for failed in ("socket errors", "bad status"):
        report.target(failed + ", ours", common.value_of(results, "ours", failed), 0)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
