# The parsers' references: slow programs that say the same in another way. http_events is the C side.
check_PROGRAMS += %D%/http_events
%C%_http_events_SOURCES = %D%/http_events.c tests/fuzz/stream.h
%C%_http_events_LDADD = libgn_http.la libgn_base.la

TESTS += %D%/test_differential.py
EXTRA_DIST += %D%/http_generator.py %D%/http_reference.py %D%/test_differential.py
