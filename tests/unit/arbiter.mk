# Unit tests of arbiter: each is a whole master with workers that do as told.
check_PROGRAMS += \
	tests/unit/test_arbiter_death \
	tests/unit/test_arbiter_heartbeat \
	tests/unit/test_arbiter_notify \
	tests/unit/test_arbiter_pidfile \
	tests/unit/test_arbiter_reap \
	tests/unit/test_arbiter_recycle \
	tests/unit/test_arbiter_reexec \
	tests/unit/test_arbiter_reload \
	tests/unit/test_arbiter_sigpipe \
	tests/unit/test_arbiter_spawn \
	tests/unit/test_arbiter_stop

arbiter_test_support = \
	tests/unit/test_arbiter_support.c tests/unit/test_arbiter_support.h
arbiter_test_libs = \
	libgn_arbiter.la libgn_net.la libgn_config.la libgn_host.la libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_arbiter_death_SOURCES = tests/unit/test_arbiter_death.c $(arbiter_test_support)
tests_unit_test_arbiter_death_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_heartbeat_SOURCES = tests/unit/test_arbiter_heartbeat.c $(arbiter_test_support)
tests_unit_test_arbiter_heartbeat_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_pidfile_SOURCES = tests/unit/test_arbiter_pidfile.c $(arbiter_test_support)
tests_unit_test_arbiter_pidfile_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_reap_SOURCES = tests/unit/test_arbiter_reap.c $(arbiter_test_support)
tests_unit_test_arbiter_reap_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_recycle_SOURCES = tests/unit/test_arbiter_recycle.c $(arbiter_test_support)
tests_unit_test_arbiter_recycle_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_reload_SOURCES = tests/unit/test_arbiter_reload.c $(arbiter_test_support)
tests_unit_test_arbiter_reload_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_sigpipe_SOURCES = tests/unit/test_arbiter_sigpipe.c $(arbiter_test_support)
tests_unit_test_arbiter_sigpipe_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_spawn_SOURCES = tests/unit/test_arbiter_spawn.c $(arbiter_test_support)
tests_unit_test_arbiter_spawn_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_stop_SOURCES = tests/unit/test_arbiter_stop.c $(arbiter_test_support)
tests_unit_test_arbiter_stop_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_notify_SOURCES = tests/unit/test_arbiter_notify.c $(arbiter_test_support)
tests_unit_test_arbiter_notify_LDADD = $(arbiter_test_libs)

tests_unit_test_arbiter_reexec_SOURCES = tests/unit/test_arbiter_reexec.c $(arbiter_test_support)
tests_unit_test_arbiter_reexec_LDADD = $(arbiter_test_libs)
