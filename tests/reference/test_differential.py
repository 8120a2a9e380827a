"""The server's request parser and the reference parser of this folder say the same.

Inputs come from a generator with a fixed seed, so that a run can be repeated. As a program it runs
longer, and prints every difference:

    test_differential.py [--seconds N] [--seed N] [--driver PROGRAM]
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import http_generator  # noqa: E402
import http_reference  # noqa: E402

SOURCE = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("GN_TOP_BUILDDIR") or SOURCE / "build")
DRIVER = BUILD / "tests" / "reference" / "http_events"
CORPUS = SOURCE / "tests" / "corpus" / "requests"
BATCH = 1000
BATCHES = 50


def record(data, options, step):
    switches = sum(getattr(options, name) << bit
                   for bit, name in enumerate(http_reference.Options.SWITCHES))
    rest = struct.pack(">BBHHHQ", switches, step, options.request_line, options.fields,
                       options.field_size, options.body) + data
    return struct.pack(">I", len(rest)) + rest


def run_driver(records, driver=DRIVER):
    """One list of events per record."""
    result = subprocess.run([str(driver)], input=b"".join(records), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=600, check=False)
    assert result.returncode == 0, result.stderr.decode()
    lines = result.stdout.decode("ascii").splitlines()
    assert len(lines) == len(records)
    return [json.loads(line) for line in lines]


def as_text(value):
    """Bytes in the form of the driver's texts."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return [as_text(item) for item in value] if isinstance(value, list) else value


def difference(got, wanted):
    """What differs in two lists of events, or None."""
    for ours, theirs in zip(got, wanted):
        if ours["event"] != theirs["event"]:
            return "%s instead of %s" % (ours, theirs)
        for key, value in theirs.items():
            if ours[key] != as_text(value):
                return "%s: %r instead of %r" % (key, ours[key], as_text(value))
        unknown = set(ours) - set(theirs) - {"id", "message"}
        if unknown:
            return "the reference does not know %s" % unknown
    return None if len(got) == len(wanted) else "%d events instead of %d" % (len(got), len(wanted))


def corpus_inputs():
    """The inputs of tests/corpus/requests that are written out, as seeds."""
    seeds, lines = [], []
    for path in sorted(CORPUS.glob("*.txt")):
        for line in path.read_text(encoding="ascii").splitlines() + [""]:
            if line.startswith('in "'):
                text = line[4:-1].replace('\\"', '"')
                lines.append(text.encode("ascii").decode("unicode_escape").encode("latin-1"))
            elif line.startswith("case ") or not line:
                if lines:
                    seeds.append(b"".join(lines))
                lines = []
    return seeds


def compare(inputs, driver=DRIVER):
    """Differences as texts, and how many inputs ended with which event."""
    records = [record(data, options, step) for data, options, step in inputs]
    found, kinds = [], {}
    for (data, options, step), got in zip(inputs, run_driver(records, driver)):
        wanted = http_reference.read_connection(data, options)
        last = wanted[-1]["event"]
        kinds[last] = kinds.get(last, 0) + 1
        what = difference(got, wanted)
        if what:
            settings = {k: v for k, v in vars(options).items()
                        if v != vars(http_reference.Options())[k]}
            found.append("%r with %r in pieces of %d: %s" % (data, settings, step, what))
    return found, kinds


def batch(generator, seeds):
    inputs = []
    for _ in range(BATCH):
        data, options = generator.input(seeds)
        inputs.append((data, options, generator.one([0, 0, 1, 2, 7, 255]) if len(data) < 2000 else 0))
    return inputs


def test_corpus():
    """The reference agrees on the cases that were thought of, under their usual settings."""
    seeds = corpus_inputs()
    assert len(seeds) > 500
    found, kinds = compare([(data, http_reference.Options(), 0) for data in seeds])
    assert not found, "\n".join(found[:10])
    assert min(kinds[kind] for kind in ("error", "more", "end", "closed")) > 5


def test_generated_requests():
    generator, seeds, total = http_generator.Generator(9112), corpus_inputs(), {}
    for _ in range(BATCHES):
        found, kinds = compare(batch(generator, seeds))
        assert not found, "\n".join(found[:10])
        for kind, count in kinds.items():
            total[kind] = total.get(kind, 0) + count
    # Neither all right nor all wrong: a generator that lost its way proves nothing.
    assert sum(total.values()) == BATCH * BATCHES
    assert min(total[kind] for kind in ("error", "more", "end", "closed")) > BATCH * BATCHES // 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xffffffff)
    parser.add_argument("--driver", default=DRIVER)
    args = parser.parse_args()
    generator, seeds = http_generator.Generator(args.seed), corpus_inputs()
    end, count, differences, total = time.monotonic() + args.seconds, 0, 0, {}
    while time.monotonic() < end:
        found, kinds = compare(batch(generator, seeds), args.driver)
        for text in found:
            print(text)
        count, differences = count + BATCH, differences + len(found)
        for kind, number in kinds.items():
            total[kind] = total.get(kind, 0) + number
    print("seed %d: %d inputs %r, %d differences" % (args.seed, count, total, differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
