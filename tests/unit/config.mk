# Unit tests of config, and of the two parts of base that it brought along.
check_PROGRAMS += \
	tests/unit/test_base_addr \
	tests/unit/test_base_ipnet \
	tests/unit/test_config_argv_split \
	tests/unit/test_config_compile \
	tests/unit/test_config_decl \
	tests/unit/test_config_diag \
	tests/unit/test_config_diag_codes \
	tests/unit/test_config_facts \
	tests/unit/test_config_from_argv \
	tests/unit/test_config_from_ini \
	tests/unit/test_config_frozen \
	tests/unit/test_config_many \
	tests/unit/test_config_options \
	tests/unit/test_config_path \
	tests/unit/test_config_print \
	tests/unit/test_config_rules \
	tests/unit/test_config_secrets \
	tests/unit/test_config_usage \
	tests/unit/test_config_validate \
	tests/unit/test_config_value

config_test_headers = tests/unit/config_support.h
config_test_libs = libgn_config.la libgn_log.la libgn_base.la $(INIH_LIBS) $(UNIT_LIBS)

tests_unit_test_base_addr_SOURCES = tests/unit/test_base_addr.c
tests_unit_test_base_addr_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_base_ipnet_SOURCES = tests/unit/test_base_ipnet.c
tests_unit_test_base_ipnet_LDADD = libgn_base.la $(UNIT_LIBS)

tests_unit_test_config_argv_split_SOURCES = tests/unit/test_config_argv_split.c $(config_test_headers)
tests_unit_test_config_argv_split_LDADD = $(config_test_libs)

tests_unit_test_config_compile_SOURCES = tests/unit/test_config_compile.c $(config_test_headers) \
	tests/unit/config_values.h
tests_unit_test_config_compile_LDADD = $(config_test_libs)

tests_unit_test_config_decl_SOURCES = tests/unit/test_config_decl.c $(config_test_headers)
tests_unit_test_config_decl_LDADD = $(config_test_libs)

tests_unit_test_config_diag_SOURCES = tests/unit/test_config_diag.c $(config_test_headers)
tests_unit_test_config_diag_LDADD = $(config_test_libs)

tests_unit_test_config_facts_SOURCES = tests/unit/test_config_facts.c $(config_test_headers)
tests_unit_test_config_facts_LDADD = $(config_test_libs)

tests_unit_test_config_diag_codes_SOURCES = tests/unit/test_config_diag_codes.c $(config_test_headers)
tests_unit_test_config_diag_codes_LDADD = $(config_test_libs)

tests_unit_test_config_from_argv_SOURCES = tests/unit/test_config_from_argv.c $(config_test_headers) \
	tests/unit/config_argv_rows.h
tests_unit_test_config_from_argv_LDADD = $(config_test_libs)

tests_unit_test_config_from_ini_SOURCES = tests/unit/test_config_from_ini.c $(config_test_headers)
tests_unit_test_config_from_ini_LDADD = $(config_test_libs)

tests_unit_test_config_frozen_SOURCES = tests/unit/test_config_frozen.c $(config_test_headers) \
	tests/unit/config_values.h
tests_unit_test_config_frozen_LDADD = $(config_test_libs)

tests_unit_test_config_many_SOURCES = tests/unit/test_config_many.c $(config_test_headers)
tests_unit_test_config_many_LDADD = $(config_test_libs)

tests_unit_test_config_options_SOURCES = tests/unit/test_config_options.c $(config_test_headers)
tests_unit_test_config_options_LDADD = $(config_test_libs)

tests_unit_test_config_path_SOURCES = tests/unit/test_config_path.c $(config_test_headers)
tests_unit_test_config_path_LDADD = $(config_test_libs)

tests_unit_test_config_print_SOURCES = tests/unit/test_config_print.c $(config_test_headers) \
	tests/unit/config_values.h
tests_unit_test_config_print_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_unit_test_config_print_LDADD = $(config_test_libs) $(CJSON_LIBS)

tests_unit_test_config_rules_SOURCES = tests/unit/test_config_rules.c $(config_test_headers)
tests_unit_test_config_rules_LDADD = $(config_test_libs)

tests_unit_test_config_secrets_SOURCES = tests/unit/test_config_secrets.c $(config_test_headers)
tests_unit_test_config_secrets_LDADD = $(config_test_libs)

tests_unit_test_config_usage_SOURCES = tests/unit/test_config_usage.c $(config_test_headers)
tests_unit_test_config_usage_LDADD = $(config_test_libs)

tests_unit_test_config_validate_SOURCES = tests/unit/test_config_validate.c $(config_test_headers) \
	tests/unit/config_values.h tests/unit/config_matrix.h
tests_unit_test_config_validate_LDADD = $(config_test_libs)

tests_unit_test_config_value_SOURCES = tests/unit/test_config_value.c $(config_test_headers) \
	tests/unit/config_values.h
tests_unit_test_config_value_LDADD = $(config_test_libs)
