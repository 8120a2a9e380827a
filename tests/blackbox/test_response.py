"""Responses: what applications may give, what leaves, and who tidies up."""

import contextlib
import os
import random
import re

import pytest

from support import client, procs
from support.client import Response
from support.server import app_source

PAYLOAD = random.Random(11).randbytes(200000)
LINES = b"first line\nsecond line\nthird line\n"


def start(site, *args, **options):
    site.dir.write("payload", PAYLOAD)
    site.dir.write("lines", LINES)
    return site.start("app:app", *args, files={"app.py": app_source("responses")}, **options)


@pytest.fixture(scope="module")
def server(shared_site):
    return start(shared_site)


@pytest.fixture(scope="module")
def pool(shared_site):
    """The same with threads and kept connections."""
    return start(shared_site, "--threads", "2", "--keep-alive", "30")


def closed(site, name):
    return site.dir.read("notes").count("closed %s\n" % name)


def on_one_connection(server, *requests):
    """Sends the requests together; everything that comes until the server closes."""
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"".join(requests))
        return client.read_all(sock)


def get(target, *fields, method=b"GET"):
    lines = [method + b" " + target.encode() + b" HTTP/1.1", b"Host: x", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


LAST = get("/hello", b"Connection: close")


# -- status and fields

def test_pairs_may_be_lists_and_text_may_be_a_subclass(server):
    response = server.get("/header_lists")
    assert (response.header("X-List"), response.header("X-Text")) == ("1", "2")


def test_fields_may_be_any_iterable(server):
    response = server.get("/header_generator")
    assert (response.header("X-List"), response.header("X-Text")) == ("1", "2")


@pytest.mark.parametrize("status", ["200 OK", "200", "200 ", "299 Own Words", "404 N\xf6", "599 x",
                                    "600 x", "999 x"])
def test_good_status(status, server):
    response = server.get("/status?" + status.replace(" ", "+").replace("\xf6", "o"))
    assert response.status == int(status[:3])
    assert response.body == b"body"


@pytest.mark.parametrize("status", ["099 x", "1000 x", "20", "2x0 x", "200OK", "-20 x", ""])
def test_bad_status(status, server):
    assert server.get("/status?" + status.replace(" ", "+")).status == 500


def test_many_large_fields(server):
    response = server.get("/many_fields")
    assert response.body == b"ok"
    assert len([n for n, v in response.headers if v == "v" * 1000]) == 3000


def test_start_after_a_refused_start(server):
    response = server.get("/recovered")
    assert (response.status, response.header("X-Second")) == (500, "2")
    assert b"Injected" not in response.raw


@pytest.mark.parametrize("target,status,field", [
    ("/exc_info_false", 200, ("X-First", "1")), ("/exc_info_keywords", 503, ("X-Second", "2"))])
def test_exc_info(target, status, field, server):
    response = server.get(target)
    assert (response.status, response.body) == (status, b"ok")
    assert field in response.headers
    assert len([n for n, _ in response.headers if n.startswith("X-")]) == 1


# -- where no body may be

@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "204 No Content",
                                    "304 Not Modified"])
@pytest.mark.parametrize("target", ["/status", "/status_of_generator"])
def test_status_without_body(target, status, site):
    server = start(site, "-k", "gthread", "--keep-alive", "30")
    target += "?" + status.replace(" ", "+")
    raw = on_one_connection(server, get(target), get("/hello"), LAST)
    head, _, rest = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status.encode())
    assert b"Transfer-Encoding" not in head
    if status.startswith("1"):
        # The client waits for a final response: nothing else may take its place.
        assert (rest, b"Connection: close" in head) == (b"", True)
    else:
        assert rest.startswith(b"HTTP/1.1 200 OK")
        assert rest.count(b"hello\n") == 2
    server.raw(get(target, b"Connection: close"))
    pattern = r"\[WARNING\] The application gave a body for GET \S+ with status %s" % status[:3]
    server.wait_log(pattern)
    server.raw(LAST)
    assert len(re.findall(pattern, server.log())) == 1


def test_body_for_head_is_dropped_and_told_once(site):
    server = start(site)
    for _ in range(3):
        assert server.get("/good?tuple", method="HEAD").payload == b""
    # Status and method are told apart.
    server.get("/status?204+No")
    server.wait_log(r"The application gave a body for GET /status\?204\+No with status 204")
    assert server.log().count("gave a body for HEAD") == 1


def test_file_for_head_is_no_fault(site):
    server = start(site)
    assert server.get("/wrapped?buffered", method="HEAD").payload == b""
    assert server.get("/hello").status == 200
    assert "gave a body" not in server.log()


# -- what may be iterated

@pytest.mark.parametrize("name", ["subclass", "sequence", "list_subclass", "tuple", "set", "dict",
                                  "map", "iter", "bytesio", "empty_parts"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_good_results(name, version, server):
    response = server.get("/good?" + name, version=version)
    assert (response.status, response.body, response.complete) == (200, b"ab", True)


@pytest.mark.parametrize("name,text", [
    ("str", "'text' is not a byte string, but of type str"),
    ("tuple_str", "'text' is not a byte string, but of type str"),
    ("generator_str", "'text' is not a byte string, but of type str"),
    ("mixed", "'text' is not a byte string, but of type str"),
    ("bytearray", "is not a byte string, but of type bytearray"),
    ("memoryview", "is not a byte string, but of type memoryview"),
    ("none", "None is not a byte string, but of type NoneType"),
    ("number", "1 is not a byte string, but of type int"),
    ("bytes_itself", "the application returned bytes itself"),
    ("str_itself", "the application returned str itself"),
    ("none_itself", "'NoneType' object is not iterable"),
])
def test_bad_results_are_named(name, text, site):
    server = start(site)
    assert server.get("/result?" + name).status == 500
    server.wait_log("TypeError: .*" + re.escape(text))
    assert server.get("/hello").status == 200


def test_bad_results_are_not_printed_whole(site):
    server = start(site)
    server.get("/result?long_str")
    server.wait_log("but of type str")
    assert len(server.log()) < 20000


def test_write_wants_bytes(server):
    assert server.get("/write_text").status == 500


def test_write_counts_for_the_length(server):
    assert server.get("/write_within_length").payload == b"writ"


def test_error_after_write(site):
    server = start(site)
    response = server.get("/write_then_fail")
    assert (response.status, response.complete, response.payload) == (200, False,
                                                                      b"7\r\nwritten\r\n")
    server.wait_log("ValueError: after write")


def test_request_body_is_read_while_the_response_leaves(server):
    assert server.get("/input_in_body", method="POST", body=b"a\nb\n" * 50000).body \
        == b"<" + b"ab" * 50000 + b">"


# -- close()

@pytest.mark.parametrize("name,status", [
    ("close_fails", 200), ("close_without_start", 500), ("close_of_bad_item", 200),
    ("close_of_dead_iter", 500), ("close_of_file", 200)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once(name, status, method, site):
    server = start(site)
    assert server.get("/" + name, method=method).status == status
    procs.until(lambda: closed(site, name), "close()")
    server.get("/hello")
    assert closed(site, name) == 1
    if name == "close_fails":
        server.wait_log("ValueError: close.. on purpose")


def test_response_is_complete_before_close(site):
    server = start(site)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(get("/close_seen_by_client"))
        data = b""
        while not data.endswith(b"body"):
            piece = sock.recv(65536)
            assert piece
            data += piece
        assert closed(site, "close_seen_by_client") == 0
        site.dir.write("go", "")
        client.read_all(sock)
    procs.until(lambda: closed(site, "close_seen_by_client"), "close()")


# -- early hints

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"


@pytest.mark.parametrize("kind", ["server", "pool"])
def test_early_hints(kind, request):
    server = request.getfixturevalue(kind)
    raw = on_one_connection(server, get("/hints", b"Connection: close"))
    assert raw.startswith(2 * HINT + b"HTTP/1.1 200 OK\r\n")
    assert Response(raw[2 * len(HINT):]).body == b"body"


def test_early_hints_after_the_head_are_dropped(server):
    raw = server.raw(get("/hints?late"))
    assert raw.startswith(2 * HINT + b"HTTP/1.1 200 OK\r\n")
    assert (raw.count(b"103"), raw.endswith(b"\r\n\r\nbody")) == (2, True)


def test_early_hints_for_an_old_client(server):
    response = server.get("/hints", version="1.0")
    assert (response.status, response.body) == (200, b"body")


def test_early_hints_inject_nothing(server):
    response = server.get("/hints?bad")
    assert response.status == 500
    assert b"Injected" not in response.raw


def test_early_hints_of_an_earlier_request(pool):
    raw = on_one_connection(pool, get("/hints_kept"), get("/hints_kept"), LAST)
    assert raw.count(b"hello\n") == 3
    assert b"103" not in raw


# -- files

FILES = [("update", PAYLOAD), ("unbuffered", PAYLOAD), ("buffered", PAYLOAD),
         ("bytesio", b"in memory"), ("only_read", b"only read"), ("pipe", b"from a pipe"),
         ("gzip", b"what was compressed"), ("hidden", LINES.upper()), ("unflushed", b" bytes")]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("name,body", FILES, ids=[name for name, _ in FILES])
def test_files(name, body, version, server):
    response = server.get("/wrapped?" + name, version=version)
    assert (response.status, response.body, response.complete) == (200, body, True)


def test_file_without_a_size(server):
    """Files of /proc."""
    body = server.get("/wrapped?proc").body
    assert re.match(rb"\d+ \(", body)


@pytest.mark.parametrize("name", ["text", "stringio"])
def test_text_files_are_refused(name, site):
    server = start(site)
    assert server.get("/wrapped?" + name).status == 500
    server.wait_log("is not a byte string, but of type str")


def test_file_that_was_partly_read(server):
    assert server.get("/partly_read").body == LINES.partition(b"\n")[2]


@pytest.mark.parametrize("first,last", [(0, 0), (0, 199999), (199999, 199999), (8191, 8192),
                                        (100, 150000)])
def test_range_of_a_file(first, last, server):
    response = server.get("/wrapper_range", headers=[("Range", "bytes=%d-%d" % (first, last))])
    assert (response.status, response.body) == (206, PAYLOAD[first:last + 1])


def test_file_through_middleware(server):
    assert server.get("/wrapper_of_middleware").body == PAYLOAD.swapcase()


# -- clients that leave

LEAVING = '''\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    path = environ["PATH_INFO"]
    if path == "/file":
        return environ["wsgi.file_wrapper"](open("large", "rb"))
    if path == "/list":
        return [b"x" * 1000000] * 50
    return (b"x" * 100000 for _ in range(1000))
'''


@pytest.mark.parametrize("args", [(), ("--threads", "2")], ids=["sync", "gthread"])
@pytest.mark.parametrize("target", ["/file", "/list", "/generator"])
def test_client_that_leaves_is_no_error(target, args, site):
    with open(site.dir / "large", "wb") as handle:
        os.truncate(handle.fileno(), 50000000)
    server = site.start("app:app", "--log-level", "debug", *args, files={"app.py": LEAVING})
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(get(target))
        client.read_all(sock, limit=100000)
    server.wait_log(r"\[DEBUG\] The client left, or was too slow, before it had the response")
    assert not re.search(r"\[(WARNING|ERROR|CRITICAL)\]|Traceback", server.log())


SHORT = """\
def app(environ, start_response):
    if environ["PATH_INFO"] == "/short":
        start_response("200 OK", [("Content-Length", "10")])
        return [b"short"]
    start_response("200 OK", [("Content-Length", "6")])
    return [b"hello\\n"]
"""


def test_short_body_is_the_last_of_a_kept_connection(site):
    server = site.start("app:app", "-k", "gthread", "--keep-alive", "30",
                        files={"app.py": SHORT})
    raw = on_one_connection(server, get("/hello"), get("/short"), LAST)
    assert raw.count(b"HTTP/1.1 200") == 2
    assert raw.endswith(b"\r\n\r\nshort")
    server.wait_log("gave 5 bytes, fewer than its Content-Length of 10")
