# tools: what the build runs, and the checks of the tree.
noinst_PROGRAMS += tools/gen-settings
tools_gen_settings_SOURCES = \
	%D%/gen-settings.c \
	%D%/gen_c.c \
	%D%/gen_check.c \
	%D%/gen_header.c \
	%D%/gen_help.c \
	%D%/gen_schema.c \
	%D%/gen_schema.h \
	%D%/gen_table.c
tools_gen_settings_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS)
tools_gen_settings_LDADD = libgn_base.la $(YAML_LIBS)

# The settings' C side comes from the schema; it is never committed or distributed.
settings_generated = src/config/settings_gen.h src/config/settings_table.inc src/config/settings_help.inc
settings_schema = $(top_srcdir)/schema/settings.yaml
gen_settings = $(AM_V_GEN)$(MKDIR_P) src/config && tools/gen-settings$(EXEEXT)

src/config/settings_gen.h: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --header $@ $(settings_schema)
src/config/settings_table.inc: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --table $@ $(settings_schema)
src/config/settings_help.inc: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --help-inc $@ $(settings_schema)

BUILT_SOURCES += $(settings_generated)
CLEANFILES += $(settings_generated)

dist_check_SCRIPTS = %D%/check-layers.sh %D%/check-style.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/getenv-allowed.txt %D%/cppcheck.cfg
