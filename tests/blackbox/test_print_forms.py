"""The added forms of --print-config: where values come from, and what can be fed back."""

import json
import re
import subprocess

import pytest

from support import corpus, procs, settings
from support.server import HELLO, program

# Not part of the configuration: what to read and what to do.
REQUESTS = {"config", "check_config", "print_config"}

CONF = '''\
workers = 3
threads = 4
raw_env = ["A=1", "DB_PASSWORD=hunter2", "URL=redis://u:geheim@h/0"]
bind = ["127.0.0.1:8001", "[::1]:8002"]


def on_exit(server):
    pass
'''


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", CONF)
    return site


def form(site, name, *words, chatter="", **options):
    """What the form prints, behind the `chatter` of the configuration file itself."""
    result = site.run("--print-config=" + name, *words, **options)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(chatter)
    return result.stdout[len(chatter):]


def load(site, *words, **options):
    return json.loads(form(site, "json", *words, **options))


def test_origin_names_value_place_and_what_was_overridden(place):
    out = form(place, "origin", "-w", "5", "app:app", env={"WEB_CONCURRENCY": "2"})
    assert ("workers = 5\n"
            "    from: command line word 2 (-w)\n"
            "    overrides: 3 (configuration file gunicorn.conf.py:1:1)\n"
            "    overrides: 2 (environment variable WEB_CONCURRENCY)\n"
            "    overrides: 1 (default)\n") in out
    assert "    effective: ['http://127.0.0.1:8001', 'http://[::1]:8002']\n" in out
    assert "\nbacklog = " not in out


def test_origin_of_all_has_every_setting(place):
    out = form(place, "origin", "--all", "app:app")
    assert set(settings.DEFAULTS) <= set(re.findall(r"^([a-z_]+) = ", out, re.M))
    assert "\nbacklog = 2048\n    from: default\n" in out


def test_names_restrict(place):
    assert list(load(place, "app:app", "workers", "bind")["settings"]) == ["bind", "workers"]
    out = form(place, "origin", "backlog", "app:app")
    assert out.splitlines()[1:] == ["backlog = 2048", "    from: default"]


def test_name_of_no_setting_is_an_error(place):
    result = place.run("--print-config=json", "app:app", "workers", "wrkers")
    assert (result.returncode, result.stdout) == (2, "")
    assert ("argument --print-config: there is no setting 'wrkers', did you mean workers? [GC207]"
            in result.stderr)


def test_json_is_typed_and_complete(place):
    data = load(place, "-w", "5", "app:app")
    assert data["application"] == "app:app"
    assert set(settings.DEFAULTS) <= set(data["settings"])
    workers = data["settings"]["workers"]
    assert (workers["default"], workers["value"], workers["effective"]) == (1, 5, 5)
    assert workers["source"] == "argv" and workers["place"]["text"] == "-w"
    assert [(c["value"], c["source"]) for c in workers["chain"]] == [(3, "conf"), (1, "default")]
    assert workers["chain"][0]["place"] == {"file": "gunicorn.conf.py", "line": 1, "column": 1}
    assert workers["apply"] in ("start", "reload", "worker")
    assert workers["documentation"] == "doc/settings.md#workers"
    classes = data["settings"]["worker_class"]
    assert (classes["value"], classes["effective"]) == ("sync", "gthread")
    assert data["settings"]["on_exit"]["value"]["name"] == "on_exit"
    assert data["settings"]["on_exit"]["value"]["module"] == "__config__"


@pytest.mark.parametrize("variable,effective", [(None, True), ("no", False), ("1", True)])
def test_effective_sendfile(variable, effective, place):
    entry = load(place, "app:app", env={"SENDFILE": variable})["settings"]["sendfile"]
    assert (entry["value"], entry["effective"]) == (None, effective)


def test_diff(place):
    out = form(place, "diff", "--threads", "1", "app:app")
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    assert lines["workers"] == "1 -> 3 (gunicorn.conf.py:1:1)"
    assert "threads" not in lines and "print_config" not in lines


@pytest.mark.parametrize("name", ["origin", "json", "yaml", "diff"])
def test_secrets_are_hidden_unless_asked_for(name, place):
    words = ("-e", "API_TOKEN=abcdef", "-e", "B=https://u:geheim@h/", "app:app")
    out = form(place, name, *words)
    for secret in ("hunter2", "geheim", "abcdef"):
        assert secret not in out
    assert "API_TOKEN=********" in out and "https://u:********@h/" in out
    shown = form(place, name, "--reveal-secrets", *words)
    assert "API_TOKEN=abcdef" in shown and "https://u:geheim@h/" in shown


def test_plain_form_is_as_ever(place):
    out = place.run("--print-config", "app:app").stdout
    assert settings.parse(out)["raw_env"].count("hunter2") == 1


def test_a_form_needs_no_application(place):
    assert load(place)["application"] is None
    assert place.run("--print-config").returncode == 1


def test_a_form_checks_the_application(place):
    result = place.run("--print-config=diff", "nowhere:app")
    assert result.returncode == 1
    assert "workers: 1 -> 3" in result.stdout and "nowhere" in result.stderr


def test_digest_is_stable_and_in_both_forms(place):
    first = load(place, "app:app")["digest"]
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert load(place, "app:app")["digest"] == first
    assert form(place, "origin", "app:app").splitlines()[0].endswith(": " + first)
    assert load(place, "--backlog", "9", "app:app")["digest"] != first
    place.dir.write("gunicorn.conf.py", "\n\n" + CONF)  # other places, same values
    assert load(place, "app:app")["digest"] == first


# -- round trip of the YAML form

def values(data):
    return {name: entry["value"] for name, entry in data["settings"].items()
            if name not in REQUESTS}


def assert_round_trip(site, *words, app=("app:app",), again=(), chatter="", env=None):
    """What YAML writes gives the same values when it is all there is (but the words `again`)."""
    before = load(site, "--reveal-secrets", *words, *app, chatter=chatter, env=env)
    text = form(site, "yaml", "--reveal-secrets", *words, *app, chatter=chatter, env=env)
    site.dir.write("back.yaml", text)
    after = load(site, "--reveal-secrets", "-c", "back.yaml", *again, env=env)
    absent = set(re.findall(r"^# ([a-z_]+): .* can't be written here$", text, re.M))
    old, new = values(before), values(after)
    assert {name for name in old if old[name] != new[name]} == absent, text
    return absent


CASES = [
    "",
    "bind = ['127.0.0.1:1', 'unix:x', '[::1]:2']\nproc_name = 'Yes'\n",
    "proc_name = '12'\nsyslog_prefix = 'a: b # c'\npidfile = '~'\n",
    "proc_name = ' a '\nstatsd_prefix = 'x\\n\\\"\\\\\\u2028\\u00e9\\U0001f600'\n",
    "access_log_format = '%(h)s \"%(r)s\" {a: [b], *c &d !e}'\n",
    "umask = 0o22\nsendfile = False\nerrorlog = None\ntimeout = 0\ndaemon = True\n",
    "forwarded_allow_ips = '*'\nproxy_allow_ips = '10.0.0.1, ::1'\nforwarder_headers = 'A,B'\n",
    "statsd_host = '[::1]:9125'\n",
    "statsd_host = 'unix:///run/x'\n",
    "secure_scheme_headers = {'X-A': 'on', 'X B': '1'}\n",
    "secure_scheme_headers = {}\n",
    "logconfig_dict = {'version': 1, 'a': {'b': [1, 1.5, 1e300, None, True, '', [], {}, [[2]]]}}\n",
    "raw_env = ['PASSWORD=x', 'A=1', 'B=']\n",
    "worker_class = 'gthread'\nthreads = 3\nloglevel = 'debug'\nheader_map = 'refuse'\n",
    "ca_certs = ''\nciphers = None\nssl_version = 5\ncert_reqs = 2\n",
    "user = 0\ngroup = 0\nchdir = '/'\n",
]


@pytest.mark.parametrize("conf", CASES)
def test_yaml_round_trip(conf, site):
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", conf)
    if "chdir" in conf:  # an application is found in the directory of the settings
        site.dir.write("gunicorn.conf.py", conf + "pythonpath = %r\n" % str(site.dir))
    assert assert_round_trip(site) == set()


def test_yaml_round_trip_of_every_setting(site):
    """One value other than the default for each flag and each name of a file."""
    site.dir.write("app.py", HELLO)
    site.dir.write("sub/app.py", HELLO)
    for name in ("extra.txt", "ca.pem", "log.ini", "log.json"):
        site.dir.write(name, "{}")
    facts = settings.facts(site.dir)
    lines = ["%s = %s" % (row.name, row.literal.format(**facts) if "{user}" in row.literal
                          or "{group}" in row.literal else row.literal)
             for row in settings.ROWS + settings.FILE_ROWS if row.name != "config"]
    site.dir.write("gunicorn.conf.py", "\n".join(lines) + "\n")
    assert assert_round_trip(site, app=()) == set()


def test_yaml_of_all_can_be_fed_back(site):
    site.dir.write("app.py", HELLO)
    assert assert_round_trip(site, "--all") == set()


def test_yaml_names_what_it_cannot_write(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", "def on_exit(server):\n    pass\n"
                                       "logconfig_dict = {'version': 1, 'x': b'y'}\n")
    assert assert_round_trip(site) == {"on_exit", "logconfig_dict"}


def test_yaml_of_a_hook_that_was_named(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("hooks.py", "def bye(server):\n    pass\n")
    site.dir.write("first.yaml", "on_exit: hooks:bye\n")
    assert assert_round_trip(site, "-c", "first.yaml") == set()


@corpus.each(corpus.PYTHON_FILES)
def test_yaml_round_trip_of_real_files(path, site):
    """What is said about a file that is refused is the business of other tests."""
    source = corpus.read(path)
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", source)
    env = corpus.environment(site, corpus.imported(source))
    words = ("-k", "sync")  # other classes need their libraries
    check = site.run("--check-config", *words, "app:app", env=env)
    if check.returncode != 0:
        assert "gunicorn.conf.py" in check.stderr
        errors = [line for line in check.stderr.splitlines() if "rror" in line]
        pytest.skip("refused here: %s" % errors[-1])
    app = ("app:app",)  # in place of the one that is named there
    absent = assert_round_trip(site, *words, app=app, again=app, chatter=check.stdout, env=env)
    assert absent <= set(settings.HOOKS) | {"logconfig_dict", "logger_class"}


@pytest.mark.parametrize("words", [
    ["--print-config"], ["--print-config=json"], ["--print-config=origin", "--all"],
    ["--print-config=yaml", "--all"], ["--check-config=sarif"], ["--help"]])
def test_output_that_is_cut_short_is_an_error(place, words):
    # More than the buffer of the stream: the last part of it is not the one that fails.
    with open("/dev/full", "w") as full:
        result = subprocess.run([program(), *words, "app:app"], cwd=str(place.dir), text=True,
                                env=procs.clean_env(place.dir), stdin=subprocess.DEVNULL,
                                stdout=full, stderr=subprocess.PIPE, timeout=procs.DEADLINE)
    assert result.returncode == 1
    assert "gunicorn: the standard output could not be written\n" in result.stderr
