# Fuzz targets. With --enable-fuzz they are libFuzzer programs: `tests/fuzz/fuzz_request CORPUS-FOLDER`;
# otherwise make check replays the seeds of tests/corpus/fuzz with them, see replay.c.
fuzz_targets = \
	%D%/fuzz_argv \
	%D%/fuzz_body \
	%D%/fuzz_ini \
	%D%/fuzz_json \
	%D%/fuzz_logformat \
	%D%/fuzz_proxy \
	%D%/fuzz_request \
	%D%/fuzz_response \
	%D%/fuzz_split \
	%D%/fuzz_words \
	%D%/fuzz_yaml

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

%C%_fuzz_proxy_SOURCES = %D%/fuzz_proxy.c $(fuzz_main)
%C%_fuzz_proxy_LDADD = libgn_http.la libgn_base.la
%C%_fuzz_proxy_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_request_SOURCES = %D%/fuzz_request.c $(fuzz_main)
%C%_fuzz_request_LDADD = libgn_http.la libgn_base.la
%C%_fuzz_request_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_response_SOURCES = %D%/fuzz_response.c $(fuzz_main)
%C%_fuzz_response_LDADD = libgn_worker.la libgn_http.la libgn_net.la libgn_config.la libgn_host.la libgn_log.la \
	libgn_base.la
%C%_fuzz_response_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_split_SOURCES = %D%/fuzz_split.c %D%/stream.h $(fuzz_main)
%C%_fuzz_split_LDADD = libgn_http.la libgn_base.la
%C%_fuzz_split_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_logformat_SOURCES = %D%/fuzz_logformat.c $(fuzz_main)
%C%_fuzz_logformat_LDADD = libgn_log.la libgn_base.la
%C%_fuzz_logformat_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_argv_SOURCES = %D%/fuzz_argv.c %D%/config_target.h $(fuzz_main)
%C%_fuzz_argv_LDADD = libgn_config.la libgn_log.la libgn_base.la
%C%_fuzz_argv_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_ini_SOURCES = %D%/fuzz_ini.c %D%/config_target.h $(fuzz_main)
%C%_fuzz_ini_LDADD = libgn_config.la libgn_log.la libgn_base.la
%C%_fuzz_ini_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_json_SOURCES = %D%/fuzz_json.c %D%/config_target.h $(fuzz_main)
%C%_fuzz_json_LDADD = libgn_config.la libgn_log.la libgn_base.la
%C%_fuzz_json_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_words_SOURCES = %D%/fuzz_words.c %D%/config_target.h $(fuzz_main)
%C%_fuzz_words_LDADD = libgn_config.la libgn_log.la libgn_base.la
%C%_fuzz_words_LDFLAGS = $(fuzz_ldflags)

%C%_fuzz_yaml_SOURCES = %D%/fuzz_yaml.c %D%/config_target.h $(fuzz_main)
%C%_fuzz_yaml_LDADD = libgn_config.la libgn_log.la libgn_base.la
%C%_fuzz_yaml_LDFLAGS = $(fuzz_ldflags)
