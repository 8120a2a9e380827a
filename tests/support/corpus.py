"""Configuration files of real projects, and stand-ins for the modules that they import.

The files lie beside the repository and are never copied into it: in the folder that GN_SHARED names,
else in ../shared. Tests that use them are skipped where they are absent.
"""

import ast
import glob
import os
import re

import pytest

from support.server import TOP

FOLDER = os.path.join(os.environ.get("GN_SHARED") or os.path.join(os.path.dirname(TOP), "shared"),
                      "corpus", "conf")
PYTHON_FILES = sorted(glob.glob(os.path.join(FOLDER, "*.py")))
INI_FILES = sorted(glob.glob(os.path.join(FOLDER, "*.ini")))

# What some of the files can't do without.
VARIABLES = {"WEB_NUM_WORKERS": "2", "PORT": "8000"}

# Whatever is imported from the named modules can be called and answers alike.
STUBS = '''\
import importlib.abc
import importlib.machinery
import sys
from unittest import mock

NAMES = {names!r}


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module):
        def attribute(name):
            if name.startswith("__"):
                raise AttributeError(name)
            return mock.MagicMock(name=name)
        module.__getattr__ = attribute


sys.meta_path.append(Stubs())
'''


def each(paths):
    """Runs a test with every one of the files as `path`."""
    absent = pytest.param(None, id="none", marks=pytest.mark.skip("no corpus beside the repository"))
    return pytest.mark.parametrize(
        "path", [pytest.param(path, id=os.path.basename(path)) for path in paths] or [absent])


def read(path):
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def imported(source):
    """Top-level names of what a Python file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def referred(source):
    """Top-level names of the modules and eggs that a Paster file refers to."""
    return re.findall(r"(?m)^\s*(?:use\s*=\s*(?:call|egg):|paste\.\w+\s*=\s*)(\w+)", source)


def environment(site, modules, eggs=(), variables=VARIABLES):
    """Environment variables with which `modules` can be imported in the site, installed or not.

    A module that is installed is the real one. Each of `eggs` has an application called main."""
    site.dir.write("stubs/sitecustomize.py", STUBS.format(names=sorted(set(modules))))
    for name in eggs:
        info = "stubs/%s-1.dist-info/" % name
        site.dir.write(info + "METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: 1\n" % name)
        site.dir.write(info + "entry_points.txt", "[paste.app_factory]\nmain = %s:main\n" % name)
    return dict(variables, PYTHONPATH=site.dir / "stubs")
