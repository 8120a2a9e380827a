#!/usr/bin/python3
"""The request parser: nanoseconds per head, GB/s of chunked bodies.

    script/bench parse [--rounds N] [--json FILE] [--strict]

Both parsers are measured in one process, by turns, on the same bytes: bench/parse.c says what is
called. A target is met by the figure itself, or by at most 1.3 times that of libhttp-parser.
"""
import os
import subprocess
import sys

import common

PEER = "libhttp-parser"
BUILD = os.environ.get("BENCH_BUILD") or os.path.join(common.TOP, "build")
PROGRAM = os.path.join(BUILD, "bench", "parse")
TARGETS_NS = {3: 150, 15: 600}
TITLES = {"head": ("%d fields", "ns per head"), "policy": ("%d fields", "ns of trust and names"),
          "body": ("chunks of %d bytes", "GB/s")}


def measure():
    """{what: {size: {parser: figure}}} of one run."""
    figures = {}
    for line in subprocess.run([PROGRAM], stdout=subprocess.PIPE, text=True,
                               check=True).stdout.splitlines():
        what, size, name, value = line.split()
        figures.setdefault(what, {}).setdefault(int(size), {})[name] = float(value)
    return figures


def main():
    opt = common.parser(__doc__.splitlines()[0], rounds=5).parse_args()
    subprocess.run(["make", "-C", BUILD, "-s", "bench/parse"], check=True)
    common.BASELINE = PEER
    report = common.Report("parse", "The request parser", opt)
    results = {}
    for _ in range(opt.rounds):
        for what, sizes in measure().items():
            for size, row in sizes.items():
                for name, value in row.items():
                    rows = results.setdefault(what, {}).setdefault(name, {})
                    rows.setdefault(size, []).append(value)
    if PEER not in results["head"]:
        common.note("%s is left out: it was not there when bench/parse was built" % PEER)
    for what, peers in results.items():
        column, unit = TITLES[what]
        report.table(what, unit, {name: {column % size: values for size, values in rows.items()}
                                  for name, rows in peers.items()})
    for size, limit in TARGETS_NS.items():
        ours, theirs = (common.value_of(results["head"], name, size) for name in ("ours", PEER))
        bound = max(limit, 1.3 * theirs) if theirs else limit
        report.target("ns per head of %d fields" % size, ours, bound)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
