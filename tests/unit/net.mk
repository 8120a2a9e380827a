# Unit tests of net.
check_PROGRAMS += \
	tests/unit/test_net_addr \
	tests/unit/test_net_listener \
	tests/unit/test_net_netmatch \
	tests/unit/test_net_tls \
	tests/unit/test_net_sd

tests_unit_test_net_addr_SOURCES = tests/unit/test_net_addr.c
tests_unit_test_net_addr_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_net_listener_SOURCES = tests/unit/test_net_listener.c
tests_unit_test_net_listener_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_net_netmatch_SOURCES = tests/unit/test_net_netmatch.c
tests_unit_test_net_netmatch_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_net_tls_SOURCES = tests/unit/test_net_tls.c
tests_unit_test_net_tls_CPPFLAGS = $(AM_CPPFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_net_tls_LDADD = libgn_net.la libgn_config.la libgn_log.la libgn_base.la \
	$(OPENSSL_LIBS) $(UNIT_LIBS)
tests_unit_test_net_sd_SOURCES = tests/unit/test_net_sd.c
tests_unit_test_net_sd_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)
