"""The check meets configuration files of real projects: no crash, and every word of it has a place."""

import os
import re

import pytest

from support import corpus
from support.server import HELLO

DIAGNOSTIC = re.compile(r"(?P<place>.*?): (?P<severity>error|warning): (?P<text>.*)")
PLACE = re.compile(r"(?P<file>[^:]+)(?::(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?)?")
SETTING = re.compile(r"([a-z_]+): ")

# Settings whose line can't hold their name: the key of the file is another one.
OTHER_KEYS = {"bind": ("host", "port"), "logconfig": ("[loggers]",)}


def diagnostics(result):
    """The lines of the check that are errors and warnings; hints, sources and tracebacks are indented."""
    found = []
    for line in result.stderr.splitlines():
        if re.match(r"(\S+: )?(error|warning): ", line, re.I) or DIAGNOSTIC.match(line):
            match = DIAGNOSTIC.fullmatch(line)
            assert match, "without a place: " + line
            found.append(match)
    return found


def assert_explained(result, name, source):
    """A status of the document, and diagnostics whose places are true."""
    assert result.returncode in (0, 1), result.stderr
    assert "Fatal Python error" not in result.stderr and "Sanitizer" not in result.stderr
    found = diagnostics(result)
    assert any(d["severity"] == "error" for d in found) == (result.returncode == 1), result.stderr
    lines = source.splitlines()
    for diagnostic in found:
        place = PLACE.fullmatch(diagnostic["place"])
        assert place and place["file"] == name, diagnostic[0]
        setting = SETTING.match(diagnostic["text"])
        if not place["line"]:
            continue
        line = lines[int(place["line"]) - 1]
        assert int(place["column"] or 1) <= len(line), diagnostic[0]
        if setting and setting[1] != "error":
            keys = (setting[1], setting[1].replace("_", "-")) + OTHER_KEYS.get(setting[1], ())
            assert any(key in line for key in keys), diagnostic[0]
    return found


@pytest.mark.parametrize("variables", [corpus.VARIABLES, {}], ids=["variables", "bare"])
@corpus.each(corpus.PYTHON_FILES)
def test_python_files(path, variables, site):
    source = corpus.read(path)
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", source)
    env = corpus.environment(site, corpus.imported(source), variables=variables)
    result = site.run("--check-config", "app:app", env=env)
    assert_explained(result, "gunicorn.conf.py", source)


@corpus.each(corpus.PYTHON_FILES)
def test_python_files_without_their_modules(path, site):
    """What can't be imported is said with the line of the import."""
    source = corpus.read(path)
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", source)
    result = site.run("--check-config", "app:app", env=corpus.VARIABLES)
    found = assert_explained(result, "gunicorn.conf.py", source)
    missing = re.search(r"No module named '([^'.]+)'.* \[GC403\]$", result.stderr, re.M)
    if missing:
        place = PLACE.fullmatch(found[0]["place"])
        assert missing[1] in source.splitlines()[int(place["line"]) - 1]


@corpus.each(corpus.INI_FILES)
def test_paster_applications(path, site):
    name, source = os.path.basename(path), corpus.read(path)
    site.dir.write(name, source)
    modules = corpus.referred(source)
    env = corpus.environment(site, modules, eggs=modules)
    result = site.run("--check-config", "--paste", name, env=env)
    assert_explained(result, name, source)
    assert result.returncode == 0, result.stderr


# A word of each error in the server sections, in the order of their lines.
SERVER_ERRORS = {
    "hypothesis-h.production.ini": ["[server:main]"],
    "monasca-api.ini": ["worker-connections", "worker-class"],
    "mozilla-syncserver.ini": [],
}


@corpus.each(corpus.INI_FILES)
def test_paster_servers(path, site):
    name, source = os.path.basename(path), corpus.read(path)
    site.dir.write(name, source)
    modules = corpus.referred(source)
    env = corpus.environment(site, modules, eggs=modules)
    result = site.run("--check-config", "--paste", name, "--paste-server", "main", env=env)
    found = assert_explained(result, name, source)
    if name in SERVER_ERRORS:
        texts = [d["text"] for d in found if d["severity"] == "error"]
        assert len(texts) == len(SERVER_ERRORS[name]), result.stderr
        for word, text in zip(SERVER_ERRORS[name], texts):
            assert word in text
