# src/worker: worker processes.
noinst_LTLIBRARIES += libgn_worker.la
libgn_worker_la_SOURCES = \
	%D%/common.c \
	%D%/conn.c \
	%D%/conn.h \
	%D%/deputy.c \
	%D%/deputy.h \
	%D%/engine.c \
	%D%/engine.h \
	%D%/guard.c \
	%D%/guard.h \
	%D%/pool.c \
	%D%/pool.h \
	%D%/request.c \
	%D%/request.h \
	%D%/resp.c \
	%D%/resp.h \
	%D%/resp_rest.c \
	%D%/service.c \
	%D%/service.h \
	%D%/slot.c \
	%D%/slot.h \
	%D%/sync.c \
	%D%/sync.h \
	%D%/thread.c \
	%D%/thread.h \
	%D%/types.def \
	%D%/wire.c \
	%D%/wire.h \
	%D%/watch.c \
	%D%/watch.h \
	%D%/watch_engine.c \
	%D%/watch_set.c \
	%D%/worker.h
