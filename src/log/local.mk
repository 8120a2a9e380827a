noinst_LTLIBRARIES += libgn_log.la
libgn_log_la_SOURCES = \
	%D%/basic_user.c \
	%D%/escape.c %D%/escape.h \
	%D%/format_spec.c %D%/format_spec.h \
	%D%/log.c %D%/log.h \
	%D%/log_access.c %D%/log_access.h \
	%D%/log_atoms.def
