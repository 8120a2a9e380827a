"""Server hooks: when each is called, in which process, with what; and what they may do."""

import json
import os
import re
import signal

import pytest

from support import client, procs

# Begins every configuration: note() adds a line to the file `notes`, in one write.
HEAD = '''\
import json
import os
import time

NOTES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes")


def note(hook, **facts):
    line = json.dumps(dict(facts, hook=hook, process=os.getpid()), default=str)
    fd = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, (line + "\\n").encode())
    os.close(fd)

'''

EVERY = HEAD + '''
def on_starting(server):
    note("on_starting", type=type(server).__name__)

def on_reload(server):
    note("on_reload", type=type(server).__name__)

def when_ready(server):
    note("when_ready", type=type(server).__name__)

def pre_fork(server, worker):
    note("pre_fork", type=type(server).__name__, worker=type(worker).__name__, age=worker.age,
         pid=worker.pid, text=str(worker), others=len(server.WORKERS))

def post_fork(server, worker):
    note("post_fork", type=type(server).__name__, pid=worker.pid, age=worker.age)

def post_worker_init(worker):
    note("post_worker_init", pid=worker.pid, booted=worker.booted, wsgi=callable(worker.wsgi))

def worker_int(worker):
    note("worker_int", pid=worker.pid)

def worker_abort(worker):
    note("worker_abort", pid=worker.pid)

def pre_exec(server):
    note("pre_exec", type=type(server).__name__)

def pre_request(worker, req):
    note("pre_request", type=type(req).__name__, pid=worker.pid)

def post_request(worker, req, environ, resp):
    note("post_request", type=type(req).__name__, environ=type(environ).__name__,
         resp=type(resp).__name__, pid=worker.pid)

def child_exit(server, worker):
    note("child_exit", pid=worker.pid, age=worker.age, listed=worker.pid in server.WORKERS)

def worker_exit(server, worker):
    note("worker_exit", pid=worker.pid, type=type(server).__name__)

def nworkers_changed(server, new_value, old_value):
    note("nworkers_changed", new=new_value, old=old_value)

def on_exit(server):
    note("on_exit", listeners=len(server.LISTENERS))
'''

APP = '''\
import json
import os
import time

from __config_notes__ import note

note("import")


def app(environ, start_response):
    note("app")
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise LookupError("of the application")
    if path == "/stuck":
        time.sleep(60)
    body = json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''


def start(site, conf, *args, **options):
    """A server whose hooks and application write notes."""
    files = {"app.py": APP, "__config_notes__.py": HEAD}
    return site.start("app:app", *args, files=files, conf=conf, **options)


def notes(server):
    return [json.loads(line) for line in server.dir.read("notes").splitlines()]


def wait_note(server, hook, count=1):
    """The `count`-th note of a hook."""
    def enough():
        found = [n for n in notes(server) if n["hook"] == hook]
        return found[count - 1] if len(found) >= count else None
    return procs.until(enough, lambda: "%d x %s in %r\n%s"
                       % (count, hook, notes(server), server.log()))


def names(server, process=None):
    return [n["hook"] for n in notes(server) if process is None or n["process"] == process]


# -- order, process, arguments

@pytest.mark.parametrize("options, kind", [((), "SyncWorker"), (("--threads", "2"), "ThreadWorker")])
def test_order_and_process(site, options, kind):
    server = start(site, EVERY, *options)
    wait_note(server, "post_worker_init")
    (worker,) = server.wait_workers(1)
    assert server.get("/x").status == 200
    wait_note(server, "post_request")
    assert server.terminate() == 0
    assert names(server, server.pid) == ["nworkers_changed", "on_starting", "when_ready", "pre_fork",
                                         "child_exit", "on_exit"]
    assert names(server, worker) == ["post_fork", "import", "post_worker_init", "pre_request", "app",
                                     "post_request", "worker_exit"]
    by_name = {n["hook"]: n for n in notes(server)}
    assert (by_name["nworkers_changed"]["new"], by_name["nworkers_changed"]["old"]) == (1, None)
    for hook in ("on_starting", "when_ready", "pre_fork", "post_fork", "worker_exit"):
        assert by_name[hook]["type"] == "Arbiter"
    assert by_name["pre_fork"]["worker"] == kind
    assert by_name["pre_fork"]["pid"] == "[booting]"
    assert by_name["pre_fork"]["text"] == "<Worker [booting]>"
    assert by_name["post_fork"]["pid"] == worker and by_name["post_fork"]["age"] == 1
    assert by_name["post_worker_init"]["booted"] is False and by_name["post_worker_init"]["wsgi"]
    assert by_name["pre_request"]["type"] == by_name["post_request"]["type"] == "Request"
    assert by_name["post_request"]["environ"] == "dict"
    assert by_name["post_request"]["resp"] == "Response"
    assert by_name["child_exit"]["pid"] == worker and by_name["child_exit"]["listed"] is False
    assert by_name["on_exit"]["listeners"] == 0


def test_preload_comes_between(site):
    server = start(site, EVERY, "--preload")
    wait_note(server, "when_ready")
    assert names(server)[:4] == ["nworkers_changed", "import", "on_starting", "when_ready"]


def test_reload(site):
    server = start(site, EVERY)
    server.wait_workers(1)
    server.signal(signal.SIGHUP)
    wait_note(server, "child_exit")
    seen = names(server, server.pid)
    assert seen[seen.index("when_ready") + 1:] == ["pre_fork", "nworkers_changed", "on_reload",
                                                   "pre_fork", "child_exit"]
    changed = wait_note(server, "nworkers_changed", 2)
    assert (changed["new"], changed["old"]) == (1, 1)
    assert wait_note(server, "pre_fork", 2)["age"] == 2


def test_ttin_and_ttou(site):
    server = start(site, EVERY)
    server.wait_workers(1)
    server.signal(signal.SIGTTIN)
    more = wait_note(server, "nworkers_changed", 2)
    wait_note(server, "post_worker_init", 2)
    server.signal(signal.SIGTTOU)
    less = wait_note(server, "nworkers_changed", 3)
    assert (more["new"], more["old"], less["new"], less["old"]) == (2, 1, 1, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_worker_int(site, number):
    server = start(site, EVERY)
    wait_note(server, "post_worker_init")
    server.signal(number)
    assert server.wait_exit() == 0
    (worker,) = {n["pid"] for n in notes(server) if n["hook"] == "worker_int"}
    assert names(server, worker)[-2:] == ["worker_int", "worker_exit"]


@pytest.mark.parametrize("options", [(), ("--threads", "2")])
def test_worker_abort(site, options):
    server = start(site, EVERY, "--timeout", "1", *options)
    wait_note(server, "post_worker_init")
    (worker,) = server.wait_workers(1)
    server.signal(signal.SIGABRT, worker)
    wait_note(server, "child_exit")
    assert names(server, worker)[-2:] == ["worker_abort", "worker_exit"]
    server.wait_log(r"Worker \(pid:%d\) exited with code 1" % worker)


def test_timeout_calls_worker_abort(site):
    server = start(site, EVERY, "--timeout", "1")
    wait_note(server, "post_worker_init")
    server.get("/stuck")
    aborted = wait_note(server, "worker_abort")
    seen = names(server, aborted["process"])
    assert seen.index("app") < seen.index("worker_abort")
    assert aborted["process"] == aborted["pid"]


def test_pre_exec(site):
    server = start(site, EVERY)
    wait_note(server, "post_worker_init")
    server.signal(signal.SIGUSR2)
    called = wait_note(server, "pre_exec")
    assert called["process"] != server.pid and called["type"] == "Arbiter"
    heir = wait_note(server, "when_ready", 2)["process"]
    assert heir == called["process"]
    os.kill(heir, signal.SIGTERM)
    procs.until(lambda: not procs.alive(heir), "the end of the heir")


def test_killed_worker_has_no_worker_exit(site):
    server = start(site, EVERY)
    wait_note(server, "post_worker_init")
    (worker,) = server.wait_workers(1)
    server.signal(signal.SIGKILL, worker)
    assert wait_note(server, "child_exit")["pid"] == worker
    assert "worker_exit" not in names(server, worker)


# -- exceptions



def raising(hook, arguments, more=""):
    return HEAD + '\ndef %s(%s):\n    note("%s")\n    raise LookupError("on purpose")\n%s' % (
        hook, arguments, hook, more)


@pytest.mark.parametrize("hook, arguments, status, text", [
    ("nworkers_changed", "server, new, old", 1, "Exception in nworkers_changed hook"),
    ("on_starting", "server", 1, "Exception in on_starting hook"),
    ("when_ready", "server", 1, "Exception in when_ready hook"),
    ("pre_fork", "server, worker", 255, "Unhandled exception in main loop"),
    ("post_fork", "server, worker", 3, "Exception in worker process"),
    ("post_worker_init", "worker", 3, "Exception in worker process"),
])
def test_exception_ends_the_start(site, hook, arguments, status, text):
    server = start(site, raising(hook, arguments, "pidfile = 'pid'\n"), listen=False)
    assert server.wait_exit() == status
    log = server.log()
    assert text in log and "LookupError: on purpose" in log
    assert not os.path.exists(site.dir / "pid")


def test_exception_in_child_exit(site):
    more = "def on_exit(server):\n    note('on_exit')\n"
    server = start(site, raising("child_exit", "server, worker", more))
    (worker,) = server.wait_workers(1)
    server.signal(signal.SIGKILL, worker)
    assert server.wait_exit() == 255
    assert "Unhandled exception in main loop" in server.log()
    assert "on_exit" not in names(server)


def test_exception_in_on_reload(site):
    server = start(site, raising("on_reload", "server"))
    server.wait_workers(1)
    server.signal(signal.SIGHUP)
    assert server.wait_exit() == 255
    assert "Unhandled exception in main loop" in server.log()


def test_exception_in_on_exit(site):
    server = start(site, raising("on_exit", "server"))
    server.wait_workers(1)
    assert server.terminate() == 1
    assert "LookupError: on purpose" in server.log()


@pytest.mark.parametrize("hook, number", [("worker_int", signal.SIGQUIT),
                                          ("worker_abort", signal.SIGABRT)])
def test_exception_in_a_signal_hook(site, hook, number):
    server = start(site, raising(hook, "worker", "def post_worker_init(worker): note('up')\n"))
    wait_note(server, "up")
    (worker,) = server.wait_workers(1)
    server.signal(number, worker)
    server.wait_log(r"\[%d\] \[ERROR\] Exception in worker process\nTraceback" % worker)
    server.wait_log(r"Worker \(pid:%d\) exited with code 255" % worker)


def test_exception_in_worker_exit(site):
    server = start(site, raising("worker_exit", "server, worker"))
    server.wait_workers(1)
    assert server.get("/").status == 200
    assert server.terminate() == 0
    assert re.search(r"\[WARNING\] Exception during worker exit:\nTraceback", server.log())


def test_exception_in_pre_exec_leaves_the_server(site):
    server = start(site, raising("pre_exec", "server"))
    (worker,) = server.wait_workers(1)
    server.signal(signal.SIGUSR2)
    server.wait_log(r"The new master \(pid:\d+\) ended")
    assert server.get("/").status == 200 and server.workers() == [worker]


@pytest.mark.parametrize("options", [(), ("--threads", "2")])
def test_exceptions_around_a_request(site, options):
    conf = raising("pre_request", "worker, req") + '''
def post_request(worker, req, environ, resp):
    note("post_request", environ=len(environ), resp=resp)
    raise ValueError("after")
'''
    server = start(site, conf, *options)
    assert server.get("/x").status == 500
    after = wait_note(server, "post_request")
    assert after["environ"] == 0 and after["resp"] is None
    assert "app" not in names(server)
    server.wait_log(r"\[ERROR\] Error handling request GET /x\nTraceback")
    server.wait_log(r"\[ERROR\] Exception in post_request hook\nTraceback")
    server.wait_log("ValueError: after")
    assert server.get("/y").status == 500 and len(server.workers()) == 1


def test_post_request_follows_an_application_that_raises(site):
    conf = HEAD + '''
def post_request(worker, req, environ, resp):
    note("post_request", path=environ["PATH_INFO"], status=resp.status, code=resp.status_code)
'''
    server = start(site, conf)
    assert server.get("/raise").status == 500
    after = wait_note(server, "post_request")
    assert (after["path"], after["status"], after["code"]) == ("/raise",
                                                               "500 Internal Server Error", 500)


def test_exit_in_a_hook(site):
    server = start(site, "import sys\ndef on_starting(server): sys.exit(7)\n", listen=False)
    assert server.wait_exit() == 7


# -- what the objects hold

def test_server(site):
    conf = HEAD + '''
raw_env = ["COLOUR=blue"]
pidfile = "here.pid"

def facts(server):
    return dict(
        pid=server.pid, address=server.address, listeners=[str(l) for l in server.LISTENERS],
        workers=sorted(server.WORKERS), num=server.num_workers, age=server.worker_age,
        name=server.proc_name, timeout=server.timeout, uri=server.app.app_uri,
        reexec=server.reexec_pid, master=server.master_pid, title=server.master_name,
        env=server.cfg.env, boot=server.WORKER_BOOT_ERROR, load=server.APP_LOAD_ERROR,
        same=server.cfg is server.app.cfg, workers_set=server.cfg.workers)

def on_starting(server):
    server.mine = ["kept"]
    note("on_starting", **facts(server))

def when_ready(server):
    sock = server.LISTENERS[0]
    note("when_ready", port=sock.getsockname()[1], fileno=sock.fileno(), name=str(sock),
         family=int(sock.FAMILY), cfg=sock.cfg_addr, listens=sock.sock.getsockopt(1, 30))

def post_fork(server, worker):
    server.mine.append(worker.age)
    note("post_fork", mine=server.mine, ppid=worker.ppid, pid=server.pid)
'''
    server = start(site, conf, "-n", "shop")
    first, ready = wait_note(server, "on_starting"), wait_note(server, "when_ready")
    child = wait_note(server, "post_fork")
    assert first["pid"] == server.pid and first["listeners"] == [] and first["workers"] == []
    assert first["num"] == first["workers_set"] == 1 and first["age"] == 0
    assert first["name"] == "shop" and first["timeout"] == 30 and first["uri"] == "app:app"
    assert first["reexec"] == first["master"] == 0 and first["title"] == "Master"
    assert first["env"] == {"COLOUR": "blue"} and first["same"]
    assert (first["boot"], first["load"]) == (3, 4)
    assert first["address"] == [["127.0.0.1", 0]]
    assert ready["port"] == server.address[1] and ready["listens"] == 1
    assert ready["name"] == "http://127.0.0.1:%d" % ready["port"] and ready["fileno"] > 2
    assert child["mine"] == ["kept", 1] and child["ppid"] == child["pid"] == server.pid


def test_sockets_of_a_hook_do_not_keep_the_port(site):
    """A hook that has looked at a listener leaves nothing open."""
    server = start(site, "def when_ready(server): [l.getsockname() for l in server.LISTENERS]\n")
    server.wait_workers(1)
    address = server.address
    fds = os.listdir("/proc/%d/fd" % server.pid)
    listening = [fd for fd in fds if "socket" in os.readlink("/proc/%d/fd/%s" % (server.pid, fd))]
    assert len(listening) == 1
    assert server.terminate() == 0
    with pytest.raises(ConnectionRefusedError):
        client.connect(address)


def test_worker(site):
    conf = HEAD + '''
max_requests = 1000
timeout = 9

def facts(worker):
    return dict(pid=worker.pid, alive=worker.alive, booted=worker.booted, nr=worker.nr,
                most=worker.max_requests, timeout=worker.timeout, aborted=worker.aborted,
                id=worker.id, sockets=len(worker.sockets), beat=worker.tmp.last_update(),
                number=worker.cfg.settings["max_requests"].get(),
                callable=worker.app.callable is not None, mine=getattr(worker, "mine", None))

def pre_fork(server, worker):
    worker.mine = worker.age + 41
    note("pre_fork", has_wsgi=hasattr(worker, "wsgi"), **facts(worker))

def post_request(worker, req):
    fd = worker.tmp.fileno()
    note("post_request", size=os.fstat(fd).st_size, now=time.monotonic(), **facts(worker))

def child_exit(server, worker):
    note("child_exit", cfg=worker.cfg.timeout, **facts(worker))
'''
    server = start(site, conf)
    before = wait_note(server, "pre_fork")
    server.get("/")
    during = wait_note(server, "post_request")
    assert server.terminate() == 0
    after = wait_note(server, "child_exit")
    assert before["pid"] == "[booting]" and not before["has_wsgi"] and not before["callable"]
    assert before["mine"] == during["mine"] == after["mine"] == 42
    assert during["pid"] == during["process"] == after["pid"]
    assert during["alive"] and during["booted"] and during["nr"] == 1 and during["most"] == 1000
    assert during["timeout"] == 4.5 and during["sockets"] == 1 and during["id"] == 1
    assert during["number"] == 1000 and not during["aborted"] and during["callable"]
    assert before["beat"] == 0 and 0 < during["beat"] <= during["now"]
    assert after["cfg"] == 9 and after["beat"] >= during["beat"]


def test_worker_kept_after_its_end(site):
    conf = HEAD + '''
gone = []

def child_exit(server, worker):
    gone.append(worker)

def pre_fork(server, worker):
    note("pre_fork", gone=[(w.pid, w.age, w.cfg.workers, str(w), w.tmp.last_update() > 0, w.mine)
                           for w in gone])
    worker.mine = 1
'''
    server = start(site, conf)
    (worker,) = server.wait_workers(1)
    assert server.get("/").status == 200
    server.signal(signal.SIGKILL, worker)
    assert wait_note(server, "pre_fork", 2)["gone"] == [
        [worker, 1, 1, "<Worker %d>" % worker, True, 1]]


def test_request_and_response(site):
    conf = HEAD + '''
kept = []

def pre_request(worker, req):
    req.begun = 5
    note("pre_request", method=req.method, uri=req.uri, path=req.path, query=req.query,
         fragment=req.fragment, version=req.version, headers=req.headers, scheme=req.scheme,
         peer=req.peer_addr, remote=req.remote_addr, close=req.should_close(),
         trailers=req.trailers, info=req.proxy_protocol_info, number=req.req_number)

def post_request(worker, req, environ, resp):
    note("post_request", begun=req.begun, status=resp.status, code=resp.status_code,
         sent=resp.sent, length=resp.response_length, headers=resp.headers,
         head=resp.headers_sent, chunked=resp.chunked, close=resp.should_close(),
         same=resp.req is req, path=environ["PATH_INFO"],
         kept=[(r.path, r.headers[0], a.status, a.sent, a.req is r) for r, a in kept])
    kept[:] = [(req, resp)]
'''
    server = start(site, conf)
    answer = client.request(server.address, "/a%20b?x=1", headers=[("X-Two", "2"), ("x-two", "3")])
    first, last = wait_note(server, "pre_request"), wait_note(server, "post_request")
    assert (first["method"], first["uri"], first["path"], first["query"]) == (
        "GET", "/a%20b?x=1", "/a%20b", "x=1")
    assert first["fragment"] == "" and first["version"] == [1, 1] and first["scheme"] == "http"
    assert first["headers"] == [["HOST", "test"], ["X-TWO", "2"], ["X-TWO", "3"]]
    assert first["peer"] == first["remote"] and first["peer"][0] == "127.0.0.1"
    assert not first["close"] and first["trailers"] == [] and first["info"] is None
    assert first["number"] == 1
    assert last["begun"] == 5 and last["status"] == "200 OK" and last["code"] == 200
    assert last["sent"] == last["length"] == len(answer.body) and last["head"]
    assert last["headers"][0] == ["Content-Type", "text/plain"] and not last["chunked"]
    assert last["close"] and last["same"] and last["path"] == "/a b"
    client.request(server.address, "/second", headers=[("X-Two", "2")])
    assert wait_note(server, "post_request", 2)["kept"] == [
        ["/a%20b", ["HOST", "test"], "200 OK", len(answer.body), True]]


def test_pre_request_changes_the_request(site):
    conf = '''
def pre_request(worker, req):
    req.headers.append(("X-REQUEST-ID", "abc"))
    req.headers[:] = [h for h in req.headers if h[0] != "X-DROP"]
    req.path = "/moved%21"
    req.query = "q=2"
    req.scheme = "https"
'''
    server = start(site, conf)
    seen = json.loads(client.request(server.address, "/here", headers=[("X-Drop", "1")]).body)
    assert seen["HTTP_X_REQUEST_ID"] == "abc" and "HTTP_X_DROP" not in seen
    assert seen["PATH_INFO"] == "/moved!" and seen["QUERY_STRING"] == "q=2"
    assert seen["wsgi.url_scheme"] == "https" and seen["HTTP_HOST"] == "test"


@pytest.mark.parametrize("arguments", ["worker, req", "worker, req, environ",
                                       "worker, req, environ, resp"])
def test_post_request_takes_two_to_four(site, arguments):
    count = arguments.count(",") + 1
    conf = HEAD + "def post_request(%s):\n    note('post_request', n=%d)\n" % (arguments, count)
    server = start(site, conf)
    server.get("/")
    assert wait_note(server, "post_request")["n"] == count


def test_the_client_does_not_wait_for_post_request(site):
    conf = HEAD + '''
def post_request(worker, req, environ, resp):
    while not os.path.exists("go"):
        time.sleep(0.01)
    note("post_request")
'''
    server = start(site, conf, "--threads", "2")
    with client.connect(server.address) as sock:
        sock.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _ = client.read_head(sock)
        assert head.startswith(b"HTTP/1.1 200 OK") and "post_request" not in names(server)
        site.dir.write("go", "")
    wait_note(server, "post_request")


def test_a_slow_client_holds_up_no_thread(site):
    """What it doesn't take is sent by the loop; the hook has been called before."""
    app = APP.replace('if path == "/stuck"', """if path == "/large":
        start_response("200 OK", [("Content-Length", "30000000")])
        return [b"x" * 30000000]
    if path == "/stuck\"""")
    conf = HEAD + '''
def post_request(worker, req, environ, resp):
    note("post_request", path=req.path, sent=resp.sent)
'''
    files = {"app.py": app, "__config_notes__.py": HEAD}
    server = site.start("app:app", files=files, conf=conf)
    with client.connect(server.address) as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert wait_note(server, "post_request")["path"] == "/large"
        assert server.get("/other").status == 200
        assert len(client.Response(client.read_all(sock)).body) == 30000000


def test_hooks_of_the_request_run_in_its_thread(site):
    conf = HEAD + '''
import threading

def pre_request(worker, req):
    req.thread = threading.get_ident()

def post_request(worker, req, environ, resp):
    note("post_request", same=req.thread == threading.get_ident(), number=req.req_number)
'''
    server = start(site, conf, "--threads", "4")
    with client.connect(server.address) as sock:
        for _ in range(3):
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            head, rest = client.read_head(sock)
            length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
            while len(rest) < length:
                rest += sock.recv(65536)
    assert all(wait_note(server, "post_request", n)["same"] for n in (1, 2, 3))
    assert wait_note(server, "post_request", 3)["number"] == 3


# -- the log

def test_log(site):
    conf = '''
import logging

def when_ready(server):
    log = server.log
    log.debug("not %s", "seen")
    log.info("plain")
    log.info("100%")
    log.warning("with %s and %d", "text", 3)
    log.error("map %(a)s", {"a": 1})
    log.critical("two\\nlines")
    log.log(logging.INFO, "by number %r", None)
    log.log("warning", "by name")
    try:
        raise LookupError("kept")
    except LookupError:
        log.exception("caught %s", 1)
        log.info("again", exc_info=True)
    log.info("bad %d", "number")
    log.info("café")

def post_fork(server, worker):
    worker.log.info("Worker spawned (pid: %s)", worker.pid)
'''
    server = start(site, conf)
    server.wait_log(r"\] \[\d+\] \[INFO\] Worker spawned \(pid: \d+\)$")
    log = server.log()
    prefix = r"^\[[^\]]+\] \[%d\] \[%s\] %s$"
    for level, text in (("INFO", "plain"), ("INFO", "100%"), ("WARNING", "with text and 3"),
                        ("ERROR", "map 1"), ("CRITICAL", "two\nlines"),
                        ("INFO", "by number None"), ("WARNING", "by name"), ("INFO", "café")):
        assert re.search(prefix % (server.pid, level, re.escape(text)), log, re.M), text
    for level, text in (("ERROR", "caught 1"), ("INFO", "again")):
        assert re.search(r"\[%s\] %s\nTraceback \(most recent call last\):\n(?:  .*\n)+"
                         r"LookupError: kept$" % (level, text), log, re.M), text
    assert "] not seen" not in log and "] bad" not in log and "TypeError" in log


def test_default_of_pre_request_logs(site):
    server = start(site, "", "--log-level", "debug")
    server.get("/path?q")
    server.wait_log(r"\[DEBUG\] GET /path$")


# -- changing the server

def test_num_workers(site):
    conf = HEAD + '''
def when_ready(server):
    server.num_workers = 3
    note("when_ready", num=server.num_workers)
    for bad in (-1, 10 ** 6):
        try:
            server.num_workers = bad
        except ValueError as e:
            note("bad", text=str(e))

def nworkers_changed(server, new, old):
    note("nworkers_changed", new=new, old=old)

def post_fork(server, worker):
    try:
        server.num_workers = 7
    except ValueError as e:
        note("in the worker", text=str(e))
'''
    server = start(site, conf)
    assert len(server.wait_workers(3)) == 3
    assert wait_note(server, "when_ready")["num"] == 3
    assert [(n["new"], n["old"]) for n in notes(server) if n["hook"] == "nworkers_changed"] == [
        (1, None), (3, 1)]
    wait_note(server, "bad", 2)
    assert "master" in wait_note(server, "in the worker")["text"]


def test_cfg(site):
    conf = HEAD + '''
workers = "2"
limit_request_line = 100

def when_ready(server):
    cfg = server.cfg
    setting = cfg.settings["workers"]
    cfg.mine = "kept"
    errors = []
    for act in (lambda: cfg.no_such, lambda: setattr(cfg, "workers", 3),
                lambda: cfg.set("workers", 3), lambda: cfg.set("no_such", 1)):
        try:
            act()
        except Exception as e:
            errors.append("%s: %s" % (type(e).__name__, e))
    cfg.post_fork(server, None)
    note("when_ready", workers=cfg.workers, name=setting.name, value=setting.value,
         get=setting.get(), default=setting.default, cli=setting.cli, section=setting.section,
         has="workers" in cfg.settings, hooked=cfg.pre_fork is pre_fork, bind=cfg.bind,
         kind=cfg.worker_class_str, ssl=bool(cfg.is_ssl), ssl_options=sorted(cfg.ssl_options)[0],
         uid=cfg.uid, line=cfg.limit_request_line, ips=cfg.forwarded_allow_ips, errors=errors,
         cls=cfg.worker_class.__name__, logger=cfg.logger_class.__name__)

def pre_fork(server, worker):
    note("pre_fork", same=worker.cfg is server.cfg, mine=worker.cfg.mine)
'''
    server = start(site, conf)
    seen = wait_note(server, "when_ready")
    assert seen["workers"] == seen["value"] == seen["get"] == 2 and seen["default"] == 1
    assert seen["name"] == "workers" and seen["cli"] == ["-w", "--workers"] and seen["has"]
    assert seen["hooked"] and seen["bind"] == ["127.0.0.1:0"] and seen["line"] == 100
    assert seen["kind"] == "sync" and not seen["ssl"] and seen["ssl_options"] == "ca_certs"
    assert seen["uid"] == os.geteuid() and seen["ips"] == ["127.0.0.1", "::1"]
    assert (seen["cls"], seen["logger"]) == ("SyncWorker", "Logger")
    assert seen["errors"][0] == "AttributeError: No configuration setting for: no_such"
    assert "Invalid access!" in seen["errors"][1]
    assert "on_starting" in seen["errors"][2] and "no_such" in seen["errors"][3]
    child = wait_note(server, "pre_fork")
    assert child["same"] and child["mine"] == "kept"


def test_cfg_set_in_on_starting(site):
    conf = HEAD + '''
def pre_request(worker, req):
    note("old")

def other(worker, req):
    note("new", threads=worker.cfg.threads, keep=worker.cfg.mine)

def on_starting(server):
    server.cfg.mine = {"a": 1}
    server.cfg.set("workers", "2")
    server.cfg.set("threads", 3)
    server.cfg.set("raw_env", ["SHADE=%s" % server.cfg.workers])
    server.cfg.set("pre_request", other)
    server.cfg.set("accesslog", "access.log")
    server.cfg.set("proc_name", "renamed")
    errors = []
    for name, value in (("workers", "many"), ("daemon", True)):
        try:
            server.cfg.set(name, value)
        except ValueError as e:
            errors.append(str(e))
    note("on_starting", errors=errors, workers=server.cfg.workers)

def post_fork(server, worker):
    note("post_fork", shade=os.environ.get("SHADE"))
'''
    server = start(site, conf)
    server.wait_workers(2)
    first = wait_note(server, "on_starting")
    assert first["workers"] == 2 and len(first["errors"]) == 2
    assert "many" in first["errors"][0] and "daemon" in first["errors"][1]
    assert wait_note(server, "post_fork")["shade"] == "2"
    server.wait_log("Using worker: gthread")
    assert server.get("/").status == 200
    seen = wait_note(server, "new")
    assert seen["threads"] == 3 and seen["keep"] == {"a": 1} and "old" not in names(server)
    procs.until(lambda: "GET / HTTP/1.1" in server.dir.read("access.log"), "the access log")
    assert procs.title(server.pid) == "gunicorn: master [renamed]"


@pytest.mark.parametrize("handler, status, log", [
    ("handle_exit", 0, "Worker exiting"), ("handle_quit", 0, "Worker exiting"),
    ("handle_abort", 1, "exited with code 1")])
def test_signal_handlers(site, handler, status, log):
    """A handler of the user's that goes on to the worker's."""
    conf = HEAD + '''
import signal

def pre_fork(server, worker):
    try:
        worker.handle_exit(15, None)
    except RuntimeError as e:
        note("pre_fork", text=str(e))

def worker_int(worker): note("worker_int")
def worker_abort(worker): note("worker_abort")

def post_worker_init(worker):
    signal.signal(signal.SIGUSR2, lambda sig, frame: worker.%s(sig, frame))
    worker.handle_usr1(signal.SIGUSR1, None)
    worker.handle_winch(signal.SIGWINCH, None)
    note("post_worker_init")

def child_exit(server, worker):
    note("child_exit")
''' % handler
    server = start(site, conf, "--log-level", "debug")
    assert "worker's process" in wait_note(server, "pre_fork")["text"]
    wait_note(server, "post_worker_init")
    (worker,) = server.wait_workers(1)
    assert server.get("/").status == 200
    server.signal(signal.SIGUSR2, worker)
    wait_note(server, "child_exit")
    server.wait_log(log)
    server.wait_log("SIGWINCH ignored")
    assert ("exited with code" in server.log()) == (status != 0)
    assert names(server, worker)[2:] == {"handle_exit": ["app"], "handle_quit": [
        "app", "worker_int"], "handle_abort": ["app", "worker_abort"]}[handler]


def test_worker_alive_and_wsgi(site):
    conf = HEAD + '''
def post_worker_init(worker):
    inner = worker.wsgi

    def outer(environ, start_response):
        environ["HTTP_X_OUTER"] = "yes"
        return inner(environ, start_response)
    worker.wsgi = outer
    note("post_worker_init", app=worker.app.callable is outer)

def post_request(worker, req, environ, resp):
    if req.path == "/enough":
        worker.alive = False
'''
    server = start(site, conf)
    (worker,) = server.wait_workers(1)
    assert json.loads(server.get("/").body)["HTTP_X_OUTER"] == "yes"
    assert server.get("/enough").status == 200
    procs.until(lambda: server.workers() not in ([], [worker]), "another worker")
    assert server.get("/").status == 200
    assert wait_note(server, "post_worker_init", 2)["app"]


# -- what configurations do in the wild

def test_prometheus_client(site):
    """The hook that its documentation asks for."""
    app = '''\
import os
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess

REQUESTS = Counter("shop_requests", "Requests.")
OPEN = Gauge("shop_open", "Open.", multiprocess_mode="livesum")
OPEN.set(1)


def app(environ, start_response):
    REQUESTS.inc()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    body = generate_latest(registry)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''
    conf = '''
from prometheus_client import multiprocess

def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
'''
    os.mkdir(site.dir / "metrics")
    server = site.start("app:app", "-w", "2", files={"app.py": app}, conf=conf,
                        env={"PROMETHEUS_MULTIPROC_DIR": site.dir / "metrics"})

    def value(name):
        text = server.get("/").body.decode()
        return float(re.search(r"^%s (\S+)$" % name, text, re.M).group(1))

    procs.until(lambda: value("shop_open") == 2, "two workers")
    before = value("shop_requests_total")
    server.signal(signal.SIGKILL, server.workers()[0])
    server.wait_log("was sent SIGKILL")
    procs.until(lambda: len(server.workers()) == 2 and value("shop_open") == 2, "a new worker")
    assert value("shop_requests_total") > before
    live = [name for name in os.listdir(site.dir / "metrics") if "livesum" in name]
    assert len(live) == 2


def test_post_fork_opens_resources_again(site):
    conf = HEAD + '''
import sqlite3

class Store:
    def __init__(self):
        self.owner, self.link = os.getpid(), sqlite3.connect("store.db")

def on_starting(server):
    server.store = Store()
    server.store.link.execute("create table seen (pid)")
    server.store.link.commit()

def post_fork(server, worker):
    server.store = Store()

def post_worker_init(worker):
    note("post_worker_init")

def worker_exit(server, worker):
    server.store.link.execute("insert into seen values (?)", (worker.pid,))
    server.store.link.commit()
    note("worker_exit", owner=server.store.owner)

def on_exit(server):
    rows = server.store.link.execute("select pid from seen").fetchall()
    note("on_exit", owner=server.store.owner, seen=sorted(r[0] for r in rows))
'''
    server = start(site, conf, "-w", "2")
    pids = server.wait_workers(2)
    wait_note(server, "post_worker_init", 2)
    assert server.terminate() == 0
    assert all(n["owner"] == n["process"] for n in notes(server) if "owner" in n)
    assert wait_note(server, "on_exit")["seen"] == pids


def test_stacks_in_worker_abort(site):
    """As example configurations do: every thread's stack, in one text of many lines."""
    conf = '''
import sys
import threading
import traceback

def worker_abort(worker):
    lines = ["worker received ABRT"]
    for number, frame in sys._current_frames().items():
        lines.append("# Thread %d" % number)
        lines.extend(text for entry in traceback.format_stack(frame) for text in entry.splitlines())
    worker.log.info("\\n".join(lines))
'''
    server = start(site, conf, "--timeout", "1")
    server.get("/stuck")
    server.wait_log(r"\[INFO\] worker received ABRT\n# Thread \d+\n(?:  .*\n)*"
                    r"  File .*app.py\", line \d+, in app\n    time.sleep\(60\)\n")


# -- what stays in memory

LEAKS = HEAD + '''
import gc
import weakref

refs = []

def pre_fork(server, worker):
    worker.itself = worker
    worker.tmp.last_update()
    gc.collect()
    note("pre_fork", alive=sum(r() is not None for r in refs))

def child_exit(server, worker):
    refs.append(weakref.ref(worker))
'''


def test_ended_workers_are_freed(site):
    server = start(site, LEAKS)
    for count in range(1, 6):
        wait_note(server, "pre_fork", count)
        (worker,) = server.wait_workers(1)
        assert server.get("/").status == 200
        server.signal(signal.SIGKILL, worker)
    assert wait_note(server, "pre_fork", 6)["alive"] <= 1


def test_former_settings_are_freed(site):
    conf = HEAD + '''
import gc
import weakref
from refs import refs

def on_reload(server):
    server.cfg.settings["workers"].value
    server.cfg.mine = server.cfg
    gc.collect()
    note("on_reload", alive=sum(r() is not None for r in refs))
    refs.append(weakref.ref(server.cfg))
'''
    site.dir.write("refs.py", "refs = []\n")
    server = start(site, conf)
    for count in range(1, 7):
        server.wait_workers(1)
        server.signal(signal.SIGHUP)
        last = wait_note(server, "on_reload", count)
        server.wait_log("Booting worker", count + 1)
        procs.until(lambda: len(server.workers()) == 1, "the end of the old worker")
    assert last["alive"] <= 2


@pytest.mark.parametrize("options", [(), ("--threads", "2")])
def test_many_requests_leave_nothing(site, options):
    conf = '''
keepalive = 30
def post_fork(server, worker): pass
def on_starting(server): pass
def when_ready(server): pass

def pre_request(worker, req):
    req.headers.append(("X-NEW", req.path))
    req.mine = req
    req.first = req.remote_addr, req.body, req.version

def post_request(worker, req, environ, resp):
    resp.mine = resp, req, environ
    worker.last = req, resp, resp.headers
'''
    app = "def app(e, s):\n    s('200 OK', [('Content-Length', '2')])\n    return [b'ok']\n"
    # With the address sanitizer, what is freed is kept for a while.
    env = {"ASAN_OPTIONS": "quarantine_size_mb=1:" + os.environ.get("ASAN_OPTIONS", "")}
    server = site.start("app:app", *options, files={"app.py": app}, conf=conf, env=env)
    (worker,) = server.wait_workers(1)
    one = b"GET /x HTTP/1.1\r\nHost: x\r\n" + (b"\r\n" if options else
                                               b"Connection: close\r\n\r\n")

    def ask(count):
        if not options:
            for _ in range(count):
                assert client.exchange(server.address, one).endswith(b"ok")
            return
        with client.connect(server.address) as sock:
            for _ in range(count // 50):
                sock.sendall(one * 50)
                data = b""
                while data.count(b"\r\n\r\nok") < 50:
                    data += sock.recv(65536)

    def resident():
        return int(procs.status(worker)["VmRSS"].split()[0])

    ask(3000)
    before = resident()
    ask(20000 if options else 5000)
    assert server.workers() == [worker]
    assert resident() - before < 1024


# -- the documentation

def documented(section):
    """Names in the first column of the tables below a heading of doc/hooks.md."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(top, "doc/hooks.md"), encoding="utf-8") as text:
        body = text.read().partition("### %s\n" % section)[2].partition("\n##")[0]
    cells = " ".join(line.split("|")[1] for line in body.splitlines() if line.startswith("|"))
    prose = "" if section != "log" else body
    return set(re.findall(r"`(\w+)", cells + prose))


def test_every_attribute_is_documented(site):
    conf = HEAD + '''
def names(o):
    return [n for n in vars(type(o)) if not n.startswith("_")]

def post_request(worker, req, environ, resp):
    note("names", server=names(worker.server), worker=names(worker), cfg=names(worker.cfg),
         log=names(worker.log), app=names(worker.app), req=names(req), resp=names(resp))

def pre_fork(server, worker):
    worker.server = server
'''
    server = start(site, conf)
    server.get("/")
    seen = wait_note(server, "names")
    for section in ("server", "worker", "cfg", "log", "app", "req", "resp"):
        names = set(seen[section])
        assert names and names <= documented(section), section
        assert section in ("log", "worker") or documented(section) <= names, section

# -- the module gunicorn

NO_PACKAGE = '''
import sys
sys.path[:] = [p for p in sys.path if "dist-packages" not in p and "site-packages" not in p]
'''


def test_module(site):
    conf = HEAD + NO_PACKAGE + '''
import gunicorn
import importlib

def on_starting(server):
    note("on_starting", version=gunicorn.__version__, info=gunicorn.version_info,
         server=gunicorn.SERVER, software=gunicorn.SERVER_SOFTWARE, name=gunicorn.__name__)
    try:
        importlib.import_module("gunicorn.no_such")
    except ImportError as e:
        note("none", text=str(e))
'''
    server = start(site, conf)
    seen = wait_note(server, "on_starting")
    assert seen["version"] == "23.0.0" and seen["info"] == [23, 0, 0]
    assert (seen["server"], seen["software"]) == ("gunicorn", "gunicorn/23.0.0")
    assert wait_note(server, "none")["text"] == "No module named 'gunicorn.no_such'"
    answer = server.get("/")
    assert answer.header("Server") == "gunicorn"
    assert json.loads(answer.body)["SERVER_SOFTWARE"] == "gunicorn/23.0.0"


@pytest.mark.parametrize("where", ["configuration", "application", "package"])
def test_server_names(site, where):
    """A package of that name that is installed counts as well."""
    code = "import gunicorn\ngunicorn.SERVER = 'mine'\ngunicorn.SERVER_SOFTWARE = 'mine/1'\n"
    package = "__version__ = '1.2'\nSERVER = 'gunicorn'\nSERVER_SOFTWARE = 'gunicorn/1.2'\n"
    conf = NO_PACKAGE if where == "application" else code if where == "package" \
        else NO_PACKAGE + code
    files = {"app.py": (code if where == "application" else "") + APP,
             "__config_notes__.py": HEAD}
    if where == "package":
        files["gunicorn/__init__.py"] = package
    answer = site.start("app:app", files=files, conf=conf).get("/")
    assert answer.header("Server") == "mine"
    assert json.loads(answer.body)["SERVER_SOFTWARE"] == "mine/1"


def test_package_of_another_version(site):
    package = "__version__ = '1.2'\nSERVER = 'gunicorn'\nSERVER_SOFTWARE = 'gunicorn/1.2'\n"
    files = {"app.py": "import gunicorn\n" + APP, "__config_notes__.py": HEAD,
             "gunicorn/__init__.py": package}
    answer = site.start("app:app", files=files).get("/")
    assert answer.header("Server") == "gunicorn"
    assert json.loads(answer.body)["SERVER_SOFTWARE"] == "gunicorn/23.0.0"


def test_server_name_that_cannot_be_sent(site):
    code = NO_PACKAGE + "import gunicorn\ngunicorn.SERVER = 'a\\r\\nX: y'\n"
    server = start(site, code)
    assert server.get("/").header("Server") == "gunicorn"
    server.wait_log(r"\[WARNING\] gunicorn.SERVER can't be sent")


# -- forms of hooks

def test_hooks_of_a_yaml_file(site):
    site.dir.write("own_hooks.py", HEAD + "def ready(server): note('ready', pid=server.pid)\n")
    site.dir.write("site.yaml", "when_ready: own_hooks:ready\n")
    server = start(site, None, "-c", "site.yaml")
    assert wait_note(server, "ready")["pid"] == server.pid


def test_callables_of_all_kinds(site):
    conf = HEAD + '''
import functools

class Ready:
    def __call__(self, server):
        note("object", pid=server.pid)

    def method(self, server, worker):
        note("method", age=worker.age)

    @staticmethod
    def static(worker, req):
        note("static", path=req.path)

def with_default(worker, req, environ, resp=None):
    note("default", status=resp.status)

when_ready = Ready()
pre_fork = Ready().method
post_fork = functools.partial(lambda word, server, worker: note(word, pid=worker.pid), "partial")
pre_request = Ready.static
post_request = with_default
on_exit = lambda server: note("lambda")
'''
    server = start(site, conf)
    assert server.get("/p").status == 200
    assert wait_note(server, "default")["status"] == "200 OK"
    assert server.terminate() == 0
    assert [n for n in names(server) if n not in ("import", "app")] == [
        "object", "method", "partial", "static", "default", "lambda"]
