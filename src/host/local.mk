# src/host: the interface to the language inside, and its test double.
noinst_LTLIBRARIES += libgn_host.la
libgn_host_la_SOURCES = \
	%D%/host.h \
	%D%/host_null.c \
	%D%/host_null.h
