#!/usr/bin/python3
"""Request bodies: throughput per CPU second of the server, and memory of a large upload.

    script/bench upload [--rounds N] [--duration S] [--case NAME] [--json FILE]

One sync worker, a connection per request. Server and load are pinned to a processor each. "MB/CPU s"
is what the applications have read, divided by the CPU time of master and workers; bodies of 64 KiB
and 1 MiB come from wrk and are read at once, those of 100 MiB and 1 GiB are sent one by one and read
in pieces of 64 KiB, as frameworks do.
"""
import sys

import common
import load

KIB, MIB = 1 << 10, 1 << 20
HEAD = (b"POST /whole HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/octet-stream\r\n")


def with_length(size):
    return HEAD + b"Content-Length: %d\r\n\r\n" % size + b"\0" * size


def in_chunks(size, chunk):
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" \
        + (b"%x\r\n" % chunk + b"\0" * chunk + b"\r\n") * (size // chunk) + b"0\r\n\r\n"


def by_wrk(size, raw):
    def run(server, folder, core, opt):
        load.run_wrk(folder, server.port, core, raw, 1)
        (count, errors), cpu, wall = load.measured(
            server, lambda: load.run_wrk(folder, server.port, core, raw, opt.duration))
        return {"MB/CPU s": size * count / cpu / 1e6, "us/request": cpu / count * 1e6,
                "busy": cpu / wall, "socket errors": errors}
    return run


def by_hand(size, times):
    def run(server, _folder, _core, _opt):
        load.upload(server.port, "/pieces", MIB)
        before = load.peak_mib(server.pids())

        def work():
            for _ in range(times):
                load.upload(server.port, "/pieces", size)
        _, cpu, wall = load.measured(server, work)
        return {"MB/CPU s": size * times / cpu / 1e6, "busy": cpu / wall,
                "growth MiB": load.peak_mib(server.pids()) - before}
    return run


CASES = {
    "64 KiB": (by_wrk(64 * KIB, with_length(64 * KIB)), ()),
    "1 MiB": (by_wrk(MIB, with_length(MIB)), ()),
    "1 MiB in chunks of 16 KiB": (by_wrk(MIB, in_chunks(MIB, 16 * KIB)), (load.UWSGI,)),
    "1 MiB in chunks of 1 KiB": (by_wrk(MIB, in_chunks(MIB, KIB)), (load.UWSGI,)),
    "100 MiB": (by_hand(100 * MIB, 5), ()),
    "1 GiB": (by_hand(1024 * MIB, 1), ()),
}


def measure(case, name, program, cwd):
    server_core, load_core = load.processors()
    port = common.free_port()
    with common.Server(load.argv_of(name, program, port), port, cwd, server_core) as server:
        server.wait_ready()
        return CASES[case][0](server, cwd, load_core, measure.opt)


def main():
    ap = common.parser(__doc__.splitlines()[0], rounds=3, duration=3)
    ap.add_argument("--case", choices=sorted(CASES), action="append",
                    help="only this one (may be repeated)")
    measure.opt = opt = ap.parse_args()
    peers = load.find_peers(opt)
    report = common.Report("upload", "Request bodies per CPU second", opt)
    with common.app_directory() as cwd:
        for case, (_, without) in CASES.items():
            if opt.case and case not in opt.case:
                continue
            # uwsgi reads chunked bodies by an interface of its own only.
            chosen = {name: path for name, path in peers.items() if name not in without}
            results = common.run_rounds(
                chosen, opt.rounds, lambda name, path: measure(case, name, path, cwd),
                warm_up=False)
            report.table(case, "%s, sync, %g s" % (case, opt.duration), results)
            report.target("%s: MB per CPU second, ours / Debian's" % case,
                          common.ratio(results, "MB/CPU s"), 5.0, at_least=True)
            if "GiB" in case:
                report.target("%s: growth of the largest process in MiB, ours" % case,
                              common.value_of(results, "ours", "growth MiB"), 1.0)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
