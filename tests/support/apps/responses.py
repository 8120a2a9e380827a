"""Applications that answer in every way PEP 3333 allows, and in some that it doesn't."""

import io
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROUTES = {}


def route(function):
    ROUTES["/" + function.__name__] = function
    return function


def note(line):
    with open(os.path.join(HERE, "notes"), "a") as handle:
        handle.write(line + "\n")


class Noted:
    """An iterable that notes each call of close()."""

    def __init__(self, name, parts):
        self.name, self.parts = name, iter(parts)

    def __iter__(self):
        return self.parts

    def close(self):
        note("closed " + self.name)


class Bytes(bytes):
    pass


class Text(str):
    pass


@route
def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "6")])
    return [b"hello\n"]


@route
def header_lists(environ, start_response):
    start_response("200 OK", [["X-List", "1"], (Text("X-Text"), Text("2"))])
    return [b"ok"]


@route
def header_generator(environ, start_response):
    start_response("200 OK", (pair for pair in [("X-List", "1"), ("X-Text", "2")]))
    return [b"ok"]


@route
def status(environ, start_response):
    start_response(environ["QUERY_STRING"].replace("+", " "), [("Content-Length", "4")])
    return [b"body"]


@route
def status_of_generator(environ, start_response):
    start_response(environ["QUERY_STRING"].replace("+", " "), [])
    return Noted("status", [b"", b"body"])


RESULTS = {
    "str": lambda: ["text"], "bytearray": lambda: [bytearray(b"x")],
    "memoryview": lambda: [memoryview(b"x")], "none": lambda: [None], "number": lambda: [1],
    "long_str": lambda: ["text" * 100000], "bytes_itself": lambda: b"bytes",
    "str_itself": lambda: "text", "none_itself": lambda: None,
    "generator_str": lambda: (x for x in ["text"]), "tuple_str": lambda: ("text",),
    "mixed": lambda: [b"bytes", "text"],
}


@route
def result(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return RESULTS[environ["QUERY_STRING"]]()


class Sequence:
    """The old protocol: __getitem__ until IndexError."""

    def __getitem__(self, index):
        return [b"a", b"b"][index]


class List(list):
    pass


GOOD = {
    "subclass": lambda: [Bytes(b"a"), Bytes(b"b")], "sequence": Sequence,
    "list_subclass": lambda: List([b"a", b"b"]), "tuple": lambda: (b"a", b"b"),
    "set": lambda: {b"ab"}, "dict": lambda: {b"a": 1, b"b": 2}, "map": lambda: map(bytes, [b"ab"]),
    "iter": lambda: iter([b"a", b"b"]), "bytesio": lambda: io.BytesIO(b"ab"),
    "empty_parts": lambda: iter([b"", b"a", b"", b"b", b""]),
}


@route
def good(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return GOOD[environ["QUERY_STRING"]]()


@route
def write_text(environ, start_response):
    write = start_response("200 OK", [])
    write("text")
    return []


@route
def write_then_fail(environ, start_response):
    start_response("200 OK", [])(b"written")
    raise ValueError("after write() on purpose")


@route
def write_within_length(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "4")])
    for part in (b"wr", b"it", b"ten"):
        write(part)
    return [b"more"]


@route
def close_fails(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    body = Noted("close_fails", [b"ok"])

    def close():
        note("closed close_fails")
        raise ValueError("close() on purpose")
    body.close = close
    return body


@route
def close_without_start(environ, start_response):
    return Noted("close_without_start", [])


@route
def close_of_bad_item(environ, start_response):
    start_response("200 OK", [])
    return Noted("close_of_bad_item", [b"good", "bad"])


@route
def close_of_dead_iter(environ, start_response):
    class Dead(Noted):
        def __iter__(self):
            raise ValueError("__iter__ on purpose")
    start_response("200 OK", [])
    return Dead("close_of_dead_iter", [])


@route
def close_of_file(environ, start_response):
    class File(io.FileIO):
        def close(self):
            if not self.closed:
                note("closed close_of_file")
            super().close()
    handle = File(os.path.join(HERE, "payload"))
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](handle)


@route
def close_seen_by_client(environ, start_response):
    """close() takes its time; the client has the response before."""
    class Slow(Noted):
        def close(self):
            import time
            while not os.path.exists(os.path.join(HERE, "go")):
                time.sleep(0.01)
            note("closed close_seen_by_client")
    start_response("200 OK", [("Content-Length", "4")])
    return Slow("", [b"body"])


@route
def exc_info_bad(environ, start_response):
    start_response("200 OK", [])
    start_response("500 Oops", [], (1, 2))
    return [b"replaced"]


@route
def exc_info_false(environ, start_response):
    """Middleware passes None or an empty tuple on: that is no exc_info."""
    start_response("200 OK", [("X-First", "1")], ())
    return [b"ok"]


@route
def exc_info_keywords(environ, start_response):
    start_response(status="200 OK", response_headers=[("X-First", "1")])
    try:
        raise ValueError
    except ValueError:
        start_response("503 Sorry", headers=[("X-Second", "2")], exc_info=sys.exc_info())
    return [b"ok"]


@route
def recovered(environ, start_response):
    """A start_response that was refused counts for nothing: a second one may follow."""
    try:
        start_response("200 OK", [("X-A", "1\r\nX-Injected: 1")])
    except ValueError:
        start_response("500 Caught", [("X-Second", "2")])
    return [b"ok"]


@route
def many_fields(environ, start_response):
    start_response("200 OK", [("X-%d" % n, "v" * 1000) for n in range(3000)])
    return [b"ok"]


@route
def hints(environ, start_response):
    """Two 103s, then the final response; the query tells what goes wrong."""
    hint = environ["wsgi.early_hints"]
    link = ("Link", "</style.css>; rel=preload; as=style")
    how = environ["QUERY_STRING"]
    if how == "bad":
        hint([("Link", "a\r\nX-Injected: 1")])
    assert hint([link, ("Content-Length", "5"), ("Connection", "close")]) is None
    hint([link])
    hint([])
    write = start_response("200 OK", [link, ("Content-Length", "4")])
    if how == "late":
        write(b"bo")
        hint([link])
        return [b"dy"]
    return [b"body"]


@route
def hints_kept(environ, start_response):
    """What an application keeps from an earlier request does nothing."""
    kept = globals().setdefault("KEPT", [])
    for old in kept:
        old([("Link", "<old>")])
    kept.append(environ["wsgi.early_hints"])
    return hello(environ, start_response)


FILES = {
    "text": lambda: open(os.path.join(HERE, "lines")),
    "stringio": lambda: io.StringIO("text"),
    "update": lambda: open(os.path.join(HERE, "payload"), "r+b"),
    "unbuffered": lambda: open(os.path.join(HERE, "payload"), "rb", buffering=0),
    "buffered": lambda: open(os.path.join(HERE, "payload"), "rb"),
    "proc": lambda: open("/proc/self/stat", "rb"),
    "bytesio": lambda: io.BytesIO(b"in memory"),
}


class OnlyRead:
    """A file-like object with nothing but read()."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def read(self, size):
        return self.data.read(size)


FILES["only_read"] = lambda: OnlyRead(b"only read")


def pipe():
    read, write = os.pipe()
    os.write(write, b"from a pipe")
    os.close(write)
    return open(read, "rb")


def compressed():
    import gzip
    path = os.path.join(HERE, "compressed.gz")
    with gzip.open(path, "wb") as handle:
        handle.write(b"what was compressed")
    return gzip.open(path)


def hidden():
    """Bytes that are made of the file's, behind the io module's own buffer."""
    class Upper(io.FileIO):
        def readinto(self, buffer):
            data = super().read(len(buffer)).upper()
            buffer[:len(data)] = data
            return len(data)
    return io.BufferedReader(Upper(os.path.join(HERE, "lines")))


def unflushed():
    import tempfile
    handle = tempfile.TemporaryFile()
    handle.write(b"old bytes")
    handle.seek(0)
    handle.write(b"new")
    return handle


FILES.update(pipe=pipe, gzip=compressed, hidden=hidden, unflushed=unflushed)


@route
def wrapped(environ, start_response):
    handle = FILES[environ["QUERY_STRING"]]()
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](handle)


@route
def partly_read(environ, start_response):
    """The application reads a line, the server sends what follows."""
    handle = open(os.path.join(HERE, "lines"), "rb")
    handle.readline()
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](handle)


@route
def wrapper_range(environ, start_response):
    first, last = map(int, environ["HTTP_RANGE"].partition("=")[2].split("-"))
    handle = open(os.path.join(HERE, "payload"), "rb")
    handle.seek(first)
    start_response("206 Partial Content", [("Content-Length", str(last + 1 - first))])
    return environ["wsgi.file_wrapper"](handle)


@route
def wrapper_of_middleware(environ, start_response):
    """What isn't returned as it is must be an iterable like any other."""
    wrapper = environ["wsgi.file_wrapper"](open(os.path.join(HERE, "payload"), "rb"), 1000)
    start_response("200 OK", [])
    return (part.swapcase() for part in wrapper)


@route
def input_in_body(environ, start_response):
    """The request body is read while the response is on its way."""
    start_response("200 OK", [])
    yield b"<"
    for line in environ["wsgi.input"]:
        yield line.strip()
    yield b">"


def app(environ, start_response):
    return ROUTES[environ["PATH_INFO"]](environ, start_response)
