"""Bad values: exit status 1 or 2, and a message with the setting and the place."""

import os
import re
import shlex

import pytest

from support import settings
from support.server import HELLO


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    return site


def check(site, *args, app=("app:app",), **options):
    return site.run("--check-config", *args, *app, **options)


def assert_refused(result, *needles, status=(1, 2)):
    assert result.returncode in status, (result.returncode, result.stderr)
    for needle in needles:
        assert re.search(needle, result.stderr), "%s is not in:\n%s" % (needle, result.stderr)


# One bad value of each kind: setting, Python literals for the file, words for the command line.
BAD = [
    ("workers", ["-1", "'four'", "2.5", "None", "[]"], ["-1", "four", "2.5", ""]),
    ("backlog", ["-5", "'0017'", "()"], ["-5", "0x10"]),
    ("timeout", ["-1", "'x'", "{}"], ["-1", "x"]),
    ("limit_request_fields", ["-1", "'many'"], ["-1", "many"]),
    ("keepalive", ["-1", "'x'"], ["-1", "x"]),
    ("cert_reqs", ["-1", "'x'"], ["-1", "x"]),
    ("umask", ["'abc'", "2.5", "[]"], ["abc", "9x"]),
    ("proc_name", ["5", "b'x'", "['a']", "True"], []),
    ("accesslog", ["5", "{}"], []),
    ("loglevel", ["3"], []),
    ("bind", ["5", "[5]", "b'1'"], []),
    ("raw_env", ["5", "[1]", "'A=1', 5"], []),
    ("daemon", ["1", "'yes'", "'on'", "[]"], []),
    ("preload_app", ["'1'", "2"], []),
    ("reuse_port", ["'maybe'"], []),
    ("chdir", ["'no/such/place'", "5", "None"], ["no/such/place"]),
    ("user", ["'no_such_user_x'", "1.5", "[]"], ["no_such_user_x"]),
    ("group", ["'no_such_group_x'", "1.5"], ["no_such_group_x"]),
    ("reload_engine", ["'magic'", "5"], ["magic"]),
    ("header_map", ["'maybe'", "5"], ["maybe"]),
    ("reload_extra_files", ["['no/such/file']", "5"], ["no/such/file"]),
    ("forwarded_allow_ips", ["5", "['x', 5]"], []),
    ("statsd_host", ["'host:x'", "5"], ["host:x"]),
    ("secure_scheme_headers", ["5", "'x'", "[]"], []),
    ("logconfig_dict", ["5", "'x'"], []),
    ("worker_class", ["5", "'no_such_class'"], ["no_such_class"]),
    ("on_starting", ["5", "'no_such_mod.f'", "lambda: None", "lambda a, b: None"], []),
    ("pre_fork", ["lambda a: None", "lambda *a: None"], []),
    ("post_request", ["lambda a: None", "lambda a, b, c, d, e: None"], []),
    ("nworkers_changed", ["lambda a: None", "5"], []),
]

FILE_CASES = [(name, literal) for name, literals, _ in BAD for literal in literals]
WORD_CASES = [(name, word) for name, _, bad in BAD for word in bad]
INI_CASES = [case for case in WORD_CASES if case[1] != "0x10"]  # numbers are Python literals there


@pytest.mark.parametrize("name,literal", FILE_CASES)
def test_file(name, literal, place):
    place.dir.write("gunicorn.conf.py", "# line 1\n\n%s = %s\n" % (name, literal))
    assert_refused(check(place), r"\b%s\b" % name, r"gunicorn\.conf\.py:3\b", status=(1,))


@pytest.mark.parametrize("name,word", WORD_CASES)
def test_argv(name, word, place):
    flag = settings.long_flag(name)
    assert_refused(check(place, "%s=%s" % (flag, word)), re.escape(flag))


@pytest.mark.parametrize("name,word", WORD_CASES)
def test_cmd_args(name, word, place):
    flag = settings.long_flag(name)
    text = "--name ok " + shlex.quote("%s=%s" % (flag, word))
    assert_refused(check(place, env={"GUNICORN_CMD_ARGS": text}),
                   "GUNICORN_CMD_ARGS", re.escape(flag))


@pytest.mark.parametrize("name,word", INI_CASES)
def test_paste(name, word, place):
    place.dir.write("p.ini", "[app:main]\npaste.app_factory = x:y\n\n[server:main]\n"
                             "use = egg:gunicorn#main\n%s = %s\n" % (name, word))
    assert_refused(check(place, "--paste", "p.ini", "--paste-server", "main", app=()),
                   r"\b%s\b" % name, r"p\.ini:6\b")


@pytest.mark.parametrize("variable,value", [("WEB_CONCURRENCY", "many"), ("WEB_CONCURRENCY", "-1"),
                                            ("WEB_CONCURRENCY", "2.5"),
                                            ("PORT", "abc"), ("PORT", "99999")])
def test_environment(variable, value, place):
    assert_refused(check(place, env={variable: value}), variable)


def test_overridden_bad_value_is_still_fatal(place):
    place.dir.write("gunicorn.conf.py", "workers = 'x'\n")
    assert_refused(check(place, "--workers", "2"), r"gunicorn\.conf\.py:1\b")


def test_serving_refuses_as_the_check_does(place):
    place.dir.write("gunicorn.conf.py", "workers = 'x'\n")
    assert_refused(place.run("-b", "127.0.0.1:0", "app:app"), r"gunicorn\.conf\.py:1\b")


@pytest.mark.parametrize("text,needle", [
    ("bind = '127.0.0.1:abc'\n", "bind"),
    ("bind = '127.0.0.1:99999'\n", "bind"),
    ("bind = 'fd://x'\n", "bind"),
    ("bind = '127.0.0.1:1,127.0.0.1:2'\n", "bind"),
    ("raw_env = ['NOVALUE']\n", "raw_env"),
    ("loglevel = 'loud'\n", "loglevel"),
])
def test_certain_to_fail_at_start_is_named(text, needle, place):
    place.dir.write("gunicorn.conf.py", text)
    result = check(place)
    assert re.search(r"\b%s\b" % needle, result.stderr), result.stderr
    assert re.search(r"gunicorn\.conf\.py:1\b", result.stderr)


@pytest.mark.parametrize("args,needle", [
    (["--certfile", "c.pem", "--keyfile", "k.pem"], "certfile"),
])
def test_missing_certificate_is_refused(args, needle, place):
    assert_refused(check(place, *args), needle)


# -- several at once

def test_several_errors_of_one_file_in_one_run(place):
    place.dir.write("gunicorn.conf.py",
                    "workers = 'x'\ntimeout = -1\n\nbind = 5\ndef on_exit():\n    pass\n")
    result = check(place)
    for line, name in ((1, "workers"), (2, "timeout"), (4, "bind"), (5, "on_exit")):
        assert re.search(r"gunicorn\.conf\.py:%d\b.*\b%s\b" % (line, name), result.stderr), \
            result.stderr
    assert result.returncode == 1


@pytest.mark.parametrize("word,flag", [("--header-map bad", "--header-map"),
                                       ("--umask bad", "--umask")])
def test_several_errors_of_all_sources_in_one_run(word, flag, place):
    place.dir.write("gunicorn.conf.py", "backlog = 'x'\n")
    result = check(place, "--cert-reqs", "bad",
                   env={"WEB_CONCURRENCY": "many", "GUNICORN_CMD_ARGS": word})
    assert_refused(result, "WEB_CONCURRENCY", r"gunicorn\.conf\.py:1\b", "GUNICORN_CMD_ARGS",
                   flag, "--cert-reqs")


# -- the configuration file itself

@pytest.mark.parametrize("text,needles", [
    ("x = 1\nraise RuntimeError('broken on purpose')\n",
     ["RuntimeError: broken on purpose", r"gunicorn\.conf\.py\"?,? ?(line |:)2"]),
    ("x = 1\n\nworkers = = 3\n", ["SyntaxError|syntax", r"gunicorn\.conf\.py\"?,? ?(line |:)3"]),
    ("import no_such_module_xyz\n", ["no_such_module_xyz", r"gunicorn\.conf\.py"]),
    ("def f():\n    return 1 / 0\nf()\n", ["ZeroDivisionError", r"(line |:)2\b"]),
    ("  x = 1\n", ["indent", r"gunicorn\.conf\.py"]),
    ("x = '\x00'\n", [r"gunicorn\.conf\.py"]),
    ("workers = 2\n\xe9 = '\udce9'\n".encode("utf-8", "surrogateescape"),
     [r"gunicorn\.conf\.py"]),
])
def test_file_that_fails(text, needles, place):
    place.dir.write("gunicorn.conf.py", text)
    assert_refused(check(place), *needles, status=(1,))


def test_traceback_shows_only_the_users_frames(place):
    place.dir.write("gunicorn.conf.py", "def f():\n    raise KeyError('k')\nf()\n")
    assert len(re.findall(r'^  File ', check(place).stderr, re.M)) <= 2


@pytest.mark.parametrize("location", ["missing.py", "file:missing.py", "python:missing_module"])
@pytest.mark.parametrize("source", ["argv", "cmd_args"])
def test_named_file_is_missing(location, source, place):
    if source == "argv":
        result = check(place, "-c", location)
    else:
        result = check(place, env={"GUNICORN_CMD_ARGS": "-c " + location})
    assert_refused(result, "missing", status=(1,))


def test_named_file_is_a_directory(place):
    place.dir.write("confdir/x", "")
    assert_refused(check(place, "-c", "confdir"), "confdir", status=(1,))


def test_named_file_that_cannot_be_seen(place):
    os.symlink("loop.py", str(place.dir / "loop.py"))
    assert_refused(check(place, "-c", "loop.py"),
                   r"'loop\.py' can't be read: Too many levels of symbolic links \[GC401\]",
                   status=(1,))


def test_module_that_raises(place):
    place.dir.write("modconf.py", "x = 1\ny = x / 0\n")
    assert_refused(check(place, "-c", "python:modconf"), "division by zero", "modconf", status=(1,))


@pytest.mark.parametrize("code, needle", [
    ("import time\n\n\ndef wait():\n    while True:\n        time.sleep(1)\n\n\nwait()\n",
     r"^c(\.py:6)?: error: .*TimeoutError: not done within 1 s \(see --check-timeout\) \[GC403\]\n"
     r"(.*\n)+ +time\.sleep\(1\)\n"),
    ("while True:\n    pass\n", r"^c(\.py:\d)?: error: .*TimeoutError"),
    ("while True:\n    try:\n        while True:\n            pass\n    except Exception:\n"
     "        pass\n", r"^gunicorn: the configuration was not read in time \(see --check-timeout\)$"),
])
@pytest.mark.parametrize("how", ["c.py", "python:c"])
def test_hanging_file_is_ended(code, needle, how, place):
    place.dir.write("c.py", code)
    result = check(place, "--check-timeout", "1", "-c", how)
    assert_refused(result, "(?m)" + needle, status=(1,))


def test_hanging_module_of_a_hook_is_ended(place):
    place.dir.write("hooks.py", "while True:\n    pass\n")
    place.dir.write("c.yaml", "on_exit: hooks:goodbye\n")
    result = check(place, "--check-timeout", "1", "-c", "c.yaml")
    assert_refused(result, "on_exit: .*not done within 1 s", status=(1,))


@pytest.mark.parametrize("name", ["c.py", "c.yaml", "c.json"])
def test_fifo_without_a_writer_is_not_waited_for(name, place):
    os.mkfifo(str(place.dir / name))
    assert_refused(check(place, "-c", name), "can't be read: No data available", status=(1,))


def test_bad_value_in_module(place):
    place.dir.write("modconf.py", "\nworkers = 'x'\n")
    assert_refused(check(place, "-c", "python:modconf"), "workers", "modconf", status=(1,))


def test_sys_exit_in_the_file_is_an_error(place):
    place.dir.write("gunicorn.conf.py", "import sys\nsys.exit(0)\n")
    assert_refused(check(place), r"gunicorn\.conf\.py", status=(1,))


def test_bad_value_made_by_a_helper_has_a_place(place):
    place.dir.write("gunicorn.conf.py", "globals().update(workers='x')\n")
    assert_refused(check(place), r"\bworkers\b", r"gunicorn\.conf\.py", status=(1,))


# -- near misses

@pytest.mark.parametrize("line,hint", [
    ("worker = 3", "workers"),
    ("bindd = '127.0.0.1:1'", "bind"),
    ("preload = True", "preload_app"),
    ("WORKERS = 3", "workers"),
    ("access_logfile = '-'", "accesslog"),
    ("keep_alive = 5", "keepalive"),
    ("time_out = 5", "timeout"),
])
def test_near_miss_is_a_warning(line, hint, place):
    place.dir.write("gunicorn.conf.py", "\n%s\n" % line)
    result = check(place)
    assert result.returncode == 0
    assert re.search(r"gunicorn\.conf\.py:2\b", result.stderr), result.stderr
    assert re.search(r"\b%s\b" % hint, result.stderr)


def test_annotation_without_value_is_a_warning(place):
    place.dir.write("gunicorn.conf.py", "workers: 4\n")
    result = check(place)
    assert result.returncode == 0
    assert re.search(r"gunicorn\.conf\.py:1\b", result.stderr), result.stderr


@pytest.mark.parametrize("text", [
    "import os\nlogger = None\ndef helper():\n    pass\nclass Thing:\n    pass\n",
    "_worker = 3\nhost = 'x'\nport = 5\n",
])
def test_ordinary_names_are_silent(text, place):
    place.dir.write("gunicorn.conf.py", text)
    result = check(place)
    assert (result.returncode, result.stderr) == (0, "")


# -- usage

@pytest.mark.parametrize("args,needle", [
    (["--no-such-flag"], "--no-such-flag"),
    (["-Z"], "-Z"),
    (["--workers"], "--workers"),
    (["-w"], "-w"),
    (["--workers=x"], "--workers"),
    (["--workers=0x10"], "--workers"),
    (["--wo", "3"], "--wo"),
    (["--limit", "3"], "--limit"),
    (["--daemon=1"], "--daemon"),
    (["-w", "--preload"], "-w"),
])
def test_usage_errors(args, needle, place):
    result = check(place, *args)
    assert_refused(result, re.escape(needle), r"usage: gunicorn ", r"gunicorn: error: ",
                   status=(2,))
    assert result.stdout == ""


def test_ambiguous_prefix_lists_the_candidates(place):
    result = check(place, "--limit-request-f", "3")
    assert_refused(result, "--limit-request-fields", "--limit-request-field_size", status=(2,))


def test_int_message_is_the_known_one(place):
    result = check(place, "--workers", "x")
    assert_refused(result, r"argument -w/--workers: invalid int value: 'x'", status=(2,))


def test_extra_words(place):
    assert check(place, "app:app", "other:app", app=()).returncode == 0
    result = check(place, "app:app", "-w", "2", "other:app", app=())
    assert_refused(result, "other:app", status=(2,))


@pytest.mark.parametrize("text,needles,status", [
    ("--name='x", ["GUNICORN_CMD_ARGS", "[Nn]o closing quotation"], (1,)),
    ('--name="x', ["GUNICORN_CMD_ARGS", "[Nn]o closing quotation"], (1,)),
    ("--name=x\\", ["GUNICORN_CMD_ARGS", "[Nn]o escaped character"], (1,)),
    ("--no-such-flag", ["--no-such-flag"], (2,)),
    ("--workers x", ["--workers", "invalid int value"], (2,)),
])
def test_cmd_args_usage(text, needles, status, place):
    assert_refused(check(place, env={"GUNICORN_CMD_ARGS": text}), *needles, status=status)


# -- Paste

@pytest.mark.parametrize("text,needles", [
    ("[server:main]\nworker-class = sync\n", ["worker-class", r"p\.ini:2"]),
    ("[server:main]\nworkers = 3\nno_such_key = 1\n", ["no_such_key", r"p\.ini:3"]),
    ("[server:other]\nworkers = 3\n", ["main"]),
    ("workers = 3\n", [r"p\.ini"]),
])
def test_paste_errors(text, needles, place):
    place.dir.write("p.ini", text)
    result = check(place, "--paste", "p.ini", "--paste-server", "main", app=())
    assert_refused(result, *needles, status=(1,))


def test_paste_file_is_missing(place):
    result = check(place, "--paste", "missing.ini", app=())
    assert_refused(result, r"missing\.ini", status=(1,))


# -- the application

@pytest.mark.parametrize("app,needles", [
    ("no_such_module:app", ["no_such_module"]),
    ("app:no_such_attribute", ["no_such_attribute"]),
    ("app:HELLO", ["callable"]),
    ("app:", ["app"]),
    ("app:app)", ["app"]),
    ("app:make(1", ["make"]),
    ("app:boom()", ["boom on purpose"]),
    ("raising", ["raised on purpose"]),
    ("broken", ["SyntaxError"]),
    ("app", ["application"]),
])
def test_application_that_cannot_be_loaded(app, needles, place):
    place.dir.write("app.py", HELLO + '''
HELLO = 1
def boom():
    raise ValueError("boom on purpose")
''')
    place.dir.write("raising.py", "raise RuntimeError('raised on purpose')\n")
    place.dir.write("broken.py", "def (\n")
    assert_refused(check(place, app=(app,)), *needles, status=(1,))


def test_application_that_calls_sys_exit(place):
    place.dir.write("app.py", "import sys\nsys.exit(0)\n")
    assert check(place).returncode == 1
