"""nginx, HAProxy and stunnel in front, in the ways they are deployed."""

import contextlib
import json
import os
import random
import re
import socket
import ssl
import subprocess

import pytest

from support import client, procs
from support.client import Response, chunked
from support.fronts import find, free_port, running
from support.server import app_source

DATA = random.Random(41).randbytes(400000)

APP = app_source("probe") + '''

@route
def steps(environ, start_response):
    """Two pieces; the second one when the file `go` exists."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    while not os.path.exists(os.path.join(HERE, "go")):
        time.sleep(0.01)
    yield b"second"


@route
def begin(environ, start_response):
    """Notes the first bytes of the body as soon as they are there."""
    stream = environ["wsgi.input"]
    note("begun with " + stream.read(5).decode())
    return plain(start_response, b"%d" % (5 + len(stream.read())))
'''


def start(site, *args, **options):
    site.dir.write("payload", DATA)
    return site.start("app:app", *args, files={"app.py": APP}, **options)


def get(target, *fields):
    return b"\r\n".join([b"GET " + target.encode() + b" HTTP/1.1", b"Host: x", *fields, b"", b""])


def run_ab(port, target, *args):
    done = subprocess.run(["ab", "-q", "-n", "300", "-c", "8", *args,
                           "http://127.0.0.1:%d%s" % (port, target)], text=True,
                          capture_output=True, timeout=50, check=False)
    assert re.search(r"^Complete requests: +300$", done.stdout, re.M), done.stdout + done.stderr
    assert re.search(r"^Failed requests: +0$", done.stdout, re.M), done.stdout
    assert "Non-2xx" not in done.stdout, done.stdout


# -- nginx

NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
{user}
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_max_body_size 20m;
    client_body_temp_path {dir}/nginx-body;
    proxy_temp_path {dir}/nginx-proxy;
    fastcgi_temp_path {dir}/nginx-fastcgi;
    uwsgi_temp_path {dir}/nginx-uwsgi;
    scgi_temp_path {dir}/nginx-scgi;
    upstream site {{ server {to}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://site;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(site, server):
    """An nginx with kept connections and without buffers; its port."""
    port, address = free_port(), server.address
    path = site.dir.write("nginx.conf", NGINX.format(
        dir=site.dir, port=port, user="user root;" if os.geteuid() == 0 else "",
        to="unix:" + address if isinstance(address, str) else "%s:%d" % address))
    argv = [find("nginx"), "-p", str(site.dir), "-c", path, "-e", site.dir / "nginx.log"]
    with running(site, argv, port):
        yield port


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("bind", ["tcp", "unix"])
def test_nginx_without_buffers(bind, kind, site):
    server = start(site, "-k", kind, "--threads", "2" if kind == "gthread" else "1",
                   **({"bind": "unix:" + site.dir / "s"} if bind == "unix" else {}))
    with nginx(site, server) as port:
        address = ("127.0.0.1", port)
        assert client.request(address, "/wrapped?file,0,", headers=[("Connection", "close")]
                              ).body == DATA
        for body, fields in [(DATA, []), (chunked(DATA[:70000], DATA[70000:]),
                                          [("Transfer-Encoding", "chunked")])]:
            answer = client.request(address, "/upload", method="POST", body=body,
                                    headers=[*fields, ("Connection", "close")])
            assert json.loads(answer.body)["size"] == len(DATA)
        for target in ("/hello", "/generator", "/unread"):
            run_ab(port, target)
        run_ab(port, "/hello", "-k")
    assert not re.search(r"\[(WARNING|ERROR|CRITICAL)\]", server.log())


def test_nginx_keeps_its_connections(site):
    """All requests of a client leave nginx over the connections that it keeps."""
    server = start(site, "-k", "gthread", "--threads", "2", "--keep-alive", "30",
                   "--access-logfile", "-", "--access-logformat", "%({remote_port}e)s %(U)s")
    with nginx(site, server) as port:
        with contextlib.closing(client.connect(("127.0.0.1", port))) as sock:
            for _ in range(20):
                sock.sendall(get("/hello"))
                head, body = client.read_head(sock)
                while len(body) < 6:
                    body += sock.recv(100)
                assert (head[:15], body) == (b"HTTP/1.1 200 OK", b"hello\n")
        lines = procs.until(lambda: [x for x in server.stdout().splitlines()
                                     if x.endswith("/hello")][19:] and server.stdout(), "the log")
    assert len(set(lines.split("\n")[:20])) == 1, lines


def test_nginx_streams_the_response(site):
    server = start(site)
    with nginx(site, server) as port, \
            contextlib.closing(client.connect(("127.0.0.1", port))) as sock:
        sock.sendall(get("/steps", b"Connection: close"))
        data = b""
        while b"first" not in data:
            piece = sock.recv(4096)
            assert piece, data
            data += piece
        site.dir.write("go", "")
        assert Response(data + client.read_all(sock)).body == b"firstsecond"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_nginx_streams_the_request(framing, site):
    """The application reads the first bytes before the last ones were sent."""
    server = start(site)
    body = b"first" + b"x" * 300000
    field = b"Content-Length: %d" % len(body)
    first, rest = body[:200000], body[200000:]
    if framing == "chunked":
        field = b"Transfer-Encoding: chunked"
        first, rest = chunked(first, end=b""), chunked(rest)
    with nginx(site, server) as port, \
            contextlib.closing(client.connect(("127.0.0.1", port))) as sock:
        sock.sendall(get("/begin", b"Connection: close", field).replace(b"GET", b"POST", 1))
        sock.sendall(first)
        procs.until(lambda: "begun with first" in site.dir.read("notes"), "the application")
        sock.sendall(rest)
        assert Response(client.read_all(sock)).body == b"300005"


def test_nginx_client_that_leaves(site):
    """nginx gives up the request; the worker notices and serves others."""
    server = start(site)
    with nginx(site, server) as port:
        with contextlib.closing(client.connect(("127.0.0.1", port))) as sock:
            sock.sendall(get("/endless"))
            client.read_all(sock, limit=100000)
        procs.until(lambda: "closed endless" in site.dir.read("notes"), "close()")
        assert client.request(("127.0.0.1", port), "/hello",
                              headers=[("Connection", "close")]).status == 200


# -- HAProxy

HAPROXY = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
    http-reuse always
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    option httpchk
    http-check send meth GET uri /hello ver HTTP/1.1 hdr Host check
    server one {to} {proxy} check inter 100
"""


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("proxy", ["", "send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("bind", ["tcp", "unix"])
def test_haproxy(bind, proxy, kind, site):
    """Connections are used for several clients; each check and request is answered."""
    options = {"bind": "unix:" + site.dir / "s"} if bind == "unix" else {}
    server = start(site, "-k", kind, "--threads", "2" if kind == "gthread" else "1",
                   *(["--proxy-protocol"] if proxy else []), **options)
    address, port = server.address, free_port()
    path = site.dir.write("haproxy.cfg", HAPROXY.format(
        port=port, proxy=proxy + (" check-send-proxy" if proxy else ""),
        to="unix@" + address if bind == "unix" else "%s:%d" % address))
    with running(site, [find("haproxy"), "-db", "-f", path], port):
        for target in ("/hello", "/generator"):
            run_ab(port, target)
        run_ab(port, "/hello", "-k")
        answer = client.request(("127.0.0.1", port), "/upload", method="POST", body=DATA,
                                headers=[("Connection", "close")])
        assert json.loads(answer.body)["size"] == len(DATA)
    assert "Invalid request" not in server.log()


# -- stunnel

STUNNEL = """\
foreground = yes
pid =
socket = l:TCP_NODELAY=1
[front]
accept = 127.0.0.1:{port}
connect = {to}
cert = {dir}/pair.pem
{more}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A key and its certificate in one file."""
    path = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", path / "key", "-out", path / "cert"],
                   check=True, capture_output=True, timeout=50)
    return (path / "key").read_text() + (path / "cert").read_text()


def ask_by_tls(port, *requests):
    """Own address and all bytes that come until the end."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 30) as plain, \
            context.wrap_socket(plain) as sock:
        mine = sock.getsockname()
        for raw in requests:
            sock.sendall(raw)
        return mine, client.read_all(sock)


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("bind,more", [("tcp", ""), ("unix", ""), ("tcp", "protocol = proxy")],
                         ids=["tcp", "unix", "proxy"])
def test_stunnel(bind, more, kind, pair, site):
    options = {"bind": "unix:" + site.dir / "s"} if bind == "unix" else {}
    server = start(site, "-k", kind, *(["--proxy-protocol"] if more else []), **options)
    address, port = server.address, free_port()
    site.dir.write("pair.pem", pair)
    os.chmod(site.dir / "pair.pem", 0o600)
    path = site.dir.write("stunnel.conf", STUNNEL.format(
        dir=site.dir, port=port, more=more,
        to=address if bind == "unix" else "%s:%d" % address))
    with running(site, [find("stunnel4"), path], port):
        mine, raw = ask_by_tls(port, get("/env", b"Connection: close"))
        values = json.loads(Response(raw).body)["values"]
        if more:
            assert (values["REMOTE_ADDR"], values["REMOTE_PORT"]) == (mine[0], str(mine[1]))
        for body in (DATA, b""):
            _, raw = ask_by_tls(port, b"POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert json.loads(Response(raw).body)["size"] == len(body)
        _, raw = ask_by_tls(port, get("/wrapped?file,0,", b"Connection: close"))
        assert Response(raw).body == DATA
        if kind == "gthread":
            _, raw = ask_by_tls(port, get("/hello"), get("/hello"),
                                get("/hello", b"Connection: close"))
            assert raw.count(b"hello\n") == 3
    assert not re.search(r"\[(ERROR|CRITICAL)\]", server.log())
