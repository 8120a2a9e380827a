"""Random requests for the comparison of two parsers: most of them nearly right.

A request is made from the grammar, each part of it chosen among usual and unusual forms; then, mostly,
some bytes are changed. Inputs depend on the seed alone.
"""

import random

from http_reference import Options

METHODS = [b"GET", b"GET", b"POST", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"PUT", b"get", b"PoSt", b"M-SEARCH",
           b"GE", b"G", b"A" * 20, b"A" * 21, b"GET#", b"X_1", b"!$%&'*+-.^_`|~", b"GE(T", b"", b"PRI"]
HOSTS = [b"a", b"example.org", b"example.org:80", b"example.org:", b"a:65535", b"a:65536", b"a:x", b"[::1]",
         b"[::1]:8", b"[::1", b"[::1%eth0]", b"[1:2]", b"[::ffff:1.2.3.4]", b"127.0.0.1:8000", b"", b"a,b", b"a b",
         b"a%2d", b"a%2", b"u@a", b"a/b", b"-", b"_", b"[::]x", b":80", b"a:080", b"\xe4", b"[1::2::3]", b"[::1.2.3]",
         b"[0:0:0:0:0:0:0:0]", b"[0:0:0:0:0:0:0:0:0]", b"[00001::]", b"[]", b"[::01.2.3.4]"]
PATHS = [b"/", b"/", b"/a/b", b"//", b"/%41%zz", b"/\xff", b"/a?b", b"/a?b?c#d#e", b"/#f", b"?q", b"*", b"",
         b"/" + b"x" * 50, b"a", b"/a\tb", b"/a b", b"*?", b"/;p", b"example.org:443", b"a:", b"/..", b"/?", b"/\x7f"]
SCHEMES = [b"http://", b"https://", b"HTTP://", b"ftp://", b"http:/", b"http:", b"://"]
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10",
                                 b"HTTP/11", b"http/1.1", b"HTTP/1.", b"HTTP/x.1", b"", b"HTTP/1.1 ", b"HTTP/9.9"]
NUMBERS = [b"0", b"1", b"3", b"5", b"10", b"+3", b"-1", b"0x3", b"3 ", b" 3", b"3,3", b"3, 3", b"03", b"", b"1_0",
           b"3;", b"9223372036854775807", b"9223372036854775808", b"99999999999999999999", b"\xb2", b"3\t"]
CODINGS = [b"chunked"] * 6 + [b"Chunked", b"CHUNKED", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked,chunked",
                              b"identity", b"chunked;a=b", b"gzip;a=b", b"gzip ;a = \"b\", chunked", b"", b",",
                              b"chunked,", b",chunked", b" chunked", b"\tchunked\t", b"xchunked", b"chunked x",
                              b"x chunked", b"deflate, GZIP,compress , chunked", b"gzip, chunked", b"gzip,br,chunked",
                              b"deflate", b"\x0bchunked", b"chun\xadked", b"gzip;", b"gzip a", b";", b"chunked\xa0"]
CONNECTIONS = [b"close", b"keep-alive", b"Close", b"keep-alive, close", b"Upgrade", b"upgrade , x", b"", b",", b"x",
               b"close x", b"TE, Keep-Alive", b"close,", b"\tclose"]
EXPECTS = [b"100-continue", b"100-Continue", b"", b"x", b"100-continue, 100-continue", b"100-continue,", b"200-ok"]
NAMES = [b"X", b"X-A", b"x_a", b"Accept", b"Cookie", b"User-Agent", b"Content-Type", b"A b", b"A\t", b"", b"\xe4",
         b"A:", b"(", b"Contentlength", b"Content_Length", b"Content-Length2", b"Host2", b"!#$%&'*+-.^_`|~9", b"hOSt"]
VALUES = [b"", b"v", b"a b", b" a\tb ", b"\xff\x80", b"v" * 40, b"a,b", b"\x00", b"a\rb", b"a\nb", b"\x7f", b"\x1f",
          b":", b"a:b", b"\t", b"\x85", b"\xa0v\xa0"]
SIZES = [b"%x", b"%x", b"%x", b"%X", b"0%x", b"00000000%x", b"0x%x", b"+%x", b"-%x", b" %x", b"%x ", b"%xg", b"",
         b"%x\t", b"000000000000000%x", b"0000000000000000%x", b"fffffffffffffff%x", b"7fffffffffffffff",
         b"8000000000000000", b"_%x", b"1_%x"]
EXTENSIONS = [b"", b"", b"", b"", b";a", b";a=b", b"; a", b" ;a", b";a=\"b\"", b";a=\"b", b";", b";;", b";\x00", b";\r",
              b";a\nb", b";\xff", b";\t", b";" + b"e" * 60, b";" + b"e" * 8180, b";" + b"e" * 8189, b";" + b"e" * 8190]
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\n\r", b"", b" \r\n", b"\r\n\r\n"]
TRAILERS = [b"T: v", b"T:", b"T", b":v", b"T v: x", b" T: v", b"T: \x00", b"Content-Length: 5", b"T: " + b"v" * 8000,
            b"T: " + b"v" * 8186, b"T: " + b"v" * 8187, b"T: a\rb", b"T : v", b"\xff: v", b"T: \xff"]
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
SPECIAL = b"\r\n \t:;,\x00\x7f\x80\xff\x0b\x0c/?#*=\"0aZ%[]"


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.care = 1

    def rarely(self, one_in):
        """True once in so many times; less often in inputs that are made with more care."""
        return self.random.randrange(one_in * self.care) == 0

    def one(self, choices):
        return self.random.choice(choices)

    def end(self):
        return self.one(ENDS) if self.rarely(20) else b"\r\n"

    # -- parts of a request

    def target(self, method):
        if self.rarely(3):
            return self.one(PATHS)
        if self.rarely(8) or method == b"CONNECT":
            return self.one([b"", b"", self.one(SCHEMES)]) + self.one(HOSTS) + self.one([b"", b":1", self.one(PATHS)])
        if self.rarely(8):
            return self.one(SCHEMES) + self.one(HOSTS[:4]) + self.one([b"", b"/", b"/a?b", b"?q"])
        return self.one(PATHS[:8])

    def request_line(self):
        method = self.one(METHODS) if self.rarely(3) else self.one(METHODS[:6])
        version = self.one(VERSIONS) if self.rarely(4) else b"HTTP/1.1"
        space = self.one([b" ", b"  ", b"\t", b""]) if self.rarely(30) else b" "
        return method + space + self.target(method) + b" " + version + self.end()

    def line(self, name, values, usual):
        value = self.one(values) if self.rarely(usual) else values[0]
        if self.rarely(4):
            name = self.one([name.lower(), name.upper(), name.swapcase()])
        colon = self.one([b" : ", b":", b"\t: ", b": \t", b"", b"::", b" :"]) if self.rarely(20) else b": "
        return name + colon + value + self.end()

    def framing(self):
        """The field lines that frame a body, and whether it is one in chunks."""
        kind = self.random.randrange(10)
        if kind < 3:
            return [], None
        length = b"%d" % self.random.randrange(12)
        lines = []
        if kind < 6 or kind == 9:
            value = self.one(NUMBERS) if self.rarely(3) else length
            lines.append(self.line(b"Content-Length", [value], 1))
        if kind >= 6 and (kind < 9 or self.rarely(2)):
            lines.append(self.line(b"Transfer-Encoding", CODINGS, 2))
        if self.rarely(15):
            lines.append(self.one(lines))
        return lines, "chunked" if kind >= 6 else int(length)

    def fields(self):
        lines, body = self.framing()
        if not self.rarely(12):
            lines.append(self.line(b"Host", HOSTS, 3))
        if self.rarely(4):
            lines.append(self.line(b"Connection", CONNECTIONS, 1))
        if self.rarely(8):
            lines.append(self.line(b"Upgrade", [b"h2c", b""], 3))
        if self.rarely(8):
            lines.append(self.line(b"Expect", EXPECTS, 2))
        for _ in range(self.random.randrange(4)):
            name = self.one(NAMES) if self.rarely(4) else self.one(NAMES[:7])
            lines.append(self.line(name, [self.one(VALUES) if self.rarely(4) else self.one(VALUES[:7])], 1))
        if self.rarely(20):
            lines.append(self.one([b" folded\r\n", b"\tfolded\r\n", b" \r\n", b"  a  \r\n", b" a: b\r\n"]) * 2)
        if self.rarely(25):
            lines.append(b"Host: a\r\n")
        self.random.shuffle(lines)
        return lines, body

    def chunks(self):
        out = b""
        for _ in range(self.random.randrange(4)):
            data = bytes(self.random.randrange(256) for _ in range(self.random.randrange(1, 20)))
            form = self.one(SIZES) if self.rarely(8) else b"%x"
            size = form % len(data) if b"%" in form else form
            extension = self.one(EXTENSIONS) if self.rarely(4) else b""
            if self.rarely(12):
                data += self.one([b"x", b"\r\n", b"\r"])
            out += size + extension + self.end() + data + self.end()
        if self.rarely(300):
            out += (b"1;" + b"e" * 8100 + b"\r\nx\r\n") * self.random.randrange(6, 11)
        out += self.one([b"0", b"0", b"0", b"00", b"0;a", b"", b"0 "]) + self.end()
        many = self.random.randrange(95, 105) if self.rarely(300) else self.random.randrange(3)
        for _ in range(many if self.rarely(3) else 0):
            trailer = self.one(TRAILERS) if self.rarely(3) else TRAILERS[0]
            out += trailer + self.end()
        return out + self.end()

    def body(self, kind):
        if kind == "chunked":
            return self.chunks()
        return bytes(self.random.randrange(256) for _ in range(kind)) if kind else b""

    def request(self):
        lines, body = self.fields()
        lead = self.one([b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\r"]) if self.rarely(20) else b""
        return lead + self.request_line() + b"".join(lines) + self.end() + self.body(body)

    # -- bounds, from both sides

    def many_trailers(self):
        return CHUNKED + b"0\r\n" + b"T:\r\n" * self.random.randrange(99, 102) + b"\r\n"

    def long_trailers(self):
        """8190 bytes each with their CR; all together may have 65536."""
        last = b"t" * self.random.randrange(13, 17) + b":"
        return CHUNKED + b"0\r\n" + (b"T:" + b"v" * 8187 + b"\r\n") * 8 + last + b"\r\n\r\n"

    def long_extensions(self):
        """8190 bytes of size and extension each; all together may have 65536 more than the data."""
        last = b"e" * self.random.randrange(30, 36)
        return CHUNKED + (b"1;" + b"e" * 8189 + b"\r\nx\r\n") * 8 + b"0;" + last + b"\r\n\r\n"

    def many_fields(self):
        return b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X:\r\n" * self.random.randrange(98, 101) + b"\r\n"

    def long_line(self):
        return b"GET /" + b"a" * self.random.randrange(4079, 4083) + b" HTTP/1.1\r\nHost: a\r\n\r\n"

    def long_field(self):
        return b"GET / HTTP/1.1\r\nHost: a\r\nX:" + b"a" * self.random.randrange(8184, 8188) + b"\r\n\r\n"

    BOUNDS = (many_trailers, long_trailers, long_extensions, many_fields, long_line, long_field)

    # -- whole inputs

    def mutate(self, data):
        at = self.random.randrange(len(data) + 1)
        kind = self.random.randrange(6)
        byte = bytes([self.one(SPECIAL) if self.rarely(2) else self.random.randrange(256)])
        if kind == 0:
            return data[:at] + byte + data[at:]
        if kind == 1:
            return data[:at] + byte + data[at + 1:]
        if kind == 2:
            return data[:at] + data[at + self.random.randrange(1, 4):]
        if kind == 3:
            return data[:at]
        if kind == 4:
            end = at + self.random.randrange(20)
            return data[:end] + data[at:]
        return data[:at] + self.one([b"\r\n", b"\r", b"\n", b"\r\n\r\n", b": ", b" "]) + data[at:]

    def options(self):
        values = {}
        if self.random.randrange(2):
            values = {name: self.random.randrange(3) == 0 for name in Options.SWITCHES}
        if self.rarely(6):
            values["request_line"] = self.one([0, 1, 14, 15, 16, 30, 60])
        if self.rarely(6):
            values["fields"] = self.one([0, 1, 2, 3])
        if self.rarely(6):
            values["field_size"] = self.one([0, 1, 2, 3, 4, 8, 9, 10, 20, 30])
        if self.rarely(6):
            values["body"] = self.one([1, 3, 5, 10, 20])
        return Options(**values)

    def input(self, seeds=()):
        """Bytes of a connection and the settings for it."""
        if self.random.randrange(200) == 0:
            return self.one(self.BOUNDS)(self), Options()
        self.care = self.one([1, 5, 20, 100])
        if seeds and self.random.randrange(8) == 0:
            data = self.one(seeds)
        else:
            data = b"".join(self.request() for _ in range(self.one([1, 1, 1, 2, 3])))
        for _ in range(self.one([0, 0, 1, 2, 4] if self.care == 1 else [0, 0, 0, 0, 1])):
            data = self.mutate(data)
        return data, self.options()
