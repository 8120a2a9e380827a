#!/usr/bin/python3
"""Who runs a request in gthread: keep-alive clients against applications of different speed.

    script/bench policy [--rounds N] [--duration S] [--connections N] [--threads N] [--json FILE]

The applications are those of bench/apps/policy.py: tiny, 1 ms of Python work, 10 ms of sleep, one
slow request of a hundred, and tiny beside a thread that computes all the time. Server and wrk are
pinned as in bench/hello.py, whose measure of CPU time per request is used.
"""
import shutil
import sys

import common
import hello

APPS = ("tiny", "cpu_1ms", "sleep_10ms", "rarely_slow", "busy_background")


def measure(app, program, cwd, opt):
    server_core, wrk_core = hello.processors()
    port = common.free_port()
    argv = common.gunicorn_argv(program, port, app="policy:" + app)
    argv[1:1] = ["-k", "gthread", "--threads", str(opt.threads)]
    with common.Server(argv, port, cwd, server_core) as server:
        server.wait_ready()
        hello.run_wrk(port, wrk_core, opt.connections, 1, keep_alive=True)
        pids = server.pids()
        cpu = common.cpu_seconds(pids)
        said = hello.run_wrk(port, wrk_core, opt.connections, opt.duration, keep_alive=True)
        cpu = common.cpu_seconds(pids) - cpu
    return {"us/request": cpu / said["requests"] * 1e6,
            "requests/s": said["requests"] / opt.duration,
            "p50 ms": said["p50"], "p99 ms": said["p99"],
            "errors": said["errors"] + said["bad"]}


def main():
    ap = common.parser(__doc__.splitlines()[0], rounds=3, duration=3)
    ap.add_argument("--connections", type=common.positive(int), default=32,
                    help="connections that wrk keeps busy (default: %(default)s)")
    ap.add_argument("--threads", type=common.positive(int), default=4,
                    help="the setting (default: %(default)s)")
    opt = ap.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing (Debian package wrk)")
    peers = common.find_peers(opt)
    report = common.Report("policy", "Who runs a request in gthread", opt)
    with common.app_directory() as cwd:
        for app in APPS:
            results = common.run_rounds(peers, opt.rounds,
                                        lambda name, path, app=app: measure(app, path, cwd, opt),
                                        warm_up=False)
            report.table(app, "%s, keep-alive, 1 worker, %d threads, %d connections, %g s"
                         % (app, opt.threads, opt.connections, opt.duration), results)
            report.target(app + ": requests/s, ours / Debian's",
                          common.ratio(results, "requests/s"), 1.0, at_least=True)
            report.target(app + ": errors, ours", common.value_of(results, "ours", "errors"), 0)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
