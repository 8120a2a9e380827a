"""The access log: its format language, its sinks, its escaping."""

import base64
import os
import re
import signal

import pytest

from support import procs
from support.server import app_source

STAMP = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"


def start(site, *args, log="access.log", **options):
    return site.start("app:app", "--access-logfile", log, *args,
                      files={"app.py": app_source("probe")}, **options)


def lines_of(site, count=1, name="access.log"):
    """All lines, when there are at least `count`."""
    def enough():
        lines = site.dir.read(name).split("\n")[:-1]
        return lines if len(lines) >= count else None
    return procs.until(enough, lambda: "%d lines in %s: %r" % (count, name, site.dir.read(name)))


@pytest.fixture(scope="module")
def logged(shared_site):
    """Servers by format, each started once; returns a function from format to one logged line."""
    running = {}

    def line(form, target="/hello", **options):
        if form not in running:
            name = "access%d.log" % len(running)
            running[form] = name, start(shared_site, "--access-logformat=" + form, log=name)
        name, server = running[form]
        before = shared_site.dir.read(name).count("\n")
        server.get(target, **options)
        return lines_of(shared_site, before + 1, name)[before]
    return line


def test_default_format(site):
    server = start(site)
    server.get("/hello?a=b", headers=[("Referer", "http://from/"), ("User-Agent", "probe/1")])
    assert re.fullmatch(r'127\.0\.0\.1 - - ' + STAMP + r' "GET /hello\?a=b HTTP/1\.1" 200 6 '
                        r'"http://from/" "probe/1"', lines_of(site)[0])


def test_default_format_without_optional_fields(site):
    start(site).get("/hello")
    assert re.fullmatch(r'127\.0\.0\.1 - - ' + STAMP + r' "GET /hello HTTP/1\.1" 200 6 "-" "-"',
                        lines_of(site)[0])


ATOMS = [
    ("%(h)s", r"127\.0\.0\.1"), ("%(l)s", "-"), ("%(u)s", "-"), ("%(t)s", STAMP),
    ("%(r)s", r"GET /hello\?x=1&y HTTP/1\.1"), ("%(s)s", "200"), ("%(st)s", "-"),
    ("%(m)s", "GET"), ("%(U)s", "/hello"), ("%(q)s", "x=1&y"), ("%(H)s", r"HTTP/1\.1"),
    ("%(b)s", "6"), ("%(B)s", "6"), ("%(f)s", "http://from/"), ("%(a)s", "probe/1"),
    ("%(T)s", "0"), ("%(D)s", r"\d+"), ("%(M)s", r"\d+"), ("%(L)s", r"0\.\d{6}"),
    ("%(p)s", r"<\d+>"), ("%({x-thing}i)s", "sent"), ("%({X-Thing}i)s", "sent"),
    ("%({x-missing}i)s", "-"), ("%({content-type}o)s", "text/plain"), ("%({server}o)s", ".*"),
    ("%({request_method}e)s", "GET"), ("%({wsgi.url_scheme}e)s", "http"), ("%({nothing}e)s", "-"),
    ("%(Z)s", "-"), ("%(m)s %(m)s", "GET GET"), ("text only", "text only"), ("100%%", "100%"),
    ("[%(m)10s]", r"\[       GET\]"), ("[%(m)-10s]", r"\[GET       \]"), ("%(m).2s", "GE"),
    ("%(D)d", r"\d+"), ("%(D)010d", r"\d{10}"), ("%(M)d", r"\d+"),
]


@pytest.mark.parametrize("index", range(len(ATOMS)), ids=[form for form, _ in ATOMS])
def test_atom(index, logged):
    line = logged("\t".join(form for form, _ in ATOMS), "/hello?x=1&y",
                  headers=[("Referer", "http://from/"), ("X-Thing", "sent"),
                           ("User-Agent", "probe/1")])
    fields = line.split("\t")
    assert len(fields) == len(ATOMS), line
    assert re.fullmatch(ATOMS[index][1], fields[index]), fields[index]


STATUS = "%(s)s %(B)s %(b)s"


@pytest.mark.parametrize("target,method,expected", [
    ("/hello", "GET", "200 6 6"),
    ("/parts", "GET", "200 11 11"),
    ("/nothing", "GET", "200 0 0"),
    ("/hello", "HEAD", "200 0 0"),
    ("/status?404+Not+Found", "GET", "404 4 4"),
    ("/status?204+No+Content", "GET", "204 0 0"),
    ("/error?ValueError", "GET", "500 0 0"),
    ("/error_later", "GET", "200 5 5"),
])
def test_status_and_size(target, method, expected, logged):
    line = logged(STATUS, target, method=method)
    assert line == expected


@pytest.mark.parametrize("value,user", [
    ("Basic YWxpY2U6c2VjcmV0", "alice"),
    ("basic YWxpY2U6c2VjcmV0", "alice"),
    ("Basic YWxpY2U6YTpi", "alice"),
    ("Basic !!!", "-"),
    ("Basic OnNlY3JldA==", "-"),
    ("Bearer YWxpY2U6c2VjcmV0", "-"),
    ("Basic /////w==", "-"),
])
def test_user(value, user, logged):
    line = logged("%(u)s", headers=[("Authorization", value)])
    assert line == user


def test_quotes_are_escaped(logged):
    line = logged('"%(a)s"', headers=[("User-Agent", 'a"b')])
    assert line == r'"a\"b"'


def test_user_cannot_forge_a_line(logged):
    token = base64.b64encode(b"eve\nforged line:x").decode()
    line = logged("%(u)s!", headers=[("Authorization", "Basic " + token)])
    assert line.endswith("!"), line


def test_backslash_cannot_break_out_of_the_quotes(logged):
    line = logged('"%(f)s"', headers=[("Referer", 'a\\" "forged')])
    assert not re.search(r'(?<!\\)(\\\\)*" "forged', line[1:-1]), line


def test_non_ascii_is_logged_as_utf8(logged):
    line = logged("%(a)s", headers=[("User-Agent", "caf\u00e9")])
    assert line in ("caf\u00e9", r"caf\xe9", r"caf\u00e9")


def test_unix_socket_has_no_peer(site):
    server = start(site, "--access-logformat=[%(h)s]", bind="unix:" + site.dir / "s")
    server.get("/hello")
    assert lines_of(site)[0] in ("[]", "[-]")


def test_stdout(site):
    server = start(site, log="-")
    server.get("/hello")
    procs.until(lambda: '"GET /hello HTTP/1.1" 200 6' in server.stdout(), "the line on stdout")
    assert "GET /hello" not in server.log()


def test_no_access_log_by_default(site):
    server = site.start("app:app", files={"app.py": app_source("probe")})
    server.get("/hello")
    assert server.terminate() == 0
    assert server.stdout() == ""
    assert "GET /hello" not in server.log()


def test_refused_request_has_no_line_of_its_own_kind(site):
    server = start(site)
    server.raw(b"nonsense\r\n\r\n")
    server.get("/hello")
    assert [line for line in lines_of(site) if "/hello" not in line] == []


def test_line_of_a_request_that_breaks_off(site):
    server = start(site, "--access-logformat=%(r)s %(s)s")
    server.get("/too_late")
    assert lines_of(site)[0] == "GET /too_late HTTP/1.1 200"


def test_reopened_on_usr1(site):
    server = start(site, "--log-file", "error.log", listen=False)
    server.errors = "error.log"
    server.wait_listening()
    server.get("/hello?old")
    lines_of(site)
    worker = server.wait_workers(1)[0]
    os.rename(site.dir / "access.log", site.dir / "access.1")
    os.rename(site.dir / "error.log", site.dir / "error.1")
    server.signal(signal.SIGUSR1)
    procs.until(lambda: os.path.exists(site.dir / "error.log"), "the new error log")

    def written():
        server.get("/hello?new")
        return "new" in site.dir.read("access.log")
    procs.until(written, "a line in the new access log")
    assert "old" in site.dir.read("access.1")
    assert "old" not in site.dir.read("access.log")
    assert server.workers() == [worker]
    assert "Handling signal: usr1" in site.dir.read("error.1")
    server.terminate()
    assert "Shutting down: Master" in site.dir.read("error.log")


def test_two_workers_never_mix_lines(site):
    server = start(site, "-w", "2")
    for _ in range(100):
        server.get("/hello")
    for line in lines_of(site, 100):
        assert re.fullmatch(r'127\.0\.0\.1 - - ' + STAMP + r' "GET /hello HTTP/1\.1" 200 6 "-" "-"',
                            line), line


@pytest.mark.parametrize("level,shown,hidden", [
    ("debug", ["GET /hello", "Booting worker", "Arbiter booted"], []),
    ("info", ["Booting worker"], ["Arbiter booted", "DEBUG"]),
    ("warning", [], ["INFO"]), ("ERROR", [], ["INFO"]), ("critical", [], ["INFO", "ERROR"]),
])
def test_error_log_level(level, shown, hidden, site):
    server = start(site, "--log-level", level, bind="unix:" + site.dir / "s", listen=False)
    server.listening = "unix:" + site.dir / "s"
    procs.until(lambda: server.workers() and os.path.exists(site.dir / "s"), "the start")
    assert server.get("/hello").status == 200
    server.get("/error?ValueError")
    assert server.terminate() == 0
    for text in shown:
        assert text in server.log()
    for text in hidden:
        assert text not in server.log()


def test_error_log_line_form(site):
    server = start(site)
    first = server.log().split("\n")[0]
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[%d\] \[INFO\] "
                        r"Starting gunicorn 23\.0\.0" % server.pid, first)


def test_error_log_follows_the_time_zone(site):
    server = start(site, env={"TZ": "XYZ-5:30"})
    assert re.match(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0530\]", server.log())


def test_error_log_cannot_be_opened(site):
    server = start(site, "--log-file", "no/such/dir/error.log", listen=False)
    assert server.wait_exit() == 1
    assert "no/such/dir/error.log" in server.log()


def test_capture_output(site):
    site.dir.write("app.py", '''\
import os, sys
print("printed at import", flush=True)
def app(environ, start_response):
    print("printed in a request", flush=True)
    os.write(2, b"raw stderr\\n")
    start_response("200 OK", [])
    return [b""]
''')
    server = site.start("app:app", "--capture-output", "--log-file", "error.log", listen=False)
    server.errors = "error.log"
    server.wait_listening().get()
    for text in ("printed at import", "printed in a request", "raw stderr"):
        server.wait_log(text)
    assert "printed" not in server.stdout()
