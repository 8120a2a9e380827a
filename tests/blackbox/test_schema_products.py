"""What is generated from the schema agrees with it: help, manual pages, reference, JSON Schema, completions."""

import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest

from support.server import HELLO, TOP, program

BUILD = os.environ.get("GN_TOP_BUILDDIR") or os.path.dirname(program())


def read(name):
    with open(os.path.join(BUILD, name), encoding="utf-8") as handle:
        return handle.read()


def words(text):
    return [word.strip(" '\"") for word in text.strip("[] \n").split(",")] if text else []


def entries(first_key, part):
    """The rows of one list of the schema: dictionaries of the fields that stand on one line."""
    rows = []
    for line in part.splitlines():
        match = re.match(r"  (- |  )(\w+): (.*)$", line)
        if match and match[1] == "- " and match[2] == first_key:
            rows.append({})
        if match and rows:
            rows[-1].setdefault(match[2], match[3])
    for row in rows:
        row["cli"] = words(row.get("cli", ""))
        row["choices"] = words(row.get("choices", ""))
    return rows


def schema():
    with open(os.path.join(TOP, "schema", "settings.yaml"), encoding="utf-8") as handle:
        settings, options = handle.read().split("\noptions:\n")
    return entries("name", settings), entries("cli", options)


SETTINGS, OPTIONS = schema()
NAMES = [row["name"] for row in SETTINGS]


def opposites(row):
    """The flags that undo those of a switch."""
    if row.get("action") != "store_true" or "name" not in row:
        return []
    return ["--no-" + flag[2:] for flag in row["cli"] if flag.startswith("--")]


LONG_FLAGS = {flag for row in SETTINGS + OPTIONS for flag in row["cli"] + opposites(row)
              if flag.startswith("--")} | {"--help", "--version"}
SHORT_FLAGS = {flag for row in SETTINGS for flag in row["cli"] if not flag.startswith("--")}


def holds(text, word):
    return re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(word), text) is not None


def plain(page):
    """A manual page as text."""
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=300", os.path.join(BUILD, "doc", page)],
                          capture_output=True, text=True, check=True, timeout=60)
    return re.sub(r".\x08", "", done.stdout)


@pytest.fixture(scope="module")
def help_text(shared_site):
    return shared_site.run("--help", env={"COLUMNS": "200"}).stdout


@pytest.fixture(scope="module")
def products(help_text):
    return {
        "help": help_text,
        "gunicorn.1": plain("gunicorn.1"),
        "gunicorn.conf.5": plain("gunicorn.conf.5"),
        "settings.md": read("doc/settings.md"),
        "schema": json.loads(read("doc/gunicorn.schema.json")),
        "bash": read("contrib/completion/gunicorn.bash"),
        "zsh": read("contrib/completion/_gunicorn"),
        "fish": read("contrib/completion/gunicorn.fish"),
    }


def fish_flag(flag):
    return "-l " + flag[2:] if flag.startswith("--") else "-s " + flag[1:]


# -- each row in every product

def test_the_schema_was_read_whole():
    assert len(NAMES) > 93 and len(OPTIONS) == 8
    assert len(LONG_FLAGS) > 100 and len(SHORT_FLAGS) > 10


@pytest.mark.parametrize("row", SETTINGS, ids=NAMES)
def test_setting_is_in_every_product(row, products, shared_site):
    name, flags = row["name"], row["cli"] + opposites(row)
    for flag in flags:
        for product in ("help", "gunicorn.1", "gunicorn.conf.5", "settings.md", "bash", "zsh"):
            assert holds(products[product], flag), (product, flag)
        assert holds(products["fish"], fish_flag(flag)), flag
    assert (row["brief"] in products["help"]) == bool(flags)
    assert (row["brief"] in products["gunicorn.1"]) == bool(flags)
    assert re.search(r"(?m)^ +%s\b" % name, products["gunicorn.conf.5"])
    assert row["brief"] in products["gunicorn.conf.5"]
    assert "\n### %s\n\n%s\n" % (name, row["brief"]) in products["settings.md"]
    assert products["schema"]["properties"][name]["title"] == row["brief"]
    for product in ("bash", "zsh", "fish"):
        assert holds(products[product], name), product
        assert not row["choices"] or not row["cli"] or " ".join(row["choices"]) in products[product]
    described = shared_site.run("--describe", name)
    assert (described.returncode, described.stderr) == (0, "")
    assert described.stdout.startswith("%s: %s\n\nSection:" % (name, row["brief"]))
    for word in [row["section"], row.get("env", "")] + flags:
        assert word in described.stdout, word


@pytest.mark.parametrize("row", OPTIONS, ids=[row["cli"][0] for row in OPTIONS])
def test_option_is_in_every_product(row, products):
    flag = row["cli"][0]
    for product in ("help", "gunicorn.1", "settings.md", "bash", "zsh"):
        assert holds(products[product], flag), product
    assert fish_flag(flag) + " " in products["fish"]
    for product in ("help", "gunicorn.1", "settings.md", "zsh"):
        assert row["brief"] in products[product], product
    if row["choices"]:
        assert flag + "=FORM" in products["help"]
        for product in ("bash", "zsh", "fish"):
            assert " ".join(row["choices"]) in products[product], product


# -- and nothing else

def test_no_product_has_a_flag_of_its_own(products):
    for product in ("help", "gunicorn.1"):
        listed = re.findall(r"(?m)^ +((?:-.*)?--[\w-].*)$", products[product])
        found = {flag for line in listed for flag in re.findall(r"(?<![\w-])--[\w-]+", line.split("  ")[0])}
        assert found - LONG_FLAGS == set(), product
        assert LONG_FLAGS - found == set(), product
    bash = set(re.findall(r"(?m)^ {8}(--?[\w-]+)=?$", products["bash"]))
    assert bash == LONG_FLAGS | SHORT_FLAGS | {"-h", "-v"}
    fish = set(re.findall(r" -l ([\w-]+)", products["fish"]))
    assert {"--" + word for word in fish} == LONG_FLAGS
    zsh = set(re.findall(r"(?m)^ {8}['\"]\*?(--[\w-]+)", products["zsh"]))
    assert zsh | {"--help", "--version"} == LONG_FLAGS


def test_no_product_has_a_setting_of_its_own(products):
    markdown = re.findall(r"(?m)^### (\w+)$", products["settings.md"])
    assert markdown == NAMES
    assert list(products["schema"]["properties"]) == NAMES
    manual = re.findall(r"(?m)^\.It Cm (\w+)$", read("doc/gunicorn.conf.5"))
    assert manual == NAMES


def test_help_is_grouped_by_section(help_text):
    titles = re.findall(r"(?m)^(\S.*):$", help_text)
    sections = []
    for row in SETTINGS:
        if row["cli"] and row["section"] not in sections:
            sections.append(row["section"])
    assert titles == ["options"] + sections
    for row in SETTINGS:
        if row["cli"]:
            part = help_text.split("\n%s:\n" % row["section"])[1].split("\n\n")[0]
            assert holds(part, row["cli"][-1]), row["name"]


def test_help_wraps_to_the_terminal(shared_site):
    for columns in (60, 80, 120):
        lines = shared_site.run("--help", env={"COLUMNS": str(columns)}).stdout.splitlines()
        texts = [line for line in lines if line.startswith(" " * 24) and " " in line.strip()]
        assert len(texts) > 40
        assert max(map(len, texts)) <= columns - 2


# -- manual pages

@pytest.mark.parametrize("page", ["gunicorn.1", "gunicorn.conf.5"])
def test_manual_page_is_clean(page):
    assert shutil.which("mandoc"), "mandoc is missing (Debian package mandoc)"
    done = subprocess.run(["mandoc", "-T", "lint", os.path.join(BUILD, "doc", page)],
                          capture_output=True, text=True, timeout=60, check=False)
    # Pages that aren't installed can't be found.
    lines = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert lines == []


# -- JSON Schema

@pytest.fixture(scope="module")
def validator(products):
    jsonschema.Draft202012Validator.check_schema(products["schema"])
    return jsonschema.Draft202012Validator(products["schema"])


def test_json_schema_says_what_it_is(products):
    assert products["schema"]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert products["schema"]["additionalProperties"] is False


def test_every_default_is_valid(products, validator):
    defaults = {name: entry["default"] for name, entry in products["schema"]["properties"].items()
                if "default" in entry}
    assert len(defaults) > 70
    validator.validate(defaults)
    for row in SETTINGS:
        if row["kind"] in ("hook", "directory", "user", "group"):
            assert row["name"] not in defaults
        else:
            assert row["name"] in defaults


GOOD = [
    {},
    {"bind": ["127.0.0.1:8000", "unix:/run/x.sock"], "workers": 4, "preload_app": True},
    {"bind": "127.0.0.1:8000", "accesslog": None, "sendfile": None, "umask": "022"},
    {"proxy_protocol": "v1"}, {"proxy_protocol": True}, {"proxy_protocol": "off"},
    {"workers": 1024}, {"header_map": None},
    {"user": 0, "group": "root", "forwarded_allow_ips": ["10.0.0.1"], "header_map": "refuse"},
    {"secure_scheme_headers": {"X-SSL": "on"}, "umask": 18, "sendfile": False},
]
BAD = [
    {"worker": 4}, {"workers": "4"}, {"workers": -1}, {"workers": 1.5}, {"workers": True},
    {"preload_app": 1}, {"preload_app": "yes"}, {"bind": 5}, {"bind": [5]}, {"accesslog": 1},
    {"proxy_protocol": "v3"}, {"workers": 1025}, {"cert_reqs": 3}, {"reload_engine": None},
    {"header_map": "keep"}, {"secure_scheme_headers": []}, {"sendfile": "no"}, {"umask": "9x"},
    {"post_fork": "nothing"}, {"worker_class": None}, {"user": []},
]


@pytest.mark.parametrize("document", GOOD, ids=map(json.dumps, GOOD))
def test_good_document(document, validator, site):
    validator.validate(document)
    site.dir.write("app.py", HELLO)
    site.dir.write("conf.json", json.dumps(document))
    result = site.run("--check-config", "-c", "conf.json", "app:app")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("document", BAD, ids=map(json.dumps, BAD))
def test_bad_document(document, validator):
    assert not validator.is_valid(document)


# -- completion in bash

def complete(*line):
    """What bash offers for the last word of a command line."""
    script = "source %s/contrib/completion/gunicorn.bash || exit 9\n" % BUILD
    script += 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gunicorn 2>&1; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", "gunicorn", *line],
                          capture_output=True, text=True, timeout=60, check=True,
                          cwd=os.path.join(TOP, "schema"))
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("line, expected", [
    (["--work"], ["--workers", "--worker-class", "--worker-connections", "--worker-tmp-dir"]),
    (["--no-relo"], ["--no-reload"]),
    (["--strict"], ["--strict"]),
    (["--print-c"], ["--print-config", "--print-config="]),
    (["--header-map", "d"], ["drop", "dangerous"]),
    (["--print-config", "="], ["origin", "json", "yaml", "diff"]),
    (["--print-config", "=", "y"], ["yaml"]),
    (["--check-config", "=", "s"], ["sarif"]),
    (["--reset", "worker_c"], ["worker_class", "worker_connections"]),
    (["--describe", "keepa"], ["keepalive"]),
    (["--print-config", "=", "json", "max_requests_"], ["max_requests_jitter"]),
    (["-c", "sett"], ["settings.yaml"]),
    (["--workers", ""], []),
    (["ap"], []),
])
def test_bash_completion(line, expected):
    assert sorted(complete(*line)) == sorted(expected)


def test_bash_offers_every_flag():
    assert set(word.rstrip("=") for word in complete("-")) == LONG_FLAGS | SHORT_FLAGS | {"-h", "-v"}


@pytest.mark.parametrize("shell, name", [("bash", "gunicorn.bash"), ("zsh", "_gunicorn"),
                                         ("fish", "gunicorn.fish")])
def test_completion_has_no_syntax_error(shell, name):
    if shutil.which(shell) is None:
        pytest.skip("%s is not installed" % shell)
    subprocess.run([shell, "-n", os.path.join(BUILD, "contrib", "completion", name)], check=True, timeout=60)


# -- options in the program

def test_describe_knows_near_names(shared_site):
    result = shared_site.run("--describe", "worker")
    assert (result.returncode, result.stdout) == (1, "")
    assert "there is no setting 'worker'" in result.stderr
    assert "did you mean 'workers'?" in result.stderr


def test_describe_in_the_variable(shared_site):
    result = shared_site.run(env={"GUNICORN_CMD_ARGS": "--describe bind"})
    assert result.returncode == 0
    assert result.stdout.startswith("bind: ")


def test_undoing_reaches_the_table(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", "workers = 7\npreload_app = True\n"
                   "def post_fork(server, worker):\n    pass\n")
    words = ["--no-preload", "--reset", "workers", "--reset=post_fork", "--print-config", "app:app"]
    result = site.run(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"(?m)^workers +=[ ]1$", result.stdout)
    assert re.search(r"(?m)^preload_app +=[ ]False$", result.stdout)
    assert re.search(r"(?m)^post_fork +=[ ]<Postfork.post_fork\(\)>$", result.stdout)
