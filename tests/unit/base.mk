# Unit tests of base; those of addr and ipnet are listed in config.mk.
check_PROGRAMS += \
	tests/unit/test_base_arena \
	tests/unit/test_base_buf \
	tests/unit/test_base_clock \
	tests/unit/test_base_err \
	tests/unit/test_base_fd \
	tests/unit/test_base_num \
	tests/unit/test_base_proc \
	tests/unit/test_base_slice

tests_unit_test_base_arena_SOURCES = tests/unit/test_base_arena.c
tests_unit_test_base_arena_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_buf_SOURCES = tests/unit/test_base_buf.c
tests_unit_test_base_buf_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_clock_SOURCES = tests/unit/test_base_clock.c
tests_unit_test_base_clock_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_err_SOURCES = tests/unit/test_base_err.c
tests_unit_test_base_err_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_fd_SOURCES = tests/unit/test_base_fd.c
tests_unit_test_base_fd_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_num_SOURCES = tests/unit/test_base_num.c
tests_unit_test_base_num_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_proc_SOURCES = tests/unit/test_base_proc.c
tests_unit_test_base_proc_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_slice_SOURCES = tests/unit/test_base_slice.c
tests_unit_test_base_slice_LDADD = libgn_base.la $(UNIT_LIBS)
