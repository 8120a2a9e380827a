"""A raw HTTP client: what is sent and what comes back are bytes."""

import contextlib
import re
import socket

TIMEOUT = 30.0


def connect(address, timeout=TIMEOUT):
    """A connected socket; the address is a Unix path or a (host, port) pair."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    sock.settimeout(timeout)
    try:
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def read_all(sock, limit=None):
    """Everything until the peer closes (a reset after data counts as the end)."""
    data = bytearray()
    while limit is None or len(data) < limit:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    return bytes(data)


def read_head(sock):
    """Bytes up to and including the empty line, and what came after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return data, b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def exchange(address, data, pieces=None):
    """Send, read until the server closes. `pieces` cuts the data into segments of that size."""
    with contextlib.closing(connect(address)) as sock:
        try:
            if pieces:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for start in range(0, len(data), pieces):
                    sock.sendall(data[start:start + pieces])
            else:
                sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may answer and close before it has read everything
        return read_all(sock)


class Response:
    """A parsed response; raises ValueError when the bytes are no HTTP/1.x response."""

    LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3}) ([^\r\n]*)\r\n")

    def __init__(self, raw, method="GET"):
        self.raw = raw
        match = self.LINE.match(raw)
        if not match:
            raise ValueError("no status line: %r" % raw[:200])
        self.version = match.group(1).decode()
        self.status = int(match.group(2))
        self.reason = match.group(3).decode("latin-1")
        head, found, self.payload = raw[match.end() - 2:].partition(b"\r\n\r\n")
        if not found:
            raise ValueError("head without end: %r" % raw[:200])
        self.headers = []
        for line in head.split(b"\r\n")[1:]:
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise ValueError("no header field: %r" % line)
            self.headers.append((name, value.strip(" \t")))
        self.chunks = None
        self.complete = True
        self.body = self._decode(method)

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name, default=None):
        found = self.all(name)
        if len(found) > 1:
            raise ValueError("%s is there %d times" % (name, len(found)))
        return found[0] if found else default

    def _decode(self, method):
        if method == "HEAD" or self.status in (204, 304):
            return self.payload
        if self.header("Transfer-Encoding") == "chunked":
            return self._dechunk()
        length = self.header("Content-Length")
        if length is not None:
            self.complete = len(self.payload) == int(length)
        return self.payload

    def _dechunk(self):
        self.chunks, data, pos = [], self.payload, 0
        while True:
            end = data.find(b"\r\n", pos)
            size = int(data[pos:end], 16) if end >= 0 else 0
            start = end + 2
            pos = start + size + 2
            if end < 0 or data[start + size:pos] != b"\r\n":
                self.complete = False
                break
            if size == 0:
                if pos != len(data):
                    raise ValueError("bytes after the last chunk: %r" % data[pos:pos + 100])
                break
            self.chunks.append(data[start:start + size])
        return b"".join(self.chunks)


def head_bytes(method, target, headers, version="1.1"):
    lines = ["%s %s HTTP/%s" % (method, target, version)]
    lines += ["%s: %s" % pair for pair in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request(address, target="/", method="GET", headers=(), body=b"", version="1.1", host="test"):
    """One request on its own connection."""
    fields = ([("Host", host)] if host is not None else []) + list(headers)
    names = [name.lower() for name, _ in fields]
    if body and "content-length" not in names and "transfer-encoding" not in names:
        fields.append(("Content-Length", str(len(body))))
    raw = exchange(address, head_bytes(method, target, fields, version) + body)
    return Response(raw, method)


def chunked(*parts, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + end
