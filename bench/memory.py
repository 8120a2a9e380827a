#!/usr/bin/python3
"""Memory of master and sync workers after the first answers of the hello application.

    script/bench memory [--rounds N] [--json FILE]
"""
import sys

import common

# Enough that every worker answers some; memory grows with the first requests only.
REQUESTS_PER_WORKER = 50


def measure(program, workers, cwd):
    port = common.free_port()
    argv = common.gunicorn_argv(program, port, workers)
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
        for workers in (1, 4):
            results = common.run_rounds(peers, opt.rounds,
                                        lambda _, path: measure(path, workers, cwd))
            report.table("%d" % workers, "hello, master and %d sync worker(s)" % workers, results)
            report.target("PSS with %d worker(s), ours / Debian's" % workers,
                          common.ratio(results, "PSS MiB"), 0.5)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
