# Fuzz targets. With --enable-fuzz they are libFuzzer programs: `tests/fuzz/fuzz_request CORPUS-FOLDER`;
# otherwise make check replays the seeds of tests/corpus/fuzz with them, see replay.c.
fuzz_targets = \
	%D%/fuzz_body \
	%D%/fuzz_logformat \
	%D%/fuzz_request

if WITH_FUZZ
noinst_PROGRAMS += $(fuzz_targets)
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_PROGRAMS += $(fuzz_targets)
fuzz_main = %D%/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif

EXTRA_DIST += %D%/replay.c

%C%_fuzz_body_SOURCES = %D%/fuzz_body.c $(fuzz_main)
%C%_fuzz_body_LDADD = libgn_http.la libgn_base.la
%C%_fuzz_body_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_request_SOURCES = %D%/fuzz_request.c $(fuzz_main)
%C%_fuzz_request_LDADD = libgn_http.la libgn_base.la
%C%_fuzz_request_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_logformat_SOURCES = %D%/fuzz_logformat.c $(fuzz_main)
%C%_fuzz_logformat_LDADD = libgn_log.la libgn_base.la
%C%_fuzz_logformat_LDFLAGS = $(fuzz_ldflags)
