# src/config: the settings compiler.
noinst_LTLIBRARIES += libgn_config.la
libgn_config_la_SOURCES = \
	%D%/argv_split.c \
	%D%/builder.c \
	%D%/builder.h \
	%D%/compile.c \
	%D%/compile.h \
	%D%/decl.c \
	%D%/decl.h \
	%D%/diag.c \
	%D%/diag.h \
	%D%/diag_codes.def \
	%D%/diag_github.c \
	%D%/diag_int.h \
	%D%/diag_json.c \
	%D%/diag_sarif.c \
	%D%/diag_source.c \
	%D%/digest.c \
	%D%/effective.c \
	%D%/facts.c \
	%D%/facts.h \
	%D%/facts_bind.c \
	%D%/facts_host.c \
	%D%/facts_look.c \
	%D%/facts_tls.c \
	%D%/from_argv.c \
	%D%/from_conf.c \
	%D%/from_defaults.c \
	%D%/from_env.c \
	%D%/from_ini.c \
	%D%/from_json.c \
	%D%/from_yaml.c \
	%D%/frozen.c \
	%D%/frozen.h \
	%D%/internal.h \
	%D%/near.c \
	%D%/origin.c \
	%D%/origin.h \
	%D%/path.c \
	%D%/print.c \
	%D%/print.h \
	%D%/print_diff.c \
	%D%/print_int.h \
	%D%/print_json.c \
	%D%/print_origin.c \
	%D%/print_yaml.c \
	%D%/rule_checks.c \
	%D%/rule_facts.c \
	%D%/rules.c \
	%D%/rules.h \
	%D%/secrets.c \
	%D%/secrets.h \
	%D%/setting.c \
	%D%/setting.h \
	%D%/types.h \
	%D%/usage.c \
	%D%/validate.c \
	%D%/value.c \
	%D%/value.h

# Made from the schema by tools/gen-settings (see tools/local.mk).
nodist_libgn_config_la_SOURCES = $(settings_generated)
libgn_config_la_CPPFLAGS = $(AM_CPPFLAGS) $(INIH_CFLAGS) $(YAML_CFLAGS) $(CJSON_CFLAGS) $(OPENSSL_CFLAGS)
libgn_config_la_LIBADD = $(INIH_LIBS) $(YAML_LIBS) $(CJSON_LIBS) $(OPENSSL_LIBS)
