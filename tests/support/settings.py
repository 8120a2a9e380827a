"""The 93 documented settings: how each is printed by default, and one other value in all forms."""

import collections
import grp
import os
import pwd
import re

# Printed defaults in the order of the plain table. The test fills in {cwd}, {uid} and {gid}.
DEFAULTS = {
    "access_log_format": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    "accesslog": "None",
    "backlog": "2048",
    "bind": "['127.0.0.1:8000']",
    "ca_certs": "None",
    "capture_output": "False",
    "casefold_http_method": "False",
    "cert_reqs": "0",
    "certfile": "None",
    "chdir": "{cwd}",
    "check_config": "False",
    "child_exit": "<ChildExit.child_exit()>",
    "ciphers": "None",
    "config": "./gunicorn.conf.py",
    "daemon": "False",
    "default_proc_name": "app:app",
    "disable_redirect_access_to_syslog": "False",
    "do_handshake_on_connect": "False",
    "dogstatsd_tags": "",
    "enable_stdio_inheritance": "False",
    "errorlog": "-",
    "forwarded_allow_ips": "['127.0.0.1', '::1']",
    "forwarder_headers": "['SCRIPT_NAME', 'PATH_INFO']",
    "graceful_timeout": "30",
    "group": "{gid}",
    "header_map": "drop",
    "initgroups": "False",
    "keepalive": "2",
    "keyfile": "None",
    "limit_request_field_size": "8190",
    "limit_request_fields": "100",
    "limit_request_line": "4094",
    "logconfig": "None",
    "logconfig_dict": "{{}}",
    "logconfig_json": "None",
    "logger_class": "gunicorn.glogging.Logger",
    "loglevel": "info",
    "max_requests": "0",
    "max_requests_jitter": "0",
    "nworkers_changed": "<NumWorkersChanged.nworkers_changed()>",
    "on_exit": "<OnExit.on_exit()>",
    "on_reload": "<OnReload.on_reload()>",
    "on_starting": "<OnStarting.on_starting()>",
    "paste": "None",
    "permit_obsolete_folding": "False",
    "permit_unconventional_http_method": "False",
    "permit_unconventional_http_version": "False",
    "pidfile": "None",
    "post_fork": "<Postfork.post_fork()>",
    "post_request": "<PostRequest.post_request()>",
    "post_worker_init": "<PostWorkerInit.post_worker_init()>",
    "pre_exec": "<PreExec.pre_exec()>",
    "pre_fork": "<Prefork.pre_fork()>",
    "pre_request": "<PreRequest.pre_request()>",
    "preload_app": "False",
    "print_config": "True",
    "proc_name": "None",
    "proxy_allow_ips": "['127.0.0.1', '::1']",
    "proxy_protocol": "False",
    "pythonpath": "None",
    "raw_env": "[]",
    "raw_paste_global_conf": "[]",
    "reload": "False",
    "reload_engine": "auto",
    "reload_extra_files": "[]",
    "reuse_port": "False",
    "secure_scheme_headers": "{{'X-FORWARDED-PROTOCOL': 'ssl', 'X-FORWARDED-PROTO': 'https', "
                             "'X-FORWARDED-SSL': 'on'}}",
    "sendfile": "None",
    "spew": "False",
    "ssl_context": "<NewSSLContext.ssl_context()>",
    "ssl_version": "2",
    "statsd_host": "None",
    "statsd_prefix": "",
    "strip_header_spaces": "False",
    "suppress_ragged_eofs": "True",
    "syslog": "False",
    "syslog_addr": "udp://localhost:514",
    "syslog_facility": "user",
    "syslog_prefix": "None",
    "threads": "1",
    "timeout": "30",
    "tmp_upload_dir": "None",
    "umask": "0",
    "user": "{uid}",
    "when_ready": "<WhenReady.when_ready()>",
    "worker_abort": "<WorkerAbort.worker_abort()>",
    "worker_class": "sync",
    "worker_connections": "1000",
    "worker_exit": "<WorkerExit.worker_exit()>",
    "worker_int": "<WorkerInt.worker_int()>",
    "worker_tmp_dir": "None",
    "workers": "1",
    "wsgi_app": "None",
}

HOOKS = {
    "on_starting": 1, "on_reload": 1, "when_ready": 1, "pre_fork": 2, "post_fork": 2,
    "post_worker_init": 1, "worker_int": 1, "worker_abort": 1, "pre_exec": 1, "pre_request": 2,
    "post_request": 4, "child_exit": 2, "worker_exit": 2, "nworkers_changed": 3, "on_exit": 1,
    "ssl_context": 2,
}

# All documented flags; the first long one of each setting is the one that the tests use.
FLAGS = {
    "config": ["-c", "--config"], "reload": ["--reload"], "reload_engine": ["--reload-engine"],
    "reload_extra_files": ["--reload-extra-file"], "spew": ["--spew"],
    "check_config": ["--check-config"], "print_config": ["--print-config"],
    "accesslog": ["--access-logfile"],
    "disable_redirect_access_to_syslog": ["--disable-redirect-access-to-syslog"],
    "access_log_format": ["--access-logformat"], "errorlog": ["--error-logfile", "--log-file"],
    "loglevel": ["--log-level"], "capture_output": ["--capture-output"],
    "logger_class": ["--logger-class"], "logconfig": ["--log-config"],
    "logconfig_json": ["--log-config-json"], "syslog_addr": ["--log-syslog-to"],
    "syslog": ["--log-syslog"], "syslog_prefix": ["--log-syslog-prefix"],
    "syslog_facility": ["--log-syslog-facility"],
    "enable_stdio_inheritance": ["-R", "--enable-stdio-inheritance"],
    "statsd_host": ["--statsd-host"], "dogstatsd_tags": ["--dogstatsd-tags"],
    "statsd_prefix": ["--statsd-prefix"], "proc_name": ["-n", "--name"],
    "keyfile": ["--keyfile"], "certfile": ["--certfile"], "ssl_version": ["--ssl-version"],
    "cert_reqs": ["--cert-reqs"], "ca_certs": ["--ca-certs"],
    "suppress_ragged_eofs": ["--suppress-ragged-eofs"],
    "do_handshake_on_connect": ["--do-handshake-on-connect"], "ciphers": ["--ciphers"],
    "limit_request_line": ["--limit-request-line"],
    "limit_request_fields": ["--limit-request-fields"],
    "limit_request_field_size": ["--limit-request-field_size"], "preload_app": ["--preload"],
    "sendfile": ["--no-sendfile"], "reuse_port": ["--reuse-port"], "chdir": ["--chdir"],
    "daemon": ["-D", "--daemon"], "raw_env": ["-e", "--env"], "pidfile": ["-p", "--pid"],
    "worker_tmp_dir": ["--worker-tmp-dir"], "user": ["-u", "--user"], "group": ["-g", "--group"],
    "umask": ["-m", "--umask"], "initgroups": ["--initgroups"],
    "forwarded_allow_ips": ["--forwarded-allow-ips"], "pythonpath": ["--pythonpath"],
    "paste": ["--paste", "--paster"], "proxy_protocol": ["--proxy-protocol"],
    "proxy_allow_ips": ["--proxy-allow-from"], "raw_paste_global_conf": ["--paste-global"],
    "permit_obsolete_folding": ["--permit-obsolete-folding"],
    "strip_header_spaces": ["--strip-header-spaces"],
    "permit_unconventional_http_method": ["--permit-unconventional-http-method"],
    "permit_unconventional_http_version": ["--permit-unconventional-http-version"],
    "casefold_http_method": ["--casefold-http-method"],
    "forwarder_headers": ["--forwarder-headers"], "header_map": ["--header-map"],
    "bind": ["-b", "--bind"], "backlog": ["--backlog"], "workers": ["-w", "--workers"],
    "worker_class": ["-k", "--worker-class"], "threads": ["--threads"],
    "worker_connections": ["--worker-connections"], "max_requests": ["--max-requests"],
    "max_requests_jitter": ["--max-requests-jitter"], "timeout": ["-t", "--timeout"],
    "graceful_timeout": ["--graceful-timeout"], "keepalive": ["--keep-alive"],
}

# One value other than the default: the word on the command line (None: the flag alone), the Python
# literal in a configuration file, and what is printed.
Row = collections.namedtuple("Row", "name word literal printed")


def _text(name, word):
    return Row(name, word, repr(word), word)


def _number(name, number):
    return Row(name, str(number), str(number), str(number))


def _switch(name):
    return Row(name, None, "True", "True")


ROWS = [
    _text("access_log_format", "%(h)s %(s)s"),
    _text("accesslog", "access.log"),
    _number("backlog", 64),
    Row("bind", "127.0.0.1:8001", "'127.0.0.1:8001'", "['127.0.0.1:8001']"),
    _text("ca_certs", "ca.pem"),
    _switch("capture_output"),
    _switch("casefold_http_method"),
    _number("cert_reqs", 1),
    Row("chdir", "sub", "'sub'", "{cwd}/sub"),
    _text("ciphers", "ECDHE-RSA-AES256-GCM-SHA384"),
    _switch("daemon"),
    _switch("disable_redirect_access_to_syslog"),
    _switch("do_handshake_on_connect"),
    _text("dogstatsd_tags", "team:web"),
    _switch("enable_stdio_inheritance"),
    _text("errorlog", "error.log"),
    Row("forwarded_allow_ips", "10.0.0.1, 10.0.0.2", "'10.0.0.1, 10.0.0.2'",
        "['10.0.0.1', '10.0.0.2']"),
    Row("forwarder_headers", "REMOTE_USER,X", "'REMOTE_USER,X'", "['REMOTE_USER', 'X']"),
    _number("graceful_timeout", 7),
    Row("group", "{group}", "'{group}'", "{gid}"),
    _text("header_map", "refuse"),
    _switch("initgroups"),
    _number("keepalive", 5),
    _number("limit_request_field_size", 500),
    _number("limit_request_fields", 50),
    _number("limit_request_line", 1000),
    _text("logconfig", "log.ini"),
    _text("logconfig_json", "log.json"),
    _text("loglevel", "debug"),
    _number("max_requests", 10),
    Row("max_requests_jitter", "3", "3", "3"),
    _text("pidfile", "x.pid"),
    _switch("permit_obsolete_folding"),
    _switch("permit_unconventional_http_method"),
    _switch("permit_unconventional_http_version"),
    _switch("preload_app"),
    _text("proc_name", "shop"),
    Row("proxy_allow_ips", "10.0.0.3", "'10.0.0.3'", "['10.0.0.3']"),
    _text("pythonpath", "sub"),
    Row("raw_env", "A=1", "['A=1']", "['A=1']"),
    Row("raw_paste_global_conf", "k=v", "['k=v']", "['k=v']"),
    _switch("reload"),
    _text("reload_engine", "poll"),
    Row("reload_extra_files", "extra.txt", "['extra.txt']", "['extra.txt']"),
    _switch("reuse_port"),
    Row("sendfile", None, "False", "False"),
    _switch("spew"),
    Row("statsd_host", "localhost:8125", "'localhost:8125'", "('localhost', 8125)"),
    _text("statsd_prefix", "web"),
    _switch("strip_header_spaces"),
    _switch("syslog"),
    _text("syslog_addr", "udp://127.0.0.1:5140"),
    _text("syslog_facility", "local0"),
    _text("syslog_prefix", "shop"),
    _number("threads", 2),
    _number("timeout", 10),
    Row("umask", "022", "0o22", "18"),
    Row("user", "{user}", "'{user}'", "{uid}"),
    _text("worker_class", "gthread"),
    _number("worker_connections", 10),
    _text("worker_tmp_dir", "sub"),
    _number("workers", 3),
]

FILE_ROWS = [
    Row("default_proc_name", None, "'shop'", "shop"),
    Row("logconfig_dict", None, "{'version': 1}", "{'version': 1}"),
    Row("secure_scheme_headers", None, "{'X-A': 'b'}", "{'X-A': 'b'}"),
    Row("suppress_ragged_eofs", None, "False", "False"),
    Row("tmp_upload_dir", None, "'sub'", "sub"),
    Row("wsgi_app", None, "'app:app'", "app:app"),
]


def long_flag(name):
    return next(flag for flag in FLAGS[name] if flag.startswith("--"))


def words(row, values):
    """The command line words that set the row's value."""
    flag = long_flag(row.name)
    return [flag] if row.word is None else [flag, row.word.format(**values)]


def expected_defaults(values):
    return {name: text.format(**values) for name, text in DEFAULTS.items()}


LINE = re.compile(r"([a-z_]+) *= (.*)")


def parse(table):
    """The printed table as a dict, in its order."""
    result = {}
    for line in table.splitlines():
        match = LINE.fullmatch(line)
        assert match, "not a line of the table: %r" % line
        assert match.group(1) not in result, "twice: " + line
        result[match.group(1)] = match.group(2)
    return result


def facts(directory):
    """What the placeholders of the tables stand for."""
    uid, gid = os.geteuid(), os.getegid()
    return {"cwd": os.path.realpath(str(directory)), "uid": uid, "gid": gid,
            "user": pwd.getpwuid(uid).pw_name, "group": grp.getgrgid(gid).gr_name}
