"""What a check finds out about the machine, and that the application leaves nothing behind."""

import os
import re
import signal

import pytest

from support.server import HELLO


@pytest.fixture
def place(site):
    site.dir.write("app.py", HELLO)
    return site


def check(site, *args, app="app:app", how="--check-config", **options):
    return site.run(how, *args, *([app] if app else []), **options)


def assert_passes(result):
    assert (result.returncode, result.stderr) == (0, "")


# -- the application

def test_environment_and_path_are_applied_and_stay_in_the_child(place):
    place.dir.write("lib/helper.py", "NAME = 'helper'\n")
    place.dir.write("app.py", HELLO + '''
import os, helper
assert os.environ["NEEDED"] == "yes"
print("loaded by a child of", os.getppid())
''')
    place.dir.write("gunicorn.conf.py", '''\
import atexit, os
raw_env = ["NEEDED=yes"]
pythonpath = "lib"
checker = os.getpid()


def look():
    if os.getpid() == checker:
        print("environment of", checker, os.environ.get("NEEDED"))


atexit.register(look)
''')
    result = check(place)
    assert (result.returncode, result.stderr) == (0, "")
    child = re.search(r"^loaded by a child of (\d+)$", result.stdout, re.M)
    assert "environment of %s None\n" % child.group(1) in result.stdout


def test_directory_of_the_checking_process_stays(place):
    place.dir.write("there/app.py", HELLO + "import os\nassert os.getcwd().endswith('there')\n")
    place.dir.write("gunicorn.conf.py", '''\
import atexit, os
chdir = "there"
checker = os.getpid()
start = os.getcwd()


def look():
    if os.getpid() == checker:
        print("stayed", os.getcwd() == start)


atexit.register(look)
''')
    result = check(place)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "stayed True\n")


def test_what_the_application_registers_for_the_end_is_run_once(place):
    place.dir.write("app.py", HELLO + "import atexit\natexit.register(print, 'bye')\n")
    result = check(place)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "bye\n")


@pytest.mark.parametrize("how", ["--check-config", "--print-config"])
@pytest.mark.parametrize("line,needle", [
    ("import sys; sys.exit(0)", "SystemExit: 0"),
    ("import os; os._exit(0)", r"Error: .*ended the process with status 0"),
    ("import os; os.closerange(3, 64); os._exit(0)", r"ended the process with status 0"),
    ("import os; os.kill(os.getpid(), 9)", r"Error: .*ended by SIGKILL"),
    ("import os; os.abort()", r"Error: .*ended by SIGABRT"),
    ("1 / 0", r"Traceback(.|\n)*app\.py(.|\n)*ZeroDivisionError: division by zero\n"),
])
def test_every_end_but_a_loaded_application_is_an_error(line, needle, how, place):
    place.dir.write("app.py", HELLO + line + "\n")
    result = check(place, how=how)
    assert result.returncode == 1
    assert "Error while loading the application:\n" in result.stderr
    assert re.search(needle, result.stderr), result.stderr
    assert ("workers " in result.stdout) == (how == "--print-config")


def test_leaving_at_the_end_of_a_good_check_is_no_error(place):
    place.dir.write("app.py", HELLO + "import atexit, os\natexit.register(os._exit, 7)\n")
    assert_passes(check(place))


def test_hanging_import_is_ended(place):
    place.dir.write("app.py", HELLO + '''
import os, time
print(os.getpid(), flush=True)
while True:
    time.sleep(1)
''')
    result = check(place, "--check-timeout", "1")
    assert result.returncode == 1
    assert "not loaded within 1 s (see --check-timeout)" in result.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(result.stdout), 0)


def test_thread_of_the_application_does_not_hold_the_check(place):
    place.dir.write("app.py", HELLO + '''
import threading
threading.Thread(target=threading.Event().wait).start()
''')
    assert_passes(check(place))


def test_ignored_sigchld_does_not_matter(place):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    assert_passes(check(place, preexec_fn=ignore))


# -- the machine

def test_defaults_have_no_findings(place):
    assert_passes(check(place))


MISSING = [
    ("pidfile", "no/such/file.pid", "no/such: No such file or directory"),
    ("pidfile", "there", "there is a directory"),
    ("accesslog", "no/such/access.log", "no/such: No such file or directory"),
    ("errorlog", "app.py/error.log", "app.py is not a directory"),
    ("worker_tmp_dir", "no/such/place", "place: No such file or directory"),
    ("worker_tmp_dir", "app.py", "app.py is not a directory"),
    ("tmp_upload_dir", "no/such/place", "place: No such file or directory"),
    ("logconfig", "no-such.ini", "can't read .*no-such.ini: No such file or directory"),
    ("logconfig_json", "there", "there is a directory"),
    ("certfile", "no-such.pem", "can't read .*no-such.pem"),
    ("keyfile", "no-such.pem", "can't read .*no-such.pem"),
    ("ca_certs", "no-such.pem", "can't read .*no-such.pem"),
    ("access_log_format", "%(h)s %(", ""),
    ("bind", "fd://913", "descriptor 913 is not open"),
]


@pytest.mark.parametrize("name,value,needle", MISSING)
def test_what_is_missing_here_is_named_with_its_place(name, value, needle, place):
    os.mkdir(place.dir / "there")
    place.dir.write("gunicorn.conf.py", "\n%s = %r\n" % (name, value))
    result = check(place)
    assert result.returncode == 1
    assert re.search(r"^gunicorn\.conf\.py:2:\d+: error: %s: .*%s" % (name, needle),
                     result.stderr, re.M), result.stderr


def test_all_findings_come_in_one_run(place):
    place.dir.write("gunicorn.conf.py", "workers = 'x'\npidfile = 'no/a'\naccesslog = 'no/b'\n")
    result = check(place)
    assert result.returncode == 1
    assert [line.split(":")[1] for line in result.stderr.splitlines()
            if line.startswith("gunicorn.conf.py:")] == ["1", "2", "3"]


def test_paths_start_in_the_directory_of_the_server(place):
    place.dir.write("there/logs/old.log", "")
    place.dir.write("there/app.py", HELLO)
    place.dir.write("gunicorn.conf.py", '''\
chdir = "there"
accesslog = "logs/access.log"
errorlog = "-"
pidfile = "gunicorn.pid"
worker_tmp_dir = "logs"
''')
    assert_passes(check(place))
    assert not os.path.exists(place.dir / "there/logs/access.log")


def test_open_descriptor_is_accepted(place):
    reader, writer = os.pipe()
    try:
        assert_passes(check(place, "-b", "fd://%d" % reader, pass_fds=(reader,)))
    finally:
        os.close(reader)
        os.close(writer)


ALWAYS = [
    (["--umask", "0o1000"], "umask.*01000 is too large"),
    (["--workers", "1025"], "workers.*1025 is too large, at most 1024"),
    (["--user", "4294967295"], "user.*4294967295 is too large"),
    (["--group", "4294967295"], "group.*4294967295 is too large"),
    (["--env", "=value"], "raw_env.*entry 1 has no name"),
]


@pytest.mark.parametrize("how", ["--check-config", "--check-config=values", "--print-config"])
@pytest.mark.parametrize("words,needle", ALWAYS)
def test_values_out_of_range_are_refused(words, needle, how, place):
    result = check(place, *words, how=how)
    assert result.returncode == 1
    assert re.search(needle, result.stderr), result.stderr


@pytest.mark.parametrize("words,needle", ALWAYS)
def test_server_does_not_start_with_them_either(words, needle, place):
    result = place.run("-b", "127.0.0.1:0", *words, "app:app")
    assert result.returncode == 1
    assert re.search(needle, result.stderr), result.stderr


@pytest.mark.parametrize("name", ["user", "group"])
def test_negative_owner_is_refused(name, place):
    place.dir.write("gunicorn.conf.py", "%s = -1\n" % name)
    result = check(place)
    assert result.returncode == 1
    assert re.search(r"conf\.py:1:\d+: error: %s: Value must be positive: -1" % name,
                     result.stderr), result.stderr


# -- values only

ELSEWHERE = '''\
user = "no-such-user-here"
group = "no-such-group-here"
chdir = "no/such/place"
pidfile = "/no/such/place/gunicorn.pid"
accesslog = "/no/such/place/access.log"
reload_extra_files = ["no/such/file"]
bind = "fd://913"
'''


@pytest.mark.parametrize("app", ["no_such_module:app", None])
def test_values_are_checked_without_the_machine(app, place):
    place.dir.write("gunicorn.conf.py", ELSEWHERE)
    result = check(place, how="--check-config=values", app=app)
    assert result.returncode == 0, result.stderr
    assert " error: " not in result.stderr
    result = check(place, app=app)
    assert result.returncode == 1
    for name in ("user", "group", "chdir", "reload_extra_files", "bind"):
        assert ": error: %s: " % name in result.stderr


def test_wrong_values_are_found_without_the_machine(place):
    place.dir.write("gunicorn.conf.py", ELSEWHERE + "workers = 'four'\n")
    result = check(place, how="--check-config=values")
    assert result.returncode == 1
    assert re.search(r"^gunicorn\.conf\.py:8:\d+: error: workers: ", result.stderr, re.M)


@pytest.mark.parametrize("how", ["--print-config", "--print-config=origin"])
def test_table_is_printed_wherever_it_will_be_used(how, place):
    place.dir.write("gunicorn.conf.py", "pidfile = '/no/such/place/gunicorn.pid'\n")
    result = check(place, how=how)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"^pidfile +=.*/no/such/place/gunicorn\.pid", result.stdout, re.M)
