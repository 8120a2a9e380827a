"""Applications that take or give bodies of some size."""
import os

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "file.bin")
PIECE = 65536
CHUNK = b"x" * 1024


def answer(start_response, text):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]


def whole(environ, start_response):
    """Reads the body at once, as most applications read small ones."""
    return answer(start_response, b"%d\n" % len(environ["wsgi.input"].read()))


def pieces(environ, start_response):
    """Reads the body in pieces, as frameworks read files."""
    stream, count = environ["wsgi.input"], 0
    while data := stream.read(PIECE):
        count += len(data)
    return answer(start_response, b"%d\n" % count)


def send_file(environ, start_response):
    start_response("200 OK", [("Content-Length", str(os.path.getsize(FILE)))])
    return environ["wsgi.file_wrapper"](open(FILE, "rb"))


def generator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(100):
        yield CHUNK


def listed(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [CHUNK] * 100


ROUTES = {"/whole": whole, "/pieces": pieces, "/file": send_file, "/generator": generator,
          "/list": listed}


def app(environ, start_response):
    return ROUTES.get(environ["PATH_INFO"], whole)(environ, start_response)
