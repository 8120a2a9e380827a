noinst_LTLIBRARIES += libgn_py.la
libgn_py_la_CPPFLAGS = $(AM_CPPFLAGS) $(PYTHON_CFLAGS)
libgn_py_la_SOURCES = \
	%D%/py.h \
	%D%/py_app.c \
	%D%/py_app_view.c \
	%D%/py_arbiter.c \
	%D%/py_cfg.c \
	%D%/py_check.c \
	%D%/py_check.py \
	%D%/py_conf.c \
	%D%/py_environ.c \
	%D%/py_err.c \
	%D%/py_errors.c \
	%D%/py_file.c \
	%D%/py_home.c \
	%D%/py_hooks.c \
	%D%/py_host.c \
	%D%/py_host.h \
	%D%/py_input.c \
	%D%/py_intern.c \
	%D%/py_intern.def \
	%D%/py_limit.c \
	%D%/py_lines.c \
	%D%/py_listener.c \
	%D%/py_log.c \
	%D%/py_marks.c \
	%D%/py_module.c \
	%D%/py_package.c \
	%D%/py_paths.c \
	%D%/py_places.c \
	%D%/py_places.h \
	%D%/py_req.c \
	%D%/py_signals.c \
	%D%/py_reload.c \
	%D%/py_sock.c \
	%D%/py_stores.c \
	%D%/py_tls.c \
	%D%/py_tls_hook.c \
	%D%/py_tls_sock.c \
	%D%/py_timeout.c \
	%D%/py_value.c \
	%D%/py_view.c \
	%D%/py_view.h \
	%D%/py_worker.c \
	%D%/py_wsgi.c

# A piece of Python that is run in checks, as text of C.
src/py/py_check.inc: $(srcdir)/%D%/py_check.py
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' $(srcdir)/%D%/py_check.py >$@.new && mv $@.new $@

nodist_libgn_py_la_SOURCES = src/py/py_check.inc
BUILT_SOURCES += src/py/py_check.inc
CLEANFILES += src/py/py_check.inc
