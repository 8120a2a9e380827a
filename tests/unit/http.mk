# Unit tests of http. test_http_corpus runs the cases of tests/corpus/requests.
http_test_libs = libgn_http.la libgn_base.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_http_body
tests_unit_test_http_body_SOURCES = tests/unit/test_http_body.c
tests_unit_test_http_body_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_chars
tests_unit_test_http_chars_SOURCES = tests/unit/test_http_chars.c
tests_unit_test_http_chars_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_corpus
tests_unit_test_http_corpus_SOURCES = tests/unit/test_http_corpus.c
tests_unit_test_http_corpus_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_errors
tests_unit_test_http_errors_SOURCES = tests/unit/test_http_errors.c
tests_unit_test_http_errors_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_head
tests_unit_test_http_head_SOURCES = tests/unit/test_http_head.c
tests_unit_test_http_head_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_headers
tests_unit_test_http_headers_SOURCES = tests/unit/test_http_headers.c
tests_unit_test_http_headers_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_policy
tests_unit_test_http_policy_SOURCES = tests/unit/test_http_policy.c
tests_unit_test_http_policy_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_proxyproto
tests_unit_test_http_proxyproto_SOURCES = tests/unit/test_http_proxyproto.c
tests_unit_test_http_proxyproto_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_reqline
tests_unit_test_http_reqline_SOURCES = tests/unit/test_http_reqline.c
tests_unit_test_http_reqline_LDADD = $(http_test_libs)

check_PROGRAMS += tests/unit/test_http_response
tests_unit_test_http_response_SOURCES = tests/unit/test_http_response.c
tests_unit_test_http_response_LDADD = $(http_test_libs)
