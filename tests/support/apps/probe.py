"""One application for most tests of the wire: the path chooses what it does."""

import io
import json
import os
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def note(line):
    """Leaves a line for the test, whichever process we are in."""
    with open(os.path.join(HERE, "notes"), "a") as handle:
        handle.write(line + "\n")


class Noted:
    """An iterable that notes each call of close()."""

    def __init__(self, name, parts):
        self.name = name
        self.parts = iter(parts)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.parts)

    def close(self):
        note("closed " + self.name)


def failing(parts, error):
    yield from parts
    raise error


def plain(start_response, body, status="200 OK", headers=()):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))),
                            *headers])
    return [body]


def as_json(start_response, value):
    return plain(start_response, json.dumps(value).encode())


ROUTES = {}


def route(function):
    ROUTES["/" + function.__name__] = function
    return function


@route
def hello(environ, start_response):
    return plain(start_response, b"hello\n")


@route
def env(environ, start_response):
    shown = {k: v if isinstance(v, (str, int, bool, list)) else repr(v) for k, v in environ.items()}
    types = {k: type(v).__name__ for k, v in environ.items()}
    real_socket = isinstance(environ["gunicorn.socket"], socket.socket)
    return as_json(start_response, {"values": shown, "types": types, "real_socket": real_socket,
                                    "environ": type(environ).__name__})


@route
def process(environ, start_response):
    return as_json(start_response, {
        "pid": os.getpid(), "ppid": os.getppid(), "cwd": os.getcwd(), "uid": os.getuid(),
        "gid": os.getgid(), "groups": sorted(os.getgroups()), "environ": dict(os.environ),
        "path": sys.path, "executable": sys.executable, "prefix": sys.prefix, "argv": sys.argv})


@route
def status(environ, start_response):
    """?CODE REASON sent with a body of four bytes."""
    body = b"body"
    start_response(environ["QUERY_STRING"].replace("+", " "), [("Content-Length", "4")])
    return [body]


@route
def parts(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one", b"", b"two", b"three"]


@route
def single(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"only"]


@route
def nothing(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


@route
def generator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(5):
        yield b"%d\n" % number


@route
def late_start(environ, start_response):
    """start_response is called when the iteration begins."""
    def run():
        start_response("201 Created", [("X-Late", "yes")])
        yield b"late"
    return run()


@route
def never_start(environ, start_response):
    return [b"no start_response"]


@route
def writes(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"first ")
    write(b"second ")
    return [b"third"]


@route
def fields(environ, start_response):
    start_response("200 OK", [("X-First", "1"), ("x-lower", "2"), ("Set-Cookie", "a=1"),
                              ("Set-Cookie", "b=2"), ("Content-Length", "2")])
    return [b"ok"]


@route
def hop_by_hop(environ, start_response):
    start_response("200 OK", [("Connection", "keep-alive"), ("Keep-Alive", "5"), ("TE", "x"),
                              ("Transfer-Encoding", "gzip"), ("Server", "mine"),
                              ("Date", "never"), ("Trailers", "x"), ("X-Kept", "yes"),
                              ("Proxy-Authenticate", "x"), ("Content-Length", "2")])
    return [b"ok"]


BAD_STARTS = {
    "status_crlf": ("200 OK\r\nX-Injected: yes", []),
    "status_text": ("OK", []),
    "status_bytes": (b"200 OK", []),
    "status_short": ("20 OK", []),
    "status_number": (200, []),
    "value_crlf": ("200 OK", [("X-A", "1\r\nX-Injected: yes")]),
    "value_lf": ("200 OK", [("X-A", "1\nX-Injected: yes")]),
    "value_nul": ("200 OK", [("X-A", "1\0")]),
    "value_bytes": ("200 OK", [("X-A", b"1")]),
    "value_number": ("200 OK", [("X-A", 1)]),
    "value_wide": ("200 OK", [("X-A", "\u20ac")]),
    "name_crlf": ("200 OK", [("X-A\r\nX-Injected", "yes")]),
    "name_space": ("200 OK", [("X A", "1")]),
    "name_colon": ("200 OK", [("X:A", "1")]),
    "name_empty": ("200 OK", [("", "1")]),
    "name_bytes": ("200 OK", [(b"X-A", "1")]),
    "length_minus": ("200 OK", [("Content-Length", "-2")]),
    "length_plus": ("200 OK", [("Content-Length", "+2")]),
    "length_text": ("200 OK", [("Content-Length", "two")]),
    "length_under": ("200 OK", [("Content-Length", "0_2")]),
    "length_two": ("200 OK", [("Content-Length", "2"), ("Content-Length", "3")]),
    "pair_short": ("200 OK", [("X-A",)]),
    "none": ("200 OK", None),
}


@route
def bad_start(environ, start_response):
    start_response(*BAD_STARTS[environ["QUERY_STRING"]])
    return [b"ok"]


@route
def start_twice(environ, start_response):
    start_response("200 OK", [])
    start_response("201 Created", [])
    return [b"ok"]


@route
def replaced(environ, start_response):
    """exc_info before the head was sent: the second call counts, and only it."""
    start_response("200 OK", [("X-First", "1")])
    try:
        raise ValueError("first try")
    except ValueError:
        start_response("503 Sorry", [("X-Second", "2"), ("Content-Length", "5")], sys.exc_info())
    return [b"sorry"]


@route
def too_late(environ, start_response):
    """exc_info after the head was sent: raised again."""
    start_response("200 OK", [])
    yield b"sent"
    try:
        raise ValueError("too late on purpose")
    except ValueError:
        start_response("500 Oops", [], sys.exc_info())
    yield b"never"


ERRORS = {"ValueError": ValueError, "OSError": OSError, "StopIteration": StopIteration,
          "BrokenPipeError": BrokenPipeError, "SystemExit": SystemExit, "KeyError": KeyError,
          "GeneratorExit": GeneratorExit, "KeyboardInterrupt": KeyboardInterrupt,
          "UnicodeDecodeError": lambda text: UnicodeDecodeError("utf-8", b"x", 0, 1, text)}


@route
def error(environ, start_response):
    raise ERRORS[environ["QUERY_STRING"]]("raised on purpose")


@route
def error_later(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Noted("error_later", failing([b"begun"], ValueError("raised later on purpose")))


@route
def error_first(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Noted("error_first", failing([], ValueError("raised at once on purpose")))


@route
def bad_item(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["text, not bytes"]


@route
def not_iterable(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return 5


@route
def short(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    return [b"short"]


@route
def long(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [b"lo", b"ng", b"er"]


@route
def noted(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Noted(environ["QUERY_STRING"], [b"a", b"b"])


@route
def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Noted("endless", iter(lambda: b"x" * 65536, None))


@route
def echo(environ, start_response):
    return plain(start_response, environ["wsgi.input"].read())


@route
def unread(environ, start_response):
    return plain(start_response, b"not read")


def digest(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()


@route
def upload(environ, start_response):
    data = environ["wsgi.input"].read()
    return as_json(start_response, {"size": len(data), "sha256": digest(data)})


@route
def reading(environ, start_response):
    """?METHOD,SIZE,METHOD,SIZE...: results of the calls in their order."""
    stream, results = environ["wsgi.input"], []
    words = environ["QUERY_STRING"].split(",")
    for method, size in zip(words[::2], words[1::2]):
        if method == "iter":
            result = list(stream)
        else:
            args = [] if size == "" else [None if size == "None" else int(size)]
            result = getattr(stream, method)(*args)
        results.append([x.decode("latin-1") for x in result] if isinstance(result, list)
                       else result.decode("latin-1"))
    return as_json(start_response, results)


@route
def wrapped(environ, start_response):
    """?KIND,OFFSET,LENGTH sent through wsgi.file_wrapper."""
    kind, offset, length = environ["QUERY_STRING"].split(",")
    path = os.path.join(HERE, "payload")
    if kind == "file":
        handle = open(path, "rb")
    elif kind == "raw":
        handle = open(path, "rb", buffering=0)
    else:
        with open(path, "rb") as source:
            handle = io.BytesIO(source.read())
    handle.seek(int(offset))
    headers = [("Content-Type", "application/octet-stream")]
    if length:
        headers.append(("Content-Length", length))
    start_response("200 OK", headers)
    return environ["wsgi.file_wrapper"](handle, 4096)


@route
def to_errors(environ, start_response):
    environ["wsgi.errors"].write("written to wsgi.errors\n")
    environ["wsgi.errors"].writelines(["line one\n", "line two\n"])
    environ["wsgi.errors"].flush()
    return plain(start_response, b"ok")


@route
def wait(environ, start_response):
    """Notes its start, answers when the file `go` exists."""
    note("waiting %d" % os.getpid())
    while not os.path.exists(os.path.join(HERE, "go")):
        time.sleep(0.01)
    return plain(start_response, b"waited")


def app(environ, start_response):
    path = environ["PATH_INFO"]
    return ROUTES.get(path, hello)(environ, start_response)
