"""What a check finds out about the machine, and that the application leaves nothing behind."""

import grp
import json
import os
import pwd
import re
import signal
import socket

import pytest

from support import procs

from support.server import HELLO, run


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
    ("pidfile", "no/such/file.pid", "directory \\S+/no: No such file or directory"),
    ("pidfile", "there", "there is a directory"),
    ("accesslog", "no/such/access.log", "directory \\S+/no: No such file or directory"),
    ("errorlog", "app.py/error.log", "app.py is not a directory"),
    ("worker_tmp_dir", "no/such/place", "directory \\S+/no: No such file or directory"),
    ("worker_tmp_dir", "app.py", "app.py is not a directory"),
    ("tmp_upload_dir", "no/such/place", "directory \\S+/no: No such file or directory"),
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


def test_listening_descriptor_is_accepted(place):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert_passes(check(place, "-b", "fd://%d" % sock.fileno(), pass_fds=(sock.fileno(),)))


def test_other_descriptors_are_refused(place):
    reader, writer = os.pipe()
    with socket.socket() as sock:
        for fd, what in [(reader, "a socket"), (sock.fileno(), "a listening stream socket")]:
            result = check(place, "-b", "fd://%d" % fd, pass_fds=(fd,))
            assert result.returncode == 1
            assert "descriptor %d is not %s" % (fd, what) in result.stderr
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


# -- users

IS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not IS_ROOT, reason="switching users needs root")
NOBODY, NOGROUP = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid
AS_NOBODY = ["--user", "nobody", "--group", "nogroup"]


def become_ordinary():
    """In the child: an ordinary user. Who runs the tests as one is that already."""
    if IS_ROOT:
        os.setgroups([])
        os.setgid(NOGROUP)
        os.setuid(NOBODY)


def make(place, name, mode, owner=None):
    """A directory, or a file when the name has a dot."""
    path = place.dir / name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if "." in os.path.basename(name):
        place.dir.write(name, "")
    else:
        os.mkdir(path)
    if owner is not None:
        os.chown(path, *owner)
    elif IS_ROOT and "mine" not in name:
        os.chown(path, 0, 0)
    os.chmod(path, mode)
    return path


def ordinary(place):
    """The directory belongs to the ordinary user, with a few things that he may not use."""
    os.chown(place.dir.path, *((NOBODY, NOGROUP) if IS_ROOT else (-1, -1)))
    make(place, "locked", 0o700 if IS_ROOT else 0o000)
    make(place, "fixed", 0o755 if IS_ROOT else 0o555)
    make(place, "secret.ini", 0o600 if IS_ROOT else 0o000)
    make(place, "old.log", 0o644 if IS_ROOT else 0o444)


@pytest.fixture
def ordinary_place(place):
    ordinary(place)
    yield place
    for name in ("locked", "fixed"):
        os.chmod(place.dir / name, 0o700)


NOT_ALLOWED = [
    ("pidfile", "locked/a.pid", r"can't make \S+/a.pid: user \S+ may not write to \S+/locked \(mode 0\d00"),
    ("pidfile", "fixed/a.pid", r"can't make \S+/a.pid: user \S+ may not write to \S+/fixed \(mode"),
    ("accesslog", "fixed/a.log", r"can't write \S+/a.log: user \S+ may not write to \S+/fixed \("),
    ("errorlog", "old.log", r"can't write \S+/old.log: user \S+ may not write to \S+/old.log \("),
    ("errorlog", "locked/deep/a.log", r"user \S+ may not enter \S+/locked \("),
    ("worker_tmp_dir", "fixed", r"can't write \S+/fixed: user \S+ may not write to \S+/fixed"),
    ("tmp_upload_dir", "fixed", r"may not write to \S+/fixed"),
    ("logconfig", "secret.ini", r"can't read \S+/secret.ini: user \S+ may not read \S+/secret.ini"),
    ("certfile", "secret.ini", r"can't read \S+/secret.ini"),
    ("bind", "unix:fixed/a.sock", r"can't make \S+/a.sock: user \S+ may not write to \S+/fixed"),
]


@pytest.mark.parametrize("name,value,needle", NOT_ALLOWED)
def test_ordinary_user_is_told_which_right_is_missing(name, value, needle, ordinary_place):
    ordinary_place.dir.write("gunicorn.conf.py", "%s = %r\n" % (name, value))
    result = check(ordinary_place, preexec_fn=become_ordinary)
    assert result.returncode == 1
    found = re.search(r"^gunicorn\.conf\.py:1:\d+: error: %s: .*%s.* \[GC911\]$" % (name, needle),
                      result.stderr, re.M)
    assert found, result.stderr
    assert "hint: give the user this right" in result.stderr


def test_what_the_ordinary_user_may_do_is_accepted(ordinary_place):
    make(ordinary_place, "mine", 0o700, (NOBODY, NOGROUP) if IS_ROOT else None)
    ordinary_place.dir.write("gunicorn.conf.py", """\
pidfile = "mine/a.pid"
accesslog = "mine/a.log"
errorlog = "mine/b.log"
worker_tmp_dir = "mine"
bind = ["unix:mine/a.sock", "127.0.0.1:0"]
""")
    assert_passes(check(ordinary_place, preexec_fn=become_ordinary))
    assert os.listdir(ordinary_place.dir / "mine") == []


@pytest.mark.parametrize("name,value", [("user", "daemon"), ("group", "daemon"), ("user", "1")])
def test_only_root_can_change_the_user(name, value, place):
    place.dir.write("gunicorn.conf.py", "%s = %r\n" % (name, value))
    result = check(place, preexec_fn=become_ordinary)
    assert result.returncode == 1
    assert re.search(r"conf\.py:1:\d+: error: %s: can't change to (user|group) \d+: Operation not "
                     r"permitted \[GC912\]" % name, result.stderr), result.stderr
    assert "only root can change the user" in result.stderr


@root_only
@pytest.mark.parametrize("words", [AS_NOBODY, ["--user", str(NOBODY), "--group", str(NOGROUP)],
                                   AS_NOBODY + ["--initgroups"], ["--user", "54321"]])
def test_root_can_change_the_user(words, place):
    assert_passes(check(place, *words))


@root_only
def test_files_of_the_workers_are_looked_at_as_their_user(place):
    make(place, "locked", 0o700)
    make(place, "locked/lib", 0o755)
    make(place, "locked/extra.txt", 0o644)
    os.symlink("locked/lib", place.dir / "link")
    place.dir.write("gunicorn.conf.py", """\
user = "nobody"
group = "nogroup"
pythonpath = "locked/lib,no-such,link"
reload_extra_files = ["locked/extra.txt"]
accesslog = "locked/access.log"
tmp_upload_dir = "locked"
pidfile = "locked/a.pid"
""")
    result = check(place)
    assert result.returncode == 1
    said = re.findall(r"^gunicorn\.conf\.py:(\d+):\d+: (\w+): (?!.*version)(.*)$", result.stderr, re.M)
    where = place.dir / "locked"
    lines = sorted((int(line), severity) for line, severity, text in said
                   if "may not" in text or "No such" in text)
    assert lines == [(3, "warning"), (3, "warning"), (3, "warning"), (4, "warning"),
                     (5, "warning"), (6, "error")], result.stderr
    assert result.stderr.count("user nobody may not enter %s (mode 0700, root:root)" % where) == 4
    assert "workers can't open the log again after its rotation (USR1)" in result.stderr


@root_only
def test_application_that_the_user_may_not_read_is_an_error(place):
    make(place, "locked", 0o700)
    place.dir.write("locked/secret.py", HELLO)
    arguments = ["--pythonpath", "locked", *AS_NOBODY]
    result = check(place, *arguments, app="secret:app")
    assert result.returncode == 1
    assert "No module named 'secret'" in result.stderr
    assert re.search(r"^Note: user %d can't read \S+/locked, where modules are searched: "
                     "Permission denied$" % NOBODY, result.stderr, re.M), result.stderr
    assert check(place, *arguments, "--preload", app="secret:app").returncode == 0


@root_only
def test_application_is_loaded_as_the_workers_load_it(place):
    place.dir.write("app.py", HELLO + """
import os
print(os.getuid(), os.getgid(), os.getgroups(), os.environ["A"], os.getcwd())
""")
    result = check(place, *AS_NOBODY, "--env", "A=b")
    assert_passes(result)
    assert result.stdout == "%d %d [] b %s\n" % (NOBODY, NOGROUP, place.dir)
    assert place.run("--print-config", *AS_NOBODY, "--env", "A=b",
                     "app:app").stdout.endswith("\n0 0 %s b %s\n" % (os.getgroups(), place.dir))


@root_only
def test_modules_that_the_user_may_not_read_are_a_warning(place):
    make(place, "locked", 0o700)
    env = {"PYTHONPATH": place.dir / "locked"}
    said = ("warning: user %d can't read %s/locked, where modules are searched: Permission denied "
            "[GC941]" % (NOBODY, place.dir))
    for words in ([], ["--preload"]):
        result = check(place, *AS_NOBODY, *words, env=env)
        assert result.returncode == 0
        assert said in result.stderr
        assert check(place, *AS_NOBODY, *words, "--strict", env=env).returncode == 1
    result = check(place, *AS_NOBODY, how="--check-config=json", env=env)
    assert [(item["code"], item["severity"]) for item in json.loads(result.stdout)] == [
        ("GC941", "warning")]
    assert_passes(check(place, env=env))


@root_only
def test_directory_of_the_start_need_not_be_readable(place):
    place.dir.write("srv/app.py", HELLO)
    os.chmod(place.dir.path, 0o711)
    os.mkdir(place.dir / "home", 0o700)
    result = run(place.dir / "home", "--check-config", *AS_NOBODY, "--chdir", "../srv", "app:app")
    assert_passes(result)


def test_pythonpath_without_directory_is_a_warning(place):
    result = check(place, "--pythonpath", "no-such")
    assert result.returncode == 0
    assert re.search(r"warning: pythonpath: directory \S+/no-such: .* \[GC942\]", result.stderr)


def test_pattern_without_files_is_a_warning(place):
    place.dir.write("a.txt", "")
    place.dir.write("gunicorn.conf.py", "reload_extra_files = ['*.txt', '*.nosuch']\n")
    result = check(place)
    assert result.returncode == 0
    assert re.findall(r"no file fits (\S+)", result.stderr) == [place.dir / "*.nosuch"]


def test_pid_file_of_a_running_process_is_a_warning(place):
    place.dir.write("a.pid", "%d\n" % os.getpid())
    result = check(place, "--pid", "a.pid")
    assert result.returncode == 0
    assert "names process %d, which is running [GC943]" % os.getpid() in result.stderr
    place.dir.write("a.pid", "rubbish\n")
    assert_passes(check(place, "--pid", "a.pid"))


# -- addresses

def test_address_of_another_machine_is_refused(place):
    result = check(place, "-b", "192.0.2.1:8000", "-b", "no-such-host.invalid:8000")
    assert result.returncode == 1
    assert "bind: 192.0.2.1:8000: this machine does not have the address [GC913]" in result.stderr
    assert re.search(r"bind: no-such-host.invalid:8000: .* \[GC9(13|44)\]", result.stderr)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::1]"])
def test_port_in_use_is_a_warning_and_left_alone(host, place):
    family = socket.AF_INET6 if host == "[::1]" else socket.AF_INET
    with socket.create_server((host.strip("[]"), 0), family=family) as sock:
        port = sock.getsockname()[1]
        result = check(place, "-b", "%s:%d" % (host, port))
        assert result.returncode == 0
        assert "another process listens on port %d [GC943]" % port in result.stderr
        assert_passes(check(place, "--reuse-port", "-b", "%s:%d" % (host, port)))
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.accept()  # nobody has called
    assert_passes(check(place, "-b", "%s:%d" % (host, port)))


def test_one_address_in_use_is_in_the_way_of_all(place):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        for host in ("", "[::]"):
            result = check(place, "-b", "%s:%d" % (host, sock.getsockname()[1]))
            assert "[GC943]" in result.stderr
        result = check(place, "-b", "127.0.0.2:%d" % sock.getsockname()[1])
        assert_passes(result)


@pytest.mark.parametrize("one, other", [
    ("127.0.0.1:8899", "localhost:8899"), ("127.1:8899", "127.0.0.1:8899"),
    ("0.0.0.0:8899", "127.0.0.1:8899"), ("[::1]:8899", "[0:0::1]:8899"), ("[::]:8899", ":8899"),
    ("unix:a", "unix:./a"), ("unix:a", "unix:link/a"),
])
def test_addresses_in_the_way_of_each_other(place, one, other):
    if not os.path.islink(str(place.dir / "link")):
        os.symlink(".", str(place.dir / "link"))
    for pair in ((one, other), (other, one)):
        result = check(place, "-b", pair[0], "-b", pair[1])
        assert result.returncode == 1
        assert ("bind: %s: can't be listened on beside %s [GC117]\n" % (pair[1], pair[0])
                in result.stderr)


@pytest.mark.parametrize("words", [
    ["-b", "127.0.0.1:8899", "-b", "127.0.0.2:8899"],
    ["-b", "127.0.0.1:8899", "-b", "[::1]:8899"],
    ["-b", "127.0.0.1:8899", "-b", "0.0.0.0:8898"],
    ["-b", "127.0.0.1:0", "-b", "0.0.0.0:0"],
    ["-b", "127.0.0.1:8899", "-b", "localhost:8899", "--reuse-port"],
    ["-b", "unix:a", "-b", "unix:b"],
])
def test_addresses_beside_each_other(place, words):
    assert_passes(check(place, *words))


def test_privileged_port_needs_a_right(place):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as handle:
        first = int(handle.read())
    result = check(place, "-b", "127.0.0.1:%d" % max(first - 1, 1), preexec_fn=become_ordinary)
    if first <= 1:
        assert "[GC911]" not in result.stderr
    else:
        assert result.returncode == 1
        assert "this user may not listen on ports below %d [GC911]" % first in result.stderr
    if IS_ROOT:
        assert "[GC911]" not in check(place, "-b", "127.0.0.1:81").stderr


def test_unix_socket_in_use_is_a_warning(place):
    path = place.dir / "a.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        result = check(place, "-b", "unix:a.sock")
        assert result.returncode == 0
        assert "another process listens on %s [GC943]" % path in result.stderr
    assert os.path.exists(path)
    assert_passes(check(place, "-b", "unix:a.sock"))
    assert os.path.exists(path)


def test_abstract_socket_is_no_file(ordinary_place):
    name = "gn-test-%d" % os.getpid()
    words = ["--chdir", "fixed", "-b", "unix:@" + name]
    result = check(ordinary_place, *words, preexec_fn=become_ordinary)
    assert "@" not in result.stderr
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("\0" + name)
        sock.listen()
        result = check(ordinary_place, *words, preexec_fn=become_ordinary)
        assert "unix:@%s: another process listens on @%s [GC943]" % (name, name) in result.stderr


# -- classes

CLASSES = """
class Nothing:
    pass


def function():
    pass


class Worker:
    init_process = run = notify = init_signals = load_wsgi = lambda self: None


class Logger:
    def __init__(self, cfg): pass
    debug = info = warning = error = critical = exception = log = lambda *a, **k: None
    access = reopen_files = close_on_exec = lambda *a, **k: None
"""

WRONG_CLASSES = [
    ("worker_class", "nosuch.Worker", "ModuleNotFoundError: No module named 'nosuch'"),
    ("worker_class", "mine.NoSuch", "the module 'mine' has no class 'NoSuch'"),
    ("worker_class", "egg:nosuch#sync", "there is no distribution 'nosuch'"),
    ("worker_class", "egg:nosuch", "'egg:nosuch' is not of the form egg:DISTRIBUTION#NAME"),
    ("worker_class", "mine.Nothing", "the class mine.Nothing lacks the methods init_process, run"),
    ("worker_class", "mine.function", "<function function at 0x[0-9a-f]+> is not a class"),
    ("logger_class", "nosuch.Logger", "No module named 'nosuch'"),
    ("logger_class", "mine.Nothing", "the class mine.Nothing lacks the methods debug, info"),
    ("logger_class", "broken.Logger", "ZeroDivisionError: division by zero"),
    ("logger_class", "leaves.Logger", "the class ended the process with status 0 while it was loaded"),
]


@pytest.mark.parametrize("name,value,needle", WRONG_CLASSES)
def test_class_of_no_use_is_named(name, value, needle, place):
    place.dir.write("lib/mine.py", CLASSES)
    place.dir.write("lib/broken.py", "1 / 0\n")
    place.dir.write("lib/leaves.py", "import os\nos._exit(0)\n")
    place.dir.write("gunicorn.conf.py", "pythonpath = 'lib'\n%s = %r\n" % (name, value))
    result = check(place)
    assert result.returncode == 1
    assert re.search(r"^gunicorn\.conf\.py:2:\d+: error: %s: .*%s.* \[GC919\]$" % (name, needle),
                     result.stderr, re.M), result.stderr


WORKERS_TOLD_ONCE = [
    ("nosuch", "GC119"), ("tornado", "GC119"), ("nosuch.Worker", "GC919"), ("mine.Nothing", "GC919"),
    ("egg:nosuch#sync", "GC919"), ("mine.Worker", "GC119"),
]


@pytest.mark.parametrize("name,code", WORKERS_TOLD_ONCE)
def test_unknown_worker_class_is_told_once(name, code, place):
    place.dir.write("mine.py", CLASSES)
    place.dir.write("gunicorn.conf.py", "worker_class = %r\n" % name)
    result = check(place)
    assert result.returncode == 1
    assert re.findall(r": error: worker_class: .* \[(GC\d+)\]$", result.stderr, re.M) == [code], result.stderr
    assert result.stderr.count("hint: use sync or gthread") == 1


def test_traceback_of_a_class_shows_frames_of_the_user_only(place):
    place.dir.write("broken.py", "1 / 0\n")
    place.dir.write("gunicorn.conf.py", "logger_class = 'broken.Logger'\n")
    result = check(place)
    assert re.findall(r'File "(.*?)"', result.stderr) == [place.dir / "broken.py"]


@pytest.mark.parametrize("value", ["mine.Logger", "gunicorn.glogging.Logger"])
def test_class_of_use_is_not_complained_of(value, place):
    place.dir.write("mine.py", CLASSES)
    place.dir.write("gunicorn.conf.py", "logger_class = %r\n" % value)
    assert "[GC919]" not in check(place).stderr


def test_class_given_as_object_is_looked_at(place):
    place.dir.write("gunicorn.conf.py", CLASSES + "logger_class = Nothing\n")
    result = check(place)
    assert re.search(r"logger_class: the class \S*Nothing lacks .* \[GC919\]", result.stderr)


def test_classes_are_imported_elsewhere(place):
    place.dir.write("mine.py", CLASSES + "open('marks', 'a').write('x')\nimport os\nos.environ['B'] = '1'\n")
    place.dir.write("gunicorn.conf.py", """\
import atexit, os
logger_class = "mine.Logger"
checker = os.getpid()
atexit.register(lambda: os.getpid() == checker and print("clean", "B" not in os.environ))
""")
    result = check(place)
    assert place.dir.read("marks") == "x"
    assert "[GC919]" not in result.stderr


# -- log configurations

INI = """\
[loggers]
keys=root
[handlers]
keys=h
[formatters]
keys=f
[formatter_f]
format=%(message)s
[logger_root]
level=INFO
handlers=h
[handler_h]
class=FileHandler
formatter=f
args=('FILE', 'w')
"""

INI_ERRORS = [
    (("keys=root", "keys=root,nosuch"), r"there is no section or entry 'logger_nosuch'|logger_nosuch"),
    (("class=FileHandler", "class=NoSuchHandler"), r"section \[handler_h\]: .*NoSuchHandler"),
    (("level=INFO", "level=NOSUCH"), r"section \[logger_root\]: .*NOSUCH"),
    (("[formatters]", "nonsense"), r"log.ini: .*\[line  6\].*already exists"),
    (("'FILE'", "'/no/such/x.log'"), r"section \[handler_h\]: FileNotFoundError: .*/no/such"),
    (("('FILE', 'w')", "(1 / 0,)"), r"section \[handler_h\]: ZeroDivisionError"),
]


@pytest.mark.parametrize("change,needle", INI_ERRORS)
def test_log_configuration_that_does_not_load_is_named(change, needle, place):
    place.dir.write("log.ini", INI.replace(*change, 1).replace("FILE", "a.log", 1))
    result = check(place, "--log-config", "log.ini")
    assert result.returncode == 1
    assert re.search(r"error: logconfig: log.ini.*\[GC920\]", result.stderr), result.stderr
    assert re.search(needle, result.stderr), result.stderr


def test_log_files_are_not_touched(place):
    place.dir.write("log.ini", INI.replace("FILE", "a.log"))
    result = check(place, "--log-config", "log.ini")
    assert result.returncode == 0 and "GC920" not in result.stderr, result.stderr
    assert not os.path.exists(place.dir / "a.log")
    place.dir.write("a.log", "precious\n")
    assert check(place, "--log-config", "log.ini").returncode == 0
    assert place.dir.read("a.log") == "precious\n"


DICT_ERRORS = [
    ("{'handlers': {'h': {'class': 'logging.NullHandler'}}}",
     "Unable to configure logger 'gunicorn.error'"),
    ("{'formatters': {'a': {'format': 'x'}}}", "Unable to configure formatter 'a'"),
    ("{'root': {'level': 'NOSUCH'}}", "Unable to configure root logger: ValueError|Unknown level"),
    ("{'handlers': {'h': {'class': 'nosuch.Handler'}}}", "Unable to configure handler 'h'.*nosuch"),
    ("{'version': 2}", "Unsupported version: 2"),
]


@pytest.mark.parametrize("value,needle", DICT_ERRORS)
def test_log_dictionary_that_does_not_load_is_named(value, needle, place):
    place.dir.write("gunicorn.conf.py", "logconfig_dict = %s\n" % value)
    result = check(place)
    assert result.returncode == 1
    assert re.search(r"conf\.py:1:\d+: error: logconfig_dict: .*(%s).*\[GC920\]" % needle,
                     result.stderr), result.stderr


GOOD_DICT = """{
    'loggers': {'gunicorn.error': {'level': 'DEBUG', 'handlers': ['error_console']}},
    'disable_existing_loggers': True,
}"""


def test_log_dictionary_that_loads_is_accepted(place):
    place.dir.write("gunicorn.conf.py", "logconfig_dict = %s\n" % GOOD_DICT)
    result = check(place)
    assert result.returncode == 0 and "GC920" not in result.stderr, result.stderr


@pytest.mark.parametrize("text,needle", [
    ("{bad", r"log.json: Expecting property name .*: line 1 column 2"),
    ("[]", r"log.json: not an object"),
    ('{"version": 1, "handlers": {"h": {"class": "nosuch.H"}}}', r"log.json: .*handler 'h'"),
])
def test_log_configuration_in_json_is_loaded(text, needle, place):
    place.dir.write("log.json", text)
    result = check(place, "--log-config-json", "log.json")
    assert result.returncode == 1
    assert re.search(needle + r".*\[GC920\]", result.stderr), result.stderr


# -- what the application leaves behind

def test_processes_that_the_import_starts_do_not_survive(place):
    place.dir.write("app.py", HELLO + """
import os, subprocess, sys
first = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
second = os.fork()
if second == 0:
    os.setsid()
    if os.fork() == 0:
        with open("daemon.pid", "w") as file:
            file.write("%d" % os.getpid())
        os.rename("daemon.pid", "daemon.done")
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
os.waitpid(second, 0)
import time
while not os.path.exists("daemon.done"):
    time.sleep(0.01)
print(first.pid)
""")
    result = check(place)
    assert result.returncode == 0, result.stderr
    for pid in (int(result.stdout), int(place.dir.read("daemon.done"))):
        assert not procs.alive(pid)


def test_processes_of_the_configuration_are_left_alone(place):
    place.dir.write("gunicorn.conf.py", """\
import atexit, subprocess, os
helper = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
checker = os.getpid()


def look():
    if os.getpid() == checker:
        print("running", helper.poll() is None)
        helper.kill()
        helper.wait()


atexit.register(look)
""")
    result = check(place)
    assert (result.returncode, result.stdout) == (0, "running True\n"), result.stderr


@pytest.mark.parametrize("end", ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)",
                                 "import time; time.sleep(600)", "1 / 0"])
def test_output_of_the_import_is_shown(end, place):
    place.dir.write("app.py", HELLO + "print('connecting')\n%s\n" % end)
    result = check(place, "--check-timeout", "2")
    assert result.returncode == 1
    assert result.stdout == "connecting\n"


def test_check_that_is_ended_takes_the_import_with_it(place):
    place.dir.write("app.py", HELLO + """
import os, time
open("pid.new", "w").write(str(os.getpid()))
os.rename("pid.new", "pid")
time.sleep(600)
""")
    words = AS_NOBODY if IS_ROOT else []
    os.chmod(place.dir.path, 0o777)
    server = place.start("app:app", "--check-config", *words, bind=None, listen=False)
    pid = int(procs.until(lambda: place.dir.read("pid"), "the import"))
    server.proc.kill()
    procs.until(lambda: not procs.alive(pid), "the end of the child")
