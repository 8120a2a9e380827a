"""Real programs in front of a server: started in the foreground, ended by pid."""

import contextlib
import os
import shutil
import socket
import subprocess

from support import client, procs


def find(name):
    """A program that may stand in a directory for administrators; None when it is missing."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return sock.getsockname()[1]


@contextlib.contextmanager
def running(site, argv, port):
    """A proxy in the foreground, until the end of the block."""
    with open(site.dir / "proxy.log", "ab") as log:
        proc = subprocess.Popen(argv, cwd=str(site.dir), stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log)

    def answers():
        assert proc.poll() is None, site.dir.read("proxy.log")
        with contextlib.suppress(OSError):
            client.connect(("127.0.0.1", port)).close()
            return True
        return False
    try:
        procs.until(answers, lambda: "the proxy: " + site.dir.read("proxy.log"))
        yield
    finally:
        proc.terminate()
        proc.wait(30)
