"""Twenty lines of configuration as a small site writes them."""
import os

bind = ["127.0.0.1:8000", "unix:hello.sock"]
workers = int(os.environ.get("HELLO_WORKERS", "2"))
worker_class = "sync"
timeout = 60
graceful_timeout = 20
keepalive = 5
max_requests = 10000
max_requests_jitter = max_requests // 10
proc_name = "hello"
loglevel = "info"
errorlog = "-"
limit_request_line = 8190
raw_env = ["SITE=" + proc_name]


def when_ready(server):
    server.log.info("ready with %d workers", workers)
