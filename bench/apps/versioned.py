"""Answers with the version that was in the file `version` when it was loaded, and notes loading."""
import os
import time

with open("version") as handle:
    VERSION = handle.read().encode()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(len(VERSION)))])
    return [VERSION]


# One write, so that lines of several workers don't mix. The monotonic clock is one for all processes.
with open("loaded", "ab", buffering=0) as handle:
    handle.write(b"%d %s %.6f\n" % (os.getpid(), VERSION, time.monotonic()))
