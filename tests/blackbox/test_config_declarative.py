"""Configuration files in YAML and JSON: the same settings, the same places in the chain."""

import json
import signal

import pytest

from support import settings
from support.server import HELLO

HOOKS = '''\
def on_starting(server):
    server.log.info("the hook of the %s file runs", "yaml")

def post_fork(server, worker):
    server.log.info("forked %s", worker.cfg.proc_name)
'''
VALUES = {
    "bind": ["127.0.0.1:0", "unix:run.sock"], "workers": 2, "threads": 3, "worker_class": "gthread",
    "timeout": 9, "proc_name": "a name", "umask": 18, "reload": False, "capture_output": True,
    "raw_env": ["A=1", "B=2"], "secure_scheme_headers": {"X-P": "https"}, "pidfile": None,
    "forwarded_allow_ips": "10.0.0.1,::1", "user": None, "sendfile": False, "loglevel": "debug",
}


def to_yaml(values):
    """JSON values are YAML values."""
    return "".join("%s: %s\n" % (name, json.dumps(value)) for name, value in values.items())


def to_python(values):
    return "".join("%s = %r\n" % item for item in values.items())


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("hooks.py", HOOKS)
    return site


def printed(site, *args, **options):
    result = site.run("--print-config", *args, "app:app", **options)
    assert result.returncode == 0, result.stderr
    return settings.parse(result.stdout)


@pytest.mark.parametrize("name,text", [("c.yaml", to_yaml(VALUES)), ("c.yml", to_yaml(VALUES)),
                                       ("c.YAML", to_yaml(VALUES)), ("c.json", json.dumps(VALUES)),
                                       ("sub/c.json", json.dumps(VALUES, indent=2))])
def test_same_table_as_from_python(name, text, place):
    place.dir.write(name, text)
    place.dir.write("c.py", to_python(VALUES))
    got, want = printed(place, "-c", name), printed(place, "-c", "c.py")
    assert got.pop("config") == name
    want.pop("config")
    assert got == want


@pytest.mark.parametrize("how", ["argv", "file:", "variable", "absolute"])
def test_ways_to_name_the_file(how, place):
    path = place.dir.write("c.yaml", "workers: 5\n")
    args = {"argv": ["-c", "./c.yaml"], "file:": ["-c", "file:c.yaml"], "variable": [],
            "absolute": ["-c", path]}[how]
    env = {"GUNICORN_CMD_ARGS": "-c c.yaml"} if how == "variable" else None
    assert printed(place, *args, env=env)["workers"] == "5"


def test_chain(place):
    place.dir.write("c.yaml", "workers: 5\nthreads: 6\ntimeout: 7\n")
    env = {"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": "--threads 3"}
    table = printed(place, "-c", "c.yaml", "--timeout", "4", env=env)
    assert (table["workers"], table["threads"], table["timeout"]) == ("5", "3", "4")


def test_default_file_is_not_read_beside_it(place):
    place.dir.write("gunicorn.conf.py", "raise RuntimeError('read')\n")
    place.dir.write("c.yaml", "workers: 5\n")
    assert printed(place, "-c", "c.yaml")["workers"] == "5"


@pytest.mark.parametrize("name,text,lines", [
    ("c.yaml", "workers: four\nbindd: x\n\nbind: [1]\n",
     ["c.yaml:1:10: error: workers: must be a whole number, not the text 'four'",
      "c.yaml:2:1: error: no setting has the name 'bindd'",
      "c.yaml:4:8: error: bind: the items of the list must be texts"]),
    ("c.json", '{"workers": 1,\n "workers": 2,\n "timeout": -3}',
     ["c.json:2:2: error: 'workers' stands twice, first in line 1",
      "c.json:3:13: error: timeout: Value must be positive: -3"]),
    ("c.yaml", "workers: 1\n\tthreads: 2\n", ["c.yaml:2:1: error: not YAML: "]),
    ("c.json", '{"workers": 1,}\n', ["c.json:1:15: error: not JSON: no comma may stand"]),
    ("c.yaml", "on_starting: nosuch:f\n", ["c.yaml:1:14: error: on_starting: ModuleNotFoundError"]),
    ("c.yaml", "on_starting: hooks:nosuch\n", ["c.yaml:1:14: error: on_starting: "]),
    ("c.yaml", "post_fork: hooks:on_starting\n",
     ["c.yaml:1:12: error: post_fork: Value must have an arity of: 2"]),
])
def test_mistakes_have_places(name, text, lines, place):
    place.dir.write(name, text)
    result = place.run("--check-config", "-c", name, "app:app")
    assert result.returncode == 1
    found = [line for line in result.stderr.splitlines() if ": error: " in line]
    assert len(found) == len(lines), result.stderr
    for line, want in zip(found, lines):
        assert line.startswith(want), result.stderr


def test_missing_file_is_an_error(place):
    result = place.run("--check-config", "-c", "nosuch.yaml", "app:app")
    assert result.returncode == 1 and "'nosuch.yaml' doesn't exist" in result.stderr


@pytest.mark.parametrize("name,text", [
    ("c.yaml", "on_starting: hooks:on_starting\npost_fork: hooks.post_fork\n"),
    ("c.json", '{"on_starting": "hooks:on_starting", "post_fork": "hooks:post_fork"}'),
])
def test_hooks_are_named_by_text(name, text, place):
    place.dir.write(name, text)
    table = printed(place, "-c", name)
    assert (table["on_starting"], table["post_fork"]) == ("<on_starting()>", "<post_fork()>")


def test_hup_reads_the_file_again(place):
    place.dir.write("c.yaml", "workers: 1\n")
    server = place.start("app:app", "-c", "c.yaml")
    server.wait_workers(1)
    place.dir.write("c.yaml", "workers: 3\n")
    server.signal(signal.SIGHUP)
    server.wait_workers(3)
    assert server.terminate() == 0
