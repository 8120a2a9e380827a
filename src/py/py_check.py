"""What a check asks of classes and log configurations. Runs in a process that ends next."""

import sys

WORKER_METHODS = ("init_process", "run", "notify", "init_signals", "load_wsgi")
LOGGER_METHODS = ("debug", "info", "warning", "error", "critical", "exception", "log", "access",
                  "reopen_files", "close_on_exec")


class Wrong(Exception):
    """A message for the user, without a traceback."""


def from_entry_point(distribution, group, name):
    from importlib import metadata
    try:
        points = metadata.distribution(distribution).entry_points
    except metadata.PackageNotFoundError:
        raise Wrong("there is no distribution %r" % distribution) from None
    for point in points:
        if point.group == group and point.name == name:
            return point.load()
    raise Wrong("the distribution %r has no entry point %r in %s" % (distribution, name, group))


def by_name(uri, group):
    """The object that a dotted path, `egg:DISTRIBUTION#NAME` or the name of an entry point means."""
    if uri.startswith("egg:"):
        distribution, _, name = uri[4:].rpartition("#")
        if not distribution or not name:
            raise Wrong("%r is not of the form egg:DISTRIBUTION#NAME" % uri)
        return from_entry_point(distribution, group, name)
    module, _, name = uri.rpartition(".")
    if not module:
        from importlib import metadata
        for point in metadata.entry_points(group=group, name=uri):
            return point.load()
        raise Wrong("there is no class %r, and no entry point of this name in %s" % (uri, group))
    __import__(module)
    try:
        return getattr(sys.modules[module], name)
    except AttributeError:
        raise Wrong("the module %r has no class %r" % (module, name)) from None


def check_class(value, group, methods):
    if isinstance(value, str):
        try:
            value = by_name(value, group)
        except ModuleNotFoundError as error:
            # This version says that it has none; that it lacks the package is no news then.
            if error.name and error.name.partition(".")[0] == "gunicorn":
                return
            raise
    if not isinstance(value, type):
        raise Wrong("%r is not a class" % (value,))
    missing = [name for name in methods if not callable(getattr(value, name, None))]
    if missing:
        raise Wrong("the class %s.%s lacks the methods %s" % (
            value.__module__, value.__qualname__, ", ".join(missing)))


def watch_files():
    """Log files are neither made nor emptied: whether they could be is looked up."""
    import errno
    import logging
    import os

    def opens(handler):
        path = handler.baseFilename
        place = os.path.dirname(path)
        # Raises what opening would raise.
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not os.path.exists(path):
            os.stat(place)
        if not os.access(path if os.path.exists(path) else place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return open(os.devnull, "a")

    logging.FileHandler._open = opens


def section_of(error):
    """Section of the INI file that was being read when the exception was raised, or None."""
    import logging.config
    found, trace = None, error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_filename == logging.config.__file__:
            values = frame.f_locals
            name = getattr(values.get("section"), "name", None) or values.get("sectname")
            found = name or found
        trace = trace.tb_next
    return found


def chain(error):
    """The messages of an exception and its causes."""
    texts = []
    while error is not None:
        text = str(error) if type(error) is ValueError else "%s: %s" % (
            type(error).__name__, error)
        if text not in texts:
            texts.append(text)
        error = error.__cause__
    return ": ".join(texts)


def check_log_file(path):
    import configparser
    import logging.config
    import os
    defaults = {"__file__": path, "here": os.path.dirname(path)}
    try:
        logging.config.fileConfig(path, defaults=defaults, disable_existing_loggers=False)
    except KeyError as error:
        section = section_of(error)
        raise Wrong("%s: %s" % (path, "section [%s] lacks %s" % (section, error) if section
                                else "there is no section or entry %s" % error)) from None
    except configparser.Error as error:
        raise Wrong("%s: %s" % (path, str(error).replace("\n", " "))) from None
    except Exception as error:
        section = section_of(error)
        where = "%s, section [%s]" % (path, section) if section else path
        raise Wrong("%s: %s" % (where, chain(error))) from None


def check_log_dict(value, place=""):
    import logging.config
    whole = {
        "version": 1,
        "disable_existing_loggers": False,
        "root": {"level": "INFO", "handlers": ["console"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": True},
            "gunicorn.access": {"level": "INFO", "handlers": ["console"], "propagate": True},
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "generic",
                        "stream": "ext://sys.stdout"},
            "error_console": {"class": "logging.StreamHandler", "formatter": "generic",
                              "stream": "ext://sys.stderr"},
        },
        "formatters": {"generic": {"class": "logging.Formatter"}},
    }
    whole.update(value)
    try:
        logging.config.dictConfig(whole)
    except Exception as error:
        raise Wrong(place + chain(error)) from None


def check_log_json(path):
    import json
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except ValueError as error:
        raise Wrong("%s: %s" % (path, error)) from None
    if not isinstance(value, dict):
        raise Wrong("%s: not an object" % path)
    check_log_dict(value, path + ": ")


def check(what, value):
    """None, a message, or an exception with the frames of user code."""
    if what >= 2:
        watch_files()
    try:
        if what == 0:
            check_class(value, "gunicorn.workers", WORKER_METHODS)
        elif what == 1:
            check_class(value, "gunicorn.loggers", LOGGER_METHODS)
        else:
            (check_log_file, check_log_json, check_log_dict)[what - 2](value)
    except Wrong as error:
        return str(error)
    except BaseException as error:
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        return error.with_traceback(frames)
    return None
