"""TLS: handshakes good and bad, certificates of both sides, bytes, reloads, real clients."""

import contextlib
import errno
import hashlib
import json
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support import client, procs, tls
from support.client import Response, head_bytes
from support.server import app_source

POLICIES = {"sync": (), "gthread": ("--threads", "4")}

HOOK = """
def ssl_context(config, default_ssl_context_factory):
    import ssl
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
"""

# Who makes the sessions: OpenSSL called by the server, or Python's ssl module for the hook.
KINDS = {"native": "", "hook": HOOK}

EXTRA = '''

@route
def whoami(environ, start_response):
    return plain(start_response, b"%d" % os.getpid())


@route
def nap(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return plain(start_response, b"slept")


@route
def talk(environ, start_response):
    """Speaks by gunicorn.socket alone: lines back in upper case."""
    sock = environ["gunicorn.socket"]
    sock.settimeout(20)
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n")
    buffer = bytearray(1000)
    while True:
        count = sock.recv_into(buffer)
        if bytes(buffer[:count]) in (b"", b"quit"):
            break
        sock.sendall(bytes(buffer[:count]).upper())
    sock.sendall(b"bye %s %s" % (sock.version().encode(), sock.getpeername()[0].encode()))
    return []


@route
def impatient(environ, start_response):
    sock = environ["gunicorn.socket"]
    sock.settimeout(0.05)
    try:
        sock.recv(1)
    except TimeoutError as error:
        return plain(start_response, b"timeout: %s" % str(error).encode())


@route
def late_socket(environ, start_response):
    KEPT.append(environ["gunicorn.socket"])
    if len(KEPT) == 1:
        return plain(start_response, b"first")
    try:
        KEPT[0].send(b"x")
    except OSError as error:
        return plain(start_response, b"%d" % error.errno)


KEPT = []


@route
def peercert(environ, start_response):
    sock = environ["gunicorn.socket"]
    der = sock.getpeercert(binary_form=True)
    return as_json(start_response, [sock.getpeercert(), der and len(der)])


@route
def pieces(environ, start_response):
    """The body of the request, read and sent in pieces."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: environ["wsgi.input"].read(10000), b"")
'''

PAYLOAD = bytes(range(256)) * 20000


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = tls.Authority(tmp_path_factory.mktemp("ca"))
    made.sign("server", "/CN=localhost")
    return made


@pytest.fixture(scope="module")
def trusting(authority):
    return tls.context(authority)


def start(site, authority, *args, kind="native", **options):
    files = {"app.py": app_source("probe") + EXTRA, "payload": PAYLOAD}
    return site.start("app:app", "--certfile", authority.path("server.pem"), "--keyfile",
                      authority.path("server.key"), "--log-level", "debug", *args, files=files,
                      conf=KINDS[kind], **options)


@pytest.fixture(scope="module", params=[(k, p) for k in KINDS for p in POLICIES],
                ids=lambda param: "-".join(param))
def server(request, shared_site, authority):
    kind, policy = request.param
    shared_site.dir.write("gunicorn.conf.py", KINDS[kind])
    return start(shared_site, authority, *POLICIES[policy], kind=kind)


def assert_quiet(server):
    """Nothing that a client did is an error of ours."""
    assert "Traceback" not in server.log()
    assert "[ERROR]" not in server.log() and "[CRITICAL]" not in server.log(), server.log()


# -- requests and responses

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@pytest.mark.parametrize("version", VERSIONS)
def test_environ(server, authority, version):
    made = tls.context(authority, version=VERSIONS[version])
    values = json.loads(tls.request(server.address, made, "/env").body)["values"]
    assert values["wsgi.url_scheme"] == "https"
    assert values["HTTPS"] == "on"
    assert values["SSL_PROTOCOL"] == version
    assert values["SSL_CIPHER"]
    assert values["SSL_SESSION_RESUMED"] == "Initial"
    assert values["SERVER_PORT"] == str(server.address[1])
    assert not [name for name in values if name.startswith("SSL_CLIENT")]


def test_listening_address(server):
    assert "Listening at: https://127.0.0.1:%d (" % server.address[1] in server.log()


def test_head(server, trusting):
    response = tls.request(server.address, trusting, "/hello", method="HEAD")
    assert (response.status, response.payload) == (200, b"")


def test_large_bodies_both_ways(server, trusting):
    body = os.urandom(3 << 20)
    response = tls.request(server.address, trusting, "/echo", method="POST", body=body)
    assert response.status == 200
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()


def test_large_bodies_in_pieces(server, trusting):
    body = os.urandom(1 << 20)
    response = tls.request(server.address, trusting, "/pieces", method="POST", body=body)
    assert response.complete and response.body == body


@pytest.mark.parametrize("offset,length", [(0, ""), (12345, 70000)])
def test_file(server, trusting, offset, length):
    response = tls.request(server.address, trusting, "/wrapped?file,%d,%s" % (offset, length))
    end = offset + length if length else None
    assert response.complete and response.body == PAYLOAD[offset:end]


def test_expect_continue(server, trusting):
    head = head_bytes("POST", "/echo", [("Host", "x"), ("Content-Length", "4"),
                                        ("Expect", "100-continue"), ("Connection", "close")])
    with contextlib.closing(tls.connect(server.address, trusting)) as sock:
        sock.sendall(head)
        interim, rest = client.read_head(sock)
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n" and not rest
        sock.sendall(b"body")
        assert Response(tls.read_all(sock)).body == b"body"


def test_body_not_read(server, trusting):
    """The response arrives although more came than anybody read (the first 64 KiB are awaited)."""
    with contextlib.closing(tls.connect(server.address, trusting)) as sock:
        sock.sendall(head_bytes("POST", "/unread", [("Host", "x"), ("Content-Length", "200000")]))
        sock.sendall(b"x" * 90000)
        assert Response(tls.read_all(sock)).body == b"not read"


def test_bad_request(server, trusting):
    with contextlib.closing(tls.connect(server.address, trusting)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nBad Name: x\r\nHost: x\r\n\r\n")
        assert Response(tls.read_all(sock)).status == 400


def test_request_in_small_records(server, trusting):
    with contextlib.closing(tls.connect(server.address, trusting)) as sock:
        for byte in head_bytes("GET", "/hello", [("Host", "x"), ("Connection", "close")]):
            sock.sendall(bytes([byte]))
        assert Response(tls.read_all(sock)).body == b"hello\n"


def test_slow_reader(server, trusting):
    """Back-pressure: what the client takes late it takes whole."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(client.TIMEOUT)
    sock.connect(server.address)
    with contextlib.closing(trusting.wrap_socket(sock, server_hostname="localhost")) as wire:
        wire.sendall(head_bytes("GET", "/wrapped?bytes,0,", [("Host", "x"),
                                                             ("Connection", "close")]))
        data = b""
        while len(data) < 200000:
            data += wire.recv(1000)
        response = Response(data + tls.read_all(wire))
    assert response.complete and response.body == PAYLOAD


def test_alpn(server, authority):
    made = tls.context(authority)
    made.set_alpn_protocols(["h2", "http/1.1"])
    with contextlib.closing(tls.connect(server.address, made)) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"


def test_client_leaves_in_the_middle(server, trusting):
    before = server.dir.read("notes").count("closed endless")
    sock = tls.connect(server.address, trusting)
    sock.sendall(head_bytes("GET", "/endless", [("Host", "x")]))
    sock.recv(1000)
    tls.reset(sock)
    procs.until(lambda: server.dir.read("notes").count("closed endless") > before,
                "the end of the response")
    assert tls.request(server.address, trusting, "/hello").status == 200
    assert_quiet(server)


# -- gunicorn.socket

def test_application_speaks_by_itself(server, trusting):
    with contextlib.closing(tls.connect(server.address, trusting,
                                        suppress_ragged_eofs=False)) as sock:
        sock.sendall(head_bytes("GET", "/talk", [("Host", "x")]))
        head, rest = client.read_head(sock)
        assert head.startswith(b"HTTP/1.1 101 ") and not rest
        for text in (b"one", b"two" * 100):
            sock.sendall(text)
            data = b""
            while len(data) < len(text):
                data += sock.recv(1000)
            assert data == text.upper()
        sock.sendall(b"quit")
        assert tls.read_all(sock) == b"bye %s 127.0.0.1" % sock.version().encode()
    assert_quiet(server)


def test_socket_of_a_request(server, trusting):
    assert tls.request(server.address, trusting, "/impatient").body == b"timeout: timed out"


def test_socket_ends_with_its_request(site, authority, trusting):
    server = start(site, authority)
    assert tls.request(server.address, trusting, "/late_socket").body == b"first"
    assert tls.request(server.address, trusting, "/late_socket").body == b"%d" % errno.EBADF


# -- persistent connections

@pytest.mark.parametrize("kind", KINDS)
def test_pipelined_in_one_record(site, authority, trusting, kind):
    server = start(site, authority, "--threads", "2", kind=kind)
    wanted = head_bytes("GET", "/hello", [("Host", "x")])
    last = head_bytes("GET", "/hello", [("Host", "x"), ("Connection", "close")])
    with contextlib.closing(tls.connect(server.address, trusting)) as sock:
        sock.sendall(wanted * 7 + last)
        data = tls.read_all(sock)
    assert data.count(b"HTTP/1.1 200 OK\r\n") == 8 and data.count(b"hello\n") == 8


@pytest.mark.parametrize("kind", KINDS)
def test_idle_end_is_announced(site, authority, trusting, kind):
    server = start(site, authority, "--threads", "2", "--keep-alive", "1", kind=kind)
    with contextlib.closing(tls.connect(server.address, trusting,
                                        suppress_ragged_eofs=False)) as sock:
        for _ in range(3):
            sock.sendall(head_bytes("GET", "/hello", [("Host", "x")]))
            head, body = client.read_head(sock)
            while not body.endswith(b"hello\n"):
                body += sock.recv(100)
        assert sock.recv(100) == b""  # close_notify; anything else would raise
    assert_quiet(server)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_sessions_resume_in_every_worker(site, authority, kind, version):
    server = start(site, authority, "-w", "3", kind=kind)
    server.wait_workers(3)
    made = tls.context(authority, version=VERSIONS[version])
    with contextlib.closing(tls.connect(server.address, made)) as sock:
        sock.sendall(head_bytes("GET", "/hello", [("Host", "x")]))
        assert Response(tls.read_all(sock)).status == 200
        session = sock.session
    with contextlib.ExitStack() as stack:
        for number in range(1, 4):  # each one keeps its worker, so that the next gets another
            sock = tls.connect(server.address, made, session=session)
            stack.enter_context(contextlib.closing(sock))
            assert sock.session_reused
            sock.sendall(head_bytes("GET", "/wait", [("Host", "x")]))
            procs.until(lambda: server.dir.read("notes").count("waiting") == number, "the request")
        pids = set(re.findall(r"waiting (\d+)", server.dir.read("notes")))
        server.dir.write("go", "")
    assert len(pids) == 3


# -- certificates of clients

@pytest.fixture(scope="module")
def clients(authority, tmp_path_factory):
    """Certificate and key by name; `stranger` is signed by nobody we trust."""
    other = tls.Authority(tmp_path_factory.mktemp("other"), "other")
    return {"friend": authority.sign("friend", "/O=Example/CN=J\u00fcrgen", "DNS:friend.example"),
            "stranger": other.sign("stranger", "/CN=stranger"), "nobody": (None, None)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who,reqs,ok", [
    ("friend", 2, True), ("friend", 1, True), ("friend", 0, True), ("nobody", 1, True),
    ("nobody", 2, False), ("stranger", 2, False), ("stranger", 1, False), ("stranger", 0, True)])
def test_client_certificates(site, authority, clients, kind, who, reqs, ok):
    server = start(site, authority, "--ca-certs", authority.pem, "--cert-reqs", str(reqs),
                   kind=kind)
    made = tls.context(authority, *clients[who])
    if not ok:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            tls.request(server.address, made, "/env")
        server.wait_log(r"\[INFO\] TLS handshake with ip=127\.0\.0\.1 failed: .*certificate")
        assert_quiet(server)
        return
    values = json.loads(tls.request(server.address, made, "/env").body)["values"]
    if who == "friend" and reqs:
        with open(clients["friend"][0]) as handle:
            pem = handle.read()
        assert values["SSL_CLIENT_VERIFY"] == "SUCCESS"
        assert values["SSL_CLIENT_S_DN"].encode("latin-1").decode() == "CN=J\u00fcrgen,O=Example"
        assert values["SSL_CLIENT_S_DN_CN"].encode("latin-1").decode() == "J\u00fcrgen"
        assert values["SSL_CLIENT_I_DN"] == "CN=ca"
        assert values["SSL_CLIENT_SAN_DNS_0"] == "friend.example"
        assert values["SSL_CLIENT_V_END"].endswith(" GMT")
        assert re.fullmatch("[0-9A-F]+", values["SSL_CLIENT_M_SERIAL"])
        assert values["SSL_CLIENT_CERT"] == pem
    else:
        assert values.get("SSL_CLIENT_VERIFY", "none").lower() == "none"
        assert "SSL_CLIENT_S_DN" not in values


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_resumed_session_knows_the_client(site, authority, clients, kind, version):
    server = start(site, authority, "--ca-certs", authority.pem, "--cert-reqs", "2", kind=kind)
    made = tls.context(authority, *clients["friend"], version=VERSIONS[version])
    session = None
    for resumed in ("Initial", "Resumed"):
        with contextlib.closing(tls.connect(server.address, made, session=session)) as sock:
            sock.sendall(head_bytes("GET", "/env", [("Host", "x"), ("Connection", "close")]))
            values = json.loads(Response(tls.read_all(sock)).body)["values"]
            session = sock.session
        assert values["SSL_SESSION_RESUMED"] == resumed
        assert values["SSL_CLIENT_VERIFY"] == "SUCCESS"
        assert values["SSL_CLIENT_I_DN"] == "CN=ca"


@pytest.mark.parametrize("kind", KINDS)
def test_getpeercert(site, authority, clients, kind):
    server = start(site, authority, "--ca-certs", authority.pem, "--cert-reqs", "1", kind=kind)
    cert, size = json.loads(tls.request(server.address, tls.context(authority, *clients["friend"]),
                                        "/peercert").body)
    # pylint: disable=protected-access
    wanted = json.loads(json.dumps(ssl._ssl._test_decode_cert(clients["friend"][0])))
    assert cert == {name: wanted[name] for name in cert}
    assert {"subject", "issuer", "serialNumber", "notBefore", "notAfter",
            "subjectAltName"} == set(cert)
    assert size > 100
    body = tls.request(server.address, tls.context(authority), "/peercert").body
    assert json.loads(body) == [None, None]


def test_header_is_no_certificate(server, trusting):
    """What a client writes into fields never looks like what TLS says."""
    response = tls.request(server.address, trusting, "/env",
                           headers=[("SSL-Client-Verify", "SUCCESS"), ("SSL_CLIENT_VERIFY", "x")])
    assert "SSL_CLIENT_VERIFY" not in json.loads(response.body)["values"]


# -- the bad-handshake zoo

def end_of(sock):
    """Waits for the server's end; what it said before."""
    with contextlib.closing(sock):
        return client.read_all(sock)


ZOO = {
    "garbage": b"\0\1\2\3garbage",
    "record of garbage": b"\x16\x03\x01\x00\x20" + b"\xff" * 32,
    "record too long": b"\x16\x03\x01\xff\xff" + b"\0" * 100,
    "data at once": b"\x17\x03\x03\x00\x05hello",
    "alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "SSL 2 hello": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\1\0\x80" * 7 + b"x" * 16,
    "SSL 3 hello": b"\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00" + b"r" * 32
                   + b"\x00\x00\x02\x00\x0a\x01\x00",
    "TLS 1.0 hello": b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01" + b"r" * 32
                     + b"\x00\x00\x02\x00\x2f\x01\x00",
}


@pytest.mark.parametrize("beast", ZOO)
def test_bad_handshake(server, trusting, beast):
    before = len(re.findall("TLS handshake with ip=", server.log()))
    sock = client.connect(server.address)
    sock.sendall(ZOO[beast])
    said = end_of(sock)
    assert said == b"" or said[0] == 0x15, said  # nothing but an alert
    assert tls.request(server.address, trusting, "/hello").status == 200
    server.wait_log(r"TLS handshake with ip=127\.0\.0\.1 failed: .+", before + 1)
    assert_quiet(server)


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1",
                                          b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"help\n"])
def test_plain_http_is_told_so(server, request_line):
    response = Response(server.raw(request_line))
    assert response.status == 400
    assert b"The plain HTTP request was sent to HTTPS port" in response.body
    assert_quiet(server)


def test_client_leaves_in_the_handshake(server, trusting):
    hello = tls.hello_bytes(trusting)
    for cut in (0, 1, 5, 50, len(hello)):
        for leave in (socket.socket.close, tls.reset):
            sock = client.connect(server.address)
            sock.sendall(hello[:cut])
            leave(sock)
    assert tls.request(server.address, trusting, "/hello").status == 200
    assert_quiet(server)


def test_half_hellos_hurt_nobody(server, trusting):
    hello = tls.hello_bytes(trusting)
    held = [client.connect(server.address) for _ in range(50)]
    for number, sock in enumerate(held):
        sock.sendall(hello[:number])
    started = time.monotonic()
    for _ in range(5):
        assert tls.request(server.address, trusting, "/hello").status == 200
    assert time.monotonic() - started < 10
    for sock in held:
        sock.close()
    assert_quiet(server)


def test_handshake_byte_by_byte(server, trusting):
    """A hello in many segments is a hello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    wire = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                wire.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    sock.sendall(bytes([byte]))
                incoming.write(sock.recv(65536))
        wire.write(head_bytes("GET", "/hello", [("Host", "x"), ("Connection", "close")]))
        sock.sendall(outgoing.read())
        data = b""
        while True:
            try:
                piece = wire.read(1000)
            except ssl.SSLWantReadError:
                incoming.write(sock.recv(65536))
                continue
            except ssl.SSLZeroReturnError:
                break
            if not piece:
                break
            data += piece
    assert Response(data).body == b"hello\n"


@pytest.mark.parametrize("kind", KINDS)
def test_handshake_of_a_slow_reader(site, authority, trusting, kind):
    """A first flight that the socket doesn't take at once is sent later, beside other clients."""
    with open(authority.path("server.pem")) as server_cert, open(authority.pem) as other:
        chain = site.dir.write("chain.pem", server_cert.read() + other.read() * 180)
    with contextlib.closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)  # accepted sockets inherit
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        server = start(site, authority, "--certfile", chain, kind=kind,
                       bind="fd://%d" % listener.fileno(), pass_fds=[listener.fileno()])
        address = listener.getsockname()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    slow = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.settimeout(client.TIMEOUT)
        sock.connect(address)
        with pytest.raises(ssl.SSLWantReadError):
            slow.do_handshake()
        sock.sendall(outgoing.read())
        assert tls.request(address, trusting, "/hello").status == 200
        while True:
            incoming.write(sock.recv(500))
            try:
                slow.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        slow.write(head_bytes("GET", "/hello", [("Host", "x"), ("Connection", "close")]))
        sock.sendall(outgoing.read())
        assert b"\x17\x03\x03" in client.read_all(sock)
    assert_quiet(server)


@pytest.mark.parametrize("kind", KINDS)
def test_half_hellos_time_out(site, authority, trusting, kind):
    server = start(site, authority, "--timeout", "2", kind=kind)
    hello = tls.hello_bytes(trusting)
    held = [client.connect(server.address) for _ in range(3)]
    for sock, cut in zip(held, (0, 3, 60)):
        sock.sendall(hello[:cut])
    for sock in held:
        assert end_of(sock) == b""
    assert_quiet(server)


def test_renegotiation_is_refused(server, authority):
    with open(server.dir / "s_client", "wb") as out:
        process = subprocess.Popen(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.address[1], "-CAfile",
             authority.pem, "-tls1_2"], stdin=subprocess.PIPE, stdout=out, stderr=out)

    def said(text):
        procs.until(lambda: text in server.dir.read("s_client"),
                    lambda: "%r in %s" % (text, server.dir.read("s_client")))

    try:
        said("Extended master secret")
        process.stdin.write(b"R\n")
        process.stdin.flush()
        said("RENEGOTIATING")
        said("no renegotiation")
    finally:
        process.kill()
        process.communicate()
    assert_quiet(server)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suppress", [True, False])
def test_ragged_end(site, authority, trusting, kind, suppress):
    args = () if suppress else ("--no-suppress-ragged-eofs",)
    server = start(site, authority, "--threads", "2", *args, kind=kind)
    for sent in (b"", b"GET / HT", head_bytes("POST", "/upload", [("Host", "x"),
                                                                  ("Content-Length", "100000")])):
        sock = tls.connect(server.address, trusting)
        sock.sendall(sent)
        raw = socket.socket(fileno=sock.detach())
        raw.settimeout(client.TIMEOUT)
        raw.shutdown(socket.SHUT_WR)  # no close_notify
        with contextlib.closing(raw):
            client.read_all(raw)
    assert tls.request(server.address, trusting, "/hello").status == 200
    assert "[CRITICAL]" not in server.log()


# -- sockets, proxies, owners

def test_unix_socket(site, authority, trusting):
    path = site.dir / "sock"
    server = start(site, authority, bind="unix:" + path)
    response = tls.request(path, trusting, "/env", headers=[("X", "y")])
    values = json.loads(response.body)["values"]
    assert values["wsgi.url_scheme"] == "https" and values["SERVER_PORT"] == "443"
    assert Response(client.exchange(path, b"GET / HTTP/1.0\r\n\r\n")).status == 400
    assert_quiet(server)


@pytest.mark.parametrize("kind", KINDS)
def test_proxy_header_before_the_handshake(site, authority, trusting, kind):
    server = start(site, authority, "--proxy-protocol=auto", kind=kind)
    headers = [b"PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n",
               b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1])
               + b"\x04\xd2\x01\xbb"]
    for header in headers:
        for cut in (len(header), 3):
            sock = client.connect(server.address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(header[:cut])
            sock.sendall(header[cut:])
            with contextlib.closing(trusting.wrap_socket(sock,
                                                         server_hostname="localhost")) as wire:
                wire.sendall(head_bytes("GET", "/env", [("Host", "x"), ("Connection", "close")]))
                values = json.loads(Response(tls.read_all(wire)).body)["values"]
            assert (values["REMOTE_ADDR"], values["REMOTE_PORT"]) == ("192.0.2.7", "1234")
            assert values["HTTPS"] == "on"
    with contextlib.closing(tls.connect(server.address, trusting)) as wire:
        wire.sendall(headers[0] + head_bytes("GET", "/env", [("Host", "x"),
                                                             ("Connection", "close")]))
        values = json.loads(Response(tls.read_all(wire)).body)["values"]
        assert values["REMOTE_ADDR"] == "192.0.2.7"
    values = json.loads(tls.request(server.address, trusting, "/env").body)["values"]
    assert values["REMOTE_ADDR"] == "127.0.0.1"
    assert Response(server.raw(b"PROXY nonsense\r\n" + b"x" * 200)).status == 400
    assert_quiet(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_key_is_for_the_master_only(site, authority, trusting):
    nobody = pwd.getpwnam("nobody")
    with open(authority.path("server.key")) as source:
        key = site.dir.write("secret.key", source.read())
    os.chmod(key, 0o600)
    server = start(site, authority, "--keyfile", key, "--user", "nobody", "--group",
                   str(nobody.pw_gid))
    assert json.loads(tls.request(server.address, trusting, "/process").body)["uid"] == nobody.pw_uid


def test_locked_key(site, authority, trusting):
    password = site.dir.write("password", tls.PASSWORD + "\n")
    for kind in KINDS:
        server = start(site, authority, "--keyfile", authority.lock("server"),
                       "--keyfile-password-file", password, kind=kind)
        assert tls.request(server.address, trusting, "/hello").status == 200
        assert tls.PASSWORD not in server.log()


# -- mistakes, told at start with setting and place

MISTAKES = {
    "no file": ("certfile = 'none.pem'", "certfile: .*none.pem.*No such file"),
    "no certificate": ("certfile = 'app.py'", "certfile: .*app.py"),
    "key of another": ("keyfile = {other!r}", "keyfile: .*does not belong to the certificate"),
    "locked": ("keyfile = {locked!r}", "keyfile: .*encrypted.*keyfile_password_file"),
    "authorities": ("ca_certs = 'none.pem'", "ca_certs: .*none.pem"),
    "ciphers": ("ciphers = 'NONE-SUCH'", "ciphers: .*NONE-SUCH"),
    "reqs alone": ("cert_reqs = 2", "cert_reqs: .*ca_certs"),
    "wrong type": ("def ssl_context(config, factory):\n    return 'context'",
                   "ssl_context: .*returned a str"),
    "raises": ("def ssl_context(config, factory):\n    raise ValueError('no way')",
               "ssl_context: .*no way"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_at_start(site, authority, mistake):
    text, pattern = MISTAKES[mistake]
    site.dir.write("app.py", app_source("probe"))
    authority.sign("other", "/CN=other")
    site.dir.write("gunicorn.conf.py", "certfile = %r\nkeyfile = %r\n%s\n" % (
        authority.path("server.pem"), authority.path("server.key"),
        text.format(other=authority.path("other.key"), locked=authority.lock("server"))))
    result = site.run("app:app", "-b", "127.0.0.1:0")
    assert result.returncode == 1
    assert re.search(r"^Error: .*gunicorn\.conf\.py:3(:\d+)?: " + pattern, result.stderr, re.M), \
        result.stderr
    assert "Booting worker" not in result.stderr


@pytest.mark.parametrize("text,status", [
    ("return default_ssl_context_factory()", 0), ("return None", 1), ("raise OSError('x')", 1)])
def test_check_config_calls_the_hook(site, authority, text, status):
    site.dir.write("app.py", app_source("probe"))
    site.dir.write("gunicorn.conf.py", "certfile = %r\nkeyfile = %r\n"
                   "def ssl_context(config, default_ssl_context_factory):\n    %s\n"
                   % (authority.path("server.pem"), authority.path("server.key"), text))
    result = site.run("--check-config", "app:app")
    assert result.returncode == status, result.stderr
    assert status == 0 or "ssl_context" in result.stderr


def test_hook_decides(site, authority):
    conf = """
import ssl

def ssl_context(config, default_ssl_context_factory):
    assert config.is_ssl and config.workers == 1 and config.certfile.endswith("server.pem")
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
"""
    server = start(site, authority)  # writes the files
    server.stop()
    site.dir.write("gunicorn.conf.py", conf)
    server = site.start("app:app", "--certfile", authority.path("server.pem"), "--keyfile",
                        authority.path("server.key"))
    assert tls.request(server.address, tls.context(authority), "/hello").status == 200
    old = tls.context(authority, version=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLError):
        tls.request(server.address, old, "/hello")


def test_hook_without_certificate(site):
    server = site.start("app:app", conf=HOOK)
    assert "ssl_context has no effect without certfile" in server.log()
    assert server.get("/").body == b"hello\n"


def test_ssl_version_is_ignored_aloud(site, authority, trusting):
    server = start(site, authority, "--ssl-version", "SSLv3")
    assert "ssl_version" in server.log()
    assert tls.request(server.address, trusting, "/hello").status == 200


def test_ciphers(site, authority):
    server = start(site, authority, "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384")
    made = tls.context(authority, version=ssl.TLSVersion.TLSv1_2)
    values = json.loads(tls.request(server.address, made, "/env").body)["values"]
    assert values["SSL_CIPHER"] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    made.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        tls.request(server.address, made, "/env")
    server.wait_log("failed: .*no shared cipher")


def test_policy_of_the_system(site, authority):
    """openssl.cnf may ask for more than we do."""
    policy = site.dir.write("openssl.cnf", """
openssl_conf = top
[top]
ssl_conf = ssl
[ssl]
system_default = policy
[policy]
MinProtocol = TLSv1.3
""")
    server = start(site, authority, env={"OPENSSL_CONF": policy})
    old = tls.context(authority, version=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLError):
        tls.request(server.address, old, "/hello")
    assert tls.request(server.address, tls.context(authority), "/hello").status == 200


# -- reload

def served_serial(address, made):
    with contextlib.closing(tls.connect(address, made)) as sock:
        return sock.getpeercert()["serialNumber"]


@pytest.mark.parametrize("kind", KINDS)
def test_new_certificate_under_load(site, authority, trusting, kind):
    """HUP brings the new certificate, and every request is answered."""
    for name in ("site.pem", "site.key"):
        with open(authority.path(name.replace("site", "server"))) as source:
            site.dir.write(name, source.read())
    server = start(site, authority, "-w", "2", "--certfile", site.dir / "site.pem", "--keyfile",
                   site.dir / "site.key", kind=kind)
    old = served_serial(server.address, trusting)
    failures, count, done = [], [0], threading.Event()

    def load():
        while not done.is_set():
            try:
                if tls.request(server.address, trusting, "/hello").status != 200:
                    failures.append("status")
                count[0] += 1
            except (OSError, ValueError) as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        cert, key = authority.sign("renewed", "/CN=localhost")
        with open(cert) as source:
            site.dir.write("site.pem", source.read())
        with open(key) as source:
            site.dir.write("site.key", source.read())
        server.signal(signal.SIGHUP)
        procs.until(lambda: served_serial(server.address, trusting) != old, "the new certificate")
        more = count[0] + 20
        procs.until(lambda: count[0] > more or failures, "more requests")
    finally:
        done.set()
        for thread in threads:
            thread.join(procs.DEADLINE)
    assert not failures
    assert_quiet(server)


def test_tls_turned_on(site, authority, trusting):
    server = site.start("app:app", conf="")
    assert server.get("/").body == b"hello\n"
    site.dir.write("gunicorn.conf.py", "certfile = %r\nkeyfile = %r\n" % (
        authority.path("server.pem"), authority.path("server.key")))
    server.signal(signal.SIGHUP)

    def answers():
        with contextlib.suppress(OSError):
            return tls.request(server.address, trusting, "/").body == b"hello\n"
    procs.until(answers, "an answer by TLS")
    procs.until(lambda: server.get("/").status == 400, "the end of the old worker")


def test_broken_certificate_keeps_the_old(site, authority, trusting):
    with open(authority.path("server.pem")) as source:
        path = site.dir.write("site.pem", source.read())
    server = start(site, authority, "--certfile", path)
    site.dir.write("site.pem", "broken\n")
    server.signal(signal.SIGHUP)
    server.wait_log(r"Reload failed, the old configuration stays in force(.|\n)*certfile: ")
    assert tls.request(server.address, trusting, "/hello").status == 200


# -- real clients

def run(*args):
    return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, check=False)


def test_curl(server, authority):
    url = "https://localhost:%d" % server.address[1]
    result = run("curl", "-sS", "--cacert", authority.pem, "-H", "Expect: 100-continue",
                 "--data-binary", "@" + str(server.dir / "payload"), url + "/upload")
    assert json.loads(result.stdout) == {"size": len(PAYLOAD),
                                         "sha256": hashlib.sha256(PAYLOAD).hexdigest()}
    result = run("curl", "-sS", "--cacert", authority.pem, url + "/wrapped?file,0,")
    assert result.stdout == PAYLOAD, result.stderr


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client(server, authority, version):
    result = run("openssl", "s_client", "-connect", "127.0.0.1:%d" % server.address[1], "-CAfile",
                 authority.pem, "-verify_return_error", "-alpn", "http/1.1", version)
    assert result.returncode == 0, result.stderr
    assert b"Verify return code: 0 (ok)" in result.stdout
    assert b"ALPN protocol: http/1.1" in result.stdout
    assert b"Secure Renegotiation IS " in result.stdout


def test_ab(server):
    result = run("ab", "-q", "-n", "200", "-c", "10",
                 "https://127.0.0.1:%d/hello" % server.address[1])
    assert re.search(rb"Complete requests: +200\n", result.stdout), result.stderr
    assert re.search(rb"Failed requests: +0\n", result.stdout), result.stdout


def test_wrk(server):
    result = run("wrk", "-t", "1", "-c", "4", "-d", "1",
                 "https://127.0.0.1:%d/hello" % server.address[1])
    assert re.search(rb"\d+ requests in", result.stdout), result.stderr
    assert b"Non-2xx" not in result.stdout
    assert_quiet(server)
