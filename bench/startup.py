#!/usr/bin/python3
"""Time from exec to the first response of the hello application, and the CPU time spent by then.

    script/bench startup [--rounds N] [--json FILE]
"""
import sys

import common


def measure(program, cwd):
    port = common.free_port()
    with common.Server(common.gunicorn_argv(program, port), port, cwd) as server:
        seconds = server.wait_ready()
        pids = server.pids()
        cpu = common.cpu_seconds_fine(pids)
        if cpu is None:
            cpu = common.cpu_seconds(pids)
        return {"first response ms": seconds * 1e3, "CPU ms": cpu * 1e3}


def main():
    opt = common.parser(__doc__.splitlines()[0], rounds=15).parse_args()
    peers = common.find_peers(opt)
    report = common.Report("startup", "Start to first response", opt)
    with common.app_directory() as cwd:
        results = common.run_rounds(peers, opt.rounds, lambda _, path: measure(path, cwd))
    report.table("hello", "hello, 1 sync worker", results)
    report.target("start to first response, ours / Debian's",
                  common.ratio(results, "first response ms"), 0.2)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
