"""The place of each value of a Python configuration file: the statement that took effect."""

import json
import re

import pytest

from support.server import HELLO

FILE = "c.py"


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    return site


def places_of(site, names, config=FILE, env=None):
    """name -> "file:line:column", as far as it is known."""
    result = site.run("--print-config=json", "-c", config, "app:app", *names, env=env or {})
    assert result.returncode == 0, result.stderr
    table = json.loads(result.stdout)["settings"]
    return {name: spell(table[name]["place"]) for name in names}


def spell(place):
    parts = [place["file"], place.get("line"), place.get("column")]
    return ":".join(str(part) for part in parts if part is not None)


# A text, and where each name has its value from: the lines that end with "#: name" (several with
# commas), at the column of the mark "^" of the line below when there is one, else 1. "#? name" is a
# name whose place can't be told.
CASES = {
    "plain": """
workers = 2  #: workers
  # a comment
timeout = backlog = 5  #: timeout
#         ^ backlog
""",
    "conditional expressions": """
import os
workers = 2 if os else 3  #: workers
timeout = os or 5 and 6 or 7
timeout = os and 8  #: timeout
backlog = (None or  #: backlog
           9)
""",
    "the last one": """
workers = 2
workers = 3  #: workers
""",
    "the last one is equal": """
workers = 2
workers = 2  #: workers
""",
    "if and else": """
if 1 > 2:
    workers = 2
else:
    workers = 3
#   ^ workers
""",
    "if without else": """
import os
workers = int("2")  #: workers
if os.environ.get("NO_SUCH_VARIABLE"):
    workers = int("2")
""",
    "first branch": """
import os
if os.environ.get("HOME") is not None or True:
    workers = int("4")
#   ^ workers
elif os:
    workers = int("5")
else:
    workers = 6
workers_ = workers
""",
    "try": """
try:
    workers = 2
    import no_such_module_x
    workers = 3
except ImportError:
    workers = 4
#   ^ workers
else:
    workers = 5
finally:
    timeout = 7
#   ^ timeout
""",
    "except that isn't reached": """
try:
    workers = 2
#   ^ workers
except ValueError:
    workers = 3
""",
    "with": """
import contextlib
workers = 1
with contextlib.suppress(ValueError):
    workers = 2
#   ^ workers
    raise ValueError
    workers = 3
with contextlib.nullcontext(5) as timeout:
#                                 ^ timeout
    pass
""",
    "loops": """
for workers in range(4):
#   ^ workers
    pass
timeout = 1
while timeout < 20:
    timeout = timeout * 2
#   ^ timeout
for name in ("backlog", "keepalive"):
    globals()[name] = 7
#   ^ backlog
#   ^ keepalive
for threads in ():
    threads = 2
else:
    threads = 3
#   ^ threads
""",
    "loops that go on": """
backlog = 1
for i in range(5):
    if i == 2:
        backlog = 40 + i
#       ^ backlog
        continue
    if i == 4:
        break
    timeout = i + 3
#   ^ timeout
""",
    "unpacking": """
workers, (timeout, *rest) = 2, (5, 6)  #: workers
#         ^ timeout
[backlog, keepalive] = 7, 8
#         ^ keepalive
#^ backlog
""",
    "augmented": """
workers = 2
workers += 1  #: workers
timeout = 3  #: timeout
if workers > 100:
    timeout *= 2
""",
    "walrus": """
workers = 1
if (workers := 3) > 2:
#   ^ workers
    pass
if (timeout := 3) > 2:
    timeout = 4
#   ^ timeout
while (backlog := 7) > 8:
#      ^ backlog
    pass
list_ = [keepalive := x for x in (1, 2)]
#        ^ keepalive
""",
    "match": """
match {"a": 1, "b": [2, 3]}:
    case {"a": 2}:
        workers = 1
    case {"b": [workers, timeout]}:
#               ^ workers
#                        ^ timeout
        backlog = 1
#       ^ backlog
""",
    "functions": """
def pre_fork(server, worker):  #: pre_fork
    workers = 3
def wrap(f):
    return f
@wrap
def when_ready(server):  #: when_ready
    pass
on_exit = lambda server: None  #: on_exit
class Other:
    workers = 5
workers = 1  #: workers
""",
    "a function sets it": """
def setup():
    global workers
    workers = 4
timeout = int("5")  #: timeout
setup()  #: workers
backlog = int("6")  #: backlog
""",
    "a function sets it in an assignment": """
def setup():
    global workers
    workers = 4
    return 5
workers = 3
timeout = setup()  #: workers, timeout
workers_ = 1
""",
    "a half statement": """
def setup():
    globals()["workers"] = 4
    raise ValueError
try:
    setup()
except ValueError:
    timeout = 3
#   ^ timeout
#? workers
""",
    "a half statement in with": """
import contextlib
def setup():
    globals()["workers"] = 4
    raise ValueError
workers = 2
with contextlib.suppress(ValueError):
    setup()
timeout = 3  #: timeout
#? workers
""",
    "namespaces": """
import sys
globals().update(workers=2,
                 timeout=5)
#                ^ timeout
#? (the next is found by its name as well)
vars()["backlog"] = 6
#      ^ backlog
locals().update({"keepalive": 7})
#                ^ keepalive
exec("threads = 3")  #: threads
setattr(sys.modules[__name__], "max_requests", 9)
#                              ^ max_requests
sys.modules[__name__].graceful_timeout = 11
#                     X
""",
    "deleted and set again": """
workers = 2
del workers
exec("workers = 2")  #: workers
""",
    "annotated": """
workers: int = 2  #: workers
timeout: int
timeout = 3  #: timeout
""",
    "future and text": """
\"\"\"A text.\"\"\"
from __future__ import annotations
from __future__ import division
workers = 2
workers = 3  #: workers
""",
    "a long loop": """
for i in range(200000):
    threads = 2
#   ^ threads
workers = 1
workers = 3  #: workers
exec("timeout = 7")
#? timeout
""",
    "imports": """
import math as proc
from base import number as workers  #: workers
from base import *  #: LINE
timeout = 5  #: timeout
if timeout > 100:
    timeout = 6
""",
}


def wanted_of(text):
    """name -> "line:column", or None."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        here = re.search(r"#: ([a-z_, ]+)$", line)
        if here:
            found.update((name, "%d:1" % number) for name in here.group(1).split(", "))
        below = re.match(r"#\s*\^ (\w+)$", line)
        if below:
            at = number - 1
            while re.match(r"#\s*\^ \w+$", text.splitlines()[at - 1]):
                at -= 1
            found[below.group(1)] = "%d:%d" % (at, line.index("^") + 1)
        unknown = re.match(r"#\? (\w+)$", line)
        if unknown:
            found[unknown.group(1)] = None
    return found


@pytest.mark.parametrize("more", ["", "vars()\n"], ids=["as it is", "with another way"])
@pytest.mark.parametrize("case", CASES)
def test_place(case, more, place):
    text = CASES[case]
    place.dir.write("base.py", "number = 4\n")
    place.dir.write(FILE, text + more)
    wanted = {name: "%s:%s" % (FILE, at) if at else FILE
              for name, at in wanted_of(text).items()}
    assert wanted
    assert places_of(place, wanted) == wanted


def test_a_place_in_the_file_depends_on_the_run(place):
    place.dir.write(FILE, "import os\nif os.environ['SIZE'] == 'big':\n    workers = int('8')\n"
                          "else:\n    workers = int('2')\n")
    assert places_of(place, ["workers"], env={"SIZE": "big"}) == {"workers": "c.py:3:5"}
    assert places_of(place, ["workers"], env={"SIZE": ""}) == {"workers": "c.py:5:5"}


def test_star_import_leads_to_the_other_file(place):
    place.dir.write("conf/__init__.py", "")
    place.dir.write("conf/deep.py", "\nkeepalive = int('7')\n")
    place.dir.write("conf/base.py", "from .deep import *\nworkers = 2\ntimeout = 5\n"
                                    "for backlog in (1, 2):\n    pass\n"
                                    "if timeout:\n    threads = int('2')\n"
                                    "else:\n    threads = int('3')\n")
    place.dir.write(FILE, "from conf.base import *\ntimeout = 6\n")
    assert places_of(place, ["workers", "timeout", "keepalive", "backlog", "threads"]) == {
        "workers": "conf/base.py:2:1",
        "timeout": "c.py:2:1",
        "keepalive": "conf/deep.py:2:1",
        "backlog": "conf/base.py:4:5",
        "threads": "c.py:1:1",  # which branch it was can't be told
    }


MODULES = {
    "conditional expression": ("import os\nworkers = 2 if os else 3  #: workers\n", {}),
    "one": ("workers = int('2')  #: workers\n", {}),
    "the last": ("workers = 1\nworkers = int('2')  #: workers\n", {}),
    "equal to one": ("import sys\nif sys.argv is None:\n    workers = 1\nelse:\n    workers = 2\n"
                     "#   ^ workers\n", {}),
    "computed in branches": ("import sys\nif sys.argv:\n    workers = int('1')\nelse:\n"
                             "    workers = int('2')\n#? workers\n", {}),
    "last is conditional": ("import sys\nworkers = 1\nif sys.argv is None:\n    workers = 2\n"
                            "#? nothing\n", {"workers": "2:1"}),
    "two that are equal": ("import sys\nworkers = 2\nif sys.argv is None:\n    workers = 2\n"
                           "#? workers\n", {}),
    "another way": ("workers = int('3')\nglobals().update(workers=4)\n#? workers\n", {}),
    "another way, not taken": ("workers = 3  #: workers\nglobals().update(timeout=4)\n"
                               "#? timeout\n", {}),
    "function": ("def on_exit(server):  #: on_exit\n    pass\n", {}),
}


@pytest.mark.parametrize("case", MODULES)
def test_module(case, place):
    text, more = MODULES[case]
    place.dir.write("pack/__init__.py", "")
    place.dir.write("pack/modconf.py", text)
    wanted = {**wanted_of(text), **more}
    wanted.pop("nothing", None)
    wanted = {name: "pack/modconf.py:" + at if at else "pack/modconf.py"
              for name, at in wanted.items()}
    assert places_of(place, wanted, "python:pack.modconf") == wanted


def test_bad_value_in_a_module_shows_its_line(place):
    place.dir.write("modconf.py", "\nworkers = 'x'\n")
    result = place.run("--check-config", "-c", "python:modconf", "app:app")
    assert result.returncode == 1
    assert ("modconf.py:2:1: error: workers: not a whole number: 'x' [GC104]\n"
            "    workers = 'x'\n    ^\n") in result.stderr


# -- columns

@pytest.mark.parametrize("codec,first", [("utf-8", ""), ("utf-8-sig", ""),
                                         ("latin-1", "# -*- coding: latin-1 -*-\n"),
                                         ("latin-1", "#!x\n# vim: set fileencoding=latin-1 :\n")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_are_characters(codec, first, end, place):
    text = first + "\xe4\xf6 = 5; workers = 2\n\xfc = '\xe9\xe9'; timeout = 3\n"
    place.dir.write(FILE, text.replace("\n", end).encode(codec))
    line = first.count("\n") + 1
    assert places_of(place, ["workers", "timeout"]) == {
        "workers": "c.py:%d:9" % line, "timeout": "c.py:%d:11" % (line + 1)}


# -- nothing of this is visible for the code of the file

VISIBLE = '''\
"""Doc."""
from __future__ import annotations
import inspect, sys, traceback
%s
def f():
    raise KeyError("k")
try:
    f()
except KeyError:
    text = traceback.format_exc()
assert __doc__ == "Doc.", __doc__
assert __name__ == "__config__"
assert globals() is locals() is vars() is sys.modules["__config__"].__dict__
assert type(globals()) is dict
assert inspect.getsource(f) == 'def f():\\n    raise KeyError("k")\\n'
assert text.count("File ") == 2 and "line 8, in <module>" in text and "line 6, in f" in text, text
assert sys.gettrace() is None and sys.getprofile() is None
assert inspect.currentframe().f_lineno == 18
assert inspect.currentframe().f_code.co_name == "<module>"
assert inspect.currentframe().f_back is None
names = sorted(n for n in globals() if not n.startswith("__"))
assert names == ["annotations", "f", "inspect", "sys", "text", "traceback", "workers"], names
assert [n for n in inspect.currentframe().f_code.co_varnames] == []
workers = 4
'''


@pytest.mark.parametrize("other", ["workers = 3", "exec('workers = 3')"])
def test_the_file_runs_as_ever(other, place):
    place.dir.write(FILE, VISIBLE % other)
    assert places_of(place, ["workers"]) == {"workers": "c.py:24:1"}


def test_values_live_no_longer_than_usual(place):
    place.dir.write(FILE, '''
class Value:
    def __del__(self):
        print("gone", globals().get("timeout"))
workers = Value()
workers = 1
timeout = 5
workers = Value()
del workers
timeout = 6
workers = 2
''')
    result = place.run("--print-config=json", "-c", FILE, "app:app", "workers")
    assert result.stdout.splitlines()[:2] == ["gone None", "gone 5"], result.stdout
    assert '"line":\t11,' in result.stdout


def test_warnings_of_the_compiler_come_once(place):
    place.dir.write(FILE, "workers = 2\nif workers is 2:\n    workers = 3\n")
    result = place.run("--check-config", "-c", FILE, "app:app")
    assert result.stderr.count("SyntaxWarning") == 1, result.stderr


def test_late_syntax_error_has_its_line(place):
    place.dir.write(FILE, "workers = 1\nworkers = 2\nreturn 5\n")
    result = place.run("--check-config", "-c", FILE, "app:app")
    assert result.returncode == 1
    assert "c.py:3: error: Failed to read config file: SyntaxError: 'return' outside function" in \
        result.stderr
