# src/http: HTTP/1.x without I/O.
noinst_LTLIBRARIES += libgn_http.la
libgn_http_la_CFLAGS = $(STRICT_CFLAGS)
libgn_http_la_SOURCES = \
	%D%/body.c \
	%D%/body.h \
	%D%/chars.c \
	%D%/chars.h \
	%D%/errors.c \
	%D%/errors.def \
	%D%/errors.h \
	%D%/head.c \
	%D%/head.h \
	%D%/head_priv.h \
	%D%/headers.c \
	%D%/policy.c \
	%D%/policy.h \
	%D%/proxyproto.c \
	%D%/proxyproto.h \
	%D%/reqline.c \
	%D%/response.c \
	%D%/response.h \
	%D%/status.def
