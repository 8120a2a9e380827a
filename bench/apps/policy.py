"""Applications for the choice between the loop's thread and the pool: see bench/policy.py."""
import threading
import time

BODY = b"Hello, world!\n"
HEAD = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def tiny(environ, start_response):
    start_response("200 OK", HEAD)
    return [BODY]


def cpu_1ms(environ, start_response):
    """About a millisecond of Python work."""
    end = time.thread_time_ns() + 1_000_000
    while time.thread_time_ns() < end:
        pass
    return tiny(environ, start_response)


def sleep_10ms(environ, start_response):
    time.sleep(0.010)
    return tiny(environ, start_response)


def rarely_slow(environ, start_response, counter=iter(range(1 << 62))):
    """One request of a hundred sleeps for 20 ms."""
    if next(counter) % 100 == 0:
        time.sleep(0.020)
    return tiny(environ, start_response)


def _burn():
    while True:
        sum(range(1000))


def busy_background(environ, start_response, started=[]):
    """Tiny, while another thread of the application computes all the time."""
    if not started:
        started.append(threading.Thread(target=_burn, daemon=True))
        started[0].start()
    return tiny(environ, start_response)
