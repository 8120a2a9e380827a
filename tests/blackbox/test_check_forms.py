"""What --check-config=FORM says to programs, and the codes in doc/diagnostics.md."""

import json
import os
import re

import jsonschema
import pytest

from support import sarif
from support.server import HELLO

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BAD = 'print("noise")\nbacklog = 5\n\nworkers = "four"\nthreadss = 3\n'


def table():
    with open(os.path.join(TOP, "src/config/diag_codes.def"), encoding="utf-8") as source:
        rows = re.findall(r'^DIAG\((\w+), "(GC\d{3})", (\w+), "([^"]+)"\)$', source.read(), re.M)
    assert len(rows) > 50
    return rows


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("c.py", BAD)
    site.dir.write("warn.py", "worker = 3\n")
    site.dir.write("exits.py", "import sys\nprint('noise')\nsys.exit(0)\n")
    return site


def test_every_code_is_documented_and_used():
    with open(os.path.join(TOP, "doc/diagnostics.md"), encoding="utf-8") as text:
        headings = re.findall(r"^### (GC\d{3}) (.+)$", text.read(), re.M)
    assert headings == [(code, title) for _, code, _, title in table()]
    used = ""
    for folder in ("src", "src/config"):
        for name in os.listdir(os.path.join(TOP, folder)):
            if name.endswith(".c"):
                with open(os.path.join(TOP, folder, name), encoding="utf-8") as source:
                    used += source.read()
    with open(os.path.join(TOP, "schema/settings.yaml"), encoding="utf-8") as schema:
        declared = re.findall(r"^  - code: (GC\d{3})$", schema.read(), re.M)
    unused = [name for name, code, *_ in table()
              if code not in declared and not re.search(r"\bGN_D_%s\b" % name, used)]
    assert unused == []


def test_every_paragraph_has_an_example_and_a_cure():
    with open(os.path.join(TOP, "doc/diagnostics.md"), encoding="utf-8") as text:
        paragraphs = re.split(r"^### ", text.read(), flags=re.M)[1:]
    for paragraph in paragraphs:
        assert "Example: `" in paragraph and "Cure: " in paragraph, paragraph


def test_text_shows_the_line(place):
    result = place.run("--check-config", "-c", "c.py", "app:app")
    assert result.returncode == 1
    assert ("c.py:4:1: error: workers: not a whole number: 'four' [GC104]\n"
            '    workers = "four"\n    ^\n') in result.stderr
    assert "\033" not in result.stderr


@pytest.mark.parametrize("line,below", [
    ("workers = 'x'", "^"),
    ("\xe4\xf6 = 5; workers = 'x'", "        ^"),
    ("\u540d = 5; workers = 'x'", "        ^"),  # two columns wide
    ("t = '\U0001f600\u540d'; workers = 'x'", "            ^"),
    ("t = 'e\u0301'; workers = 'x'", "         ^"),  # an accent takes none
    ("if 1:\n\tworkers = 'x'", "\t^"),
    ("t = '\t'; workers = 'x'", "     \t   ^"),
])
@pytest.mark.parametrize("first", ["", "\ufeff"])
def test_caret_stands_below_the_name(line, below, first, place):
    place.dir.write("wide.py", (first + line + "\n").encode())
    result = place.run("--check-config", "-c", "wide.py", "app:app")
    shown = line.splitlines()[-1]
    assert "    %s\n    %s\n" % (shown, below) in result.stderr, result.stderr
    number, column = line.count("\n") + 1, shown.index("workers") + 1
    assert result.stderr.startswith("wide.py:%d:%d: error: workers" % (number, column))
    one, = json.loads(place.run("--check-config=json", "-c", "wide.py", "app:app").stdout)
    assert (one["origin"]["column"], one["origin"]["columnKind"]) == (column, "unicodeCodePoints")
    log = json.loads(place.run("--check-config=sarif", "-c", "wide.py", "app:app").stdout)
    assert log["runs"][0]["columnKind"] == "unicodeCodePoints"
    region = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": number, "startColumn": column}


def test_line_is_not_shown_when_lines_are_counted_otherwise(place):
    place.dir.write("cr.py", b"x = 1\ry = 2\nworkers = 'x'\nz = 3\n")
    result = place.run("--check-config", "-c", "cr.py", "app:app")
    assert result.stderr.startswith("cr.py:3:1: error: workers")
    assert "z = 3" not in result.stderr


@pytest.mark.parametrize("name,text,place_", [
    ("c.yaml", "\u540d: 1\n", "c.yaml:1:1"),
    ("c.yaml", "{proc_name: '\u540d\xe4', workers: x}\n", "c.yaml:1:28"),
    ("c.json", '{"proc_name": "\u540d\xe4", "workers": "x"}', "c.json:1:32"),
])
def test_columns_of_declarative_files_are_characters(name, text, place_, place):
    place.dir.write(name, text.encode())
    result = place.run("--check-config", "-c", name, "app:app")
    assert result.stderr.startswith(place_ + ": error: "), result.stderr


def test_json(place):
    result = place.run("--check-config=json", "-c", "c.py", "app:app")
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert [(d["severity"], d["code"], d["setting"]) for d in found] == [
        ("error", "GC104", "workers"), ("warning", "GC405", None)]
    assert found[0]["message"] == "not a whole number: 'four'"
    assert found[0]["origin"] == {"layer": "file", "file": "c.py", "line": 4, "column": 1,
                                  "columnKind": "unicodeCodePoints", "variable": None, "word": None, "text": None}
    assert "noise" in result.stderr and "GC104" not in result.stderr


@pytest.mark.parametrize("form,want", [("json", "[]\n"), ("github", "")])
def test_nothing_wrong(form, want, place):
    result = place.run("--check-config=" + form, "app:app")
    assert (result.returncode, result.stdout) == (0, want), result.stderr


def test_sarif(place):
    result = place.run("--check-config=sarif", "-c", "c.py", "--max-requests-jitter", "3",
                       "app:app")
    assert result.returncode == 1
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    run, = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "gunicorn"
    assert [rule["id"] for rule in driver["rules"]] == [row[1] for row in table()]
    for one in run["results"]:
        assert driver["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["level"] in ("error", "warning") and one["message"]["text"]
    first = run["results"][0]["locations"][0]["physicalLocation"]
    assert first == {"artifactLocation": {"uri": "c.py"},
                     "region": {"startLine": 4, "startColumn": 1}}
    named = [r for r in run["results"] if r["ruleId"] == "GC405"]
    assert len(named) == 1 and named[0]["level"] == "warning"


@pytest.mark.parametrize("text,words", [
    (BAD, []),
    ("control_socket_disable = True\n", ["--workers", "0", "--timeout", "0"]),
    ("import nosuch\n", []),
    ("bind = 'h\\udc80:x'\n", ["--strict", "--umask", "01000"]),
    ("", ["--no-such-option"]),
    ("", []),
], ids=["file", "note", "exception", "bytes", "usage", "nothing"])
def test_sarif_is_what_the_standard_demands(text, words, place):
    place.dir.write("a dir/\u00e4 %.py", text)
    result = place.run("--check-config=sarif", "-c", "a dir/\u00e4 %.py", *words, "app:app",
                       env={"GUNICORN_CMD_ARGS": "--backlog x", "WEB_CONCURRENCY": "y"}
                       if text == BAD else {})
    log = json.loads(result.stdout)
    jsonschema.Draft202012Validator(sarif.LOG).validate(log)
    run, = log["runs"]
    assert bool(run["results"]) == bool(text or words)
    rules = run["tool"]["driver"]["rules"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    if "note" in str(words) + text or "--timeout" in words:
        assert {one["level"] for one in run["results"]} == {"note", "warning"}


@pytest.mark.parametrize("form,word", [("json", '"note"'), ("github", "::notice "), (None, "note:")])
def test_notes_are_no_errors(form, word, place):
    check = "--check-config" + ("=" + form if form else "")
    result = place.run(check, "--strict", "--timeout", "0", "app:app")
    assert result.returncode == 0, result.stderr
    assert word in (result.stdout if form else result.stderr)


def test_github(place):
    result = place.run("--check-config=github", "-c", "c.py", "app:app")
    assert result.returncode == 1
    assert result.stdout.splitlines()[0] == (
        "::error file=c.py,line=4,col=1,title=GC104 not a whole number::"
        "workers: not a whole number: 'four'")
    assert result.stdout.splitlines()[1].startswith("::warning file=c.py,line=5,col=1,title=GC405 ")


@pytest.mark.parametrize("app,message", [("nosuch:app", "No module named 'nosuch'"),
                                         ("exits:app", "SystemExit")])
def test_application_that_fails(app, message, place):
    result = place.run("--check-config=json", app)
    assert result.returncode == 1
    one, = json.loads(result.stdout)
    assert one["code"] == "GC602" and message in one["message"] + one["detail"]
    result = place.run("--check-config=github", app)
    assert result.returncode == 1
    assert result.stdout.startswith("::error title=GC602 ") and message in result.stdout
    assert result.stdout.count("\n") == 1


def test_usage_error_and_missing_application(place):
    result = place.run("--check-config=json", "--nosuch", "app:app")
    assert result.returncode == 2
    assert [d["code"] for d in json.loads(result.stdout)] == ["GC201"]
    result = place.run("--check-config=json")
    assert result.returncode == 1
    assert [d["code"] for d in json.loads(result.stdout)] == ["GC601"]


def test_strict(place):
    assert place.run("--check-config", "-c", "warn.py", "app:app").returncode == 0
    result = place.run("--check-config", "--strict", "-c", "warn.py", "app:app")
    assert result.returncode == 1
    assert "warn.py:1:1: error: 'worker' is not a setting" in result.stderr
    result = place.run("--check-config=json", "--strict", "-c", "warn.py", "app:app")
    assert result.returncode == 1
    assert [(d["code"], d["severity"]) for d in json.loads(result.stdout)] == [("GC405", "error")]
