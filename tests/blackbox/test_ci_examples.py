"""What doc/ci.md and examples/ci tell to run does run, and refuses what is wrong."""

import glob
import json
import os
import re
import shlex

import pytest

from support.server import HELLO, TOP

FILES = ["doc/ci.md"] + sorted(os.path.relpath(path, TOP) for path in
                               glob.glob(os.path.join(TOP, "examples", "ci", "*.y*ml")))
HOOK = ".pre-commit-hooks.yaml"


def text_of(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as handle:
        return handle.read()


def hook_entry():
    return re.search(r"(?m)^ +entry: gunicorn (.*)$", text_of(HOOK))[1]


def commands(name):
    """The words behind `gunicorn` of every command in the file; a hook's are put together."""
    text = text_of(name)
    found = [line for line in re.findall(r"(?m)^[^#`]*?\bgunicorn (-[^>\n]*)", text) if ":" in line]
    found += [hook_entry() + " " + args.replace(",", " ")
              for args in re.findall(r"(?m)^ +args: \[(.*)\]$", text)]
    return found


COMMANDS = sorted({(name, command) for name in FILES for command in commands(name)})


@pytest.fixture
def project(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("gunicorn.conf.py", "workers = 3\n")
    return site


def test_each_file_has_commands():
    assert {name for name, _ in COMMANDS} == set(FILES)


@pytest.mark.parametrize("name,command", COMMANDS)
def test_commands(name, command, project):
    result = project.run(*shlex.split(command))
    assert (result.returncode, result.stderr) == (0, "")
    if "=json" in command and "--print-config" in command:
        data = json.loads(result.stdout)
        assert data["settings"]["workers"]["value"] == 3
        assert re.fullmatch("[0-9a-f]{16}", data["digest"])


@pytest.mark.parametrize("name,command", COMMANDS)
def test_commands_refuse_mistakes(name, command, project):
    project.dir.write("gunicorn.conf.py", "workers = 'four'\n")
    result = project.run(*shlex.split(command))
    assert result.returncode == 1
    assert "gunicorn.conf.py" in result.stdout + result.stderr


def test_files_that_start_the_hook():
    pattern = re.compile(re.search(r"(?m)^ +files: (.*)$", text_of(HOOK))[1])
    for name in ("gunicorn.conf.py", "deploy/gunicorn.yaml", "gunicorn_config.py", "a/gunicorn.json"):
        assert pattern.search(name)
    for name in ("app.py", "my-gunicorn.conf.py", "gunicorn.conf.pyc", "gunicorn.service"):
        assert not pattern.search(name)
