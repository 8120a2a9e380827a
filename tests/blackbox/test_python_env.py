"""The Python inside: virtual environments, sys, and what applications do with their process."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from support import client, procs
from support.server import program

PYTHON = "/usr/bin/python3"

FACTS = '''\
import json, os, sys, sysconfig
try:
    import only_in_venv
    found = True
except ImportError:
    found = False
import flask
with open(os.environ["FACTS"], "w") as handle:
    json.dump({"prefix": sys.prefix, "base": sys.base_prefix, "executable": sys.executable,
               "path": sys.path, "argv": sys.argv, "flags": list(sys.flags), "found": found,
               "version": "%d.%d" % sys.version_info[:2],
               "encoding": sys.getfilesystemencoding(), "cwd": os.getcwd()}, handle)
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
'''


def facts(site, *args, source=FACTS, env=None, **options):
    """What an application sees when it is imported by --check-config."""
    site.dir.write("app.py", source)
    env = dict(env or {}, FACTS=site.dir / "facts.json")
    result = site.run("--check-config", *args, "app:app", env=env, **options)
    assert result.returncode == 0, result.stderr
    return json.loads(site.dir.read("facts.json"))


@pytest.fixture
def venv(site):
    """A virtual environment of the system's Python with a module of its own."""
    path = site.dir / "env"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", "--system-site-packages", path],
                   check=True, capture_output=True, env=procs.clean_env(site.dir))
    version = subprocess.run([PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                             check=True, capture_output=True, text=True).stdout.strip()
    packages = "env/lib/python%s/site-packages/" % version
    site.dir.write(packages + "only_in_venv.py", "X = 1\n")
    return path


def assert_venv(found, path):
    assert os.path.realpath(found["prefix"]) == os.path.realpath(path)
    assert os.path.dirname(found["executable"]) == os.path.join(path, "bin")
    assert re.fullmatch(r"python[\d.]*", os.path.basename(found["executable"]))
    assert found["found"] is True
    assert os.path.realpath(found["base"]) != os.path.realpath(path)


# -- which environment

def test_system_python(site):
    found = facts(site)
    assert found["prefix"] == found["base"]
    assert found["found"] is False
    assert os.access(found["executable"], os.X_OK)
    assert re.fullmatch(r"python[\d.]*", os.path.basename(found["executable"]))
    assert found["encoding"] == "utf-8"


@pytest.mark.parametrize("place", [os.symlink, shutil.copy], ids=["symlink", "copy"])
def test_program_inside_the_environment(place, site, venv):
    inside = venv + "/bin/gunicorn"
    place(program(), inside)
    assert_venv(facts(site, path=inside), venv)


def test_program_inside_the_environment_found_by_path(site, venv):
    os.symlink(program(), venv + "/bin/gunicorn")
    found = facts(site, path="gunicorn", executable=venv + "/bin/gunicorn",
                  env={"PATH": venv + "/bin:/usr/bin:/bin"})
    assert_venv(found, venv)


def test_virtual_env_variable(site, venv):
    assert_venv(facts(site, env={"VIRTUAL_ENV": venv}), venv)


def test_neighbour_beats_the_variable(site, venv):
    os.symlink(program(), venv + "/bin/gunicorn")
    found = facts(site, path=venv + "/bin/gunicorn", env={"VIRTUAL_ENV": site.dir / "missing"})
    assert_venv(found, venv)


def refuse(site, env=None, path=None):
    site.dir.write("app.py", "raise SystemExit('was imported')\n")
    result = site.run("-b", "127.0.0.1:0", "app:app", env=env, path=path)
    assert result.returncode == 1, result.stderr
    lines = result.stderr.strip().split("\n")
    assert len(lines) == 1, result.stderr
    assert "was imported" not in result.stderr
    return lines[0]


@pytest.mark.parametrize("way", ["variable", "inside"])
def test_environment_of_another_version_is_refused(way, site, venv):
    text = site.dir.read("env/pyvenv.cfg")
    site.dir.write("env/pyvenv.cfg", re.sub(r"(?m)^version = .*$", "version = 3.4.10", text))
    if way == "variable":
        line = refuse(site, {"VIRTUAL_ENV": venv})
    else:
        os.symlink(program(), venv + "/bin/gunicorn")
        line = refuse(site, path=venv + "/bin/gunicorn")
    assert venv in line and "3.4" in line


def test_missing_environment_is_refused(site):
    line = refuse(site, {"VIRTUAL_ENV": site.dir / "nowhere"})
    assert site.dir / "nowhere" in line


def test_environment_without_python_is_refused(site, venv):
    for name in os.listdir(venv + "/bin"):
        if name.startswith("python"):
            os.unlink(os.path.join(venv, "bin", name))
    assert venv in refuse(site, {"VIRTUAL_ENV": venv})


def test_environment_without_packages_is_refused(site, venv):
    shutil.rmtree(venv + "/lib")
    assert venv in refuse(site, {"VIRTUAL_ENV": venv})


# -- sys

def test_sys_argv(site):
    argv = facts(site, "--workers", "3")["argv"]
    assert os.path.basename(argv[0]) == "gunicorn"
    assert argv[1:] == ["--check-config", "--workers", "3", "app:app"]


def test_sys_path_starts_with_the_directory(site):
    assert facts(site)["path"][0] == os.path.realpath(str(site.dir))


def test_program_directory_is_not_on_the_path(site):
    assert os.path.dirname(program()) not in facts(site)["path"]


def test_pythonpath_variable(site):
    site.dir.write("extra/only_in_venv.py", "X = 1\n")
    found = facts(site, env={"PYTHONPATH": site.dir / "extra"})
    assert found["found"] is True
    assert found["path"][0] == os.path.realpath(str(site.dir))


def test_sitecustomize_runs_once_before_the_configuration_file(site):
    site.dir.write("custom/sitecustomize.py", '''\
import os
with open(os.environ["HOME"] + "/order", "a") as handle:
    handle.write("site ")
''')
    site.dir.write("gunicorn.conf.py", "with open('order', 'a') as _h:\n    _h.write('conf ')\n")
    facts(site, env={"PYTHONPATH": site.dir / "custom"})
    assert site.dir.read("order") == "site conf "


def test_pth_files_run(site, venv):
    packages = os.path.dirname(
        subprocess.run(["find", venv, "-name", "only_in_venv.py"], check=True, text=True,
                       capture_output=True).stdout.strip())
    with open(os.path.join(packages, "x.pth"), "w") as handle:
        handle.write("import os; os.environ['PTH_RAN'] = '1'\n")
    site.dir.write("gunicorn.conf.py", "import os\nassert os.environ['PTH_RAN'] == '1'\n")
    facts(site, env={"VIRTUAL_ENV": venv})


@pytest.mark.parametrize("variable,index", [("PYTHONDONTWRITEBYTECODE", 4), ("PYTHONOPTIMIZE", 3)])
def test_python_variables_are_honoured(variable, index, site):
    assert facts(site, env={variable: "1"})["flags"][index] == 1


@pytest.mark.parametrize("name", ["C", "POSIX", "C.UTF-8"])
def test_locales(name, site):
    assert facts(site, env={"LC_ALL": name, "LANG": None})["encoding"] == "utf-8"


def test_broken_pythonhome_is_an_error(site):
    site.dir.write("app.py", FACTS)
    result = site.run("--check-config", "app:app", env={"PYTHONHOME": "/nonexistent"})
    assert result.returncode == 1
    assert "PYTHONHOME" in result.stderr


# -- what applications do

def serve(site, extra, body="b''", *args, **options):
    site.dir.write("app.py", '''\
import os, sys, signal, threading, time
HERE = os.path.dirname(os.path.abspath(__file__))

def note(text):
    with open(os.path.join(HERE, "notes"), "a") as handle:
        handle.write(text + "\\n")

%s

def app(environ, start_response):
    body = %s
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
''' % (extra, body))
    return site.start("app:app", *args, **options)


ATEXIT = "import atexit\natexit.register(lambda: note('atexit %d' % os.getpid()))\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_atexit_runs_in_the_worker(number, site):
    server = serve(site, ATEXIT)
    server.get()
    worker = server.wait_workers(1)[0]
    server.signal(number)
    assert server.wait_exit() == 0
    assert site.dir.read("notes") == "atexit %d\n" % worker


def test_atexit_runs_after_hup_and_max_requests(site):
    server = serve(site, ATEXIT, "b'x'", "--max-requests", "2")
    first = server.wait_workers(1)[0]
    server.get()
    server.get()
    procs.until(lambda: "atexit %d\n" % first in site.dir.read("notes"), "atexit by max_requests")
    second = server.wait_workers(1)[0]
    server.signal(signal.SIGHUP)
    procs.until(lambda: "atexit %d\n" % second in site.dir.read("notes"), "atexit by HUP")


def test_non_daemon_threads_are_joined(site):
    server = serve(site, '''\
def work():
    while not os.path.exists(os.path.join(HERE, "go")):
        time.sleep(0.01)
    note("thread done")
threading.Thread(target=work).start()
''')
    server.get()
    worker = server.wait_workers(1)[0]
    server.signal(signal.SIGTERM)
    server.wait_log("Handling signal: term")
    server.wait_log(r"Worker exiting \(pid: %d\)" % worker)
    site.dir.write("go", "")
    assert server.wait_exit() == 0
    assert site.dir.read("notes") == "thread done\n"


def test_threads_run_while_the_worker_is_idle(site):
    server = serve(site, '''\
COUNT = 0
def count():
    global COUNT
    while True:
        COUNT += 1
        if COUNT == 50:
            note("fifty")
        time.sleep(0.001)
threading.Thread(target=count, daemon=True).start()
''')
    server.wait_workers(1)
    procs.until(lambda: "fifty" in site.dir.read("notes"), "the thread in the idle worker")


def test_threads_run_while_a_request_waits_for_its_client(site):
    server = serve(site, '''\
COUNT = 0
def count():
    global COUNT
    while True:
        COUNT += 1
        time.sleep(0.001)
threading.Thread(target=count, daemon=True).start()
''', "b'%d' % COUNT")
    first = int(server.get().body)
    procs.until(lambda: int(server.get().body) > first, "the thread to advance")


def test_signal_handlers_of_the_application(site):
    server = serve(site, "signal.signal(signal.SIGUSR2, lambda s, f: note('usr2'))\n")
    worker = server.wait_workers(1)[0]
    server.get()
    server.signal(signal.SIGUSR2, worker)
    procs.until(lambda: site.dir.read("notes") == "usr2\n", "the handler in the idle worker")
    assert server.get().status == 200


def test_alarm_of_the_application(site):
    server = serve(site, '''\
def alarm(number, frame):
    note("alarm")
signal.signal(signal.SIGALRM, alarm)
signal.setitimer(signal.ITIMER_REAL, 0.05)
''')
    procs.until(lambda: site.dir.read("notes") == "alarm\n", "the alarm in the idle worker")
    assert server.get().status == 200


def test_sigpipe_is_ignored_and_nothing_is_blocked(site):
    server = serve(site, "", "repr((signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN, "
                             "sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))).encode()")
    assert server.get().body == b"(True, [])"


@pytest.mark.parametrize("command,expected", [
    ("subprocess.run(['true']).returncode", "0"),
    ("subprocess.run(['sh', '-c', 'exit 3']).returncode", "3"),
    ("subprocess.run(['sh', '-c', 'kill -TERM $$']).returncode", "-15"),
    ("subprocess.check_output(['echo', 'text'])", r"b'text\n'"),
    ("os.system('exit 4') >> 8", "4"),
    ("subprocess.check_output([sys.executable, '-c', 'print(1 + 1)'])", r"b'2\n'"),
])
def test_subprocesses(command, expected, site):
    server = serve(site, "import subprocess", "repr(%s).encode()" % command)
    for _ in range(3):
        assert server.get().body.decode() == expected


def test_children_of_the_application_inherit_no_socket(site):
    server = serve(site, "import subprocess",
                   "subprocess.check_output('ls -l /proc/self/fd', shell=True, close_fds=False)")
    listing = server.get().body.decode()
    assert "socket:" not in listing, listing


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, site):
    site.dir.write("work.py", "def double(x):\n    return x * 2\n")
    server = serve(site, "import multiprocessing, work\n"
                         "def pool():\n"
                         "    context = multiprocessing.get_context(%r)\n"
                         "    with context.Pool(2) as p:\n"
                         "        result = p.map(work.double, range(5))\n"
                         "        p.close()\n"
                         "        p.join()\n"
                         "        return result\n" % method, "repr(pool()).encode()")
    assert server.get().body == b"[0, 2, 4, 6, 8]"
    assert server.get().body == b"[0, 2, 4, 6, 8]"


def test_random_differs_between_workers(site):
    site.dir.write("app.py", '''\
import os, random, time
def app(environ, start_response):
    with open(environ["PATH_INFO"][1:], "w") as handle:
        handle.write("%d %d\\n" % (os.getpid(), random.getrandbits(128)))
    while environ["PATH_INFO"] == "/first" and not os.path.exists("go"):
        time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "0")])
    return []
''')
    server = site.start("app:app", "--preload", "-w", "2")
    server.wait_workers(2)
    with contextlib.closing(client.connect(server.address)) as sock:
        sock.sendall(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
        first = procs.until(lambda: site.dir.read("first"), "the first worker").split()
        assert server.get("/second").status == 200
        site.dir.write("go", "")
        client.read_all(sock)
    second = site.dir.read("second").split()
    assert first[0] != second[0] and first[1] != second[1]


def test_logging_of_the_application_reaches_stderr(site):
    server = serve(site, "import logging\nlogging.basicConfig(level='INFO')\n",
                   "(logging.getLogger('shop').info('from the application'), b'')[1]")
    server.get()
    server.wait_log("INFO:shop:from the application")


def test_unicode_in_tracebacks(site):
    server = serve(site, "", "1 / 0  # gr\u00fc\u00dfe")
    assert server.get().status == 500
    server.wait_log("ZeroDivisionError")
    server.wait_log("gr\u00fc\u00dfe")


def test_recursion_is_an_error_of_the_request(site):
    server = serve(site, "def down(n):\n    return down(n + 1)\n", "down(0)")
    worker = server.wait_workers(1)
    assert server.get().status == 500
    assert server.workers() == worker
