"""Five sources, their order, and what --print-config and --check-config say about the result."""

import itertools
import os
import shlex

import pytest

from support import settings
from support.server import HELLO

PASTE_APP = '''\
from app import app

def factory(global_conf, **local_conf):
    return app
'''

PASTE_INI = '''\
[app:main]
paste.app_factory = pasteapp:factory

[server:main]
use = egg:gunicorn#main
{server}
'''


def prepare(site):
    """A directory in which every value of the settings table is usable."""
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", PASTE_APP)
    site.dir.write("sub/app.py", HELLO)
    for name in ("extra.txt", "ca.pem"):
        site.dir.write(name, "")
    site.dir.write("log.json", '{"version": 1}')
    site.dir.write("log.ini", "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n"
                              "[logger_root]\nhandlers=\n")
    return settings.facts(site.dir)


def table_of(result):
    assert result.returncode == 0, result.stderr
    return settings.parse(result.stdout)


def printed(site, *args, app=("app:app",), **options):
    return table_of(site.run("--print-config", *args, *app, **options))


@pytest.fixture(scope="module")
def place(shared_site):
    """A prepared directory for tests that bring no configuration file of their own."""
    shared_site.values = prepare(shared_site)
    return shared_site


@pytest.fixture(scope="module")
def defaults(place):
    return printed(place)


# -- defaults and the form of the table

@pytest.mark.parametrize("name", sorted(settings.DEFAULTS))
def test_default_is_the_documented_one(name, place, defaults):
    assert defaults[name] == settings.expected_defaults(place.values)[name]


def test_table_is_sorted_by_name(defaults):
    assert list(defaults) == sorted(defaults)


def test_table_names_are_padded_to_the_longest(place):
    out = place.run("--print-config", "app:app").stdout
    assert out.endswith("\n")
    width = max(map(len, settings.DEFAULTS))
    for line in out.splitlines():
        name = line.split(" ", 1)[0]
        assert line.startswith(name.ljust(width) + " = "), line


def test_table_goes_to_stdout_alone(place):
    result = place.run("--print-config", "app:app")
    assert result.stderr == ""


def test_print_implies_check(place):
    result = place.run("--print-config", "no_such_module:app")
    assert result.returncode == 1
    assert settings.parse(result.stdout)["workers"] == "1"
    assert "no_such_module" in result.stderr


# -- every setting in every source that can give it

@pytest.mark.parametrize("row", settings.ROWS, ids=lambda row: row.name)
def test_argv(row, place):
    table = printed(place, *settings.words(row, place.values))
    assert table[row.name] == row.printed.format(**place.values)


@pytest.mark.parametrize("row", settings.ROWS, ids=lambda row: row.name)
def test_cmd_args(row, place):
    text = shlex.join(settings.words(row, place.values))
    table = printed(place, env={"GUNICORN_CMD_ARGS": text})
    assert table[row.name] == row.printed.format(**place.values)


@pytest.mark.parametrize("row", settings.ROWS + settings.FILE_ROWS, ids=lambda row: row.name)
def test_file(row, place):
    literal = row.literal.replace("{user}", place.values["user"])
    literal = literal.replace("{group}", place.values["group"])
    path = place.dir.write("conf/%s.py" % row.name, "%s = %s\n" % (row.name, literal))
    app = () if row.name == "wsgi_app" else ("app:app",)
    table = printed(place, "-c", path, app=app)
    assert table[row.name] == row.printed.replace("{cwd}", place.values["cwd"]) \
        .replace("{uid}", str(place.values["uid"])).replace("{gid}", str(place.values["gid"]))


@pytest.mark.parametrize("name,arity", sorted(settings.HOOKS.items()))
def test_file_hook(name, arity, place):
    params = ", ".join("abcd"[:arity])
    path = place.dir.write("conf/hook_%s.py" % name,
                           "def %s(%s):\n    return None\n" % (name, params))
    assert printed(place, "-c", path)[name] == "<%s()>" % name


ENVIRONMENT = [
    ("PORT", "5000", "bind", "['0.0.0.0:5000']"),
    ("WEB_CONCURRENCY", "6", "workers", "6"),
    ("FORWARDED_ALLOW_IPS", "10.1.1.1", "forwarded_allow_ips", "['10.1.1.1']"),
    ("FORWARDED_ALLOW_IPS", "*", "forwarded_allow_ips", "['*']"),
    ("SENDFILE", "0", "sendfile", "None"),
]


@pytest.mark.parametrize("variable,value,name,shown", ENVIRONMENT)
def test_environment(variable, value, name, shown, place):
    assert printed(place, env={variable: value})[name] == shown


@pytest.mark.parametrize("variable,value", [("web_concurrency", "6"), ("GUNICORN_WORKERS", "6"),
                                            ("WORKERS", "6")])
def test_environment_other_names_mean_nothing(variable, value, place):
    assert printed(place, env={variable: value})["workers"] == "1"


# -- the order of the sources

class Sources:
    """Gives `workers` a number of its own in each source."""

    NUMBERS = {"env": 11, "paste": 12, "file": 13, "cmd_args": 14, "argv": 15}
    ORDER = list(NUMBERS)

    @classmethod
    def workers(cls, site, names):
        args, env, app = [], {}, ["app:app"]
        for name in names:
            number = cls.NUMBERS[name]
            if name == "env":
                env["WEB_CONCURRENCY"] = number
            elif name == "paste":
                site.dir.write("p.ini", PASTE_INI.format(server="workers = %d" % number))
                args += ["--paste", "p.ini", "--paste-server", "main"]
                app = []
            elif name == "file":
                site.dir.write("gunicorn.conf.py", "workers = %d\n" % number)
            elif name == "cmd_args":
                env["GUNICORN_CMD_ARGS"] = "--workers %d" % number
            else:
                args += ["--workers", str(number)]
        return printed(site, *args, app=app, env=env)["workers"]


@pytest.mark.parametrize("lower,higher", itertools.combinations(Sources.ORDER, 2))
def test_pair_the_later_source_wins(lower, higher, site):
    prepare(site)
    assert Sources.workers(site, [lower, higher]) == str(Sources.NUMBERS[higher])


@pytest.mark.parametrize("count", range(1, 6))
def test_chain_the_last_source_wins(count, site):
    prepare(site)
    names = Sources.ORDER[:count]
    assert Sources.workers(site, names) == str(Sources.NUMBERS[names[-1]])


def test_sources_fill_each_other(site):
    prepare(site)
    site.dir.write("gunicorn.conf.py", "timeout = 5\nbacklog = 9\n")
    table = printed(site, "--keep-alive", "7",
                    env={"GUNICORN_CMD_ARGS": "--backlog 8", "WEB_CONCURRENCY": "4"})
    assert [table[n] for n in ("timeout", "backlog", "keepalive", "workers")] == list("5874")


def test_lists_do_not_accumulate_over_sources(site):
    prepare(site)
    site.dir.write("gunicorn.conf.py", "bind = ['127.0.0.1:1', '127.0.0.1:2']\n")
    table = printed(site, "-b", "127.0.0.1:3", "-b", "127.0.0.1:4",
                    env={"GUNICORN_CMD_ARGS": "-b 127.0.0.1:5"})
    assert table["bind"] == "['127.0.0.1:3', '127.0.0.1:4']"


# -- the configuration file

@pytest.mark.parametrize("prefix", ["", "file:"])
@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("source", ["argv", "cmd_args"])
def test_config_path(prefix, absolute, source, place):
    path = place.dir.write("conf/named.py", "workers = 7\n")
    location = prefix + (path if absolute else "conf/named.py")
    if source == "argv":
        table = printed(place, "-c", location)
    else:
        table = printed(place, env={"GUNICORN_CMD_ARGS": "-c " + location})
    assert table["workers"] == "7"
    assert table["config"] == location


def test_config_module(place):
    place.dir.write("pkgconf/__init__.py", "")
    place.dir.write("pkgconf/prod.py", "workers = 8\n")
    assert printed(place, "-c", "python:pkgconf.prod")["workers"] == "8"


def test_config_argv_file_is_read_alone(place):
    place.dir.write("conf/a.py", "workers = 2\n")
    place.dir.write("conf/b.py", "workers = 3\nraise RuntimeError('must not be read')\n")
    table = printed(place, "-c", "conf/a.py", env={"GUNICORN_CMD_ARGS": "-c conf/b.py"})
    assert table["workers"] == "2"


def test_config_last_of_two_wins(place):
    place.dir.write("conf/a.py", "workers = 2\n")
    assert printed(place, "-c", "conf/missing.py", "-c", "conf/a.py")["workers"] == "2"


def test_config_default_file_is_not_searched_in_chdir(site):
    prepare(site)
    site.dir.write("sub/gunicorn.conf.py", "workers = 9\n")
    assert printed(site, "--chdir", "sub")["workers"] == "1"


def test_config_named_file_replaces_the_default(site):
    prepare(site)
    site.dir.write("gunicorn.conf.py", "workers = 9\ntimeout = 9\n")
    site.dir.write("other.py", "workers = 2\n")
    table = printed(site, "-c", "other.py")
    assert (table["workers"], table["timeout"]) == ("2", "30")


def test_config_any_python(place):
    path = place.dir.write("conf/any.py", '''\
# -*- coding: utf-8 -*-
import os
from multiprocessing import cpu_count as _cpus

def _pick(n):
    return n * 2 + 1

class Helper:
    workers = 99

if True:
    workers = _pick(len([1, 2]))
try:
    timeout = int(os.environ["NO_SUCH_NUMBER"])
except KeyError:
    timeout = 44
globals().update(backlog=77)
bind = [f"127.0.0.1:{8000 + i}" for i in range(2)]
proc_name = "caf\\u00e9"
WORKERS = 1000
workres_unrelated = object()
''')
    table = printed(place, "-c", path)
    assert table["workers"] == "5"
    assert table["timeout"] == "44"
    assert table["backlog"] == "77"
    assert table["bind"] == "['127.0.0.1:8000', '127.0.0.1:8001']"
    assert table["proc_name"] == "caf\u00e9"


def test_config_file_sees_its_name(place):
    path = place.dir.write("conf/names.py", '''\
import sys
assert __name__ == "__config__", __name__
assert sys.modules["__config__"].__dict__ is globals()
proc_name = __file__
''')
    assert os.path.samefile(printed(place, "-c", path)["proc_name"], path)


@pytest.mark.parametrize("literal,name,shown", [
    ("'4'", "workers", "4"), ("' 4 '", "workers", "4"), ("'0x10'", "backlog", "16"),
    ("'1_000'", "backlog", "1000"), ("True", "workers", "1"), ("'true'", "daemon", "True"),
    ("' FALSE '", "preload_app", "False"), ("None", "preload_app", "None"),
    ("None", "accesslog", "None"), ("'  x  '", "proc_name", "x"),
    ("['a=1', ' b=2 ']", "raw_env", "['a=1', 'b=2']"), ("'DROP '", "header_map", "drop"),
    ("0x1f", "umask", "31"), ("'0o17'", "umask", "15"),
    ("'10.0.0.1,,10.0.0.2 '", "forwarded_allow_ips", None),
])
def test_file_value_forms(literal, name, shown, place):
    path = place.dir.write("conf/form.py", "%s = %s\n" % (name, literal))
    value = printed(place, "-c", path)[name]
    if shown is not None:
        assert value == shown
    else:
        assert "'10.0.0.1'" in value and "'10.0.0.2'" in value


def test_wsgi_app_positional_wins(site):
    prepare(site)
    site.dir.write("gunicorn.conf.py", "wsgi_app = 'no_such_module:app'\n")
    assert printed(site)["default_proc_name"] == "app:app"


# -- GUNICORN_CMD_ARGS: shell words

@pytest.mark.parametrize("text,shown", [
    ("--name=plain", "plain"),
    ("--name plain", "plain"),
    ("-nplain", "plain"),
    ("  --name \t plain  ", "plain"),
    ("--name='two words'", "two words"),
    ('--name="two words"', "two words"),
    (r"--name=two\ words", "two words"),
    (r'--name="a\"b"', 'a"b'),
    (r"--name='a\b'", r"a\b"),
    ("--name=a'b'\"c\"", "abc"),
    ("--name=#x", "#x"),
    ("--name=x # --name=y", None),
    ("--name=$HOME", "$HOME"),
    ("--name ''", ""),
    ("--name=first --name=last", "last"),
    ("ignored:app --name=x", "x"),
])
def test_cmd_args_quoting(text, shown, place):
    table = printed(place, env={"GUNICORN_CMD_ARGS": text})
    assert table["proc_name"] == ("y" if shown is None else shown)


def test_cmd_args_empty(place, defaults):
    assert printed(place, env={"GUNICORN_CMD_ARGS": ""}) == defaults


# -- argv: argparse's rules

@pytest.mark.parametrize("args", [
    ["-w4"], ["-w", "4"], ["-w=4"], ["--workers=4"], ["--workers", "4"], ["--workers", "1", "-w4"],
    ["--workers=4", "--print"], ["-Dw4"], ["-R", "-w", "4"],
])
def test_argv_forms(args, place):
    assert printed(place, *args)["workers"] == "4"


@pytest.mark.parametrize("args,name,shown", [
    (["--backl", "9"], "backlog", "9"),
    (["--graceful=9"], "graceful_timeout", "9"),
    (["--keep", "9"], "keepalive", "9"),
    (["--preloa"], "preload_app", "True"),
    (["--no-send"], "sendfile", "False"),
    (["--paste-g", "a=b"], "raw_paste_global_conf", "['a=b']"),
    (["--limit-request-field_", "9"], "limit_request_field_size", "9"),
    (["--name", "-"], "proc_name", "-"),
    (["--name=-x"], "proc_name", "-x"),
    (["--name="], "proc_name", ""),
    (["-e", "A=1", "--env", "B=2"], "raw_env", "['A=1', 'B=2']"),
])
def test_argv_prefixes_and_values(args, name, shown, place):
    assert printed(place, *args)[name] == shown


@pytest.mark.parametrize("position", [0, 1, 2])
def test_argv_application_may_stand_anywhere(position, place):
    args = ["--workers=4", "--timeout=9"]
    args.insert(position, "app:app")
    table = printed(place, *args, app=())
    assert (table["workers"], table["timeout"]) == ("4", "9")


def test_argv_double_dash_ends_options(place):
    assert printed(place, "-w4", "--", "app:app", app=())["workers"] == "4"


# -- Paste

def paste_site(site, server=""):
    prepare(site)
    site.dir.write("p.ini", PASTE_INI.format(server=server))
    return site


def test_paste_server_section_is_a_source(site):
    paste_site(site, "workers = 4\nproc_name = shop\nloglevel = debug\n")
    table = printed(site, "--paste", "p.ini", "--paste-server", "main", app=())
    assert table["workers"] == "4"
    assert table["proc_name"] == "shop"
    assert table["loglevel"] == "debug"


def test_paste_server_host_and_port(site):
    paste_site(site, "host = 127.0.0.1\nport = 8077")
    table = printed(site, "--paste", "p.ini", "--paste-server", "main", app=())
    assert table["bind"] == "['127.0.0.1:8077']"


def test_paste_alone_ignores_the_server_section(site):
    paste_site(site, "workers = 4")
    assert printed(site, "--paste", "p.ini", app=())["workers"] == "1"


def test_paste_serves_the_application(site):
    paste_site(site)
    server = site.start(None, "--paste", "p.ini")
    assert server.get().body == b"hello\n"


def test_paste_named_section(site):
    prepare(site)
    site.dir.write("p.ini", "[app:admin]\npaste.app_factory = pasteapp:factory\n")
    server = site.start(None, "--paste", "p.ini#admin")
    assert server.get().body == b"hello\n"


def test_paste_global_conf_reaches_the_factory(site):
    prepare(site)
    site.dir.write("pasteapp.py", '''\
def factory(global_conf, **local_conf):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [(global_conf["colour"] + local_conf["size"]).encode()]
    return app
''')
    site.dir.write("p.ini", "[app:main]\npaste.app_factory = pasteapp:factory\nsize = xl\n")
    server = site.start(None, "--paste", "p.ini", "--paste-global", "colour=red")
    assert server.get().body == b"redxl"


# -- check, version, help

def test_check_good(place):
    result = place.run("--check-config", "app:app")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_check_good_with_all_sources(site):
    prepare(site)
    site.dir.write("gunicorn.conf.py", "workers = 2\nprint('from the file')\n")
    result = site.run("--check-config", "-t", "5", "app:app",
                      env={"GUNICORN_CMD_ARGS": "--backlog 5", "PORT": "5000"})
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "from the file\n"


def test_check_without_application(place):
    result = place.run("--check-config")
    assert result.returncode == 1
    assert "No application module specified" in result.stderr


def test_check_opens_no_socket_and_writes_no_file(site):
    prepare(site)
    before = sorted(os.listdir(str(site.dir)))
    result = site.run("--check-config", "-b", "unix:s.sock", "-p", "x.pid", "--log-file", "e.log",
                      "app:app")
    assert result.returncode == 0, result.stderr
    assert sorted(set(os.listdir(str(site.dir))) - {"__pycache__"}) == before


def test_check_by_cmd_args(place):
    result = place.run("app:app", env={"GUNICORN_CMD_ARGS": "--check-config"})
    assert (result.returncode, result.stdout) == (0, "")


def test_version(place):
    result = place.run("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("gunicorn (version 23.0.0)")
    assert result.stdout.count("\n") == 1
    assert place.run("-v").stdout == result.stdout


def test_version_with_broken_configuration_file(site):
    site.dir.write("gunicorn.conf.py", "this is not python\n")
    assert site.run("--version").returncode == 0
    assert site.run("-h").returncode == 0


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(flag, place):
    result = place.run(flag)
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.startswith("usage: gunicorn [OPTIONS] [APP_MODULE]")


def test_config_from_a_pipe(place):
    """`-c <(command)` of a shell."""
    for_reading, for_writing = os.pipe()
    os.write(for_writing, b"workers = 7\n")
    os.close(for_writing)
    try:
        table = printed(place, "-c", "/dev/fd/%d" % for_reading, pass_fds=[for_reading])
    finally:
        os.close(for_reading)
    assert table["workers"] == "7"


def test_config_null_device_is_an_empty_file(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", "workers = 7\n")
    assert printed(site, "-c", "/dev/null")["workers"] == "1"
