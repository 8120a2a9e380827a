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


def by_program(site, path, *words):
    result = site.run("--paste", os.path.basename(path), "--paste-server", "main", "--print-config", *words,
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


NAMES = ("v", "w", "x", "y", "here", "nosuch", "proc_name")
TEXTS = ("one", "two words", "%(v)s", "%(x)s/%(here)s", "100%%", "", "%(e)s", "a=b", "y")


def make_section_with_variables(rng):
    keys = ["%s = %s" % (key, rng.choice(TEXTS)) for key in rng.sample(SETTINGS, rng.randrange(3))]
    keys += ["get %s%s = %s" % (rng.choice(("", " ")), key, rng.choice(NAMES[:5] if rng.random() < 0.9 else NAMES))
             for key in rng.sample(SETTINGS, rng.randrange(1, 4))]
    keys += ["set %s = %s" % (name, rng.choice(TEXTS)) for name in rng.sample(NAMES[:5], rng.randrange(3))]
    rng.shuffle(keys)
    return keys


def make_file_with_variables(rng):
    """The text of a file, and variables for --paste-global."""
    defaults = ["v = dv", "x = %(v)s+", "e =", "w = %(e)s"]
    if rng.random() < 0.8:
        defaults.append("y = dy")
    if rng.random() < 0.2:
        defaults.append("set %s = ds" % rng.choice(NAMES[:4]))
    if rng.random() < 0.2:
        defaults.append("get statsd_prefix = %s" % rng.choice(NAMES[:4]))
    rng.shuffle(defaults)
    given = {name: rng.choice(("gv", "g=%(e)s", "50%%", "")) for name in rng.sample(NAMES[:6], rng.randrange(3))}
    sections = ["[app:main]", "paste.app_factory = pasteapp:factory", "[server:main]",
                *make_section_with_variables(rng)]
    return "\n".join(["[DEFAULT]", *defaults, *sections]) + "\n", given


def server_by_pastedeploy(path, given):
    """What PasteDeploy gives to a server as its own, or None when the file is wrong."""
    loadwsgi = pytest.importorskip("paste.deploy.loadwsgi")

    class Loader(loadwsgi.ConfigLoader):
        def _context_from_explicit(self, object_type, local_conf, *rest):
            return local_conf

    try:
        loader = Loader(path)
        loader.update_defaults(given, overwrite=False)
        return loader.get_context(loadwsgi.SERVER, "main", given)
    except (configparser.Error, KeyError):
        return None


@pytest.mark.parametrize("seed", range(8))
def test_random_variables_are_set_and_got_as_pastedeploy_does(seed, site):
    rng = random.Random(seed)
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", APP)
    outcomes = set()
    for _ in range(12):
        text, given = make_file_with_variables(rng)
        path = site.dir.write("a.ini", text.encode())
        words = [word for item in given.items() for word in ("--paste-global", "%s=%s" % item)]
        want, got = server_by_pastedeploy(path, given), by_program(site, path, *words)
        outcomes.add(want is None)
        assert (got is None) == (want is None), (text, given, want)
        for key, value in (want or {}).items():
            assert got[key] == value.strip(), (text, given, key)
    assert False in outcomes


def test_unknown_variable_is_told_once_at_its_line(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", APP)
    site.dir.write("a.ini", "[app:main]\npaste.app_factory = pasteapp:factory\n"
                            "[server:main]\nget workers = nosuch\n")
    result = site.run("--paste", "a.ini", "--paste-server", "main", "--check-config")
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    assert errors == ["a.ini:4: error: get workers: there is no global variable 'nosuch' [GC310]"], result.stderr


def test_application_and_server_get_the_same_variables(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", "import app\n\ndef factory(global_conf, **local_conf):\n"
                                  "    print(sorted(local_conf.items()))\n    return app.app\n")
    site.dir.write("a.ini", "[DEFAULT]\na = 1\nb = 2\n"
                            "[app:main]\npaste.app_factory = pasteapp:factory\nset c = 6\n"
                            "get workers = a\nget threads = b\nget backlog = c\n"
                            "[server:main]\nset c = 6\nget workers = a\nget threads = b\nget backlog = c\n")
    words = ("--paste", "a.ini", "--paste-server", "main", "--paste-global", "b=5")
    result = site.run(*words, "--check-config")
    assert (result.returncode, result.stdout) == (
        0, "[('backlog', '6'), ('threads', '5'), ('workers', '1')]\n"), result.stderr
    table = site.run(*words, "--print-config").stdout
    assert [re.search(r"^%s += (.*)$" % name, table, re.M).group(1)
            for name in ("workers", "threads", "backlog")] == ["1", "5", "6"]


def test_variables_of_paste_are_passed_to_the_application(site):
    site.dir.write("app.py", HELLO)
    site.dir.write("pasteapp.py", "import app\n\ndef factory(global_conf, **local_conf):\n"
                                  "    print(global_conf['color'], local_conf['size'])\n"
                                  "    return app.app\n")
    site.dir.write("a.ini", "[app:main]\npaste.app_factory = pasteapp:factory\nsize = none\n"
                            "[app:big]\npaste.app_factory = pasteapp:factory\nsize = %(here)s\n")
    result = site.run("--paste", "a.ini#big", "--paste-global", "color=red", "--check-config")
    assert (result.returncode, result.stdout) == (0, "red %s\n" % site.dir), result.stderr
