# Unit tests: one program per source file, test_MODULE_FILE.c. A module's fragment lists them so:
#
#     check_PROGRAMS += tests/unit/test_base_slice
#     tests_unit_test_base_slice_SOURCES = tests/unit/test_base_slice.c
#     tests_unit_test_base_slice_LDADD = libgn_base.la $(UNIT_LIBS)
#
# A test that is a script (.py, .sh) goes into TESTS and EXTRA_DIST.
# Link only what the folder under test may use: a wrong dependency then fails here.
if HAVE_CHECK
UNIT_LIBS = $(CHECK_LIBS) $(PTHREAD_LIBS)

include tests/unit/base.mk
include tests/unit/config.mk
include tests/unit/http.mk
include tests/unit/log.mk
include tests/unit/net.mk
include tests/unit/arbiter.mk
include tests/unit/worker.mk
include tests/unit/schema.mk
TESTS += $(check_PROGRAMS)
else
check-local:
	@echo 'make check: libcheck was not found by configure: install the Debian package check and' \
		'run configure again' >&2; exit 1
endif

# Everything but the black-box tests.
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter-out $(blackbox_tests),$(TESTS))'

.PHONY: check-unit
