"""Load for the measurements of bodies: wrk with a request of our own, or one upload by hand."""
import os
import re
import socket
import subprocess
import time

import common

UWSGI = "uwsgi"
BLOCK = b"\0" * (1 << 20)

# wrk sends these bytes as they are, whatever they are.
SCRIPT = """\
local handle = io.open("%s", "rb")
local bytes = handle:read("*all")
handle:close()
request = function() return bytes end
"""


def processors():
    """One for the server, one for the load; the same when there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        common.note("one processor only: server and load share it")
    return cores[0], cores[-1]


def find_peers(opt):
    """The gunicorns, and uwsgi when it is installed with its plugin."""
    peers = common.find_peers(opt)
    if os.access("/usr/bin/uwsgi", os.X_OK) and os.path.exists(
            "/usr/lib/uwsgi/plugins/python3_plugin.so"):
        peers[UWSGI] = "/usr/bin/uwsgi"
    else:
        common.note("uwsgi is left out: packages uwsgi-core and uwsgi-plugin-python3")
    return peers


def argv_of(name, program, port):
    if name == UWSGI:
        return [program, "--plugin", "python3", "--http-socket", "127.0.0.1:%d" % port,
                "--master", "--processes", "1", "--disable-logging", "--wsgi", "bodies:app"]
    return common.gunicorn_argv(program, port, app="bodies:app")


def run_wrk(folder, port, core, raw, seconds, connections=16):
    """Sends `raw` again and again over connections of its own; the number of answers."""
    data, script = os.path.join(folder, "request"), os.path.join(folder, "wrk.lua")
    with open(data, "wb") as fh:
        fh.write(raw)
    with open(script, "w") as fh:
        fh.write(SCRIPT % data)
    argv = ["taskset", "-c", str(core), "wrk", "-t", "1", "-c", str(connections),
            "-d", "%ds" % seconds, "-s", script, "http://127.0.0.1:%d/" % port]
    try:
        out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=seconds + common.DEADLINE_S).stdout
    except subprocess.TimeoutExpired:
        raise common.Unavailable("wrk does not end") from None
    count = re.search(r"([1-9]\d*) requests in", out)
    if not count or "Non-2xx" in out:
        raise common.Unavailable("bad or no answers; wrk says: " + out.strip())
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return int(count.group(1)), sum(map(int, errors.groups())) if errors else 0


def upload(port, target, size):
    """Sends `size` bytes; the application must have counted them all."""
    with socket.create_connection(("127.0.0.1", port), 120) as sock:
        sock.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n"
                     b"\r\n" % (target.encode(), size))
        left = size
        while left > 0:
            sock.sendall(BLOCK[:min(left, len(BLOCK))])
            left -= min(left, len(BLOCK))
        answer = b""
        while part := sock.recv(65536):
            answer += part
    if not answer.endswith(b"\n%d\n" % size):
        raise common.Unavailable("answered %r" % answer[-100:])


def measured(server, work):
    """Runs work() and returns its result with CPU and wall seconds of the server meanwhile."""
    pids = server.pids()
    cpu, wall = common.cpu_seconds(pids), time.monotonic()
    result = work()
    cpu, wall = common.cpu_seconds(pids) - cpu, time.monotonic() - wall
    if server.pids() != pids:
        raise common.Unavailable("processes came or went during the measurement")
    return result, max(cpu, 1.0 / common.TICKS), wall


def peak_mib(pids):
    """The largest resident size that any of the processes ever had."""
    peak = 0
    for pid in pids:
        with open("/proc/%d/status" % pid) as fh:
            peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", fh.read()).group(1)))
    return peak / 1024
