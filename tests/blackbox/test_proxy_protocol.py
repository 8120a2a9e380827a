"""The PROXY protocol: raw headers, and the proxies that write them."""

import contextlib
import itertools
import json
import os
import socket
import struct

import pytest

from support import client, procs
from support.client import Response
from support.fronts import find, free_port, running
from support.server import app_source

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 5432 80\r\n"
V1_TCP6 = b"PROXY TCP6 2001:0db8::0007 2001:db8::1 5432 80\r\n"
ANNOUNCED = {"REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "5432", "PROXY_PROTOCOL": "TCP4",
             "PROXY_ADDR": "198.51.100.1", "PROXY_PORT": "80"}
ANNOUNCED_TCP6 = {"REMOTE_ADDR": "2001:db8::7", "REMOTE_PORT": "5432", "PROXY_PROTOCOL": "TCP6",
                  "PROXY_ADDR": "2001:db8::1", "PROXY_PORT": "80"}


def v2(first, family, payload):
    return SIGNATURE + bytes([first, family]) + struct.pack(">H", len(payload)) + payload


INET = (socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1")
        + struct.pack(">HH", 5432, 80))
INET6 = (socket.inet_pton(socket.AF_INET6, "2001:db8::7")
         + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack(">HH", 5432, 80))
V2 = v2(0x21, 0x11, INET)
V2_TCP6 = v2(0x21, 0x21, INET6)


def get(target="/env", *headers, keep=False):
    lines = [b"GET %s HTTP/1.1" % target.encode(), b"Host: x", *headers]
    if not keep:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def start(site, *args, **options):
    return site.start("app:app", *args, files={"app.py": app_source("probe")}, **options)


def environ(raw):
    response = Response(raw)
    assert response.status == 200, raw
    return json.loads(response.body)["values"]


def shown(values):
    return {k: values[k] for k in ANNOUNCED if k in values}


def with_peer(values):
    """Nothing was announced: the real endpoint, and no PROXY variable."""
    assert values["REMOTE_ADDR"] == "127.0.0.1"
    assert values["REMOTE_PORT"].isdigit()
    return not any(k.startswith("PROXY_") for k in values)


@pytest.fixture(scope="module", params=["sync", "gthread"])
def server(request, shared_site):
    return start(shared_site, "--proxy-protocol", "-k", request.param, "--access-logfile", "-")


# -- headers

@pytest.mark.parametrize("pieces", [None, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("header,want", [(V1, ANNOUNCED), (V1_TCP6, ANNOUNCED_TCP6),
                                         (V2, ANNOUNCED), (V2_TCP6, ANNOUNCED_TCP6),
                                         (v2(0x21, 0x11, INET + b"\x03\x00\x04abcd"), ANNOUNCED)],
                         ids=["v1", "v1-tcp6", "v2", "v2-tcp6", "v2-tlv"])
def test_addresses(server, header, want, pieces):
    assert shown(environ(server.raw(header + get(), pieces))) == want


@pytest.mark.parametrize("header", [b"", b"PROXY UNKNOWN\r\n",
                                    b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
                                    v2(0x20, 0x00, b""), v2(0x20, 0x11, INET),
                                    v2(0x21, 0x00, b""), v2(0x21, 0x31, b"/" * 216),
                                    v2(0x20, 0x00, b"x" * 65535)],
                         ids=["no-header", "unknown", "unknown-rest", "local", "local-addresses",
                              "unspec", "unix", "longest"])
def test_real_endpoints(server, header):
    assert with_peer(environ(server.raw(header + get())))


BAD = [b"PROXY TCP4 192.0.2.777 198.51.100.1 1 2\r\n",
       b"PROXY TCP4 192.0.2.7 198.51.100.1 1 007\r\n",
       b"PROXY UNKNOWN\n", b"PROXY TCP4 " + b"1" * 100 + b"\r\n", b"PROXY / HTTP/1.1\r\n",
       v2(0x11, 0x11, INET), v2(0x22, 0x11, INET), v2(0x21, 0x12, INET), v2(0x21, 0x11, INET[:8])]


@pytest.mark.parametrize("header", BAD, ids=["address", "port", "bare-lf", "long", "method",
                                             "version", "command", "datagram", "short"])
def test_bad_header(server, header):
    before = server.log().count("Invalid request from ip=127.0.0.1: Invalid PROXY")
    response = Response(server.raw(header + get()))
    assert response.status == 400
    assert response.header("Connection") == "close"
    assert b"Invalid PROXY" in response.body
    server.wait_log("Invalid request from ip=127.0.0.1: Invalid PROXY", before + 1)


@pytest.mark.parametrize("again", [V1, V2], ids=["v1", "v2"])
def test_header_comes_once(server, again):
    assert Response(server.raw(V1 + again + get())).status == 400


def test_access_log_shows_the_announced_source(server):
    environ(server.raw(V1.replace(b"192.0.2.7", b"203.0.113.9") + get("/env?logged")))
    line = procs.until(lambda: [x for x in server.stdout().splitlines() if x.startswith("203.")],
                       lambda: "the access line: " + server.stdout())
    assert '"GET /env?logged HTTP/1.1" 200' in line[0]


@pytest.mark.parametrize("header", [V1, v2(0x20, 0, b"")], ids=["v1", "v2-local"])
def test_nothing_behind_the_header(server, header):
    """A health check that closes behind its header gets no answer."""
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(header)
        sock.shutdown(socket.SHUT_WR)
        assert client.read_all(sock) == b""


# -- the whole connection

def read_response(sock):
    head, body = client.read_head(sock)
    length = int(Response(head).header("Content-Length"))
    while len(body) < length:
        piece = sock.recv(65536)
        assert piece
        body += piece
    return head + body[:length], body[length:]


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_keep_alive_keeps_the_addresses(site, header):
    server = start(site, "--proxy-protocol", "-k", "gthread")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(header + get(keep=True))
        first, rest = read_response(sock)
        assert rest == b""
        sock.sendall(get(keep=True))
        second, rest = read_response(sock)
        sock.sendall(V1 + get())
        third = client.read_all(sock)
    assert shown(environ(first)) == shown(environ(second)) == ANNOUNCED
    assert Response(third).status == 400
    # The next connection has an address of its own.
    assert with_peer(environ(server.raw(get())))


def test_unix_socket(site):
    server = start(site, "--proxy-protocol", bind="unix:s")
    assert shown(environ(client.exchange(site.dir / "s", V2 + get()))) == ANNOUNCED
    values = environ(client.exchange(site.dir / "s", get()))
    assert values["REMOTE_ADDR"] == "" and "REMOTE_PORT" not in values
    assert server.proc.poll() is None


# -- who is believed

@pytest.mark.parametrize("header", [V1, V2, b"PROXY nonsense\r\n", V1[:6], SIGNATURE],
                         ids=["v1", "v2", "bad", "v1-start", "v2-start"])
def test_strangers_are_refused(site, header):
    server = start(site, "--proxy-protocol", "--proxy-allow-from", "192.0.2.0/24")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(header)
        response = Response(client.read_all(sock))
    assert response.status == 403
    server.wait_log("Invalid request from ip=127.0.0.1: Proxy request from '127.0.0.1' not allowed")
    assert with_peer(environ(server.raw(get())))


@pytest.mark.parametrize("allowed", ["*", "127.0.0.0/8", "192.0.2.1, 127.0.0.1"])
def test_allowed_proxies(site, allowed):
    server = start(site, "--proxy-protocol", "--proxy-allow-from", allowed)
    assert shown(environ(server.raw(V1 + get()))) == ANNOUNCED


@pytest.mark.parametrize("allowed,scheme", [("127.0.0.1", "https"), ("192.0.2.7", "http")])
def test_forwarded_headers_are_the_peers(site, allowed, scheme):
    """As the original: the announced source is a client, not a proxy to be trusted."""
    server = start(site, "--proxy-protocol", "--forwarded-allow-ips", allowed)
    values = environ(server.raw(V1 + get("/env", b"X-Forwarded-Proto: https")))
    assert values["wsgi.url_scheme"] == scheme
    assert shown(values) == ANNOUNCED


# -- modes

@pytest.mark.parametrize("words,v1_works,v2_works",
                         [(["--proxy-protocol"], True, True),
                          (["--proxy-protocol=auto"], True, True),
                          (["--proxy-protocol=on"], True, True),
                          (["--proxy-protocol=v1"], True, False),
                          (["--proxy-protocol=v2"], False, True),
                          (["--proxy-protocol", "v2"], False, True),
                          (["--proxy-protocol=off"], False, False),
                          ([], False, False)],
                         ids=["flag", "auto", "on", "v1", "v2", "v2-word", "off", "default"])
def test_modes(site, words, v1_works, v2_works):
    server = start(site, *words)
    for header, works in ((V1, v1_works), (V2, v2_works)):
        raw = server.raw(header + get())
        if works:
            assert shown(environ(raw)) == ANNOUNCED
        else:
            assert Response(raw).status == 400
    assert with_peer(environ(server.raw(get())))


@pytest.mark.parametrize("text,printed", [("True", "True"), ("False", "False"), ("'on'", "True"),
                                          ("'off'", "False"), ("'v1'", "v1"), ("'v2'", "v2"),
                                          ("'auto'", "auto"), ("None", "None")])
def test_print(site, text, printed):
    site.dir.write("app.py", app_source("probe"))
    site.dir.write("c.py", "proxy_protocol = %s\n" % text)
    done = site.run("-c", "c.py", "--print-config", "app:app")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(" = ", 1) for line in done.stdout.splitlines())
    assert {k.rstrip(): v for k, v in lines.items()}["proxy_protocol"] == printed
    assert done.stderr == ""


def test_wrong_mode(site):
    site.dir.write("app.py", app_source("probe"))
    done = site.run("--proxy-protocol=v3", "--check-config", "app:app")
    assert done.returncode == 1
    assert "proxy_protocol: Invalid boolean: v3" in done.stderr
    assert "off, v1, v2, auto" in done.stderr


# -- real proxies

HAPROXY = """\
global
    maxconn 100
defaults
    mode {mode}
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    server one 127.0.0.1:{to} {send} {check}
"""


def ask_through(port):
    """Own address and the environ that the application saw."""
    with contextlib.closing(client.connect(("127.0.0.1", port))) as sock:
        mine = sock.getsockname()
        sock.sendall(get())
        return mine, environ(client.read_all(sock))


@pytest.mark.skipif(not find("haproxy"), reason="haproxy is not installed")
@pytest.mark.parametrize("kind,mode,send",
                         list(itertools.product(["sync", "gthread"], ["tcp", "http"],
                                                ["send-proxy", "send-proxy-v2"])),
                         ids="-".join)
def test_haproxy(site, kind, mode, send):
    mode_word = "v1" if send == "send-proxy" else "v2"
    server = start(site, "--proxy-protocol=" + mode_word, "-k", kind)
    port = free_port()
    path = site.dir.write("haproxy.cfg", HAPROXY.format(
        mode=mode, port=port, to=server.address[1], send=send, check="check inter 100"))
    with running(site, [find("haproxy"), "-db", "-f", path], port):
        for _ in range(3):
            mine, values = ask_through(port)
            assert (values["REMOTE_ADDR"], values["REMOTE_PORT"]) == (mine[0], str(mine[1]))
            assert (values["PROXY_ADDR"], values["PROXY_PORT"]) == ("127.0.0.1", str(port))
            assert values["PROXY_PROTOCOL"] == "TCP4"
    assert "Invalid request" not in server.log()


NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
{load}
events {{ worker_connections 64; }}
stream {{
    server {{
        listen 127.0.0.1:{port};
        proxy_pass 127.0.0.1:{to};
        proxy_protocol on;
    }}
}}
"""


def stream_module():
    for path in ("/usr/lib/nginx/modules/ngx_stream_module.so",
                 "/usr/lib64/nginx/modules/ngx_stream_module.so"):
        if os.path.exists(path):
            return path
    return None


@pytest.mark.skipif(not find("nginx") or not stream_module(),
                    reason="nginx with its stream module is not installed")
@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_nginx_stream(site, kind):
    server = start(site, "--proxy-protocol", "-k", kind)
    port = free_port()
    path = site.dir.write("nginx.conf", NGINX.format(
        dir=site.dir, port=port, to=server.address[1],
        load="load_module %s;" % stream_module()))
    argv = [find("nginx"), "-p", str(site.dir), "-c", path, "-e", site.dir / "nginx.log"]
    with running(site, argv, port):
        mine, values = ask_through(port)
    assert (values["REMOTE_ADDR"], values["REMOTE_PORT"]) == (mine[0], str(mine[1]))
    assert (values["PROXY_ADDR"], values["PROXY_PORT"]) == ("127.0.0.1", str(port))
