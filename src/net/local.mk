noinst_LTLIBRARIES += libgn_net.la
libgn_net_la_SOURCES = \
	%D%/addr.c %D%/addr.h \
	%D%/listener.c %D%/listener.h \
	%D%/netmatch.c %D%/netmatch.h
