# The parsers' references: slow programs that say the same in another way. http_events is the C side; it
# reads its input from the test, so that it is none of the programs that are run.
EXTRA_PROGRAMS += %D%/http_events
CLEANFILES += %D%/http_events$(EXEEXT)
%C%_http_events_SOURCES = %D%/http_events.c tests/fuzz/stream.h
%C%_http_events_LDADD = libgn_http.la libgn_base.la

%D%/test_differential.log: %D%/http_events$(EXEEXT)
TESTS += %D%/test_differential.py
EXTRA_DIST += %D%/http_generator.py %D%/http_reference.py %D%/test_differential.py
