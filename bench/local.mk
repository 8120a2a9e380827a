# bench: measurements; nothing here is built by default. `make bench-limits` builds the limit programs and the one that
# times the request parser.
EXTRA_PROGRAMS += %D%/limit_embed %D%/limit_epoll %D%/parse
CLEANFILES += %D%/limit_embed %D%/limit_epoll %D%/parse

%C%_limit_embed_SOURCES = %D%/limit_embed.c
%C%_limit_embed_CPPFLAGS = $(AM_CPPFLAGS) $(PYTHON_CFLAGS)
%C%_limit_embed_LDADD = $(PYTHON_LIBS)
%C%_limit_epoll_SOURCES = %D%/limit_epoll.c
%C%_parse_SOURCES = %D%/parse.c
%C%_parse_LDADD = libgn_http.la libgn_base.la

EXTRA_DIST += \
	%D%/README.md \
	%D%/apps \
	%D%/common.py \
	%D%/config.py \
	%D%/download.py \
	%D%/hello.py \
	%D%/load.py \
	%D%/memory.py \
	%D%/policy.py \
	%D%/parse.py \
	%D%/startup.py \
	%D%/startup.py \
	%D%/upload.py

bench-limits: %D%/limit_embed$(EXEEXT) %D%/limit_epoll$(EXEEXT) %D%/parse$(EXEEXT)

.PHONY: bench-limits
