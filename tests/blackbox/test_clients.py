"""Command line clients and load generators, as they come with Debian."""

import hashlib
import os
import random
import re
import subprocess

import pytest

from support.server import app_source

PAYLOAD = random.Random(31).randbytes(700000)

APP = app_source("probe") + '''

@route
def ranged(environ, start_response):
    """One range of the payload, by a file wrapper."""
    size = os.path.getsize(os.path.join(HERE, "payload"))
    handle = open(os.path.join(HERE, "payload"), "rb")
    first, last, status = 0, size - 1, "200 OK"
    if "HTTP_RANGE" in environ:
        words = environ["HTTP_RANGE"].partition("=")[2].split("-")
        first = int(words[0]) if words[0] else size - int(words[1])
        last = min(int(words[1]), last) if words[0] and words[1] else last
        status = "206 Partial Content"
        handle.seek(first)
    start_response(status, [("Content-Length", str(last + 1 - first)), ("Accept-Ranges", "bytes"),
                            ("Content-Range", "bytes %d-%d/%d" % (first, last, size))])
    return environ["wsgi.file_wrapper"](handle)
'''


@pytest.fixture(scope="module")
def both(shared_site):
    """A server of each kind, by its name."""
    shared_site.dir.write("payload", PAYLOAD)
    shared_site.dir.write("small", b"small body")
    threads = {"sync": "1", "gthread": "4"}
    return {kind: shared_site.start("app:app", "-k", kind, "--threads", count,
                                    files={"app.py": APP}) for kind, count in threads.items()}


@pytest.fixture(params=["sync", "gthread"])
def server(both, request):
    return both[request.param]


@pytest.fixture
def keeping(both):
    """The one that keeps connections."""
    return both["gthread"]


def url(server, target):
    return "http://127.0.0.1:%d%s" % (server.address[1], target)


def run(*argv, cwd=None):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=50,
                          check=False, cwd=cwd)
    assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
    return done


def curl(server, target, *args):
    done = run("curl", "-sS", "-v", "--max-time", "40", *args, url(server, target))
    return done.stdout, done.stderr.decode("latin-1")


# -- curl

def digest_of(data):
    return '"size": %d, "sha256": "%s"' % (len(data), hashlib.sha256(data).hexdigest())


def test_curl_upload_waits_for_continue(server):
    """curl asks before it sends more than a megabyte; here at once, by a field of ours."""
    out, told = curl(server, "/upload", "-H", "Expect: 100-continue", "--expect100-timeout", "40",
                     "--data-binary", "@" + str(server.dir / "payload"))
    assert digest_of(PAYLOAD) in out.decode()
    assert "HTTP/1.1 100 Continue" in told


def test_curl_put(server):
    out, _ = curl(server, "/upload", "-T", str(server.dir / "payload"))
    assert digest_of(PAYLOAD) in out.decode()


@pytest.mark.parametrize("expect", [(), ("-H", "Expect:")], ids=["expect", "at-once"])
def test_curl_chunked_upload(expect, server):
    out, told = curl(server, "/upload", "-H", "Transfer-Encoding: chunked", *expect,
                     "--data-binary", "@" + str(server.dir / "payload"))
    assert digest_of(PAYLOAD) in out.decode()
    assert "> Transfer-Encoding: chunked" in told


def test_curl_upload_that_nobody_reads(server):
    out, told = curl(server, "/unread", "-H", "Expect: 100-continue", "--expect100-timeout", "40",
                     "--data-binary", "@" + str(server.dir / "payload"))
    assert out == b"not read"
    assert "100 Continue" not in told


def test_curl_head(server):
    out, _ = curl(server, "/ranged", "-I")
    assert b"Content-Length: 700000\r\n" in out


@pytest.mark.parametrize("wanted,first,end", [("0-99", 0, 100), ("699990-", 699990, 700000),
                                              ("-5", 699995, 700000), ("1000-65999", 1000, 66000)])
def test_curl_range(wanted, first, end, server):
    out, told = curl(server, "/ranged", "-r", wanted)
    assert out == PAYLOAD[first:end]
    assert "HTTP/1.1 206 Partial Content" in told


def test_curl_resumes_a_download(server):
    path = server.dir.write("partial", PAYLOAD[:123456])
    curl(server, "/ranged", "-C", "-", "-o", path)
    with open(path, "rb") as handle:
        assert handle.read() == PAYLOAD


@pytest.mark.parametrize("kind,version,again", [
    ("gthread", "--http1.1", 1), ("sync", "--http1.1", 0),
    ("gthread", "--http1.0", 0)])  # HTTP/1.0 without a length ends with the connection
def test_curl_uses_a_connection_again_when_it_may(kind, version, again, both):
    _, told = curl(both[kind], "/generator", version, "-o", os.devnull, "-o", os.devnull,
                   url(both[kind], "/hello"))
    assert told.count("Re-using existing connection") == again


def test_curl_form(server):
    out, _ = curl(server, "/echo", "-F", "file=@" + str(server.dir / "payload"))
    assert PAYLOAD in out


# -- load

def run_ab(server, *args):
    out = run("ab", "-q", "-n", "400", "-c", "8", *args).stdout.decode()
    assert re.search(r"^Complete requests: +400$", out, re.M), out
    assert re.search(r"^Failed requests: +0$", out, re.M), out
    assert "Non-2xx" not in out, out
    return out


@pytest.mark.parametrize("kind,args,kept", [("sync", (), 0), ("sync", ("-k",), 0),
                                            ("gthread", (), 0), ("gthread", ("-k",), 400)])
def test_ab(kind, args, kept, both):
    out = run_ab(both[kind], *args, url(both[kind], "/hello"))
    found = re.search(r"^Keep-Alive requests: +(\d+)$", out, re.M)
    assert int(found.group(1) if found else 0) == kept


def test_ab_posts(server):
    run_ab(server, "-p", str(server.dir / "small"), "-T", "text/plain", url(server, "/echo"))


@pytest.mark.parametrize("target", ["/hello", "/generator", "/ranged"])
def test_wrk(target, server):
    out = run("wrk", "-t1", "-c8", "-d1s", url(server, target)).stdout.decode()
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 0, out
    assert "Socket errors" not in out and "Non-2xx" not in out, out


def succeeded(*args):
    out = run("h2load", "--h1", *args).stdout
    found = re.search(rb"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, "
                      rb"(\d+) failed", out)
    assert found, out
    return int(found.group(1)), int(found.group(2))


@pytest.mark.parametrize("depth", ["1", "10"], ids=["one", "pipelined"])
def test_h2load(depth, keeping):
    assert succeeded("-n", "400", "-c", "4", "-m", depth, url(keeping, "/hello")) == (400, 0)


def test_h2load_posts(keeping):
    assert succeeded("-n", "200", "-c", "4", "-d", str(keeping.dir / "small"),
                     url(keeping, "/echo")) == (200, 0)


def test_h2load_with_a_server_that_closes(both):
    """Each connection is answered once; what was sent behind that gets no answer."""
    assert succeeded("-n", "4", "-c", "4", url(both["sync"], "/hello")) == (4, 0)
