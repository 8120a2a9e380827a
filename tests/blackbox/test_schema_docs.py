"""The schema, the help text and the printed table know the same settings."""

import os
import re

import pytest

from support import settings
from support.server import HELLO, TOP


@pytest.fixture(scope="module")
def help_text(shared_site):
    result = shared_site.run("--help")
    assert result.returncode == 0
    return result.stdout


@pytest.fixture(scope="module")
def table(shared_site):
    shared_site.dir.write("app.py", HELLO)
    result = shared_site.run("--print-config", "app:app")
    assert result.returncode == 0, result.stderr
    return settings.parse(result.stdout)


def schema_names():
    with open(os.path.join(TOP, "schema", "settings.yaml")) as handle:
        return re.findall(r"^\s*- name: (\w+)\s*$", handle.read(), re.M)


def test_the_documents_hold_93_settings():
    assert len(settings.DEFAULTS) == 93
    assert len(settings.FLAGS) == 72


def test_schema_holds_all_documented_settings():
    names = schema_names()
    assert len(names) == len(set(names))
    assert set(settings.DEFAULTS) <= set(names)


def test_table_holds_exactly_the_schema(table):
    assert sorted(table) == sorted(schema_names())


@pytest.mark.parametrize("name", sorted(settings.FLAGS))
def test_help_shows_every_flag(name, help_text):
    for flag in settings.FLAGS[name]:
        assert re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(flag), help_text), flag


def test_help_shows_no_flag_that_is_refused(help_text, shared_site):
    flags = set(re.findall(r"(?m)^ +(?:-\w(?: \w+)?, )?(--[\w-]+)", help_text))
    assert len(flags) >= len(settings.FLAGS)
    for flag in sorted(flags):
        result = shared_site.run("--check-config", flag + "=", "app:app")
        assert "unrecognized" not in result.stderr, flag


@pytest.mark.parametrize("name", ["wsgi_app", "logconfig_dict", "tmp_upload_dir", "on_starting"])
def test_help_has_no_flag_for_file_only_settings(name, help_text):
    assert "--" + name.replace("_", "-") not in help_text
