"""What a check finds out about certificates, keys and ciphers."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest

from support.server import HELLO

CA_CONFIG = '''\
[ca]
default_ca = it
[it]
database = %(dir)s/index.txt
serial = %(dir)s/serial
new_certs_dir = %(dir)s
default_md = sha256
policy = any
[any]
commonName = supplied
'''


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Files:
    """Keys and certificates, all signed by themselves."""

    def __init__(self, path):
        self.path = path

    def __call__(self, name):
        return "%s/%s.pem" % (self.path, name)

    def key(self, name, *how):
        openssl("genpkey", *how, "-out", self(name))

    def request(self, key):
        openssl("req", "-new", "-key", self(key), "-subj", "/CN=" + key, "-out", self("csr"))

    def certificate(self, name, key, days):
        self.request(key)
        openssl("x509", "-req", "-in", self("csr"), "-signkey", self(key), "-days", days,
                "-out", self(name))

    def write(self, name, text):
        with open(self(name), "w") as handle:
            handle.write(text)

    def read(self, name):
        with open(self(name)) as handle:
            return handle.read()


@pytest.fixture(scope="module")
def files():
    made = Files(tempfile.mkdtemp(prefix="gn-tls-"))
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made.key("key", *curve)
    made.key("other", *curve)
    made.key("rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    made.key("weak", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    openssl("pkcs8", "-topk8", "-in", made("key"), "-passout", "pass:secret", "-out", made("locked"))
    made.certificate("good", "key", 365)
    made.certificate("expired", "key", -1)
    made.certificate("soon", "key", 5)
    made.certificate("weakcert", "weak", 365)
    made.request("key")
    for name, text in [("index.txt", ""), ("serial", "01\n"), ("ca.cnf", CA_CONFIG)]:
        with open("%s/%s" % (made.path, name), "w") as handle:
            handle.write(text % {"dir": made.path} if name == "ca.cnf" else text)
    openssl("ca", "-batch", "-selfsign", "-config", made.path + "/ca.cnf", "-keyfile", made("key"),
            "-in", made("csr"), "-startdate", "20900101000000Z", "-enddate", "20910101000000Z",
            "-notext", "-out", made("future"))
    made.write("both", made.read("good") + made.read("key"))
    made.write("oldchain", made.read("good") + made.read("expired"))
    made.write("text", "no certificate at all\n")
    made.write("secret", "secret\n")
    made.write("wrong", "wrong\n")
    yield made
    shutil.rmtree(made.path)


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    return site


def findings(place, files, settings):
    """Lines of the errors and warnings with these codes of the check; paths are names of files."""
    text = "".join("%s = %r\n" % (name, files(value[1:]) if str(value).startswith("@") else value)
                   for name, value in settings.items())
    place.dir.write("gunicorn.conf.py", text)
    result = place.run("--check-config", "app:app")
    return [line for line in result.stderr.splitlines()
            if re.search(r"\[GC(91[1-8]|945|107)\]$", line)]


GOOD = [
    {"certfile": "@good", "keyfile": "@key"},
    {"certfile": "@both"},
    {"certfile": "@both", "ca_certs": "@good", "cert_reqs": 2},
    {"certfile": "@good", "keyfile": "@key", "ciphers": "ECDHE+AESGCM"},
    {"certfile": "@good", "keyfile": "@key", "ciphers": "NO-SUCH-NAME:ECDHE+AESGCM"},
]


@pytest.mark.parametrize("settings", GOOD)
def test_what_works_is_not_complained_of(settings, place, files):
    assert findings(place, files, settings) == []


BAD = [
    ({"certfile": "@text", "keyfile": "@key"},
     r"certfile: no usable certificate in \S+text.pem: no start line \[GC914\]"),
    ({"certfile": "@good"},
     r"certfile: no private key in \S+good.pem: .* \[GC915\]"),
    ({"certfile": "@good", "keyfile": "@text"},
     r"keyfile: no usable private key in \S+text.pem: .* \[GC915\]"),
    ({"certfile": "@good", "keyfile": "@other"},
     r"keyfile: the key in \S+other.pem does not belong to the certificate \[GC915\]"),
    ({"certfile": "@good", "keyfile": "@rsa"},
     r"keyfile: the key in \S+rsa.pem does not belong to the certificate \[GC915\]"),
    ({"certfile": "@good", "keyfile": "@locked"},
     r"keyfile: the key in \S+locked.pem is encrypted \[GC915\]"),
    ({"certfile": "@expired", "keyfile": "@key"},
     r"error: certfile: the certificate of CN = key has expired at .* GMT \[GC916\]"),
    ({"certfile": "@future", "keyfile": "@key"},
     r"error: certfile: the certificate of CN = key is not valid before Jan  1 .* 2090 GMT \[GC916\]"),
    ({"certfile": "@soon", "keyfile": "@key"},
     r"warning: certfile: the certificate of CN = key expires at .* GMT, in [45] days \[GC945\]"),
    ({"certfile": "@oldchain", "keyfile": "@key"},
     r"warning: certfile: a certificate of the chain of CN = key has expired at .* \[GC945\]"),
    ({"certfile": "@weakcert", "keyfile": "@weak"},
     r"certfile: no usable certificate in \S+weakcert.pem: ee key too small \[GC914\]"),
    ({"certfile": "@both", "ca_certs": "@text"},
     r"ca_certs: no certificates of authorities in \S+text.pem: .* \[GC914\]"),
    ({"certfile": "@both", "ciphers": "NO-SUCH-NAME"},
     r"ciphers: no cipher is left of 'NO-SUCH-NAME': no cipher match \[GC917\]"),
    ({"certfile": "/no/such/file.pem"},
     r"certfile: can't read /no/such/file.pem: No such file or directory \[GC107\]"),
    ({"certfile": "/"}, r"certfile: / is a directory \[GC107\]"),
]


@pytest.mark.parametrize("settings,needle", BAD)
def test_what_can_not_work_is_named(settings, needle, place, files):
    found = findings(place, files, settings)
    assert len(found) == 1 and re.search(needle, found[0]), found


def test_terminal_is_not_asked_for_a_password(place, files):
    place.dir.write("gunicorn.conf.py", "certfile = %r\nkeyfile = %r\n" % (
        files("good"), files("locked")))
    result = place.run("--check-config", "app:app", start_new_session=True)
    assert "pass phrase" not in result.stdout + result.stderr


def test_values_are_checked_without_the_files(place, files):
    place.dir.write("gunicorn.conf.py", "certfile = %r\nciphers = 'NO-SUCH-NAME'\n" % files("text"))
    result = place.run("--check-config=values", "app:app")
    assert not re.search(r"\[GC91\d\]", result.stderr), result.stderr


@pytest.mark.parametrize("setting", ["certfile", "keyfile", "ca_certs", "keyfile_password_file"])
def test_fifo_is_refused_and_not_waited_for(site, files, setting):
    fifo = os.path.join(site.dir.path, "fifo")
    os.mkfifo(fifo)
    named = {"certfile": files("good"), "keyfile": files("key"), setting: fifo}
    site.dir.write("c.py", "".join("%s = %r\n" % item for item in named.items()))
    site.dir.write("app.py", HELLO)
    result = site.run("--check-config", "-c", "c.py", "app:app")
    assert result.returncode == 1
    assert re.search(r"error: %s: \S+/fifo is no regular file \[GC107\]" % setting, result.stderr)
