# src/base: what everything else stands on.
noinst_LTLIBRARIES += libgn_base.la
libgn_base_la_CFLAGS = $(STRICT_CFLAGS)
libgn_base_la_SOURCES = \
	%D%/addr.c \
	%D%/addr.h \
	%D%/arena.c \
	%D%/arena.h \
	%D%/buf.c \
	%D%/buf.h \
	%D%/clock.c \
	%D%/clock.h \
	%D%/compiler.h \
	%D%/err.c \
	%D%/err.h \
	%D%/fd.c \
	%D%/fd.h \
	%D%/ipnet.c \
	%D%/ipnet.h \
	%D%/num.c \
	%D%/num.h \
	%D%/proc.c \
	%D%/proc.h \
	%D%/slice.c \
	%D%/slice.h
