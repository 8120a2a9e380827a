"""Flask and Django behind real clients, and nginx in front."""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import socket
import subprocess

import pytest
import requests

from support import client, procs
from support.client import Response
from support.server import Site, app_source

FRAMEWORKS = ["flask", "django"]
SOCKETS = ["tcp", "unix"]
FILE = random.Random(5).randbytes(5 << 20)
STREAM_SIZE = 800 * 65536
STREAM_SHA = hashlib.sha256(b"0123456789abcdef" * 4096 * 800).hexdigest()


def start(site, framework, kind):
    bind = "127.0.0.1:0" if kind == "tcp" else "unix:" + site.dir / "s"
    server = site.start("%s_site:app" % framework, "-w", "2", bind=bind,
                        files={framework + "_site.py": app_source(framework + "_site")})
    server.framework = framework
    server.wait_workers(2)
    return server


@pytest.fixture(scope="module", params=[(f, s) for f in FRAMEWORKS for s in SOCKETS], ids="-".join)
def server(request):
    site = Site()
    yield start(site, *request.param)
    site.close()


def curl(server, target, *args):
    """Runs curl against the server; returns head and body as bytes."""
    if isinstance(server.address, str):
        where = ["--unix-socket", server.address, "http://localhost" + target]
    else:
        where = ["http://127.0.0.1:%d%s" % (server.address[1], target)]
    done = subprocess.run(["curl", "-sS", "-i", "--max-time", "50", *args, *where],
                          capture_output=True, timeout=55, check=False)
    assert done.returncode == 0, done.stderr
    return Response(done.stdout[done.stdout.rindex(b"HTTP/1.1 ", 0, 4096):])


def test_index(server):
    assert server.get("/").body == b"hello from " + server.framework.encode()


def test_form(server):
    response = curl(server, "/form", "-d", "name=Al%26ce",
                    "--data-urlencode", "text=gr\u00fc\u00df dich")
    assert json.loads(response.body) == {"name": "Al&ce", "text": "gr\u00fc\u00df dich"}


@pytest.mark.parametrize("args", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]],
                         ids=["expect", "chunked", "plain"])
def test_upload_of_5_mib(args, server):
    if "-H" in args and "chunked" in args[1] and server.framework == "django":
        args = []  # Django wants a Content-Length
    path = server.dir.write("upload.bin", FILE)
    response = curl(server, "/upload", "-F", "file=@%s" % path, "-F", "note=with a note", *args)
    assert json.loads(response.body) == {
        "name": "upload.bin", "size": len(FILE), "note": "with a note",
        "sha256": hashlib.sha256(FILE).hexdigest()}


def test_cookies(server):
    response = server.get("/cookie")
    assert response.body == b"none"
    sent = sorted(value.split(";")[0] for value in response.all("Set-Cookie"))
    assert sent == ["colour=red", "size=large"]
    assert server.get("/cookie", headers=[("Cookie", "a=b; colour=blue")]).body == b"blue"


def test_session_over_two_workers(server):
    jar = server.dir / "jar"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(jar)
    counts = [curl(server, "/count", "-c", jar, "-b", jar).body for _ in range(5)]
    assert counts == [b"1", b"2", b"3", b"4", b"5"]


def test_redirect(server):
    response = server.get("/old")
    assert (response.status, response.header("Location")) == (302, "/")
    assert curl(server, "/old", "-L").body == b"hello from " + server.framework.encode()


def test_stream_of_50_mib(server):
    response = server.get("/stream")
    assert response.complete
    assert len(response.body) == STREAM_SIZE
    assert hashlib.sha256(response.body).hexdigest() == STREAM_SHA


def test_error(server):
    assert server.get("/error").status == 500
    server.wait_log("RuntimeError: %s error on purpose" % server.framework)
    assert server.get("/").status == 200


def test_not_found(server):
    assert server.get("/no/such/page").status == 404


# -- clients

@pytest.fixture(scope="module")
def flask_tcp():
    site = Site()
    yield start(site, "flask", "tcp")
    site.close()


def url_of(server, target="/"):
    return "http://127.0.0.1:%d%s" % (server.address[1], target)


def test_requests_session(flask_tcp):
    with requests.Session() as session:
        session.trust_env = False
        assert [session.get(url_of(flask_tcp, "/count")).text for _ in range(4)] == list("1234")
        response = session.post(url_of(flask_tcp, "/upload"), data={"note": "n"},
                                files={"file": ("x.bin", FILE)})
        assert response.json()["sha256"] == hashlib.sha256(FILE).hexdigest()
        with session.get(url_of(flask_tcp, "/stream"), stream=True) as streamed:
            assert sum(map(len, streamed.iter_content(65536))) == STREAM_SIZE


def run_ab(url, count, *args):
    """ab must complete all requests, each with a 2xx."""
    done = subprocess.run(["ab", "-q", "-n", str(count), "-c", "10", *args, url], text=True,
                          capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Complete requests: +%d\b" % count, done.stdout), done.stdout
    assert re.search(r"Failed requests: +0\b", done.stdout), done.stdout
    assert "Non-2xx" not in done.stdout


@pytest.mark.parametrize("args", [[], ["-k"]], ids=["close", "keep-alive"])
def test_ab(args, flask_tcp):
    run_ab(url_of(flask_tcp), 500, *args)


def test_wrk(flask_tcp):
    done = subprocess.run(["wrk", "-t1", "-c10", "-d1s", url_of(flask_tcp)], text=True,
                          capture_output=True, timeout=50, check=False)
    assert int(re.search(r"(\d+) requests in", done.stdout).group(1)) > 0, done.stdout
    assert "Socket errors" not in done.stdout and "Non-2xx" not in done.stdout, done.stdout


# -- nginx in front

NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
{user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_max_body_size 20m;
    client_body_temp_path {dir}/nginx-body;
    proxy_temp_path {dir}/nginx-proxy;
    fastcgi_temp_path {dir}/nginx-fastcgi;
    uwsgi_temp_path {dir}/nginx-uwsgi;
    scgi_temp_path {dir}/nginx-scgi;
    upstream site {{ server unix:{dir}/s fail_timeout=0; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://site;
            proxy_http_version {version};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
            proxy_redirect off;
            proxy_request_buffering {buffering};
        }}
    }}
}}
"""


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return sock.getsockname()[1]


class Front:
    """An nginx of our own before a server on a Unix socket."""

    def __init__(self, server, version="1.1", buffering="on"):
        self.port = free_port()
        directory = str(server.dir)
        user = "user root;" if os.geteuid() == 0 else ""
        path = server.dir.write("nginx.conf", NGINX.format(
            dir=directory, port=self.port, version=version, buffering=buffering, user=user))
        binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        self.proc = subprocess.Popen([binary, "-p", directory, "-c", path,
                                      "-e", directory + "/nginx.log"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        self.dir = server.dir
        procs.until(self._answers, lambda: "nginx: " + self.dir.read("nginx.log"))

    def _answers(self):
        with contextlib.suppress(OSError):
            client.connect(("127.0.0.1", self.port)).close()
            return True
        assert self.proc.poll() is None, self.dir.read("nginx.log")
        return False

    def url(self, target):
        return "http://127.0.0.1:%d%s" % (self.port, target)

    def close(self):
        self.proc.terminate()
        self.proc.wait(30)


@pytest.fixture(scope="module", params=[("flask", "1.1", "on"), ("django", "1.0", "off"),
                                        ("django", "1.1", "off")], ids="-".join)
def front(request):
    framework, version, buffering = request.param
    site = Site()
    nginx = None
    try:
        nginx = Front(start(site, framework, "unix"), version, buffering)
        nginx.framework = framework
        yield nginx
    finally:
        if nginx:
            nginx.close()
        site.close()


def test_nginx(front):
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(front.url("/")).text == "hello from " + front.framework
        assert [session.get(front.url("/count")).text for _ in range(3)] == list("123")
        assert session.get(front.url("/old")).text == "hello from " + front.framework
        assert session.post(front.url("/form"), data={"a": "b c"}).json() == {"a": "b c"}
        uploaded = session.post(front.url("/upload"), data={"note": "n"},
                                files={"file": ("x", FILE)})
        assert uploaded.json()["sha256"] == hashlib.sha256(FILE).hexdigest()
        streamed = session.get(front.url("/stream")).content
        assert hashlib.sha256(streamed).hexdigest() == STREAM_SHA
        assert session.get(front.url("/error")).status_code == 500


def test_nginx_under_load(front):
    run_ab(front.url("/"), 300)
