"""A configuration file as many sites have it: workers by processors, logging of its own."""
import logging
import multiprocessing

bind = "127.0.0.1:8000"
workers = multiprocessing.cpu_count() * 2 + 1
timeout = 60
loglevel = logging.getLevelName(logging.INFO).lower()
accesslog = "-"
logging.getLogger("site").setLevel(logging.WARNING)
