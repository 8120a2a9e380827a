noinst_LTLIBRARIES += libgn_net.la
libgn_net_la_SOURCES = \
	%D%/addr.c %D%/addr.h \
	%D%/listener.c %D%/listener.h \
	%D%/netmatch.c %D%/netmatch.h \
	%D%/sd.c %D%/sd.h \
	%D%/tls.h %D%/tls_int.h %D%/tls_cert.c %D%/tls_ctx.c %D%/tls_openssl.c
libgn_net_la_CPPFLAGS = $(AM_CPPFLAGS) $(OPENSSL_CFLAGS)
libgn_net_la_LIBADD = $(OPENSSL_LIBS)
