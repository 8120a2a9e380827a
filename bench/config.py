#!/usr/bin/python3
"""CPU time of the settings compiler: --check-config and its neighbours.

    script/bench config [--rounds N] [--json FILE]

The CPU time is that of the process itself (wait4), user and system. The column "status" shows
the exit status, since a check that fails early is no faster check. All run on one processor, so
that the child which imports the application doesn't wake up another one.
"""
import os
import subprocess
import sys
import time

import common

CONF = "gunicorn_20.conf.py"
IMPORTS = "gunicorn_imports.conf.py"
SETTINGS = ["--workers", "4", "--bind", "127.0.0.1:8000", "--timeout", "60", "--threads", "1",
            "--log-level", "info", "--access-logfile", "-"]
CASES = [
    ("version", "`--version`", ["--version"]),
    ("no_app", "`--check-config` with 6 settings on the command line, no application "
     "(ends with status 1: no application module)", ["--check-config"] + SETTINGS),
    ("app", "`--check-config hello:app`", ["--check-config"] + SETTINGS + ["hello:app"]),
    ("conf", "`--check-config -c` with a 20-line gunicorn.conf.py, and hello:app",
     ["--check-config", "-c", CONF, "hello:app"]),
    ("imports", "`--check-config -c` with a file that imports multiprocessing and logging, "
     "and hello:app", ["--check-config", "-c", IMPORTS, "hello:app"]),
    ("print", "`--print-config -c` with the same file",
     ["--print-config", "-c", CONF, "hello:app"]),
]


def measure(argv, cwd):
    started = time.monotonic()
    # vfork and exec: what this process has mapped does not count as time of the child.
    child = subprocess.Popen(argv, cwd=cwd, env=common.clean_environment(),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return {"CPU ms": (usage.ru_utime + usage.ru_stime) * 1e3,
            "wall ms": (time.monotonic() - started) * 1e3,
            "status": child.returncode}


def main():
    opt = common.parser(__doc__.splitlines()[0], rounds=15).parse_args()
    peers = common.find_peers(opt)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = common.Report("config", "CPU time of the settings compiler", opt)
    with common.app_directory() as cwd:
        for case, title, args in CASES:
            results = common.run_rounds(peers, opt.rounds,
                                        lambda _, path: measure([path] + args, cwd))
            report.table(case, title, results)
            if case == "no_app":
                report.target("check without Python content, CPU ms",
                              common.value_of(results, "ours", "CPU ms"), 5.0)
            if case == "conf":
                report.target("check with a 20-line file, CPU, ours / Debian's",
                              common.ratio(results, "CPU ms"), 0.1)
            if case == "imports":
                report.target("check with a file that imports, CPU, ours / Debian's",
                              common.ratio(results, "CPU ms"), 0.25)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
