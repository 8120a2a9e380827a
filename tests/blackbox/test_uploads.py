"""Request bodies of every size and framing, and responses made of many pieces."""

import contextlib
import hashlib
import random

import pytest

from support import client, procs
from support.client import Response, chunked

MIB = 1 << 20
DATA = random.Random(23).randbytes(3 * MIB)

APP = '''\
import hashlib

def answer(start_response, text):
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]

def pieces(environ, start_response):
    """Reads in pieces of the size that the query names."""
    size, digest, count = int(environ["QUERY_STRING"]), hashlib.sha256(), 0
    stream = environ["wsgi.input"]
    while data := stream.read(size):
        assert len(data) <= size
        digest.update(data)
        count += len(data)
    return answer(start_response, b"%d %s" % (count, digest.hexdigest().encode()))

def lines(environ, start_response):
    digest, count = hashlib.sha256(), 0
    for line in environ["wsgi.input"]:
        digest.update(line)
        count += len(line)
    return answer(start_response, b"%d %s" % (count, digest.hexdigest().encode()))

def unread(environ, start_response):
    return answer(start_response, b"unread")

def some(environ, start_response):
    return answer(start_response, environ["wsgi.input"].read(10))

def count(environ, start_response):
    stream, total = environ["wsgi.input"], 0
    while data := stream.read(65536):
        total += len(data)
    return answer(start_response, b"%d" % total)

def parts(environ, start_response):
    """A list of pieces of the sizes in a file, each of a letter of its own."""
    with open("sizes") as handle:
        sizes = [int(word) for word in handle.read().split(",")]
    start_response("200 OK", [])
    return [bytes([97 + at % 26]) * size for at, size in enumerate(sizes)]

def app(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)
'''


@pytest.fixture(scope="module", params=["sync", "gthread"])
def server(shared_site, request):
    return shared_site.start("app:app", "-k", request.param, "--keep-alive", "30",
                             files={"app.py": APP})


def expected(data):
    return b"%d %s" % (len(data), hashlib.sha256(data).hexdigest().encode())


def post(target, data, *fields, chunk=None):
    framing = b"Content-Length: %d" % len(data) if chunk is None else b"Transfer-Encoding: chunked"
    body = data if chunk is None else chunked(
        *(data[at:at + chunk] for at in range(0, len(data), chunk)))
    return b"\r\n".join([b"POST " + target.encode() + b" HTTP/1.1", b"Host: x", framing, *fields,
                         b"", body])


# Around the sizes where another way is taken: 16 KiB, 64 KiB.
SIZES = [1, 8191, 16383, 16384, 16385, 65535, 65536, 65537, 200000, 3 * MIB]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunk", [None, 1000, 16384, 16390, 70001, 2 * MIB])
@pytest.mark.parametrize("piece", [1000, 16384, 65536, -1])
def test_upload(size, chunk, piece, server):
    data = DATA[:size]
    raw = server.raw(post("/pieces?%d" % piece if piece > 0 else "/lines", data,
                          b"Connection: close", chunk=chunk))
    assert Response(raw).body == expected(data)


@pytest.mark.parametrize("pieces", [1400, 60000])
@pytest.mark.parametrize("chunk", [None, 40000])
def test_upload_in_segments(pieces, chunk, server):
    data = DATA[:500000]
    raw = server.raw(post("/pieces?65536", data, b"Connection: close", chunk=chunk), pieces)
    assert Response(raw).body == expected(data)


@pytest.mark.parametrize("target,answer", [("/unread", b"unread"), ("/some", DATA[:10])])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunk", [None, 5000])
def test_unread_body_spoils_nothing(size, chunk, target, answer, server):
    """The response arrives; the body is never taken for a request."""
    data = (b"GET /unread HTTP/1.1\r\nHost: x\r\n\r\n" * 100000)[:size]
    raw = server.raw(post(target, data, chunk=chunk)
                     + post("/some", b"last", b"Connection: close"))
    body = Response(raw).payload
    if target == "/some":
        answer = data[:10]
    assert body.startswith(answer)
    assert body[len(answer):] == b"" or Response(body[len(answer):]).body == b"last"
    assert raw.count(b"HTTP/1.1 200 OK") <= 2


def test_small_unread_body_keeps_the_connection(site):
    server = site.start("app:app", "-k", "gthread", "--keep-alive", "30", files={"app.py": APP})
    raw = server.raw(post("/unread", DATA[:40000]) + post("/some", b"last", b"Connection: close"))
    assert raw.count(b"HTTP/1.1 200 OK") == 2
    assert raw.endswith(b"\r\n\r\nlast")


# -- memory

def peak_kib(pid):
    return int(procs.status(pid)["VmHWM"].split()[0])


@pytest.mark.parametrize("chunk", [None, 65536])
def test_memory_stays_flat(chunk, site):
    """200 MiB through a worker that reads in pieces."""
    server = site.start("app:app", files={"app.py": APP})
    pid = server.wait_workers(1)[0]
    body = DATA[:MIB] if chunk is None else chunked(
        *(DATA[at:at + chunk] for at in range(0, MIB, chunk)), end=b"")

    def send(mib):
        fields = [b"POST /count HTTP/1.1", b"Host: x",
                  b"Content-Length: %d" % (mib * MIB) if chunk is None
                  else b"Transfer-Encoding: chunked", b"", b""]
        with contextlib.closing(client.connect(server.address)) as sock:
            sock.sendall(b"\r\n".join(fields))
            for _ in range(mib):
                sock.sendall(body)
            if chunk is not None:
                sock.sendall(b"0\r\n\r\n")
            assert Response(client.read_all(sock)).body == b"%d" % (mib * MIB)
    send(2)
    before = peak_kib(pid)
    send(200)
    assert peak_kib(pid) - before < 2048


# -- responses of many pieces

PARTS = [
    [1] * 3, [1000] * 10, [1000] * 100, [16384] * 8, [16385] * 8, [70000, 1, 70000, 1],
    [1] * 70000, [4096, 4097, 0, 100000, 0, 5], [20000, 20000, 20000, 20000], [81920, 81921],
]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("sizes", PARTS, ids=[str(n) for n in range(len(PARTS))])
def test_list_of_pieces(sizes, version, site):
    site.dir.write("sizes", ",".join(map(str, sizes)))
    response = site.start("app:app", files={"app.py": APP}).get("/parts", version=version)
    pieces = [bytes([97 + at % 26]) * size for at, size in enumerate(sizes)]
    assert response.complete
    assert response.body == b"".join(pieces)
    if version == "1.1" and sum(sizes) <= 65536:
        assert response.chunks == [piece for piece in pieces if piece]
    elif version == "1.1":
        assert len(response.chunks) == 1  # nobody has to wait for any of it
