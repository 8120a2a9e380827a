# Unit tests of log.
check_PROGRAMS += \
	tests/unit/test_log_basic_user \
	tests/unit/test_log_escape \
	tests/unit/test_log_format_spec \
	tests/unit/test_log_log \
	tests/unit/test_log_log_access

tests_unit_test_log_basic_user_SOURCES = tests/unit/test_log_basic_user.c
tests_unit_test_log_basic_user_LDADD = libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_log_escape_SOURCES = tests/unit/test_log_escape.c
tests_unit_test_log_escape_LDADD = libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_log_format_spec_SOURCES = tests/unit/test_log_format_spec.c
tests_unit_test_log_format_spec_LDADD = libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_log_log_SOURCES = tests/unit/test_log_log.c
tests_unit_test_log_log_LDADD = libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_log_log_access_SOURCES = tests/unit/test_log_log_access.c
tests_unit_test_log_log_access_LDADD = libgn_log.la libgn_base.la $(UNIT_LIBS)
