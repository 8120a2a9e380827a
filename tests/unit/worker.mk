# Unit tests of worker: connections, responses and threads over loopback sockets.
check_PROGRAMS += \
	tests/unit/test_worker_conn \
	tests/unit/test_worker_resp \
	tests/unit/test_worker_thread \
	tests/unit/test_worker_wire \
	tests/unit/test_worker_watch

worker_test_support = tests/unit/test_worker_support.h
worker_test_libs = \
	libgn_worker.la libgn_http.la libgn_net.la libgn_config.la libgn_host.la libgn_log.la \
	libgn_base.la $(UNIT_LIBS)

tests_unit_test_worker_conn_SOURCES = tests/unit/test_worker_conn.c $(worker_test_support)
tests_unit_test_worker_conn_LDADD = $(worker_test_libs)

tests_unit_test_worker_resp_SOURCES = tests/unit/test_worker_resp.c $(worker_test_support)
tests_unit_test_worker_resp_LDADD = $(worker_test_libs)

tests_unit_test_worker_thread_SOURCES = tests/unit/test_worker_thread.c $(worker_test_support)
tests_unit_test_worker_thread_LDADD = $(worker_test_libs)

tests_unit_test_worker_wire_SOURCES = tests/unit/test_worker_wire.c $(worker_test_support)
tests_unit_test_worker_wire_CPPFLAGS = $(AM_CPPFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_worker_wire_LDADD = $(worker_test_libs) $(OPENSSL_LIBS)
tests_unit_test_worker_watch_SOURCES = tests/unit/test_worker_watch.c
tests_unit_test_worker_watch_LDADD = $(worker_test_libs)
