"""What a HUP does with the configuration: read anew, compared, named, or refused as a whole."""

import re
import signal

import pytest

from support import procs
from support.server import HELLO

DIGEST = r"Configuration digest: ([0-9a-f]{16})"


def reload(server, done):
    """HUP, and waits for a line of the log."""
    server.signal(signal.SIGHUP)
    return server.wait_log(done)


def settle(server, old, count):
    """Waits until the old workers are gone and `count` new ones are up."""
    procs.until(lambda: not any(map(procs.alive, old)), "the end of the old workers")
    return server.wait_workers(count)


def test_differences_are_logged_with_values_and_place(site):
    server = site.start(conf="workers = 1\nraw_env = ['A=1', 'PASSWORD=one']\ntimeout = 20\n")
    old = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py",
                   "\nworkers = 2\nraw_env = ['A=2', 'PASSWORD=one']\ntimeout = 20\n")
    reload(server, r"workers: 1 -> 2 \(gunicorn\.conf\.py:2:1\)$")
    server.wait_log(r"raw_env: \['A=1', 'PASSWORD=\*+'\] -> \['A=2', 'PASSWORD=\*+'\] "
                    r"\(gunicorn\.conf\.py:3:1\)$")
    settle(server, old, 2)
    assert "timeout:" not in server.log()


def test_a_changed_secret_is_not_told(site):
    server = site.start(conf="raw_env = ['PASSWORD=one']\n")
    old = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "raw_env = ['PASSWORD=geheim']\n")
    reload(server, r"raw_env: a hidden value changed \(gunicorn\.conf\.py:1:1\)$")
    settle(server, old, 1)
    assert "geheim" not in server.log()


def test_settings_that_need_a_restart_are_named(site):
    server = site.start(conf="preload_app = False\n")
    old = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "preload_app = True\n")
    reload(server, r"\[WARNING\] preload_app: takes effect only when the server is started anew$")
    settle(server, old, 1)


def test_digest_at_start_and_reload(site):
    server = site.start("app:app", "--log-level", "debug", conf="timeout = 20\n")
    old = server.wait_workers(1)
    first = server.wait_log(DIGEST).group(1)
    reload(server, "Hang up: Master")
    assert server.wait_log(DIGEST, count=2).group(1) == first
    old = settle(server, old, 1)
    site.dir.write("gunicorn.conf.py", "timeout = 21\n")
    server.signal(signal.SIGHUP)
    assert server.wait_log(DIGEST, count=3).group(1) != first
    settle(server, old, 1)


def test_digest_of_the_print_is_that_of_the_server(site):
    words = ("-b", "127.0.0.1:0", "--log-level", "debug", "app:app")
    server = site.start("app:app", "--log-level", "debug", conf="workers = 1\n")
    printed = site.run("--print-config=origin", *words).stdout
    assert re.search(DIGEST, printed).group(1) == server.wait_log(DIGEST).group(1)


def start_with_module(site, name, files):
    for path, text in files.items():
        site.dir.write(path, text)
    server = site.start("app:app", "-c", "python:" + name)
    server.wait_workers(int(re.search(r"workers = (\d)", "".join(files.values())).group(1)))
    return server


MODULES = {
    "a module": ("conf", {"conf.py": "workers = 1\n"}, "conf.py", "workers = 2\n"),
    "a package": ("conf", {"conf/__init__.py": "from conf.base import *\n",
                           "conf/base.py": "workers = 1\n"}, "conf/base.py", "workers = 2\n"),
    "a package in parts": ("conf", {"conf/__init__.py": "from .a.b import *\n",
                                    "conf/a/__init__.py": "", "conf/a/b.py": "workers = 1\n"},
                           "conf/a/b.py", "workers = 2\n"),
    "a module of a package": ("site_.prod", {"site_/__init__.py": "",
                                             "site_/prod.py": "from .base import *\n",
                                             "site_/base.py": "workers = 1\n"},
                              "site_/base.py", "workers = 2\n"),
}


@pytest.mark.parametrize("case", MODULES)
def test_a_module_is_read_anew(case, site):
    name, files, changed, text = MODULES[case]
    server = start_with_module(site, name, files)
    old = server.workers()
    site.dir.write(changed, text)
    reload(server, r"workers: 1 -> 2 \(%s:1:1\)$" % re.escape(changed))
    old = settle(server, old, 2)
    site.dir.write(changed, "\nworkers = 3 \n")  # and once more
    reload(server, r"workers: 2 -> 3 \(%s:2:1\)$" % re.escape(changed))
    settle(server, old, 3)


def test_a_new_part_of_a_module_is_found(site):
    server = start_with_module(site, "conf", {"conf/__init__.py": "workers = 1\n"})
    old = server.workers()
    site.dir.write("conf/more.py", "workers = 2\n")
    site.dir.write("conf/__init__.py", "from conf.more import *\n")
    reload(server, r"workers: 1 -> 2 \(")
    settle(server, old, 2)


def test_packages_around_the_module_stay(site):
    """Others may hold them: only what the configuration consists of is imported anew."""
    server = start_with_module(site, "shop.conf", {
        "shop/__init__.py": "import os\nopen('imports.txt', 'a').write('shop ')\n",
        "shop/conf.py": "workers = 1\n"})
    old = server.workers()
    site.dir.write("shop/conf.py", "workers = 2\n")
    reload(server, r"workers: 1 -> 2 \(")
    settle(server, old, 2)
    assert site.dir.read("imports.txt") == "shop "


@pytest.mark.parametrize("broken", ["workers = 'x'\n", "1 / 0\n", "this is not python\n",
                                    "from conf.missing import *\n"])
def test_a_broken_module_keeps_table_and_workers(broken, site):
    server = start_with_module(site, "conf", {"conf/__init__.py": "from conf.base import *\n",
                                              "conf/base.py": "workers = 1\n"})
    old = server.workers()
    site.dir.write("conf/base.py", broken)
    reload(server, "Reload failed, the old configuration stays in force")
    assert server.get().body == b"hello\n"
    assert server.workers() == old
    site.dir.write("conf/base.py", "workers = 2\n")
    reload(server, r"workers: 1 -> 2 \(")
    settle(server, old, 2)


@pytest.mark.parametrize("broken", ["workers = 'x'\n", "1 / 0\n", "workers = = 2\n",
                                    "import sys\nsys.exit(0)\n", "import no_such_module_x\n"])
def test_a_broken_file_keeps_table_and_workers(broken, site):
    server = site.start(conf="workers = 1\n")
    old = server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", broken)
    reload(server, "Reload failed, the old configuration stays in force")
    assert server.get().body == b"hello\n"
    assert server.workers() == old
    site.dir.write("gunicorn.conf.py", "workers = 2\n")
    reload(server, r"workers: 1 -> 2 \(gunicorn\.conf\.py:1:1\)$")
    settle(server, old, 2)


def test_the_place_in_a_module_that_is_not_read_anew(site):
    """A file that changed later doesn't tell where the values of the module come from."""
    site.dir.write("base.py", "workers = int('1')\ntimeout = int('20')\n")
    server = site.start(conf="from base import *\nworkers = 1\ntimeout = 30\n")
    old = server.wait_workers(1)
    site.dir.write("base.py", "\n\n\ntimeout = int('25')\n")
    site.dir.write("gunicorn.conf.py", "from base import *\nworkers = 1\n")
    reload(server, r"timeout: 30 -> 20 \(base\.py:2:1\)$")
    settle(server, old, 1)


@pytest.mark.parametrize("name,good,bad,better", [
    ("site.yaml", "workers: 1\n", "workers: [\n", "workers: 2\n"),
    ("site.json", '{"workers": 1}', '{"workers": "x"}', '{"workers": 2}'),
])
def test_declarative_files_are_read_anew(name, good, bad, better, site):
    site.dir.write("app.py", HELLO)
    site.dir.write(name, good)
    server = site.start("app:app", "-c", name)
    old = server.wait_workers(1)
    site.dir.write(name, bad)
    reload(server, "Reload failed, the old configuration stays in force")
    assert server.get().body == b"hello\n"
    assert server.workers() == old
    site.dir.write(name, better)
    reload(server, r"workers: 1 -> 2 \(" + re.escape(name) + ":1:")
    settle(server, old, 2)


def test_what_is_wrong_is_logged_with_its_place(site):
    server = site.start(conf="workers = 1\n")
    server.wait_workers(1)
    site.dir.write("gunicorn.conf.py", "\ntimeout = 'x'\nbacklog = -1\n")
    reload(server, r"gunicorn\.conf\.py:2:\d+: error: timeout:")
    server.wait_log(r"gunicorn\.conf\.py:3:\d+: error: backlog:")
