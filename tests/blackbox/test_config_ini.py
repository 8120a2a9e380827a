"""Paster files read as Python reads them: random files, compared with configparser and PasteDeploy."""

import configparser
import os
import random
import re

import pytest

from support.server import HELLO

SETTINGS = ("proc_name", "pidfile", "statsd_prefix", "dogstatsd_tags")
SHOWN = re.compile(r"^(?=[a-z_ ]{34,} = )([a-z_]+) * = ", re.M)
WORDS = ("a", "word", "two words", "=", ":", " = ", "; b", "# c", "[x]", "%%", "%(v)s", "%(w)s", "100%%",
         "\"q\"", "'q'", "é", "\\n", "x" * 260, "  ", "\t", "(s", ")s", "egg:x#y", "%(here)s",
         "%(__file__)s", "%(proc_name)s", "http://[::1]:8000/")
ODD = ("%", "%(nope)s", "%(v)", "%x", "%(pidfile)s", "%(v)d", "%()s")
BREAKS = ("\n  ", "\n\t", "\n\n  ", "\n  # note\n  ", "\n# note\n    ", "\n  ; note\n\n  ", "\n \n  ")
APP = "import app\n\ndef factory(global_conf, **local_conf):\n    return app.app\n"
EARLY = ("workers = 2\n", "nothing here\n", "[server:main\n", " [server:main]\n", "= x\n")


def make_value(rng):
    parts = []
    for _ in range(rng.randrange(5)):
        parts.append(rng.choice(ODD if rng.random() < 0.03 else WORDS))
        if rng.random() < 0.2:
            parts.append(rng.choice(BREAKS) + rng.choice(("more", "; no", "%(v)s")))
    return "".join(parts)


def make_entry(rng, key):
    return "%s%s%s%s\n" % ("  " if rng.random() < 0.05 else "", key,
                           rng.choice(("=", " = ", ":", " : ", "\t=")), make_value(rng))


def make_file(rng):
    lines = ["[DEFAULT]\nv = one\nw = %(v)s/two\n" if rng.random() < 0.8 else "[DEFAULT]\nv: 1\nw:\n"]
    if rng.random() < 0.06:
        lines.insert(0, rng.choice(EARLY))
    lines += ["[app:main]\npaste.app_factory = pasteapp:factory\n", "[other]\nproc_name = other\n"]
    lines.append(rng.choice(("[server:main]\n", "[server:main] ; note\n", "\n\n[server:main]\n\n")))
    keys = list(SETTINGS)
    rng.shuffle(keys)
    for key in keys[:rng.randrange(1, 5)]:
        if rng.random() < 0.2:
            lines.append(rng.choice(("# note\n", "; note\n", "\n", "   \n", "  # note\n")))
        lines.append(make_entry(rng, key))
    if rng.random() < 0.05:
        lines.append(make_entry(rng, keys[0]))
    text = "".join(lines)
    return text.replace("\n", "\r\n") if rng.random() < 0.15 else text


def by_configparser(path):
    """What the section says, or None when the file is wrong."""
    parser = configparser.ConfigParser(defaults={"here": os.path.dirname(path), "__file__": path})
    parser.optionxform = str
    try:
        with open(path, encoding="utf-8") as handle:
            parser.read_file(handle)
        own = [key for key in parser._sections["server:main"]]  # without those of [DEFAULT]
        return {key: parser.get("server:main", key) for key in own}
    except (configparser.Error, KeyError):
        return None


def by_pastedeploy(path):
    loadwsgi = pytest.importorskip("paste.deploy.loadwsgi")
    try:
        parser = loadwsgi.ConfigLoader(path).parser
        parser._defaults.setdefault("here", os.path.dirname(path))
        parser._defaults.setdefault("__file__", path)
        return {key: parser.get("server:main", key) for key in parser._sections["server:main"]}
    except (configparser.Error, KeyError):
        return None


def by_program(site, path):
    result = site.run("--paste", os.path.basename(path), "--paste-server", "main", "--print-config",
                      env={"LC_ALL": "C.UTF-8"})
    found = list(SHOWN.finditer(result.stdout))
    if not found:
        assert result.returncode == 1, result.stderr
        assert re.search(r"^a\.ini(:\d+)?: error: ", result.stderr, re.M), result.stderr
        return None
    ends = [match.start() - 1 for match in found[1:]] + [len(result.stdout) - 1]
    return {match.group(1): result.stdout[match.end():end] for match, end in zip(found, ends)}


@pytest.mark.parametrize("seed", range(12))
def test_random_files_read_as_configparser_does(seed, site):
    rng = random.Random(seed)
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", APP)
    outcomes = set()
    for _ in range(15):
        text = make_file(rng)
        path = site.dir.write("a.ini", text.encode())
        want, got = by_configparser(path), by_program(site, path)
        outcomes.add(want is None)
        assert (got is None) == (want is None), (text, want, got and "accepted")
        for key, value in (want or {}).items():
            assert got[key] == value.strip(), (text, key)
    assert False in outcomes


@pytest.mark.parametrize("seed", range(40))
def test_random_files_mean_the_same_to_configparser_and_pastedeploy(seed, site):
    path = site.dir.write("a.ini", make_file(random.Random(seed)).encode())
    assert by_pastedeploy(path) == by_configparser(path)


def test_variables_of_paste_are_passed_to_the_application(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", "import app\n\ndef factory(global_conf, **local_conf):\n"
                                  "    print(global_conf['color'], local_conf['size'])\n"
                                  "    return app.app\n")
    site.dir.write("a.ini", "[app:main]\npaste.app_factory = pasteapp:factory\nsize = none\n"
                            "[app:big]\npaste.app_factory = pasteapp:factory\nsize = %(here)s\n")
    result = site.run("--paste", "a.ini#big", "--paste-global", "color=red", "--check-config")
    assert (result.returncode, result.stdout) == (0, "red %s\n" % site.dir), result.stderr
