"""Exceptions of user code: the user's frames, and nothing of what imports and runs them."""

import re

import pytest

from support.server import HELLO

CHAIN = "try:\n    int('x')\nexcept ValueError as e:\n    raise RuntimeError('outer') from e\n"

# name: text, frames (file, line) from the first to the last, what the last line begins with.
FILES = {
    "plain": ("def f():\n    raise KeyError('k')\nf()\n",
              [("MAIN", 3), ("MAIN", 2)], "KeyError: 'k'"),
    "imports": ("import pack.broken\n",
                [("pack/broken.py", 2), ("MAIN", 1), ("pack/broken.py", 4)],
                "RuntimeError: outer"),
    "import_module": ("import importlib\nimportlib.import_module('pack.broken')\n",
                      [("pack/broken.py", 2), ("MAIN", 2), ("pack/broken.py", 4)],
                      "RuntimeError: outer"),
    "runpy": ("import runpy\nrunpy.run_path('pack/raises.py')\n",
              [("MAIN", 2), ("pack/raises.py", 1)], "ZeroDivisionError: "),
    "missing": ("import no_such_module_x\n", [("MAIN", 1)],
                "ModuleNotFoundError: No module named 'no_such_module_x'"),
    "missing by name": ("import importlib\nimportlib.import_module('no_such_module_x')\n",
                        [("MAIN", 2)], "ModuleNotFoundError: No module named 'no_such_module_x'"),
    "context": ("import importlib\ntry:\n    importlib.import_module('pack.raises')\n"
                "except ZeroDivisionError:\n    import pack.missing\n",
                [("MAIN", 3), ("pack/raises.py", 1), ("MAIN", 5), ("pack/missing.py", 1)],
                "ModuleNotFoundError: "),
    "syntax": ("x = 1\nworkers = = 3\n", [("MAIN", 2)], "SyntaxError: "),
    "syntax elsewhere": ("x = 1\nimport pack.syntax\n", [("MAIN", 2), ("pack/syntax.py", 2)],
                         "SyntaxError: "),
    "exit": ("import sys\nsys.exit(0)\n", [("MAIN", 2)], "SystemExit: 0"),
    "exit without status": ("raise SystemExit\n", [("MAIN", 1)], "SystemExit"),
    "exit elsewhere": ("import pack.exits\n", [("MAIN", 1), ("pack/exits.py", 2)],
                       "SystemExit: 0"),
    "group": ("import importlib\nfound = []\nfor name in ('pack.raises', 'no_such_module_x'):\n"
              "    try:\n        importlib.import_module(name)\n"
              "    except Exception as error:\n        found.append(error)\n"
              "raise ExceptionGroup('several', found)\n",
              [("MAIN", 8), ("MAIN", 5), ("pack/raises.py", 1), ("MAIN", 5)],
              "    +-----"),
}


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("pack/__init__.py", "")
    site.dir.write("pack/broken.py", CHAIN)
    site.dir.write("pack/raises.py", "1 / 0\n")
    site.dir.write("pack/missing.py", "import no_such_module_x\n")
    site.dir.write("pack/syntax.py", "x = 1\ny = = 3\n")
    site.dir.write("pack/exits.py", "import sys\nsys.exit(0)\n")
    return site


def assert_traceback(result, main, frames, last):
    assert result.returncode == 1
    found = re.findall(r'^[ |+]*File "([^"]+)", line (\d+)', result.stderr, re.M)
    wanted = [(main if name == "MAIN" else name, str(line)) for name, line in frames]
    assert len(found) == len(wanted), result.stderr
    for (path, line), (name, want) in zip(found, wanted):
        assert (path == name or path.endswith("/" + name)) and line == want, result.stderr
    assert result.stderr.rstrip("\n").splitlines()[-1].startswith(last), result.stderr


@pytest.mark.parametrize("case", FILES)
def test_configuration_file(case, place):
    text, frames, last = FILES[case]
    place.dir.write("c.py", text)
    result = place.run("--check-config", "-c", "c.py", "app:app")
    line = [number for name, number in frames if name == "MAIN"][0]
    if len([name for name, _ in frames if name == "MAIN"]) == 1 or case == "syntax":
        assert re.match(r"c\.py:%d: error: Failed to read config file: " % line, result.stderr)
    assert_traceback(result, "c.py", frames, last)


@pytest.mark.parametrize("case", FILES)
def test_configuration_module(case, place):
    text, frames, last = FILES[case]
    place.dir.write("modconf.py", text)
    result = place.run("--check-config", "-c", "python:modconf", "app:app")
    assert_traceback(result, "modconf.py", frames, last)


@pytest.mark.parametrize("case", FILES)
def test_application(case, place):
    text, frames, last = FILES[case]
    place.dir.write("broken_app.py", text)
    result = place.run("--check-config", "broken_app:app")
    assert_traceback(result, "broken_app.py", frames, last)


@pytest.mark.parametrize("name", ["c.py", "python:modconf"])
def test_syntax_error_has_its_caret(name, place):
    for file in ("c.py", "modconf.py"):
        place.dir.write(file, "x = 1\nworkers = = 3\n")
    result = place.run("--check-config", "-c", name, "app:app")
    assert "    workers = = 3\n              ^\nSyntaxError: invalid syntax\n" in result.stderr
