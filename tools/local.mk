# tools: what the build runs, and the checks of the tree.
noinst_PROGRAMS += tools/gen-settings
tools_gen_settings_SOURCES = \
	%D%/gen-settings.c \
	%D%/gen_c.c \
	%D%/gen_check.c \
	%D%/gen_complete.c \
	%D%/gen_header.c \
	%D%/gen_help.c \
	%D%/gen_json.c \
	%D%/gen_manual.c \
	%D%/gen_mdoc.c \
	%D%/gen_rules.c \
	%D%/gen_schema.c \
	%D%/gen_schema.h \
	%D%/gen_table.c \
	%D%/gen_words.c
tools_gen_settings_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS)
tools_gen_settings_LDADD = libgn_base.la $(YAML_LIBS)

# The settings' C side comes from the schema; it is never committed or distributed.
settings_generated = src/config/settings_gen.h src/config/settings_table.inc src/config/settings_help.inc src/config/rules_table.inc
settings_schema = $(top_srcdir)/schema/settings.yaml
gen_settings = $(AM_V_GEN)$(MKDIR_P) src/config && tools/gen-settings$(EXEEXT)

src/config/settings_gen.h: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --header $@ $(settings_schema)
src/config/settings_table.inc: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --table $@ $(settings_schema)
src/config/settings_help.inc: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --help-inc $@ $(settings_schema)
src/config/rules_table.inc: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_settings) --rules $@ $(settings_schema)

BUILT_SOURCES += $(settings_generated)
CLEANFILES += $(settings_generated)

# The documents and completions come from it as well. A manual page is text of its own in which a line
# "@settings@" stands for the generated part.
settings_documents = doc/settings.md doc/gunicorn.schema.json
settings_manuals = doc/gunicorn.1 doc/gunicorn.conf.5
settings_completions = contrib/completion/gunicorn.bash contrib/completion/_gunicorn contrib/completion/gunicorn.fish
gen_document = $(AM_V_GEN)$(MKDIR_P) $(@D) && tools/gen-settings$(EXEEXT)
gen_manual = $(SED) -e '/^@settings@$$/{r $@.part' -e 'd;}'

doc/settings.md: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --manual $@ $(settings_schema)
doc/gunicorn.schema.json: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --json-schema $@ $(settings_schema)
doc/gunicorn.1: $(top_srcdir)/doc/gunicorn.1.in $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --man-options $@.part $(settings_schema)
	$(AM_V_at)$(gen_manual) $(top_srcdir)/doc/gunicorn.1.in >$@.new && rm -f $@.part && mv $@.new $@
doc/gunicorn.conf.5: $(top_srcdir)/doc/gunicorn.conf.5.in $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --man-settings $@.part $(settings_schema)
	$(AM_V_at)$(gen_manual) $(top_srcdir)/doc/gunicorn.conf.5.in >$@.new && rm -f $@.part && mv $@.new $@
contrib/completion/gunicorn.bash: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --bash $@ $(settings_schema)
contrib/completion/_gunicorn: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --zsh $@ $(settings_schema)
contrib/completion/gunicorn.fish: $(settings_schema) tools/gen-settings$(EXEEXT)
	$(gen_document) --fish $@ $(settings_schema)

CLEANFILES += $(settings_documents) $(settings_manuals) $(settings_completions)
man_MANS = $(settings_manuals)
nodist_doc_DATA = doc/settings.md
nodist_pkgdata_DATA = doc/gunicorn.schema.json
zshcompletiondir = $(datadir)/zsh/site-functions
nodist_zshcompletion_DATA = contrib/completion/_gunicorn
fishcompletiondir = $(datadir)/fish/vendor_completions.d
nodist_fishcompletion_DATA = contrib/completion/gunicorn.fish

# bash looks for a file that is called as the command is.
bashcompletiondir = $(datadir)/bash-completion/completions
all-local: contrib/completion/gunicorn.bash
install-data-local: contrib/completion/gunicorn.bash
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) contrib/completion/gunicorn.bash '$(DESTDIR)$(bashcompletiondir)/gunicorn'
uninstall-local:
	rm -f '$(DESTDIR)$(bashcompletiondir)/gunicorn'

dist_check_SCRIPTS = %D%/check-docs.sh %D%/check-layers.sh %D%/check-style.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += %D%/getenv-allowed.txt %D%/cppcheck.cfg
