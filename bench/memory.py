#!/usr/bin/python3
"""Memory of master and sync workers after their first answers: hello, Django, Django preloaded.

    script/bench memory [--rounds N] [--json FILE]
"""
import importlib.util
import sys

import common

# Enough that every worker answers some; memory grows with the first requests only.
REQUESTS_PER_WORKER = 50

CASES = [("hello", "hello:app", []), ("Django", "django_hello:app", []),
         ("Django preloaded", "django_hello:app", ["--preload"])]


def measure(program, workers, app, options, cwd):
    port = common.free_port()
    argv = common.gunicorn_argv(program, port, workers, app)
    argv[1:1] = options
    with common.Server(argv, port, cwd) as server:
        server.wait_ready()
        server.wait_workers(workers)
        for _ in range(REQUESTS_PER_WORKER * workers):
            common.get(port)
        return common.memory_of(server.pids())


def main():
    opt = common.parser(__doc__.splitlines()[0], rounds=3).parse_args()
    peers = common.find_peers(opt)
    report = common.Report("memory", "Memory", opt)
    with common.app_directory() as cwd:
        for title, app, options in CASES:
            if app.startswith("django") and importlib.util.find_spec("django") is None:
                common.note("%s is left out: no Django" % title)
                continue
            for workers in (1, 4, 16):
                results = common.run_rounds(
                    peers, opt.rounds,
                    lambda _, path: measure(path, workers, app, options, cwd))
                report.table("%s %d" % (title, workers),
                             "%s, master and %d sync worker(s)" % (title, workers), results)
                report.target("PSS of %s with %d worker(s), ours / Debian's" % (title, workers),
                              common.ratio(results, "PSS MiB"), 0.5)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
