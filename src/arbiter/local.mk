# src/arbiter: the master process.
noinst_LTLIBRARIES += libgn_arbiter.la
libgn_arbiter_la_SOURCES = \
	%D%/arbiter.c \
	%D%/arbiter.h \
	%D%/arbiter_int.h \
	%D%/death.c \
	%D%/generation.c \
	%D%/heartbeat.c \
	%D%/notify.c \
	%D%/pidfile.c \
	%D%/reap.c \
	%D%/recycle.c \
	%D%/reexec.c \
	%D%/reload.c \
	%D%/scoreboard.c \
	%D%/sigpipe.c \
	%D%/sigtable.def \
	%D%/spawn.c \
	%D%/stop.c \
	%D%/view.c \
	%D%/view.h
