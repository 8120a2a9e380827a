"""PEP 3333 as applications see it, and how applications are found."""

import contextlib
import hashlib
import json
import random
import re

import pytest

from support import client, procs
from support.client import Response, chunked
from support.server import HELLO, Site, app_source

ENV_APP = app_source("probe") + "\napp = env\n"
PAYLOAD = random.Random(7).randbytes(300000)


@pytest.fixture(scope="module")
def server(shared_site):
    shared_site.dir.write("payload", PAYLOAD)
    return shared_site.start("app:app", files={"app.py": app_source("probe")})


def start(site, *args, app="app:app", **options):
    site.dir.write("payload", PAYLOAD)
    return site.start(app, *args, files={"app.py": app_source("probe")}, **options)


def environ_of(server, target="/env", **options):
    response = server.get(target, **options)
    assert response.status == 200, response.raw
    return json.loads(response.body)["values"]


@pytest.fixture(scope="module")
def site_env():
    """An application that answers every path with its environ."""
    site = Site()
    site.dir.write("app.py", ENV_APP)
    yield site.start("app:app")
    site.close()


# -- environ

def test_environ_types(server):
    found = json.loads(server.get("/env?a=b", method="POST", body=b"x",
                                  headers=[("Content-Type", "text/x")]).body)
    assert found["environ"] == "dict"
    for name, kind in found["types"].items():
        if "." not in name:
            assert kind == "str", name
    types = found["types"]
    assert types["wsgi.version"] == "tuple"
    for name in ("multithread", "multiprocess", "run_once", "input_terminated"):
        assert types["wsgi." + name] == "bool", name
    assert types["wsgi.url_scheme"] == "str"
    assert types["wsgi.file_wrapper"] == "type"
    assert {"wsgi.input", "wsgi.errors"} <= set(types)


def test_environ_holds_the_connection(server):
    """A socket as Python knows it: applications take it over."""
    assert json.loads(server.get("/env").body)["real_socket"] is True


def test_environ_socket_can_be_taken_over(site):
    site.dir.write("app.py", '''\
def app(environ, start_response):
    environ["gunicorn.socket"].sendall(b"taken over")
    return []
''')
    server = site.start("app:app")
    assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"taken over")
    assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"taken over")


def test_environ_values(server):
    host, port = server.address
    found = environ_of(server, "/env?a=b&c=%20d", method="POST", body=b"abc",
                       headers=[("Content-Type", "text/x"), ("X-Some-Thing", " padded\t")])
    expected = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/env", "QUERY_STRING": "a=b&c=%20d",
        "RAW_URI": "/env?a=b&c=%20d", "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "gunicorn/23.0.0", "REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": host,
        "SERVER_PORT": str(port), "CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "3",
        "HTTP_HOST": "test", "HTTP_X_SOME_THING": "padded", "wsgi.version": [1, 0],
        "wsgi.url_scheme": "http", "wsgi.multithread": False, "wsgi.multiprocess": False,
        "wsgi.run_once": False, "wsgi.input_terminated": True,
    }
    found["wsgi.version"] = [int(n) for n in re.findall(r"\d+", str(found["wsgi.version"]))]
    assert {k: found.get(k) for k in expected} == expected
    assert found["REMOTE_PORT"].isdigit()
    assert "HTTP_CONTENT_TYPE" not in found and "HTTP_CONTENT_LENGTH" not in found
    assert "HTTPS" not in found


def test_environ_without_optional_fields(server):
    found = environ_of(server)
    assert "CONTENT_LENGTH" not in found
    assert "CONTENT_TYPE" not in found
    assert found["QUERY_STRING"] == ""


def test_environ_multiprocess(site):
    assert environ_of(start(site, "-w", "2"))["wsgi.multiprocess"] is True


@pytest.mark.parametrize("target,path,query", [
    ("/a%20b", "/a b", ""),
    ("/%C3%A9", "/\xc3\xa9", ""),
    ("/a%2Fb", "/a/b", ""),
    ("/a//b", "/a//b", ""),
    ("//a/b", "//a/b", ""),
    ("/a%zzb", "/a%zzb", ""),
    ("/a?", "/a", ""),
    ("/a?x?y#z", "/a", "x?y"),
    ("/a+b", "/a+b", ""),
    ("/a;b=c", "/a;b=c", ""),
    ("/%00", "/\0", ""),
])
def test_environ_path(target, path, query, site_env):
    found = environ_of(site_env, target)
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == (path, query)
    assert found["RAW_URI"] == target


def test_environ_path_of_raw_bytes(site_env):
    raw = site_env.raw(b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert json.loads(Response(raw).body)["values"]["PATH_INFO"] == "/\xc3\xa9"


def test_environ_absolute_form(site_env):
    found = environ_of(site_env, "http://example.com/x?y", host="example.com")
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == ("/x", "y")
    assert found["HTTP_HOST"] == "example.com"


def test_environ_asterisk_form(site_env):
    assert environ_of(site_env, "*", method="OPTIONS")["RAW_URI"] == "*"


def test_environ_duplicate_fields_are_joined(server):
    found = environ_of(server, headers=[("X-A", "1"), ("X-A", "2"), ("x-a", "3")])
    assert found["HTTP_X_A"] == "1,2,3"


def test_environ_cookies_are_joined_so_that_they_parse(server):
    found = environ_of(server, headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    assert re.fullmatch(r"a=1; ?b=2", found["HTTP_COOKIE"])


def test_environ_field_values_are_latin_1(server):
    raw = server.raw(b"GET /env HTTP/1.1\r\nHost: x\r\nX-A: \xe9\xc3\xa9\r\n\r\n")
    assert json.loads(Response(raw).body)["values"]["HTTP_X_A"] == "\xe9\xc3\xa9"


def test_environ_http10_without_host(server):
    found = json.loads(Response(server.raw(b"GET /env HTTP/1.0\r\n\r\n")).body)["values"]
    assert found["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert "HTTP_HOST" not in found


def test_environ_is_fresh_for_each_request(server):
    assert "HTTP_X_LEFT" in environ_of(server, headers=[("X-Left", "1")])
    assert "HTTP_X_LEFT" not in environ_of(server)


# -- names with underscores

@pytest.mark.parametrize("args,status,seen", [
    ([], 200, None), (["--header-map", "refuse"], 400, None),
    (["--header-map", "dangerous"], 200, "evil"),
])
def test_header_map(args, status, seen, site):
    response = start(site, "--forwarded-allow-ips", "10.9.9.9", *args).get(
        "/env", headers=[("X_User", "evil")])
    assert response.status == status
    if status == 200:
        assert json.loads(response.body)["values"].get("HTTP_X_USER") == seen


@pytest.mark.parametrize("allowed,user,mount,path", [
    ("127.0.0.1", "joe", "/shop", "/cart"), ("10.9.9.9", None, "", "/shop/cart"),
])
def test_forwarder_headers_of_any_name(allowed, user, mount, path, site):
    """Not documented by the original, but understood."""
    site.dir.write("app.py", ENV_APP)
    server = site.start("app:app", "--forwarded-allow-ips", allowed, "--forwarder-headers", "*")
    found = environ_of(server, "/shop/cart", headers=[("SCRIPT_NAME", "/shop"), ("X_User", "joe")])
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == (mount, path)
    assert found.get("HTTP_X_USER") == user


# -- forwarded headers

@pytest.mark.parametrize("allowed,headers,scheme", [
    (None, [("X-Forwarded-Proto", "https")], "https"),
    (None, [("X-Forwarded-Protocol", "ssl")], "https"),
    (None, [("X-Forwarded-Ssl", "on")], "https"),
    (None, [("X-Forwarded-Proto", "http")], "http"),
    (None, [], "http"),
    ("10.9.9.9", [("X-Forwarded-Proto", "https")], "http"),
    ("10.9.9.9,127.0.0.1", [("X-Forwarded-Proto", "https")], "https"),
    ("*", [("X-Forwarded-Proto", "https")], "https"),
    ("", [("X-Forwarded-Proto", "https")], "http"),
])
def test_forwarded_scheme(allowed, headers, scheme, site):
    args = [] if allowed is None else ["--forwarded-allow-ips=" + allowed]
    assert environ_of(start(site, *args), headers=headers)["wsgi.url_scheme"] == scheme


def test_forwarded_scheme_contradiction(server):
    response = server.get("/env", headers=[("X-Forwarded-Ssl", "on"),
                                           ("X-Forwarded-Proto", "http")])
    assert response.status == 400


def test_forwarded_allow_ips_from_the_environment(site):
    server = start(site, env={"FORWARDED_ALLOW_IPS": "10.9.9.9"})
    found = environ_of(server, headers=[("X-Forwarded-Proto", "https")])
    assert found["wsgi.url_scheme"] == "http"


def test_forwarded_unix_socket_is_trusted(site):
    server = start(site, "--forwarded-allow-ips", "10.9.9.9", bind="unix:" + site.dir / "s")
    found = environ_of(server, headers=[("X-Forwarded-Proto", "https")])
    assert found["wsgi.url_scheme"] == "https"


def test_secure_scheme_headers_of_the_file(site):
    server = start(site, conf="secure_scheme_headers = {'X-TLS': 'yes'}\n")
    assert environ_of(server, headers=[("X-Tls", "yes")])["wsgi.url_scheme"] == "https"
    assert environ_of(server, headers=[("X-Forwarded-Proto", "https")])["wsgi.url_scheme"] == "http"


def test_forwarded_for_never_changes_the_address(server):
    found = environ_of(server, headers=[("X-Forwarded-For", "1.2.3.4")])
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    assert found["HTTP_X_FORWARDED_FOR"] == "1.2.3.4"


# -- SCRIPT_NAME

def test_script_name_of_the_environment(site):
    site.dir.write("app.py", ENV_APP)
    server = site.start("app:app", env={"SCRIPT_NAME": "/shop"})
    found = environ_of(server, "/shop/cart")
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/shop", "/cart")
    assert environ_of(server, "/shop")["PATH_INFO"] == ""


def test_script_name_of_raw_env(site):
    site.dir.write("app.py", ENV_APP)
    server = site.start("app:app", "-e", "SCRIPT_NAME=/shop")
    found = environ_of(server, "/shop/cart")
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/shop", "/cart")


def test_script_name_of_a_trusted_forwarder(site_env):
    found = environ_of(site_env, "/shop/cart", headers=[("SCRIPT_NAME", "/shop")])
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/shop", "/cart")


def test_script_name_of_a_stranger(site):
    site.dir.write("app.py", ENV_APP)
    server = site.start("app:app", "--forwarded-allow-ips", "10.9.9.9")
    found = environ_of(server, "/shop/cart", headers=[("SCRIPT_NAME", "/shop")])
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("", "/shop/cart")


def test_script_name_is_a_path_prefix_not_a_text_prefix(site):
    site.dir.write("app.py", ENV_APP)
    server = site.start("app:app", env={"SCRIPT_NAME": "/app"})
    response = server.get("/apple")
    if response.status == 200:
        assert json.loads(response.body)["values"]["PATH_INFO"] != "le"
    else:
        assert response.status in (400, 404, 500)


# -- start_response

@pytest.mark.parametrize("name", [
    "status_crlf", "status_text", "status_bytes", "status_short", "status_number", "value_crlf",
    "value_lf", "value_nul", "value_bytes", "value_number", "value_wide", "name_crlf",
    "name_space", "name_colon", "name_empty", "name_bytes", "length_minus", "length_plus",
    "length_text", "length_under", "length_two", "pair_short", "none"])
def test_bad_start_is_a_500(name, server):
    response = server.get("/bad_start?" + name)
    assert response.status == 500, response.raw
    assert b"Injected" not in response.raw
    assert server.get("/hello").status == 200


def test_start_twice_is_a_500(server):
    assert server.get("/start_twice").status == 500


def test_exc_info_before_the_head_replaces_it(server):
    response = server.get("/replaced")
    assert (response.status, response.reason, response.body) == (503, "Sorry", b"sorry")
    assert response.header("X-Second") == "2"
    assert response.header("X-First") is None


def test_exc_info_after_the_head_is_raised(site):
    server = start(site)
    response = server.get("/too_late")
    assert (response.status, response.complete) == (200, False)
    assert b"never" not in response.raw
    server.wait_log("ValueError: too late on purpose")


def test_late_start(server):
    response = server.get("/late_start")
    assert (response.status, response.header("X-Late"), response.body) == (201, "yes", b"late")


def test_never_start_is_a_500(server):
    assert server.get("/never_start").status == 500


def test_write_comes_before_the_iterable(server):
    assert server.get("/writes").body == b"first second third"


# -- bodies

@pytest.mark.parametrize("target,body,chunks", [
    ("/parts", b"onetwothree", [b"one", b"two", b"three"]),
    ("/single", b"only", [b"only"]),
    ("/nothing", b"", []),
    ("/generator", b"0\n1\n2\n3\n4\n", [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]),
])
def test_bodies_without_length(target, body, chunks, server):
    response = server.get(target)
    assert (response.body, response.complete) == (body, True)
    if response.chunks is not None:
        assert response.chunks == chunks
    old = server.get(target, version="1.0", host=None)
    assert (old.body, old.header("Transfer-Encoding")) == (body, None)


def test_generator_is_sent_as_it_goes(site):
    site.dir.write("app.py", '''\
import os, time
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    while not os.path.exists("go"):
        time.sleep(0.01)
    yield b"second"
''')
    server = site.start("app:app")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while b"first" not in data:
            data += sock.recv(4096)
        site.dir.write("go", "")
        data += client.read_all(sock)
    assert Response(data).body == b"firstsecond"


def test_body_shorter_than_its_length_ends_the_connection(server):
    response = server.get("/short")
    assert (response.status, response.complete, response.payload) == (200, False, b"short")


def test_body_longer_than_its_length_is_cut(server):
    assert server.get("/long").payload == b"long"


# -- errors of the application

@pytest.mark.parametrize("name", ["ValueError", "KeyError", "OSError", "BrokenPipeError",
                                  "StopIteration", "UnicodeDecodeError", "SystemExit",
                                  "GeneratorExit", "KeyboardInterrupt"])
def test_exception_is_a_500_with_a_traceback_in_the_log(name, site):
    server = start(site)
    pid = server.wait_workers(1)
    response = server.get("/error?" + name)
    assert (response.status, response.reason) == (500, "Internal Server Error")
    assert b"on purpose" not in response.raw
    server.wait_log(r"\[ERROR\] Error handling request GET /error\?" + name)
    server.wait_log(r"^Traceback \(most recent call last\):\n(.*\n)*?\s*File .*app\.py\"")
    server.wait_log(r"^%s\b" % name)
    if name != "KeyboardInterrupt":
        assert server.get("/hello").status == 200
        assert server.workers() == pid


def test_error_page_of_the_application(server):
    response = server.get("/error?ValueError")
    assert [n for n, _ in response.headers] == ["Connection", "Content-Type", "Content-Length"]
    assert b"<h1><p>Internal Server Error</p></h1>" in response.body


def test_error_page_for_head_has_no_body(server):
    assert server.get("/error?ValueError", method="HEAD").payload == b""


def test_error_after_the_head_breaks_the_connection(site):
    server = start(site)
    response = server.get("/error_later")
    assert (response.status, response.complete) == (200, False)
    server.wait_log(r"\[ERROR\] Error handling request")
    server.wait_log("ValueError: raised later on purpose")


def test_error_before_the_first_item_is_a_500(server):
    assert server.get("/error_first").status == 500


@pytest.mark.parametrize("target", ["/bad_item", "/not_iterable"])
def test_wrong_iterables_are_a_500(target, server):
    assert server.get(target).status == 500
    assert server.get("/hello").status == 200


# -- close()

def closed(site, name):
    return site.dir.read("notes").count("closed %s\n" % name)


@pytest.mark.parametrize("target,name,method", [
    ("/noted?ok", "ok", "GET"), ("/noted?head", "head", "HEAD"),
    ("/error_later", "error_later", "GET"), ("/error_first", "error_first", "GET")])
def test_close_is_called_once(target, name, method, site):
    server = start(site)
    server.get(target, method=method)
    procs.until(lambda: closed(site, name), "close()")
    server.get("/hello")
    assert closed(site, name) == 1


def test_close_is_called_when_the_client_leaves(site):
    server = start(site)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        client.read_all(sock, limit=100000)
    procs.until(lambda: closed(site, "endless"), "close()")
    assert server.get("/hello").status == 200
    assert closed(site, "endless") == 1


# -- file_wrapper

@pytest.mark.parametrize("args,env", [((), {}), (("--no-sendfile",), {}), ((), {"SENDFILE": "0"})],
                         ids=["sendfile", "flag", "variable"])
def test_file_wrapper_ways(args, env, site):
    server = start(site, *args, env=env)
    for kind in ("file", "raw", "bytesio"):
        assert server.get("/wrapped?%s,0," % kind).body == PAYLOAD
        assert server.get("/wrapped?%s,1000,5000" % kind).body == PAYLOAD[1000:6000]


@pytest.mark.parametrize("kind", ["file", "raw", "bytesio"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("offset,length", [(0, ""), (0, "300000"), (5, "299995"), (0, "10"),
                                           (299999, ""), (300000, ""), (300000, "0"), (7, "")])
def test_file_wrapper(kind, version, offset, length, server):
    response = server.get("/wrapped?%s,%d,%s" % (kind, offset, length), version=version)
    end = offset + int(length) if length else None
    assert response.complete
    assert response.body == PAYLOAD[offset:end]


def test_file_wrapper_head(server):
    response = server.get("/wrapped?file,0,300000", method="HEAD")
    assert (response.payload, response.header("Content-Length")) == (b"", "300000")


def test_file_shorter_than_its_length(server):
    response = server.get("/wrapped?file,299990,100")
    assert (response.complete, response.payload) == (False, PAYLOAD[299990:])


# -- wsgi.input

LINES = b"first\nsecond line\n\nlast"

READS = [
    ("read,", [LINES]), ("read,None", [LINES]), ("read,-1", [LINES]),
    ("read,0,read,5,read,", ["", LINES[:5], LINES[5:]]),
    ("read,1000,read,10", [LINES, ""]),
    ("readline,,readline,,readline,,readline,,readline,",
     ["first\n", "second line\n", "\n", "last", ""]),
    ("readline,3,readline,,readline,0,readline,100", ["fir", "st\n", "", "second line\n"]),
    ("readline,None,readline,-1", ["first\n", "second line\n"]),
    ("readlines,", [["first\n", "second line\n", "\n", "last"]]),
    ("readlines,1", None),
    ("iter,", [["first\n", "second line\n", "\n", "last"]]),
    ("readline,,iter,", ["first\n", ["second line\n", "\n", "last"]]),
    ("read,3,readline,,read,2,iter,", ["fir", "st\n", "se", ["cond line\n", "\n", "last"]]),
]


@pytest.mark.parametrize("framing", ["length", "chunked", "chunk_bytes"])
@pytest.mark.parametrize("calls,expected", READS, ids=[calls for calls, _ in READS])
def test_input(calls, expected, framing, server):
    if framing == "length":
        body, headers = LINES, []
    else:
        size = 7 if framing == "chunked" else 1
        body = chunked(*(LINES[i:i + size] for i in range(0, len(LINES), size)))
        headers = [("Transfer-Encoding", "chunked")]
    response = server.get("/reading?" + calls, method="POST", body=body, headers=headers)
    found = json.loads(response.body)
    if expected is None:
        assert found[0][0] == "first\n"
    else:
        assert found == [e.decode() if isinstance(e, bytes) else e for e in expected]


def test_input_without_body_is_empty(server):
    assert json.loads(server.get("/reading?read,,readline,,readlines,").body) == ["", "", []]


def test_input_stops_at_its_length(server):
    raw = server.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
                     b"abcGET / HTTP/1.1\r\n\r\n")
    assert Response(raw).body == b"abc"


def test_chunk_extensions_and_trailers_are_not_seen(server):
    body = b"3;name=value\r\nabc\r\n003;a=\"b\"\r\ndef\r\n0;x\r\nX-Trailer: 1\r\n\r\n"
    raw = server.raw(b"POST /env HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert "HTTP_X_TRAILER" not in json.loads(Response(raw).body)["values"]
    raw = server.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n" + body)
    assert Response(raw).body == b"abcdef"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upload_of_5_mib(framing, server):
    data = random.Random(3).randbytes(5 << 20)
    if framing == "length":
        response = server.get("/upload", method="POST", body=data)
    else:
        parts = [data[i:i + 70001] for i in range(0, len(data), 70001)]
        response = server.get("/upload", method="POST", body=chunked(*parts),
                              headers=[("Transfer-Encoding", "chunked")])
    assert json.loads(response.body) == {"size": len(data),
                                         "sha256": hashlib.sha256(data).hexdigest()}


def test_input_is_read_on_demand(site):
    """The application starts before a large body has arrived."""
    site.dir.write("app.py", '''\
def app(environ, start_response):
    stream = environ["wsgi.input"]
    with open("started", "w") as handle:
        handle.write(repr(len(stream.read(10))))
    body = b"%d" % (10 + len(stream.read()))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
''')
    server = site.start("app:app")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
                     + b"x" * 2500000)
        procs.until(lambda: site.dir.read("started") == "10", "the start of the application")
        sock.sendall(b"x" * 2500000)
        assert Response(client.read_all(sock)).body == b"5000000"


def test_wsgi_errors_goes_to_the_error_log(site):
    server = start(site)
    assert server.get("/to_errors").body == b"ok"
    server.wait_log(r"^written to wsgi\.errors\nline one\nline two$")


# -- the validator of the standard library

VALIDATED = '''\
from wsgiref.validate import validator

def inner(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    data = environ["wsgi.input"].read(size) if size else b""
    environ["wsgi.errors"].write("validated\\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]

app = validator(inner)
'''


@pytest.mark.parametrize("method,body", [("GET", b""), ("POST", b"some data"),
                                         ("PUT", b"x" * 100000)])
def test_validator(method, body, site):
    site.dir.write("app.py", VALIDATED)
    server = site.start("app:app")
    response = server.get("/a/b?c=d", method=method, body=body,
                          headers=[("Content-Type", "text/plain")])
    assert (response.status, response.body) == (200, body), server.log()
    assert "AssertionError" not in server.log()


# -- how applications are found

APPS = '''\
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"application"]

def make(*args, **kwargs):
    text = repr((args, sorted(kwargs.items()))).encode()
    def made(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text]
    return made

class Klass:
    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"instance"]

instance = Klass()
number = 5

def none():
    return None

def boom():
    raise TypeError("boom on purpose")
'''


@pytest.mark.parametrize("app,body", [
    ("app", b"application"),
    ("app:application", b"application"),
    ("app:instance", b"instance"),
    ("app:Klass()", b"instance"),
    ("app:make()", b"((), [])"),
    ("app:make(1, 'two', three=[3])", b"((1, 'two'), [('three', [3])])"),
    ("app:make(None, -1)", b"((None, -1), [])"),
    ("pkg.deep.wsgi", b"application"),
    ("pkg.deep.wsgi:make(True)", b"((True,), [])"),
])
def test_application_names(app, body, site):
    site.dir.write("app.py", APPS)
    site.dir.write("pkg/__init__.py", "")
    site.dir.write("pkg/deep/__init__.py", "")
    site.dir.write("pkg/deep/wsgi.py", APPS)
    assert site.start(app).get().body == body


def test_application_of_the_configuration_file(site):
    site.dir.write("app.py", APPS)
    server = site.start(None, conf="wsgi_app = 'app:instance'\n")
    assert server.get().body == b"instance"


FAILURES = [
    ("app:missing", 4, "Failed to find attribute 'missing' in 'app'."),
    ("app:number", 4, "Application object must be callable."),
    ("app:missing()", 4, "Failed to find attribute 'missing' in 'app'."),
    ("app:make(", 4, "Failed to parse 'make(' as an attribute name or function call."),
    ("app:instance.method", 4, None),
    ("app:make(unknown)", 4, "Failed to parse arguments as literal values: 'make(unknown)'"),
    ("app:boom()", 3, "TypeError: boom on purpose"),
    ("app:boom(1)", 4, "boom"),
    ("missing_module:app", 3, "ModuleNotFoundError: No module named 'missing_module'"),
    ("raising:app", 3, "RuntimeError: raised on purpose"),
    ("broken:app", 3, "SyntaxError"),
]


@pytest.mark.parametrize("app,status,text", FAILURES, ids=[f[0] for f in FAILURES])
def test_application_that_cannot_be_loaded(app, status, text, site):
    site.dir.write("app.py", APPS)
    site.dir.write("raising.py", "raise RuntimeError('raised on purpose')\n")
    site.dir.write("broken.py", "def (\n")
    server = site.start(app, listen=False)
    assert server.wait_exit() == status
    log = server.log()
    if text:
        assert text in log
    assert re.search(r"\[ERROR\] Worker \(pid:\d+\) exited with code %d" % status, log)
    assert "[ERROR] Shutting down: Master" in log
    reason = "Worker failed to boot." if status == 3 else "App failed to load."
    assert "[ERROR] Reason: " + reason in log


def test_chdir_is_first_on_the_path(site):
    site.dir.write("which.py", "TEXT = b'start directory'\n")
    site.dir.write("sub/which.py", "TEXT = b'sub'\n")
    site.dir.write("sub/app.py", "import which\n" + HELLO.replace('b"hello\\n"', "which.TEXT")
                   .replace('"6"', '"3"'))
    assert site.start("app:app", "--chdir", "sub").get().body == b"sub"
