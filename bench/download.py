#!/usr/bin/python3
"""Response bodies: CPU time of the server per response.

    script/bench download [--rounds N] [--duration S] [--case NAME] [--json FILE]

One sync worker, a connection per request, server and wrk pinned to a processor each: a file of 4 MiB
through wsgi.file_wrapper, 100 pieces of 1 KiB from a generator (each leaves before the next one is
asked for), and the same from a list.
"""
import os
import sys

import common
import load

CASES = {
    "4 MiB file": (b"/file", 1.3),
    "100 chunks from a generator": (b"/generator", 1.8),
    "100 chunks from a list": (b"/list", 4.0),
}


def measure(case, name, program, cwd, opt):
    server_core, load_core = load.processors()
    port = common.free_port()
    raw = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % CASES[case][0]
    with common.Server(load.argv_of(name, program, port), port, cwd, server_core) as server:
        server.wait_ready()
        load.run_wrk(cwd, port, load_core, raw, 1)
        (count, errors), cpu, wall = load.measured(
            server, lambda: load.run_wrk(cwd, port, load_core, raw, opt.duration))
    return {"us/request": cpu / count * 1e6, "requests/s": count / wall, "busy": cpu / wall,
            "socket errors": errors}


def main():
    ap = common.parser(__doc__.splitlines()[0], rounds=3, duration=3)
    ap.add_argument("--case", choices=sorted(CASES), action="append",
                    help="only this one (may be repeated)")
    opt = ap.parse_args()
    peers = load.find_peers(opt)
    report = common.Report("download", "CPU time per response body", opt)
    with common.app_directory() as cwd:
        with open(os.path.join(cwd, "file.bin"), "wb") as fh:
            fh.write(os.urandom(4 << 20))
        for case, (_, factor) in CASES.items():
            if opt.case and case not in opt.case:
                continue
            results = common.run_rounds(
                peers, opt.rounds, lambda name, path: measure(case, name, path, cwd, opt),
                warm_up=False)
            report.table(case, "%s, sync, %g s" % (case, opt.duration), results)
            report.target("%s: CPU per response, ours / Debian's" % case,
                          common.ratio(results, "us/request"), 1 / factor)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
