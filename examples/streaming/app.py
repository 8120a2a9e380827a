"""Responses that are made while they are sent: lines one by one, or a file."""
import os
from urllib.parse import parse_qs


def app(environ, start_response):
    if environ["PATH_INFO"] == "/file":
        return send_file(environ, start_response)
    query = parse_qs(environ.get("QUERY_STRING", ""))
    count = int(query.get("n", ["10"])[0])
    # No Content-Length: HTTP/1.1 clients get chunks, one for each line.
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (f"line {i}\n".encode() for i in range(count))


def send_file(environ, start_response):
    path = os.path.abspath(__file__)
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(os.path.getsize(path)))])
    # The server sends the file itself, by sendfile(2) where that works.
    return environ["wsgi.file_wrapper"](open(path, "rb"))
