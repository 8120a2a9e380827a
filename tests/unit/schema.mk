# Tests of the settings table and of its generator.
check_PROGRAMS += tests/unit/test_config_setting
tests_unit_test_config_setting_SOURCES = %D%/test_config_setting.c
tests_unit_test_config_setting_LDADD = libgn_config.la libgn_log.la libgn_base.la $(UNIT_LIBS)

# In dist_check_SCRIPTS, and with them in TESTS: check-unit runs these.
dist_check_SCRIPTS += %D%/test_schema.py
