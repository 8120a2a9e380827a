# tests: unit tests (C, libcheck), black-box tests (pytest), corpora and fuzz targets.
#
# Each fragment of tests/unit adds its programs to check_PROGRAMS; all of them are run.
TEST_EXTENSIONS = .py .sh
SH_LOG_COMPILER = $(SHELL)
PY_LOG_COMPILER = $(PYTHON3) -m pytest -q

# Where the tests find things, whatever folder the build is in. CK_FORK=no keeps libcheck in one process
# under the sanitizers, where a fork per test costs more than it isolates.
AM_TESTS_ENVIRONMENT = \
	GUNICORN='$(abs_top_builddir)/gunicorn'; export GUNICORN; \
	GN_TOP_SRCDIR='$(abs_top_srcdir)'; export GN_TOP_SRCDIR; \
	GN_TOP_BUILDDIR='$(abs_top_builddir)'; export GN_TOP_BUILDDIR; \
	PYTHON3='$(PYTHON3)'; export PYTHON3; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE;
if WITH_SANITIZERS
AM_TESTS_ENVIRONMENT += CK_FORK=no; export CK_FORK;
endif

include tests/unit/local.mk
include tests/blackbox/local.mk
include tests/fuzz/local.mk
include tests/reference/local.mk

EXTRA_DIST += tests/corpus tests/support
