"""A slow and obvious reader of HTTP/1.x requests, to compare the server's parser with.

Written from the grammar of RFC 9112, 9110 and 3986, rule by rule, and from the documentation of the
settings; where the server is stricter than the RFC, or has a bound of its own, the comment says so. It
looks at all bytes of a connection at once and returns events as dictionaries, in the form that
tests/fuzz/stream.h describes; an error has its status only.
"""

import ipaddress
import re

# -- RFC 5234, 9110 5.6, 5.5: octets

TCHAR = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TOKEN = TCHAR + rb"+"
VISIBLE = rb"[\x21-\x7e\x80-\xff]"                  # VCHAR / obs-text
FIELD_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"           # of one line
NOT_TEXT = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")  # CR, LF, NUL and the other controls
OWS = b" \t"

# -- RFC 9112 3: the request line

REQUEST_LINE = re.compile(
    rb"(?P<method>" + TOKEN + rb") "
    rb"(?P<target>(?P<path>(?:(?![?#])" + VISIBLE + rb")*)"
    rb"(?:\?(?P<query>(?:(?!#)" + VISIBLE + rb")*))?"
    rb"(?:#(?P<fragment>" + VISIBLE + rb"*))?) "
    rb"(?P<version>HTTP/(?P<major>[0-9])\.(?P<minor>[0-9]))")
# Stricter than a token: what the methods that are registered have in common.
CONVENTIONAL_METHOD = re.compile(rb"[!$%&'*+\-.^_`|~0-9A-Z]{3,20}")

# -- RFC 3986 3.2.2, 3.2.3; no comma, as several Host fields would be joined by one

PCT_ENCODED = rb"%[0-9A-Fa-f]{2}"
REG_NAME = rb"(?:[A-Za-z0-9\-._~!$&'()*+;=]|" + PCT_ENCODED + rb")+"
AUTHORITY = re.compile(rb"(?:" + REG_NAME + rb"|\[(?P<v6>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]*))?")
HTTP_URI = re.compile(rb"https?://(?P<authority>[^/]*)(?P<path>.*)", re.I | re.S)

FIELD_LINE = re.compile(rb"(?P<name>" + TOKEN + rb")(?P<spaces>[ \t]*):(?P<value>" + FIELD_VALUE + rb")")

# RFC 9112 7.2. No coding with parameters is known, so that they need not be looked at.
KNOWN_CODINGS = {b"chunked", b"gzip", b"deflate", b"compress"}
CODING = re.compile(TOKEN + rb"(?:[ \t]*;.*)?")

# Bounds that no setting changes (see doc/architecture.md).
MAX_FIELDS = 32768
MAX_NUMBER = 2 ** 63 - 1
MAX_SIZE_DIGITS = 16
MAX_CHUNK_LINE = 8190       # of size and extension, and of a trailer with its CR
EXTENSION_CREDIT = 65536    # extensions may outweigh the data by so much
MAX_TRAILERS = 100
MAX_TRAILER_BYTES = 65536


class Refused(Exception):
    """The message is wrong, and what is answered."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Incomplete(Exception):
    """All bytes were right so far, and the message has not ended."""


class Options:
    """The settings that the parser knows."""

    SWITCHES = ("fold", "spaces", "method", "version", "casefold", "nohost")

    def __init__(self, **values):
        self.request_line, self.fields, self.field_size, self.body = 4094, 100, 8190, 0
        for name in self.SWITCHES:
            setattr(self, name, False)
        self.__dict__.update(values)


def is_authority(text, needs_port=False):
    match = AUTHORITY.fullmatch(text)
    if not match:
        return False
    if match["v6"] is not None:
        try:
            ipaddress.IPv6Address(match["v6"].decode("ascii"))
        except ValueError:
            return False
    port = match["port"]
    if needs_port and not port:
        return False
    return not port or int(port) <= 65535


class Reader:
    """The bytes of a connection, and how far they were read."""

    def __init__(self, data, options):
        self.data = data
        self.options = options
        self.at = 0

    def line(self, limit=0, too_long=0, origin=None):
        """The next line without its CRLF. Its first fault counts: a byte that no line may hold, or
        the first one beyond the limit."""
        start = self.at
        found = NOT_TEXT.search(self.data, start)
        end = found.start() if found else len(self.data)
        if limit and end - (start if origin is None else origin) > limit:
            raise Refused(too_long)
        if self.data[end:end + 2] == b"\r\n":
            self.at = end + 2
            return self.data[start:end]
        if self.data[end:] in (b"", b"\r"):
            raise Incomplete
        raise Refused(400)

    def peek(self):
        if self.at == len(self.data):
            raise Incomplete
        return self.data[self.at:self.at + 1]

    def literal(self, text):
        """Exactly these bytes."""
        there = self.data[self.at:self.at + len(text)]
        if there != text[:len(there)]:
            raise Refused(400)
        if there != text:
            raise Incomplete
        self.at += len(text)


# -- heads

def read_request_line(reader, head):
    options = reader.options
    match = REQUEST_LINE.fullmatch(reader.line(options.request_line, 414))
    if not match:
        raise Refused(400)
    method = match["method"]
    if not options.method and not CONVENTIONAL_METHOD.fullmatch(method):
        raise Refused(400)
    if not match["target"]:
        raise Refused(400)
    if match["major"] != b"1" and not options.version:
        raise Refused(505)
    head["method"] = method.upper() if options.casefold else method
    for part in ("target", "path", "query", "fragment", "version"):
        head[part] = match[part] or b""
    # RFC 9110 2.5: a higher minor version is spoken to as 1.1; 2.0 and above count as that too.
    head["minor"] = 0 if match["major"] == b"0" or match["version"] == b"HTTP/1.0" else 1
    head["authority"] = b""
    read_form(head)


def read_form(head):
    """RFC 9112 3.2."""
    target = head["target"]
    if head["method"] == b"CONNECT":
        if not is_authority(target, needs_port=True):
            raise Refused(400)
        head.update(form="authority", authority=target, path=b"")
    elif target.startswith(b"/"):
        head["form"] = "origin"
    elif target == b"*":
        if head["method"] != b"OPTIONS":
            raise Refused(400)
        head["form"] = "asterisk"
    else:
        match = HTTP_URI.fullmatch(head["path"])
        if not match or not is_authority(match["authority"]):
            raise Refused(400)
        head.update(form="absolute", authority=match["authority"], path=match["path"] or b"/")


def read_fields(reader, head):
    """RFC 9112 5. The size of a field is that of its lines with the last CRLF."""
    options = reader.options
    size = max(options.field_size - 2, 1) if options.field_size else 0
    count = min(options.fields or MAX_FIELDS, MAX_FIELDS)
    fields = head["fields"] = []
    origin = 0
    while True:
        first = reader.peek()
        if first == b"\r":
            reader.literal(b"\r\n")
            return
        if first in (b" ", b"\t"):
            if not fields or not options.fold:
                raise Refused(400)
            more = reader.line(size, 431, origin).strip(OWS)
            fields[-1][1] = b" ".join(filter(None, (fields[-1][1], more)))
            continue
        if len(fields) == count:
            raise Refused(431)
        origin = reader.at
        match = FIELD_LINE.fullmatch(reader.line(size, 431))
        if not match or (match["spaces"] and not options.spaces):
            raise Refused(400)
        fields.append([match["name"], match["value"].strip(OWS)])


def elements(value):
    """RFC 9110 5.6.1: a list, of which no element is left out here."""
    return [element.strip(OWS) for element in value.split(b",")]


def read_codings(value, codings):
    for coding in elements(value):
        if b"chunked" in codings:
            raise Refused(400)  # RFC 9112 6.1: chunked is the last one, and once
        if not CODING.fullmatch(coding):
            raise Refused(400)
        codings.append(coding.lower())


def judge_fields(head, options):
    """What the fields say about the message; the first of them that is wrong decides."""
    seen, codings, connection = set(), [], []
    head.update(length=-1, host=b"", has_host=False, chunked=False)
    for name, value in head["fields"]:
        name = name.lower()
        if name in seen and name in (b"host", b"content-length", b"content-type"):
            raise Refused(400)
        seen.add(name)
        if name == b"host":
            if value and not is_authority(value):
                raise Refused(400)
            head.update(host=value, has_host=True)
        elif name == b"content-length":
            if not re.fullmatch(rb"[0-9]+", value) or int(value) > MAX_NUMBER:
                raise Refused(400)
            head["length"] = int(value)
        elif name == b"transfer-encoding":
            read_codings(value, codings)
        elif name == b"connection":
            connection += [option.lower() for option in elements(value)]
        elif name == b"expect":
            if any(wish.lower() != b"100-continue" for wish in elements(value)):
                raise Refused(417)
    # RFC 9112 6.1, 6.3: two lengths, or one that HTTP/1.0 does not have.
    if codings and (b"content-length" in seen or head["minor"] == 0):
        raise Refused(400)
    if not KNOWN_CODINGS.issuperset(codings):
        raise Refused(501)
    if codings and codings[-1] != b"chunked":
        raise Refused(400)
    if head["minor"] and not head["has_host"] and not options.nohost:
        raise Refused(400)
    head["chunked"] = bool(codings)
    # A body with another coding under the chunks is the last one of a connection.
    head["close"] = (b"close" in connection or len(codings) > 1 or
                     (head["minor"] == 0 and b"keep-alive" not in connection))
    head["continue"] = (b"expect" in seen and head["minor"] == 1 and
                        (head["chunked"] or head["length"] > 0))
    head["upgrade"] = b"upgrade" in seen and b"upgrade" in connection and head["minor"] == 1


def read_head(reader):
    head = {"event": "head"}
    # RFC 9112 2.2: one empty line before the request line is ignored.
    if reader.peek() == b"\r":
        start = reader.at
        try:
            reader.literal(b"\r\n")
        except Refused:
            reader.at = start
    reader.peek()
    read_request_line(reader, head)
    read_fields(reader, head)
    judge_fields(head, reader.options)
    return head


# -- bodies

def read_chunk_size(reader, state):
    """chunk-size [ chunk-ext ] CRLF (RFC 9112 7.1), without white space around the size."""
    digits = re.compile(rb"[0-9A-Fa-f]*").match(reader.data, reader.at)[0]
    if len(digits) > MAX_SIZE_DIGITS or int(digits or b"0", 16) > MAX_NUMBER:
        raise Refused(400)
    reader.at += len(digits)
    if not digits and reader.peek():
        raise Refused(400)
    if reader.peek() != b";":
        reader.literal(b"\r\n")
        return int(digits, 16)
    reader.at += 1
    start = reader.at
    room = min(MAX_CHUNK_LINE - len(digits), state["credit"])
    if room:
        reader.line(room, 400)
    elif reader.peek() == b"\r":
        reader.literal(b"\r\n")
    else:
        raise Refused(400)
    state["credit"] -= reader.at - 2 - start
    return int(digits, 16)


def read_trailers(reader):
    """RFC 9112 7.1.2: fields that are checked and forgotten."""
    trailer = re.compile(rb"(?P<name>" + TCHAR + rb"*)(?P<colon>:?)(?P<value>" + FIELD_VALUE + rb")")
    count = total = 0
    while reader.peek() != b"\r":
        if count == MAX_TRAILERS:
            raise Refused(431)
        count += 1
        start = reader.at
        match = trailer.match(reader.data, start)
        # The first byte that is wrong: in the name, instead of the colon, or in the value.
        if not match["name"] and match["colon"]:
            wrong = start
        elif match["colon"]:
            wrong = match.end()
        else:
            wrong = match.end("name")
        last = start + min(MAX_CHUNK_LINE, MAX_TRAILER_BYTES - total)
        if wrong >= last and len(reader.data) > last:
            raise Refused(431)
        reader.at = wrong
        if not match["colon"] or not match["name"]:
            reader.peek()
            raise Refused(400)
        reader.literal(b"\r\n")
        total += wrong + 1 - start
    reader.literal(b"\r\n")


def read_chunks(reader, decoded):
    state = {"credit": EXTENSION_CREDIT}
    limit = reader.options.body or None
    announced = 0
    while True:
        size = read_chunk_size(reader, state)
        if size == 0:
            return read_trailers(reader)
        announced += size
        if limit and announced > limit:
            raise Refused(413)
        state["credit"] += size
        read_data(reader, size, decoded)
        reader.literal(b"\r\n")


def read_data(reader, size, decoded):
    data = reader.data[reader.at:reader.at + size]
    decoded += data
    reader.at += len(data)
    if len(data) < size:
        raise Incomplete


def read_body(reader, head, decoded):
    if head["chunked"]:
        read_chunks(reader, decoded)
        return
    if reader.options.body and head["length"] > reader.options.body:
        raise Refused(413)
    read_data(reader, max(head["length"], 0), decoded)


# -- connections

def read_connection(data, options):
    """The events of all bytes of a connection."""
    reader = Reader(data, options)
    events, decoded = [], bytearray()
    try:
        while reader.at < len(data):
            head = read_head(reader)
            events.append(head)
            read_body(reader, head, decoded)
            events.append({"event": "body", "data": bytes(decoded), "end": reader.at})
            decoded.clear()
            if head["close"] or head["upgrade"] or head["form"] == "authority":
                return events + [{"event": "closed", "end": reader.at}]
        return events + [{"event": "end", "end": reader.at}]
    except Refused as error:
        return events + [{"event": "error", "status": error.status, "data": bytes(decoded)}]
    except Incomplete:
        return events + [{"event": "more", "data": bytes(decoded)}]
