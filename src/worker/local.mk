# src/worker: worker processes.
noinst_LTLIBRARIES += libgn_worker.la
libgn_worker_la_SOURCES = \
	%D%/common.c \
	%D%/conn.c \
	%D%/conn.h \
	%D%/resp.c \
	%D%/resp.h \
	%D%/service.c \
	%D%/service.h \
	%D%/sync.c \
	%D%/sync.h \
	%D%/types.def \
	%D%/worker.h
