"""Certificates made for a test, and clients that speak TLS."""

import contextlib
import os
import socket
import ssl
import subprocess

from support import client

PASSWORD = "open sesame"


def openssl(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Authority:
    """Signs certificates; all files are in one directory, named after the certificate."""

    def __init__(self, directory, name="ca"):
        self.dir, self.name = str(directory), name
        openssl(self.dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "30",
                "-subj", "/CN=" + name)

    def path(self, name):
        return os.path.join(self.dir, name)

    @property
    def pem(self):
        return self.path(self.name + ".pem")

    def sign(self, name, subject, alt="DNS:localhost,IP:127.0.0.1,IP:::1"):
        """Makes NAME.key and NAME.pem; returns the paths of certificate and key."""
        openssl(self.dir, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-utf8", "-keyout", name + ".key", "-out", name + ".csr", "-subj", subject)
        with open(self.path(name + ".ext"), "w") as handle:
            handle.write("subjectAltName=%s\n" % alt)
        openssl(self.dir, "x509", "-req", "-in", name + ".csr", "-CA", self.name + ".pem", "-CAkey",
                self.name + ".key", "-set_serial", str(int.from_bytes(os.urandom(8), "big")),
                "-days", "30", "-extfile", name + ".ext", "-out", name + ".pem")
        return self.path(name + ".pem"), self.path(name + ".key")

    def lock(self, name):
        """Encrypts NAME.key into NAME.locked; returns its path."""
        openssl(self.dir, "pkey", "-in", name + ".key", "-aes128", "-passout", "pass:" + PASSWORD,
                "-out", name + ".locked")
        return self.path(name + ".locked")


def context(authority, cert=None, key=None, version=None):
    """A client that trusts the authority."""
    made = ssl.create_default_context(cafile=authority.pem)
    if cert:
        made.load_cert_chain(cert, key)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def connect(address, made, name="localhost", **options):
    """A connected SSLSocket, handshake done."""
    sock = client.connect(address)
    try:
        return made.wrap_socket(sock, server_hostname=name, **options)
    except BaseException:
        sock.close()
        raise


def read_all(sock):
    """Everything until close_notify; an end without one raises ssl.SSLEOFError."""
    data = bytearray()
    while True:
        piece = sock.recv(65536)
        if not piece:
            return bytes(data)
        data += piece


def request(address, made, target="/", method="GET", headers=(), body=b"", **options):
    """One request on its own connection; the response must end with close_notify."""
    fields = [("Host", "test"), ("Connection", "close"), *headers]
    if body:
        fields.append(("Content-Length", str(len(body))))
    with contextlib.closing(connect(address, made, suppress_ragged_eofs=False, **options)) as sock:
        sock.sendall(client.head_bytes(method, target, fields) + body)
        return client.Response(read_all(sock), method)


def hello_bytes(made, name="localhost"):
    """The first flight of a client."""
    out = ssl.MemoryBIO()
    tls = made.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def reset(sock):
    """Closes without a word: the peer gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
