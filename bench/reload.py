#!/usr/bin/python3
"""Reload under load: how long until the whole new generation serves, and what is lost meanwhile.

    script/bench reload [--rounds N] [--json FILE]

Four sync workers, clients that open a connection for every request and count what is not answered.
"whole s": from HUP until all four new workers have loaded the application. "switched s": from HUP to
the last answer with the old version.
"""
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import time

import common

WORKERS = 4
CLIENTS = 3
CALM_S = 0.3  # of load before HUP, and after the last new worker is there
CONTEXT = multiprocessing.get_context("fork")


def version_of(port):
    """The body of one answer; OSError when it isn't one."""
    with socket.create_connection(("127.0.0.1", port), common.DEADLINE_S) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        data = b""
        while True:
            part = sock.recv(65536)
            if not part:
                break
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0] + b" " or not body:
        raise OSError("no answer")
    return body


def client(port, stop, results):
    """Asks until told to stop: how many answers, how many failures, when the last old answer came."""
    answers = failures = 0
    last_old = 0.0
    while not stop.is_set():
        try:
            if version_of(port) == b"1":
                last_old = time.monotonic()
            answers += 1
        except OSError:
            failures += 1
    results.put((answers, failures, last_old))


def loaded(cwd, version):
    """When each worker has loaded this version of the application."""
    try:
        with open(os.path.join(cwd, "loaded")) as handle:
            rows = [line.split() for line in handle.read().splitlines()]
    except FileNotFoundError:
        return []
    return [float(moment) for _, text, moment in rows if text == version]


def wait_loaded(server, cwd, version):
    end = time.monotonic() + common.DEADLINE_S
    while len(loaded(cwd, version)) < WORKERS:
        if time.monotonic() > end or server.ended():
            raise common.Unavailable("not all workers came up: " + server.output()[-500:])
        time.sleep(0.001)
    return max(sorted(loaded(cwd, version))[:WORKERS])


def set_version(cwd, text):
    with open(os.path.join(cwd, "version.new"), "w") as handle:
        handle.write(text)
    os.rename(os.path.join(cwd, "version.new"), os.path.join(cwd, "version"))


def argv_of(name, path, port):
    if name == "uwsgi":
        return [path, "--plugin", "python3", "--http-socket", "127.0.0.1:%d" % port, "--master",
                "--processes", str(WORKERS), "--lazy-apps", "--module", "versioned:app",
                "--disable-logging"]
    return common.gunicorn_argv(path, port, WORKERS, "versioned:app")


def measure(name, path, cwd):
    port = common.free_port()
    with open(os.path.join(cwd, "loaded"), "w"):
        pass
    set_version(cwd, "1")
    with common.Server(argv_of(name, path, port), port, cwd) as server:
        server.wait_ready()
        wait_loaded(server, cwd, "1")
        stop, results = CONTEXT.Event(), CONTEXT.Queue()
        clients = [CONTEXT.Process(target=client, args=(port, stop, results))
                   for _ in range(CLIENTS)]
        for process in clients:
            process.start()
        time.sleep(CALM_S)
        set_version(cwd, "2")
        begin = time.monotonic()
        os.kill(server.process.pid, signal.SIGHUP)
        try:
            whole = wait_loaded(server, cwd, "2")
            time.sleep(CALM_S)
        finally:
            stop.set()
            rows = [results.get(timeout=2 * common.DEADLINE_S) for _ in clients]
            for process in clients:
                process.join()
    return {"whole s": whole - begin, "switched s": max(row[2] for row in rows) - begin,
            "failed": sum(row[1] for row in rows), "answered": sum(row[0] for row in rows)}


def main():
    opt = common.parser(__doc__.splitlines()[0], rounds=7).parse_args()
    peers = common.find_peers(opt)
    uwsgi = shutil.which("uwsgi")
    if uwsgi:
        peers["uwsgi"] = uwsgi
    else:
        common.note("uwsgi is left out: no such program")
    report = common.Report("reload", "Reload", opt)
    with common.app_directory() as cwd:
        results = common.run_rounds(peers, opt.rounds,
                                    lambda name, path: measure(name, path, cwd))
        report.table("reload", "HUP, %d sync workers, %d clients" % (WORKERS, CLIENTS), results)
        report.target("failed requests", max(results["ours"]["failed"]) if "ours" in results
                      else None, 0)
        report.target("time to the whole new generation, ours / Debian's",
                      common.ratio(results, "whole s"), 0.25)
        theirs = common.value_of(results, "uwsgi", "whole s")
        ours = common.value_of(results, "ours", "whole s")
        report.target("the same, ours / uwsgi's", ours / theirs if ours and theirs else None, 0.25)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
