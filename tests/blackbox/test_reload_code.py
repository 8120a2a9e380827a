"""`reload`: changed code is noticed and loaded, mistakes in it are shown; `spew`."""

import os
import re

import pytest

from support import procs

APP = '''\
import part
import os
open("up.%%d" %% os.getpid(), "w").close()
def app(environ, start_response):
    body = ("%s %%s %%d" %% (part.VALUE, os.getpid())).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''

ENGINES = ["auto", "poll", "inotify"]


def start(site, *args, engine="auto", **options):
    files = {"app.py": APP % 1, "part.py": "VALUE = 1\n"}
    server = site.start("app:app", "--reload", "--reload-engine", engine, *args,
                        files=files, **options)
    assert server.get().body.startswith(b"1 1 ")
    return server


def loaded(site):
    """The workers that have loaded the application so far."""
    return {int(name[3:]) for name in os.listdir(str(site.dir)) if name.startswith("up.")}


def wait_answer(server, start_of_body, status=200):
    def matches():
        answer = server.get()
        return answer.status == status and answer.body.startswith(start_of_body)
    procs.until(matches, lambda: "%r:\n%s" % (start_of_body, server.log()))


@pytest.mark.parametrize("engine", ENGINES)
def test_changed_code_is_loaded(engine, site):
    server = start(site, engine=engine)
    site.dir.write("app.py", APP % 2)
    wait_answer(server, b"2 1 ")
    site.dir.write("part.py", "VALUE = 2\n")
    wait_answer(server, b"2 2 ")
    for name in ("app.py", "part.py"):
        server.wait_log(r"\[INFO\] Worker reloading: %s modified$" % re.escape(site.dir / name))
    server.wait_log(r"\[WARNING\] Reloader is on\. Use in development only!$")
    assert "Hang up" not in server.log() and "ERROR" not in server.log()


@pytest.mark.parametrize("engine", ENGINES)
def test_file_written_in_place(engine, site):
    server = start(site, engine=engine)
    with open(site.dir / "part.py", "a") as handle:
        handle.write("VALUE = 3\n")
    wait_answer(server, b"1 3 ")


@pytest.mark.parametrize("options", [["--threads", "2"], ["-w", "3"]])
def test_other_workers(options, site):
    server = start(site, *options)
    workers = int(options[1]) if options[0] == "-w" else 1
    old = procs.until(lambda: len(loaded(site)) == workers and loaded(site), "all workers")
    site.dir.write("part.py", "VALUE = 2\n")
    server.wait_log(r"Worker reloading: ", workers)
    procs.until(lambda: not any(map(procs.alive, old)), "the end of the old workers")
    wait_answer(server, b"1 2 ")
    server.wait_workers(workers)


@pytest.mark.parametrize("engine", ENGINES)
def test_module_that_is_imported_later(engine, site):
    site.dir.write("late.py", "VALUE = 1\n")
    files = {"app.py": '''\
def app(environ, start_response):
    if environ["PATH_INFO"] == "/late":
        import late
    import sys
    body = str(sys.modules["late"].VALUE if "late" in sys.modules else None).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''}
    server = site.start("app:app", "--reload", "--reload-engine", engine, files=files)
    assert server.get("/late").body == b"1"

    def again():
        """A file that has changed before it was watched is not a changed file."""
        number = len(os.listdir(site.dir / "tries"))
        site.dir.write("tries/%d" % number, "")
        site.dir.write("late.py", "VALUE = %d\n" % (number + 2))
        return "Worker reloading: %s modified" % (site.dir / "late.py") in server.log()
    os.mkdir(site.dir / "tries")
    procs.until(again, "the change of the late module")
    procs.until(lambda: server.get("/late").body != b"1", "the new value")


def test_other_files_beside_the_code_are_no_reason(site):
    server = start(site, engine="inotify")
    worker = server.wait_workers(1)
    for number in range(50):
        site.dir.write("data.sqlite", "%d" % number)
        assert server.get().status == 200
    site.dir.write("part.py", "VALUE = 2\n")
    wait_answer(server, b"1 2 ")
    assert server.log().count("Worker reloading") == 1
    assert server.workers() != worker


@pytest.mark.parametrize("engine", ENGINES)
def test_extra_files_and_patterns(engine, site):
    site.dir.write("a.txt", "1")
    site.dir.write("pages/one.html", "1")
    server = start(site, "--reload-extra-file", "a.txt", "--reload-extra-file", "pages/*.html",
                   engine=engine)

    def change(name):
        before = server.log().count("Worker reloading: %s modified" % (site.dir / name))
        count = 0

        def noticed():
            nonlocal count
            count += 1
            site.dir.write(name, "x" * count)
            return server.log().count(
                "Worker reloading: %s modified" % (site.dir / name)) > before
        procs.until(noticed, lambda: "the change of %s:\n%s" % (name, server.log()))
        assert server.get().status == 200
    change("a.txt")
    change("pages/one.html")
    change("pages/two.html")


BROKEN = [
    ("def app(\n", "SyntaxError"),
    ("import nosuchmodule\n", "ModuleNotFoundError"),
    ("raise RuntimeError('broken on purpose')\n", "RuntimeError: broken on purpose"),
    ("application = None\n", "Failed to find attribute 'app' in 'app'."),
]


@pytest.mark.parametrize("code,shown", BROKEN)
def test_mistakes_are_shown_and_survived(code, shown, site):
    server = start(site)
    site.dir.write("app.py", code)
    wait_answer(server, b"", status=500)
    answer = server.get()
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert shown in answer.body.decode()
    server.wait_log(re.escape(shown))
    site.dir.write("app.py", APP % 2)
    wait_answer(server, b"2 1 ")
    assert "Shutting down" not in server.log()


@pytest.mark.parametrize("engine", ["poll", "inotify"])
def test_mistake_in_an_imported_module(engine, site):
    server = start(site, engine=engine)
    site.dir.write("part.py", "VALUE = = 1\n")
    wait_answer(server, b"", status=500)
    assert b"part.py" in server.get().body
    site.dir.write("part.py", "VALUE = 4\n")
    wait_answer(server, b"1 4 ")


def test_module_that_is_missing_at_the_start(site):
    server = site.start("later:app", "--reload", files={"part.py": "VALUE = 1\n"})
    wait_answer(server, b"", status=500)
    assert b"No module named 'later'" in server.get().body
    site.dir.write("later.py", APP % 5)
    wait_answer(server, b"5 1 ")


def test_without_reload_a_mistake_stops_the_server(site):
    server = site.start("app:app", listen=False, files={"app.py": "def app(\n"})
    assert server.wait_exit() == 3


# -- spew

@pytest.mark.parametrize("threads", [1, 2])
def test_spew_prints_lines(threads, site):
    files = {"app.py": '''\
def app(environ, start_response):
    x = 1
    if x:
        start_response("200 OK", [("Content-Length", "0")])
    return []
'''}
    server = site.start("app:app", "--spew", "--threads", threads, files=files)
    assert server.get().status == 200
    assert server.terminate() == 0
    lines = server.stdout().splitlines()
    first = lines.index("app:2:     x = 1")
    assert "app:1: def app(environ, start_response):" in lines[:first]
    rest = [line for line in lines[first:] if line.startswith("app:")]
    assert rest == ["app:2:     x = 1", "app:3:     if x:",
                    'app:4:         start_response("200 OK", [("Content-Length", "0")])',
                    "app:5:     return []"]
