# Unit tests of net.
check_PROGRAMS += \
	tests/unit/test_net_addr \
	tests/unit/test_net_listener \
	tests/unit/test_net_netmatch

tests_unit_test_net_addr_SOURCES = tests/unit/test_net_addr.c
tests_unit_test_net_addr_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_net_listener_SOURCES = tests/unit/test_net_listener.c
tests_unit_test_net_listener_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)

tests_unit_test_net_netmatch_SOURCES = tests/unit/test_net_netmatch.c
tests_unit_test_net_netmatch_LDADD = libgn_net.la libgn_log.la libgn_base.la $(UNIT_LIBS)
