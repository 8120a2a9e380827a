"""Names that are no settings: what is said about them in each source of the configuration."""

import json

import pytest

from support.server import HELLO

MEANT = [
    ("worker", "3", "workers"),
    ("workesr", "3", "workers"),  # two letters changed places
    ("acesslog", '"-"', "accesslog"),
    ("preload", "true", "preload_app"),
    ("log_level", '"debug"', "loglevel"),
    ("name", '"x"', "proc_name"),
    ("access_logfile", '"-"', "accesslog"),
    ("WORKERS", "4", "workers"),
    ("BIND", '"127.0.0.1:1"', "bind"),
    ("Max_Requests", "9", "max_requests"),
    ("env", '["A=b"]', "raw_env"),
]
DASHES = [("worker-class", '"sync"', "worker_class"), ("max-requests", "4", "max_requests")]

# Name, value, code in a Python file, a word of what is said.
OTHERS = [
    ("debug", "true", "GC416", "loglevel"),
    ("logfile", '"x"', "GC416", "errorlog"),
    ("log_file", '"x"', "GC416", "errorlog"),
    ("secure_scheme_header", '"x"', "GC416", "secure_scheme_headers"),
    ("x_forwarded_for_header", '"x"', "GC416", "connection"),
    ("django_settings", '"x"', "GC416", "raw_env"),
    ("control_socket", '"x"', "GC417", "control socket"),
    ("control_socket_disable", "true", "GC418", "control socket"),
    ("dirty_workers", "2", "GC417", "dirty workers"),
    ("http2_cleartext", "true", "GC417", "HTTP/2"),
    ("asgi_loop", '"auto"', "GC417", "ASGI"),
    ("root_path", '"/x"', None, "version 24"),
    ("protocol", '"http"', None, "HTTP/1"),
]


@pytest.fixture(scope="module")
def place(shared_site):
    shared_site.dir.write("app.py", HELLO)
    return shared_site


def check(place, *words, **options):
    return place.run("--check-config=values", *words, "app:app", **options)


def python(value):
    return {"true": "True"}.get(value, value)


@pytest.mark.parametrize("name,value,meant", MEANT)
def test_python(name, value, meant, place):
    place.dir.write("near.py", "\n%s = %s\n" % (name, python(value)))
    result = check(place, "-c", "near.py")
    assert result.returncode == 0
    assert ("near.py:2:1: warning: '%s' is not a setting and has no effect: did you mean `%s`? "
            "[GC405]\n" % (name, meant)) in result.stderr


@pytest.mark.parametrize("name,value,code,word", OTHERS)
def test_python_names_of_other_versions(name, value, code, word, place):
    place.dir.write("other.py", "\n%s = %s\n" % (name, python(value)))
    result = check(place, "-c", "other.py")
    assert result.returncode == 0
    if code is None:
        assert result.stderr == ""
        return
    severity = "note" if code == "GC418" else "warning"
    first = result.stderr.splitlines()[0]
    assert first.startswith("other.py:2:1: %s: '%s' has no effect: " % (severity, name))
    assert first.endswith("[%s]" % code) and word in first


@pytest.mark.parametrize("text", [
    "logfile = 'x'\nerrorlog = '-'\n",
    "debug = False\nloglevel = 'debug' if debug else 'info'\n",
    "WORKERS = 4\nworkers = WORKERS\n",
    "env = 'production'\n",
    "import os\nenv = os.environ\n",
    "DEBUG = True\n",
    "class Worker:\n    pass\n",
])
def test_python_names_of_the_files_own_are_silent(text, place):
    place.dir.write("own.py", text)
    result = check(place, "-c", "own.py")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["workers", "preload_app", "bind"])
def test_python_annotation_without_value(name, place):
    place.dir.write("noted.py", "\n%s: int\n" % name)
    result = check(place, "-c", "noted.py")
    assert result.returncode == 0
    assert "noted.py:2:" in result.stderr and "[GC404]" in result.stderr
    assert "hint: write `%s = ...`" % name in result.stderr


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("name,value,meant", MEANT + DASHES)
def test_declarative(form, name, value, meant, place):
    text = "{%s: %s}" % (json.dumps(name), value) if form == "json" else "%s: %s\n" % (name, value)
    place.dir.write("near." + form, text)
    result = check(place, "-c", "near." + form)
    assert result.returncode == 1
    assert "error: no setting has the name '%s' [GC406]\n" % name in result.stderr
    assert "  hint: did you mean `%s`?\n" % meant in result.stderr


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("name,value,code,word", OTHERS)
def test_declarative_names_of_other_versions(form, name, value, code, word, place):
    place.dir.write("other." + form, json.dumps({name: json.loads(value)}))
    result = check(place, "-c", "other." + form)
    assert result.returncode == 1
    hint, = [line for line in result.stderr.splitlines() if line.startswith("  hint: ")]
    assert "[GC406]" in result.stderr and word in hint


@pytest.mark.parametrize("name,hint", [(name, "did you mean `%s`?" % meant)
                                       for name, _, meant in MEANT + DASHES
                                       if name.lower() != meant]
                         + [(name, word) for name, _, _, word in OTHERS])
def test_ini(name, hint, place):
    place.dir.write("near.ini", "[app:main]\nuse = call:app:app\n[server:main]\n"
                                "use = egg:gunicorn#main\n%s = 1\n" % name)
    result = place.run("--check-config=values", "--paste", "near.ini", "--paste-server", "main")
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    at = [i for i, line in enumerate(lines) if "[GC304]" in line]
    assert len(at) == 1 and lines[at[0]].startswith("near.ini:5")
    assert any(line.startswith("  hint: ") and hint in line for line in lines), result.stderr


@pytest.mark.parametrize("source", ["argv", "variable"])
@pytest.mark.parametrize("word,hint", [
    ("--wrokers=3", "did you mean --workers?"),
    ("--worker_class=sync", "did you mean --worker-class?"),
    ("--loglevel=debug", "did you mean --log-level?"),
    ("--preload-app", "did you mean --preload?"),
    ("--proc-name=x", "did you mean --name?"),
    ("--accesslog=-", "did you mean --access-logfile?"),
    ("--keepalive=5", "did you mean --keep-alive?"),
    ("--BIND=:1", "did you mean --bind?"),
    ("--no-reloda", "did you mean --no-reload?"),
    ("--stict", "did you mean --strict?"),
    ("--post-fork=x", "post_fork can be set in a configuration file only"),
    ("--debug", "set loglevel to debug"),
    ("--log-dict-config=x", "logconfig_dict in a configuration file"),
    ("--no-control-socket", "there is no control socket"),
    ("--control-socket-mode=5", "version 25.1"),
    ("--http-protocols=h2", "HTTP/2"),
    ("--quite-another-thing", None),
])
def test_unknown_option(source, word, hint, place):
    if source == "argv":
        result = check(place, word)
    else:
        result = check(place, env={"GUNICORN_CMD_ARGS": word})
    assert result.returncode == 2
    assert "unrecognized arguments: " + word in result.stderr
    hints = [line for line in result.stderr.splitlines() if line.startswith("  hint: ")]
    assert len(hints) == (hint is not None), result.stderr
    assert hint is None or hint in hints[0]
