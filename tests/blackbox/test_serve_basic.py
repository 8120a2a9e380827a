"""Bytes on the wire, sockets, owners and the surroundings of a worker."""

import contextlib
import grp
import json
import os
import pwd
import re
import signal
import socket
import stat

import pytest

from support import client, procs
from support.client import Response
from support.server import app_source

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")


@pytest.fixture(scope="module")
def server(shared_site):
    return shared_site.start("app:app", files={"app.py": app_source("probe")})


def start(site, *args, app="app:app", **options):
    return site.start(app, *args, files={"app.py": app_source("probe")}, **options)


def process_of(server, address=None):
    """What the worker says about itself."""
    return json.loads(client.request(address or server.address, "/process").body)


# -- responses

DATE = rb"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n"


def test_hello_bytes(server):
    raw = server.raw(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 200 OK\r\nServer: gunicorn\r\n" + DATE
                        + rb"Connection: close\r\nContent-Type: text/plain\r\n"
                        rb"Content-Length: 6\r\n\r\nhello\n", raw), raw


def test_chunked_bytes(server):
    raw = server.raw(b"GET /parts HTTP/1.1\r\nHost: x\r\n\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 200 OK\r\nServer: gunicorn\r\n" + DATE
                        + rb"Connection: close\r\nTransfer-Encoding: chunked\r\n"
                        rb"Content-Type: text/plain\r\n\r\n"
                        rb"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n", raw), raw


def test_http10_bytes(server):
    raw = server.raw(b"GET /parts HTTP/1.0\r\n\r\n")
    assert re.fullmatch(rb"HTTP/1\.0 200 OK\r\nServer: gunicorn\r\n" + DATE
                        + rb"Connection: close\r\nContent-Type: text/plain\r\n\r\nonetwothree",
                        raw), raw


def test_field_order_and_spelling_are_the_applications(server):
    names = [n for n, _ in server.get("/fields").headers]
    assert names == ["Server", "Date", "Connection", "X-First", "x-lower", "Set-Cookie",
                     "Set-Cookie", "Content-Length"]


def test_hop_by_hop_fields_are_dropped(server):
    response = server.get("/hop_by_hop")
    assert [n for n, _ in response.headers] == ["Server", "Date", "Connection", "X-Kept",
                                                "Content-Length"]
    assert response.header("Server") == "gunicorn"
    assert response.header("Connection") == "close"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
                                    "PROPFIND", "MKCALENDAR", "M-SEARCH"])
def test_methods(method, server):
    response = server.get("/env", method=method)
    assert json.loads(response.body)["values"]["REQUEST_METHOD"] == method


@pytest.mark.parametrize("target,length,coding", [("/hello", "6", None), ("/parts", None, "any")])
def test_head_has_no_body(target, length, coding, server):
    response = server.get(target, method="HEAD")
    assert (response.status, response.payload) == (200, b"")
    assert response.header("Content-Length") == length
    if coding is None:
        assert response.header("Transfer-Encoding") is None


@pytest.mark.parametrize("code,length", [("204 No Content", None), ("304 Not Modified", "4")])
def test_status_without_body(code, length, server):
    response = server.get("/status?" + code.replace(" ", "+"))
    assert response.status == int(code[:3])
    assert response.payload == b""
    assert response.header("Content-Length") == length
    assert response.header("Transfer-Encoding") is None


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "418 I'm a teapot", "299 Own",
                                    "599 Odd", "503 Service Unavailable"])
def test_status_line_is_the_applications(status, server):
    response = server.get("/status?" + status.replace(" ", "+"))
    assert "%d %s" % (response.status, response.reason) == status


@pytest.mark.parametrize("pieces", [1, 7])
def test_request_in_small_segments(pieces, server):
    data = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world"
    assert Response(server.raw(data, pieces)).body == b"hello world"


def test_connection_closes_even_when_keep_alive_is_asked(server):
    response = server.get("/hello", headers=[("Connection", "keep-alive")])
    assert response.header("Connection") == "close"


def test_pipelined_request_is_not_answered(server):
    one = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    assert server.raw(one * 3).count(b"HTTP/1.1 200 OK") == 1


def test_empty_line_before_the_request_is_allowed(server):
    assert Response(server.raw(b"\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200


def test_unread_body_does_not_lose_the_response(server):
    response = server.get("/unread", method="POST", body=b"x" * 60000)
    assert (response.status, response.body) == (200, b"not read")


# -- Expect

def test_expect_100_continue(server):
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                     b"Expect: 100-continue\r\n\r\n")
        head, rest = client.read_head(sock)
        assert (head, rest) == (b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        sock.sendall(b"data")
        assert Response(client.read_all(sock)).body == b"data"


def test_expect_is_ignored_in_http10(server):
    raw = server.raw(b"POST /echo HTTP/1.0\r\nContent-Length: 4\r\n"
                     b"Expect: 100-continue\r\n\r\ndata")
    assert Response(raw).body == b"data"


# -- refused requests: status by what was sent

LINE = b"GET / HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST


def with_field(field):
    return LINE + HOST + field + b"\r\n\r\n"


def with_body(fields, body):
    return POST + fields + b"\r\n\r\n" + body


REFUSED = {
    # the request line
    "no_version": (b"GET /\r\n\r\n", 400),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "two_spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space_in_target": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "trailing_space": (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "tab": (b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "empty_target": (b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower_method": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method_sharp": (b"GE#T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method_token": (b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method_long": (b"A" * 21 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "version_name": (b"GET / HTPP/1.1\r\n" + HOST + b"\r\n", 400),
    "version_digits": (b"GET / HTTP/1.11\r\n" + HOST + b"\r\n", 400),
    "version_lower": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "version_2": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "version_9": (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 505),
    "target_nul": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target_esc": (b"GET /\x1b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target_del": (b"GET /\x7f HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target_tab": (b"GET /\ta HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target_relative": (b"GET a/b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bare_cr_line": (b"GET / HTTP/1.1\r" + HOST + b"\r\n", 400),
    "bare_lf_line": (b"GET / HTTP/1.1\n" + HOST + b"\r\n", 400),
    # Host
    "host_missing": (LINE + b"\r\n", 400),
    "host_twice": (LINE + HOST + HOST + b"\r\n", 400),
    "host_invalid": (LINE + b"Host: a b\r\n\r\n", 400),
    "host_slash": (LINE + b"Host: a/b\r\n\r\n", 400),
    # fields
    "space_before_colon": (with_field(b"X-A : 1"), 400),
    "no_colon": (with_field(b"X-A"), 400),
    "empty_name": (with_field(b": 1"), 400),
    "name_space": (with_field(b"X A: 1"), 400),
    "name_high": (with_field(b"X-\xe9: 1"), 400),
    "first_folded": (LINE + b" " + HOST + b"\r\n", 400),
    "folded": (with_field(b"X-A: 1\r\n 2"), 400),
    "value_nul": (with_field(b"X-A: a\0b"), 400),
    "value_cr": (with_field(b"X-A: a\rb"), 400),
    "value_lf": (with_field(b"X-A: a\nX-B: b"), 400),
    "end_lf": (LINE + HOST + b"\n", 400),
    # framing
    "length_text": (with_body(b"Content-Length: abc", b""), 400),
    "length_minus": (with_body(b"Content-Length: -1", b""), 400),
    "length_plus": (with_body(b"Content-Length: +1", b"x"), 400),
    "length_under": (with_body(b"Content-Length: 1_0", b"x" * 10), 400),
    "length_hex": (with_body(b"Content-Length: 0x1", b"x"), 400),
    "length_empty": (with_body(b"Content-Length: ", b""), 400),
    "length_list": (with_body(b"Content-Length: 1, 1", b"x"), 400),
    "length_twice": (with_body(b"Content-Length: 1\r\nContent-Length: 2", b"xx"), 400),
    "length_same_twice": (with_body(b"Content-Length: 1\r\nContent-Length: 1", b"x"), 400),
    "length_huge": (with_body(b"Content-Length: " + b"9" * 30, b""), 400),
    "both_framings": (with_body(b"Content-Length: 5\r\nTransfer-Encoding: chunked",
                                b"0\r\n\r\n"), 400),
    "te_http10": (b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "te_twice": (with_body(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                           b"0\r\n\r\n"), 400),
    "te_chunked_first": (with_body(b"Transfer-Encoding: chunked, gzip", b"0\r\n\r\n"), 400),
    "te_chunked_x2": (with_body(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"), 400),
    "te_unknown": (with_body(b"Transfer-Encoding: magic", b""), 501),
    "te_unknown_chunked": (with_body(b"Transfer-Encoding: magic, chunked", b"0\r\n\r\n"), 501),
    "te_nbsp": (with_body(b"Transfer-Encoding: \xa0chunked", b"0\r\n\r\n"), (400, 501)),
    "te_nel": (with_body(b"Transfer-Encoding: chunked\x85", b"0\r\n\r\n"), (400, 501)),
    # chunks
    "chunk_size": (with_body(b"Transfer-Encoding: chunked", b"x\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk_minus": (with_body(b"Transfer-Encoding: chunked", b"-1\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk_prefix": (with_body(b"Transfer-Encoding: chunked", b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk_empty": (with_body(b"Transfer-Encoding: chunked", b"\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk_huge": (with_body(b"Transfer-Encoding: chunked", b"f" * 30 + b"\r\n"), 400),
    "chunk_no_crlf": (with_body(b"Transfer-Encoding: chunked", b"3\r\nabcX0\r\n\r\n"), 400),
    "chunk_bare_lf": (with_body(b"Transfer-Encoding: chunked", b"3\nabc\r\n0\r\n\r\n"), 400),
    # expectations and limits
    "expect_other": (with_field(b"Expect: something"), 417),
    "line_too_long": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "line_endless": (b"GET /" + b"a" * 100000, 414),
    "field_too_long": (with_field(b"X-A: " + b"a" * 9000), 431),
    "field_endless": (LINE + HOST + b"X-A: " + b"a" * 100000, 431),
    "fields_too_many": (LINE + HOST + b"X-A: 1\r\n" * 100 + b"\r\n", 431),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, server):
    data, expected = REFUSED[name]
    response = Response(server.raw(data))
    assert response.status in (expected if isinstance(expected, tuple) else (expected,)), \
        response.raw
    assert server.get("/hello").status == 200


REASONS = {400: "Bad Request", 414: "URI Too Long", 417: "Expectation Failed",
           431: "Request Header Fields Too Large", 501: "Not Implemented",
           505: "HTTP Version Not Supported"}


@pytest.mark.parametrize("name", ["no_version", "line_too_long", "expect_other", "field_too_long",
                                  "te_unknown", "version_2"])
def test_error_page(name, server):
    data, status = REFUSED[name]
    response = Response(server.raw(data))
    assert response.version == "1.1"
    assert [n for n, _ in response.headers] == ["Connection", "Content-Type", "Content-Length"]
    assert response.header("Content-Type") == "text/html"
    assert response.header("Connection") == "close"
    assert response.complete
    reason = response.reason
    if status == 414:
        assert reason in ("URI Too Long", "Request-URI Too Long")
    else:
        assert reason == REASONS[status]
    assert ("<h1><p>%s</p></h1>" % reason).encode() in response.body


def test_error_page_escapes(server):
    body = server.raw(b"GET /<script>alert(1)</script> HTPP/1.1\r\n\r\n")
    assert b"<script>" not in body


def test_refusal_is_logged(site):
    server = start(site)
    server.raw(b"GET / HTTP/1.1\r\n\r\n")
    server.wait_log(r"\[WARNING\] Invalid request from ip=127\.0\.0\.1: \S")


@pytest.mark.parametrize("args,data,status", [
    (["--limit-request-line", "20"], b"GET /" + b"a" * 6 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    (["--limit-request-line", "20"], b"GET /" + b"a" * 7 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (["--limit-request-fields", "2"], with_field(b"X-A: 1"), 200),
    (["--limit-request-fields", "2"], with_field(b"X-A: 1\r\nX-B: 2"), 431),
    (["--limit-request-field_size", "20"], with_field(b"X-A: " + b"a" * 13), 200),
    (["--limit-request-field_size", "20"], with_field(b"X-A: " + b"a" * 14), 431),
    (["--permit-obsolete-folding"], with_field(b"X-A: 1\r\n 2"), 200),
    (["--strip-header-spaces"], with_field(b"X-A : 1"), 200),
    (["--permit-unconventional-http-method"], b"a / HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    (["--casefold-http-method", "--permit-unconventional-http-method"],
     b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    (["--permit-unconventional-http-version"], b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 200),
])
def test_limits_and_escape_hatches(args, data, status, site):
    assert Response(start(site, *args).raw(data)).status == status


def test_default_limits_are_inclusive(server):
    line = b"GET /" + b"a" * (4094 - 14) + b" HTTP/1.1"
    assert len(line) == 4094
    longer = line.replace(b"/", b"/a", 1)
    assert Response(server.raw(line + b"\r\n" + HOST + b"\r\n")).status == 200
    assert Response(server.raw(longer + b"\r\n" + HOST + b"\r\n")).status == 414
    assert Response(server.raw(LINE + HOST + b"X-A: 1\r\n" * 99 + b"\r\n")).status == 200


@pytest.mark.timeout(120)
def test_slow_head_gets_408_and_holds_nobody_up(site):
    server = start(site, "--timeout", "5")
    with contextlib.closing(client.connect(server.address, timeout=60)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHo")
        pid = server.wait_workers(1)
        assert server.get("/hello").status == 200
        assert Response(client.read_all(slow)).status == 408
    assert server.get("/hello").status == 200
    assert server.workers() == pid


def test_silent_connections_hold_nobody_up(site):
    server = start(site)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(contextlib.closing(client.connect(server.address)))
        assert server.get("/hello").status == 200


def test_client_that_leaves_early(site):
    server = start(site)
    pid = server.wait_workers(1)
    for data in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"):
        with contextlib.closing(client.connect(server.address)) as sock:
            sock.sendall(data)
    assert server.get("/hello").status == 200
    assert server.workers() == pid


def test_truncated_body_is_no_complete_request(site):
    server = start(site)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        sock.shutdown(socket.SHUT_WR)
        raw = client.read_all(sock)
    assert raw == b"" or Response(raw).status in (400, 500), raw


# -- sockets

def test_several_binds(site):
    server = start(site, bind=["127.0.0.1:0", "127.0.0.1:0", "unix:" + site.dir / "s"])
    assert len(server.addresses) == 3
    for address in server.addresses:
        assert client.request(address, "/hello").status == 200
    assert re.search(r"Listening at: http://127\.0\.0\.1:\d+,http://127\.0\.0\.1:\d+,unix:/\S+/s "
                     r"\(\d+\)", server.log())


def test_ipv6(site):
    server = start(site, bind="[::1]:0")
    assert server.listening.startswith("http://[::1]:")
    environ = json.loads(server.get("/env").body)["values"]
    assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"]) == ("::1", "::1")


def test_unix_socket(site):
    server = start(site, bind="unix:" + site.dir / "s")
    environ = json.loads(server.get("/env", host="example.com:81").body)["values"]
    assert environ["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in environ
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("example.com", "81")
    assert server.terminate() == 0
    assert not os.path.exists(site.dir / "s")


def test_unix_socket_relative_path(site):
    server = start(site, bind="unix:s")
    assert os.path.exists(site.dir / "s")
    assert client.request(site.dir / "s", "/hello").status == 200
    assert server.terminate() == 0


@pytest.mark.parametrize("umask,mode", [(None, 0o777), ("0o117", 0o660), ("077", 0o700)])
def test_unix_socket_mode(umask, mode, site):
    args = [] if umask is None else ["--umask", umask]
    start(site, *args, bind="unix:" + site.dir / "s")
    assert stat.S_IMODE(os.stat(site.dir / "s").st_mode) == mode


def test_unix_socket_path_taken_by_a_file(site):
    path = site.dir.write("s", "precious")
    server = start(site, bind="unix:" + path, listen=False)
    assert server.wait_exit() == 1
    assert "is not a socket" in server.log()
    assert site.dir.read("s") == "precious"


def test_inherited_descriptor(site):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = start(site, bind="fd://%d" % listener.fileno(), pass_fds=[listener.fileno()])
        assert client.request(listener.getsockname(), "/hello").status == 200
        assert server.terminate() == 0


def test_backlog(site):
    """With everybody stopped the kernel completes one connection more than the backlog."""
    server = start(site, "--backlog", "7")
    stopped = server.wait_workers(1) + [server.pid]
    for pid in stopped:
        server.signal(signal.SIGSTOP, pid)
        procs.until(lambda: procs.stat_fields(pid)[0] == "T", "the stop of %d" % pid)
    with contextlib.ExitStack() as stack:
        opened = 0
        try:
            while opened < 20:
                stack.enter_context(contextlib.closing(client.connect(server.address, 0.5)))
                opened += 1
        except TimeoutError:
            pass
        for pid in stopped:
            server.signal(signal.SIGCONT, pid)
    assert opened == 8
    assert server.get("/hello").status == 200


def test_reuse_port_lets_two_share(site):
    first = start(site, "--reuse-port")
    second = start(site, "--reuse-port", bind="127.0.0.1:%d" % first.address[1], listen=False)
    procs.until(lambda: second.workers(), "the second server:\n" + second.log())
    assert first.get("/hello").status == 200


# -- surroundings

def test_pidfile(site):
    server = start(site, "--pid", "x.pid")
    assert site.dir.read("x.pid") == "%d\n" % server.pid
    assert stat.S_IMODE(os.stat(site.dir / "x.pid").st_mode) == 0o644
    assert server.terminate() == 0
    assert not os.path.exists(site.dir / "x.pid")


def test_chdir(site):
    site.dir.write("sub/app.py", app_source("probe"))
    server = site.start("app:app", "--chdir", "sub")
    found = process_of(server)
    assert found["cwd"] == os.path.realpath(site.dir / "sub")
    assert found["path"][0] == found["cwd"]


def test_raw_env(site):
    server = start(site, "-e", "COLOUR=red", "--env", "SIZE=a=b")
    environ = process_of(server)["environ"]
    assert (environ["COLOUR"], environ["SIZE"]) == ("red", "a=b")


def test_raw_env_is_there_when_the_application_is_imported(site):
    site.dir.write("app.py", "import os\nASKED = os.environ['COLOUR']\n" + app_source("probe"))
    assert site.start("app:app", "-e", "COLOUR=red").get("/hello").status == 200


def test_pythonpath(site):
    site.dir.write("one/first.py", "X = 1\n")
    site.dir.write("two/second.py", "X = 2\n")
    site.dir.write("app.py", "import first, second\n" + app_source("probe"))
    server = site.start("app:app", "--pythonpath", "one,two")
    assert server.get("/hello").status == 200
    path = process_of(server)["path"]
    assert os.path.realpath(path[0]) == os.path.realpath(site.dir / "two")
    assert os.path.realpath(path[1]) == os.path.realpath(site.dir / "one")


def test_sys_argv_is_ours(site):
    server = start(site, "--workers", "1")
    argv = process_of(server)["argv"]
    assert os.path.basename(argv[0]) == "gunicorn"
    assert argv[1:] == ["-b", "127.0.0.1:0", "--workers", "1", "app:app"]


@root_only
@pytest.mark.parametrize("by_number", [False, True])
def test_user_and_group(by_number, site):
    user, group = pwd.getpwnam("nobody"), grp.getgrnam("nogroup")
    names = [str(user.pw_uid), str(group.gr_gid)] if by_number else ["nobody", "nogroup"]
    server = start(site, "--user", names[0], "--group", names[1], bind="unix:" + site.dir / "s")
    found = process_of(server)
    assert (found["uid"], found["gid"]) == (user.pw_uid, group.gr_gid)
    assert procs.status(server.pid)["Uid"].split() == ["0"] * 4
    owner = os.stat(site.dir / "s")
    assert (owner.st_uid, owner.st_gid) == (user.pw_uid, group.gr_gid)


@root_only
def test_initgroups(site):
    user, group = pwd.getpwnam("nobody"), grp.getgrnam("daemon")
    server = start(site, "--user", "nobody", "--group", "daemon", "--initgroups")
    found = process_of(server)
    assert found["gid"] == group.gr_gid
    assert 0 not in found["groups"]
    assert set(found["groups"]) <= {group.gr_gid, user.pw_gid}


@root_only
def test_worker_cannot_become_root_again(site):
    server = start(site, "--user", "nobody", "--group", "nogroup")
    fields = procs.status(process_of(server)["pid"])
    assert fields["Uid"].split() == [str(pwd.getpwnam("nobody").pw_uid)] * 4
    assert int(fields["CapEff"], 16) == 0


@pytest.mark.parametrize("args,name", [([], "app:app"), (["--name", "shop"], "shop")])
def test_process_titles(args, name, site):
    server = start(site, *args)
    worker = server.wait_workers(1)[0]
    procs.until(lambda: procs.title(server.pid) == "gunicorn: master [%s]" % name,
                lambda: "the title, it is " + procs.title(server.pid))
    assert procs.title(worker) == "gunicorn: worker [%s]" % name


def test_daemon(site):
    result_server = start(site, "--daemon", "--pid", "d.pid", "--log-file", "d.log", listen=False)
    assert result_server.wait_exit() == 0
    result_server.errors = "d.log"
    pid = int(procs.until(lambda: site.dir.read("d.pid"), "the pid file"))
    try:
        server = result_server
        server.listening = server.wait_log(server.LISTENING.pattern).group(1)
        assert server.get("/hello").body == b"hello\n"
        assert os.getsid(pid) != os.getsid(0)
        assert {os.readlink("/proc/%d/fd/%d" % (pid, fd)) for fd in range(3)} == {"/dev/null"}
    finally:
        os.kill(pid, 15)
    procs.until(lambda: not procs.alive(pid), "the end of the daemon")
    assert site.dir.read("d.pid") == ""
