#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/fd.h"
#include "config/internal.h"

/* PasteDeploy reads its files by Python's configparser. inih tells sections from entries and knows
 * the current section; it is fed line by line with the heads of the entries only, as it cuts lines
 * after 200 bytes, drops " ;" and what follows, and joins continuation lines in its own way. The
 * text of the value, which configparser keeps whole, waits beside it. */

enum {
    MAX_FILE_BYTES = 4 << 20,
    MAX_SECTION_BYTES = 48, /* what inih keeps of a section's name */
    MAX_KEY_BYTES = 120,
    MAX_DEPTH = 10, /* of interpolation, as configparser */
};

#define BLANKS " \t\r\f\v"

struct entry {
    const char *section, *key;
    struct gn_slice value;
    int line;
    struct entry *next;
};

struct section {
    struct gn_slice name;
    int line;
    struct section *next;
};

struct ini {
    struct gn_builder *b;
    const char *shown; /* path as given */
    const char *whole; /* absolute path */
    struct gn_slice rest;
    int next_line; /* number of the line at `rest` */
    struct gn_slice value;
    int line; /* where the entry began that inih works on */
    bool in_section;
    struct section *sections;
    struct entry *entries, **last;
    struct entry *sets, *gets, *locals; /* of the section in use, with final values */
    int loggers_line, server_line;      /* first [loggers] and [server:...], or 0 */
    const char *server_name;
    bool is_bad;
};

static struct gn_diag *report(struct ini *ini, enum gn_diag_code code, int line, const char *fmt,
                              ...) GN_PRINTF(4, 5);

static struct gn_diag *
report(struct ini *ini, enum gn_diag_code code, int line, const char *fmt, ...)
{
    struct gn_origin origin = {.layer = GN_LAYER_PASTE, .file = ini->shown, .line = line};
    struct gn_diag *diag;
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = gn_arena_vprintf(&ini->b->arena, fmt, ap);
    va_end(ap);
    diag = gn_diag_add(ini->b->diags, code, &origin, NULL, "%s", text != NULL ? text : "no memory");
    ini->is_bad = ini->is_bad || gn_diag_severity(code) >= GN_ERROR;
    return diag;
}

static bool
is_comment(struct gn_slice line)
{
    return line.n > 0 && (line.p[0] == '#' || line.p[0] == ';');
}

static size_t
indent_of(struct gn_slice line)
{
    size_t n = 0;

    while (n < line.n && strchr(BLANKS, line.p[n]) != NULL && line.p[n] != '\0')
        n++;
    return n;
}

/* The next line as it stands; `rest.p` is NULL at the end. */
static struct gn_slice
take_line(struct ini *ini)
{
    ini->next_line++;
    return gn_slice_cut(&ini->rest, '\n');
}

/* Joins the lines that continue an entry: those with a deeper indent. Comments between are dropped,
 * empty lines between are kept, all as configparser does. */
static bool
take_value(struct ini *ini, size_t indent, struct gn_slice first)
{
    struct gn_buf value = {0};
    bool ok = gn_buf_append(&value, first.p, first.n);
    size_t empty_lines = 0;

    while (ok && ini->rest.p != NULL) {
        struct gn_slice peek = ini->rest;
        struct gn_slice line = gn_slice_cut(&peek, '\n');
        struct gn_slice text = gn_slice_trim(line, BLANKS);

        if (text.n > 0 && !is_comment(text) && indent_of(line) <= indent)
            break;
        take_line(ini);
        if (is_comment(text))
            continue;
        if (text.n == 0) {
            empty_lines++;
            continue;
        }
        for (empty_lines++; ok && empty_lines > 0; empty_lines--)
            ok = gn_buf_append(&value, "\n", 1);
        ok = ok && gn_buf_append(&value, text.p, text.n);
    }
    ini->value = ok ? gn_arena_slice(&ini->b->arena, gn_buf_slice(&value)) : gn_slice(NULL, 0);
    gn_buf_fini(&value);
    return ini->value.p != NULL;
}

static const struct section *
find_section(const struct ini *ini, struct gn_slice name)
{
    const struct section *s = ini->sections;

    while (s != NULL && !gn_slice_eq(s->name, name))
        s = s->next;
    return s;
}

/* Only [DEFAULT] may be opened again. */
static void
note_section(struct ini *ini, struct gn_slice name)
{
    const struct section *first = find_section(ini, name);
    struct section *s;

    ini->in_section = true;
    if (first != NULL) {
        if (!gn_slice_eq(name, GN_SLICE("DEFAULT")))
            report(ini, GN_D_INI_TWICE, ini->line, "[%.*s] stands twice, first in line %d",
                   GN_SLICE_ARG(name), first->line);
        return;
    }
    s = gn_arena_alloc(&ini->b->arena, sizeof(*s));
    if (s == NULL) {
        report(ini, GN_D_NO_MEMORY, ini->line, "no memory");
        return;
    }
    *s = (struct section){.name = name, .line = ini->line, .next = ini->sections};
    ini->sections = s;
    if (gn_slice_eq(name, GN_SLICE("loggers")))
        ini->loggers_line = ini->line;
    if (gn_slice_starts(name, GN_SLICE("server:")) && ini->server_line == 0) {
        ini->server_line = ini->line;
        ini->server_name = gn_arena_strndup(&ini->b->arena, name.p + 7, name.n - 7);
    }
}

/* Writes "[NAME]" or "KEY =" for inih; false when the line was no use (and was reported). */
static bool
take_entry(struct ini *ini, struct gn_slice line, char *out, size_t size)
{
    struct gn_slice text = gn_slice_trim(line, BLANKS);
    const char *close = text.p[0] == '[' ? memrchr(text.p, ']', text.n) : NULL;
    size_t at = 0;

    if (close != NULL && close > text.p + 1) {
        struct gn_slice name = gn_slice(text.p + 1, (size_t)(close - text.p) - 1);

        note_section(ini, name);
        /* What inih would cut stays different from every name that is looked for. */
        snprintf(out, size, "[%.*s%s]\n", (int)(name.n < MAX_SECTION_BYTES ? name.n : 1), name.p,
                 name.n < MAX_SECTION_BYTES ? "" : "...");
        return true;
    }
    while (at < text.n && text.p[at] != '=' && text.p[at] != ':')
        at++;
    if (!ini->in_section || at == text.n || at == 0 || at > MAX_KEY_BYTES) {
        report(ini, GN_D_INI_SYNTAX, ini->line, "%s",
               !ini->in_section     ? "an entry before the first [section]"
               : at > MAX_KEY_BYTES ? "the name of the entry is too long"
                                    : "neither a [section] nor NAME = VALUE");
        return false;
    }
    snprintf(out, size, "%.*s =\n", GN_SLICE_ARG(gn_slice_trim(gn_slice(text.p, at), BLANKS)));
    return take_value(ini, indent_of(line),
                      gn_slice_trim(gn_slice(text.p + at + 1, text.n - at - 1), BLANKS));
}

/* inih's reader: gives the next entry's head. */
static char *
read_entry(char *out, int size, void *stream)
{
    struct ini *ini = stream;

    while (ini->rest.p != NULL) {
        struct gn_slice line, text;

        ini->line = ini->next_line;
        line = take_line(ini);
        text = gn_slice_trim(line, BLANKS);
        if (text.n > 0 && !is_comment(text) && take_entry(ini, line, out, (size_t)size))
            return out;
    }
    return NULL;
}

/* inih's handler; non-zero is success. */
static int
keep_entry(void *ctx, const char *section, const char *key, const char *value GN_UNUSED)
{
    struct ini *ini = ctx;
    struct entry *e = gn_arena_alloc(&ini->b->arena, sizeof(*e));

    if (e == NULL)
        return 0;
    e->section = gn_arena_strdup(&ini->b->arena, section);
    e->key = gn_arena_strdup(&ini->b->arena, key);
    e->value = ini->value;
    e->line = ini->line;
    if (e->section == NULL || e->key == NULL)
        return 0;
    *ini->last = e;
    ini->last = &e->next;
    return 1;
}

static const struct entry *
find_entry(const struct ini *ini, const char *section, struct gn_slice key)
{
    for (const struct entry *e = ini->entries; e != NULL; e = e->next) {
        if (strcmp(e->section, section) == 0 && gn_slice_eq_str(key, e->key))
            return e;
    }
    return NULL;
}

static bool expand(struct ini *ini, const struct entry *e, struct gn_slice text, int depth,
                   struct gn_buf *out);

/* The value of a variable of --paste-global, the last one of this name; `p` is NULL without one. A
 * configuration file, which may give them too, is read later. */
static struct gn_slice
given_global(const struct ini *ini, struct gn_slice name)
{
    const struct gn_candidate *c = ini->b->latest[GN_S_RAW_PASTE_GLOBAL_CONF];
    struct gn_slice found = {0};

    for (size_t i = 0; c != NULL && c->raw->tag == GN_V_LIST && i < c->raw->list.n; i++) {
        struct gn_slice value = c->raw->list.items[i]->str;

        if (gn_slice_eq(gn_slice_cut(&value, '='), name))
            found = value.p != NULL ? value : GN_SLICE("");
    }
    return found;
}

/* The two names that PasteDeploy adds to [DEFAULT]; `p` is NULL for others. */
static struct gn_slice
own_global(const struct ini *ini, struct gn_slice name)
{
    const char *slash = strrchr(ini->whole, '/');

    if (gn_slice_eq(name, GN_SLICE("__file__")))
        return gn_slice_str(ini->whole);
    if (gn_slice_eq(name, GN_SLICE("here")))
        return gn_slice(ini->whole, slash > ini->whole ? (size_t)(slash - ini->whole) : 1);
    return gn_slice(NULL, 0);
}

/* The value of %(NAME)s: an entry of the section, of [DEFAULT], one of the two names of
 * PasteDeploy, or a variable of --paste-global, in this order. */
static bool
expand_name(struct ini *ini, const struct entry *e, struct gn_slice name, int depth,
            struct gn_buf *out)
{
    const struct entry *other = find_entry(ini, e->section, name);
    struct gn_slice own = own_global(ini, name), given = given_global(ini, name);

    if (other == NULL)
        other = find_entry(ini, "DEFAULT", name);
    if (other != NULL)
        return expand(ini, e, other->value, depth + 1, out);
    if (own.p != NULL)
        return gn_buf_append(out, own.p, own.n);
    if (given.p != NULL)
        return expand(ini, e, given, depth + 1, out);
    report(ini, GN_D_INI_INTERPOLATION, e->line, "%s: there is no '%.*s' for %%(%.*s)s", e->key,
           GN_SLICE_ARG(name), GN_SLICE_ARG(name));
    return false;
}

static bool
expand(struct ini *ini, const struct entry *e, struct gn_slice text, int depth, struct gn_buf *out)
{
    bool ok = true;

    if (depth > MAX_DEPTH) {
        report(ini, GN_D_INI_INTERPOLATION, e->line, "%s: interpolation goes too deep", e->key);
        return false;
    }
    while (ok && text.n > 0) {
        size_t plain = gn_slice_find(text, '%'), close;

        ok = gn_buf_append(out, text.p, plain);
        text = gn_slice(text.p + plain, text.n - plain);
        if (!ok || text.n == 0)
            break;
        if (text.n > 1 && text.p[1] == '%') {
            ok = gn_buf_append(out, "%", 1);
            text = gn_slice(text.p + 2, text.n - 2);
            continue;
        }
        close = gn_slice_find(text, ')');
        if (text.n < 2 || text.p[1] != '(' || close + 1 >= text.n || text.p[close + 1] != 's') {
            report(ini, GN_D_INI_INTERPOLATION, e->line,
                   "%s: '%%' must be followed by '%%' or '(NAME)s'", e->key);
            return false;
        }
        ok = expand_name(ini, e, gn_slice(text.p + 2, close - 2), depth, out);
        text = gn_slice(text.p + close + 2, text.n - close - 2);
    }
    return ok;
}

/* The value of an entry as the section sees it; `p` is NULL when that was reported as wrong. */
static struct gn_slice
expand_in(struct ini *ini, const struct entry *e, const char *section)
{
    struct entry seen = *e;
    struct gn_slice value = {0};
    struct gn_buf out = {0};

    seen.section = section;
    if (expand(ini, &seen, e->value, 0, &out))
        value = gn_arena_slice(&ini->b->arena, gn_buf_slice(&out));
    gn_buf_fini(&out);
    return value;
}

static struct entry *
find_kept(struct entry *list, struct gn_slice key)
{
    while (list != NULL && !gn_slice_eq_str(key, list->key))
        list = list->next;
    return list;
}

/* The last value of a name counts, at the place of the first, as in a dict. */
static void
keep(struct ini *ini, struct entry **list, struct gn_slice key, struct gn_slice value, int line)
{
    struct entry *e = find_kept(*list, key);

    if (e == NULL) {
        e = gn_arena_alloc(&ini->b->arena, sizeof(*e));
        if (e != NULL)
            e->key = gn_arena_strndup(&ini->b->arena, key.p, key.n);
        if (e == NULL || e->key == NULL) {
            report(ini, GN_D_NO_MEMORY, line, "no memory");
            return;
        }
        while (*list != NULL)
            list = &(*list)->next;
        *list = e;
    }
    e->value = value;
    e->line = line;
}

/* What `get` finds: the values of `set`, of --paste-global, of [DEFAULT] and the two names of
 * PasteDeploy, in this order. `p` is NULL when nothing was found, which is reported here. */
static struct gn_slice
get_global(struct ini *ini, const struct entry *e)
{
    struct gn_slice name = e->value;
    const struct entry *set = find_kept(ini->sets, name);
    const struct entry *def = find_entry(ini, "DEFAULT", name);
    struct gn_slice value = set != NULL ? set->value : given_global(ini, name);
    struct gn_diag *diag;

    if (set != NULL || value.p != NULL)
        return value;
    if (def != NULL) {
        value = expand_in(ini, def, "DEFAULT");
        /* PasteDeploy takes the text as it was written for one that comes to nothing. */
        return value.p != NULL && value.n == 0 ? def->value : value;
    }
    value = own_global(ini, name);
    if (value.p == NULL) {
        diag = report(ini, GN_D_INI_GLOBAL, e->line, "get %s: there is no global variable '%.*s'",
                      e->key, GN_SLICE_ARG(name));
        gn_diag_hint(
            ini->b->diags, diag,
            "`get` takes the name of a variable of [DEFAULT], of --paste-global or of `set`");
    }
    return value;
}

static void
add_value(struct ini *ini, const struct gn_setting *s, const struct gn_value *v, int line)
{
    struct gn_origin origin = {.layer = GN_LAYER_PASTE, .file = ini->shown, .line = line};

    if (v != NULL && !gn_builder_add(ini->b, s, v, &origin))
        ini->is_bad = true;
}

static void
add_entry(struct ini *ini, const struct entry *e)
{
    struct gn_slice key = gn_slice_str(e->key);
    char *lower = gn_arena_strdup(&ini->b->arena, e->key);
    const struct gn_setting *s;
    struct gn_diag *diag;

    for (char *p = lower; p != NULL && *p != '\0'; p++)
        *p = (char)gn_ascii_lower((unsigned char)*p);
    s = lower != NULL ? gn_setting_find(gn_slice_str(lower)) : NULL;
    if (s != NULL) {
        add_value(ini, s, gn_value_str(&ini->b->arena, e->value), e->line);
        return;
    }
    diag = report(ini, GN_D_INI_UNKNOWN, e->line, "No configuration setting for: %s", e->key);
    gn_near_hint(ini->b->diags, diag, key);
}

static void
check_use(struct ini *ini, const struct entry *e)
{
    if (!gn_slice_eq(e->value, GN_SLICE("egg:gunicorn#main")) &&
        !gn_slice_eq(e->value, GN_SLICE("egg:gunicorn")))
        report(ini, GN_D_INI_USE, e->line, "use: not a section for gunicorn: '%.*s'",
               GN_SLICE_ARG(e->value));
}

/* The items of a list with commas; NULL without memory. */
static const struct gn_value *
comma_list(struct ini *ini, struct gn_slice text)
{
    struct gn_value *list = gn_arena_alloc(&ini->b->arena, sizeof(*list));
    const struct gn_value **items;
    size_t most = 1;

    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == ',';
    items = gn_arena_alloc(&ini->b->arena, most * sizeof(const struct gn_value *));
    if (list == NULL || items == NULL)
        return NULL;
    list->tag = GN_V_LIST;
    list->list.items = items;
    while (text.p != NULL) {
        items[list->list.n] = gn_value_str(&ini->b->arena, gn_slice_cut(&text, ','));
        if (items[list->list.n++] == NULL)
            return NULL;
    }
    return list;
}

/* `host` and `port` beat `bind`; a `host` alone may be a list. */
static void
add_host_and_port(struct ini *ini, const struct entry *host, const struct entry *port)
{
    const struct gn_setting *bind = &gn_settings[GN_S_BIND];
    const char *text;

    if (host == NULL) {
        if (port != NULL)
            report(ini, GN_D_INI_PORT, port->line, "port: has no effect without host");
        return;
    }
    if (port == NULL) {
        add_value(ini, bind, comma_list(ini, host->value), host->line);
        return;
    }
    text = gn_arena_printf(&ini->b->arena, "%.*s:%.*s", GN_SLICE_ARG(host->value),
                           GN_SLICE_ARG(port->value));
    add_value(ini, bind, gn_value_str(&ini->b->arena, gn_slice_str(text)), host->line);
}

static bool
is_repeated(const struct ini *ini, const struct entry *e)
{
    return find_entry(ini, e->section, gn_slice_str(e->key)) != e;
}

/* Whether the entry is an option of the section: one of its own, or one of [DEFAULT] that it
 * doesn't give itself. */
static bool
is_option(const struct ini *ini, const struct entry *e, const char *section, bool is_own)
{
    if (is_own)
        return strcmp(e->section, section) == 0 && !is_repeated(ini, e);
    return strcmp(e->section, "DEFAULT") == 0 && !is_repeated(ini, e) &&
           find_entry(ini, section, gn_slice_str(e->key)) == NULL;
}

/* The name behind "set " or "get "; `p` is NULL for other entries. */
static struct gn_slice
name_behind(const struct entry *e, const char *word)
{
    size_t n = strlen(word);

    return strncmp(e->key, word, n) == 0 ? gn_slice_trim(gn_slice_str(e->key + n), BLANKS)
                                         : gn_slice(NULL, 0);
}

/* What stands in the section itself, and variables that it or [DEFAULT] sets. Other entries of
 * [DEFAULT] are global variables. */
static void
take_options(struct ini *ini, const char *section, bool is_own)
{
    for (const struct entry *e = ini->entries; e != NULL; e = e->next) {
        struct gn_slice name = name_behind(e, "set "), value;

        if (!is_option(ini, e, section, is_own) || name_behind(e, "get ").p != NULL ||
            (!is_own && name.p == NULL))
            continue;
        value = expand_in(ini, e, section);
        if (name.p != NULL)
            keep(ini, &ini->sets, name, value, e->line);
        else if (value.p != NULL)
            keep(ini, &ini->locals, gn_slice_str(e->key), value, e->line);
    }
}

static void
take_gets(struct ini *ini, const char *section, bool is_own)
{
    for (const struct entry *e = ini->entries; e != NULL; e = e->next) {
        struct gn_slice name = name_behind(e, "get ");

        if (is_option(ini, e, section, is_own) && name.p != NULL)
            keep(ini, &ini->gets, name, expand_in(ini, e, section), e->line);
    }
}

/* What PasteDeploy gives to a server as its own: first all variables are set, then got. */
static void
take_section(struct ini *ini, const char *section)
{
    for (const struct entry *e = ini->entries; e != NULL; e = e->next) {
        if (strcmp(e->section, section) == 0 && is_repeated(ini, e))
            report(ini, GN_D_INI_TWICE, e->line, "'%s' stands twice in [%s]", e->key, section);
    }
    take_options(ini, section, true);
    take_options(ini, section, false);
    take_gets(ini, section, true);
    take_gets(ini, section, false);
    /* `get NAME = VARIABLE` counts before NAME = VALUE, wherever they stand. */
    for (const struct entry *e = ini->gets; e != NULL; e = e->next) {
        struct gn_slice value = e->value.p != NULL ? get_global(ini, e) : e->value;

        if (value.p != NULL)
            keep(ini, &ini->locals, gn_slice_str(e->key), value, e->line);
    }
}

/* The settings of one [server:NAME]. */
static void
add_section(struct ini *ini, const char *section)
{
    const struct entry *host, *port;

    take_section(ini, section);
    host = find_kept(ini->locals, GN_SLICE("host"));
    port = find_kept(ini->locals, GN_SLICE("port"));
    for (const struct entry *e = ini->locals; e != NULL; e = e->next) {
        if (strcmp(e->key, "use") == 0)
            check_use(ini, e);
        else if (e != host && e != port && !(host != NULL && strcmp(e->key, "bind") == 0))
            add_entry(ini, e);
    }
    add_host_and_port(ini, host, port);
}

static void
add_server(struct ini *ini, const char *name)
{
    const char *section = gn_arena_printf(&ini->b->arena, "server:%s", name);
    struct gn_diag *diag;

    if (section == NULL || strlen(section) >= MAX_SECTION_BYTES ||
        find_section(ini, gn_slice_str(section)) == NULL) {
        diag = report(ini, GN_D_INI_NO_SECTION, 0, "there is no section [server:%s]", name);
        if (ini->server_name != NULL)
            gn_diag_hint(ini->b->diags, diag, "line %d has [server:%s]", ini->server_line,
                         ini->server_name);
        return;
    }
    add_section(ini, section);
}

static void
read_text(struct ini *ini, struct gn_slice text)
{
    if (gn_slice_starts(text, GN_SLICE("\xef\xbb\xbf")))
        text = gn_slice(text.p + 3, text.n - 3);
    ini->rest = text;
    ini->next_line = 1;
    ini->last = &ini->entries;
    if (ini_parse_stream(read_entry, ini, keep_entry, ini) != 0 && !ini->is_bad)
        report(ini, GN_D_INI_SYNTAX, ini->line, "neither a [section] nor NAME = VALUE");
}

/* At the place where the file was named, when that is known. */
static void
report_unreadable(struct ini *ini, int error)
{
    const struct gn_candidate *asked = ini->b->latest[GN_S_PASTE];
    struct gn_origin origin = {.layer = GN_LAYER_PASTE, .file = ini->shown};

    while (asked != NULL && asked->origin.layer != GN_LAYER_ARGV)
        asked = asked->next;
    if (asked != NULL)
        origin = asked->origin;
    if (error == ENOENT)
        gn_diag_add(ini->b->diags, GN_D_INI_FILE, &origin, &gn_settings[GN_S_PASTE],
                    "'%s' not found", ini->whole);
    else
        gn_diag_add(ini->b->diags, GN_D_INI_FILE, &origin, &gn_settings[GN_S_PASTE],
                    "'%s' can't be read: %s", ini->whole, strerror(error));
}

const char *
gn_ini_path(struct gn_arena *a, const char *given)
{
    const char *hash = strchr(given, '#');

    return hash != NULL ? gn_arena_strndup(a, given, (size_t)(hash - given)) : given;
}

/* The entries of the file and what of them is used. */
static bool
compile_text(struct ini *ini, struct gn_slice text, const char *section)
{
    read_text(ini, text);
    /* Observed: a file that configures logging is the log configuration, however it is used. */
    if (ini->loggers_line > 0)
        add_value(ini, &gn_settings[GN_S_LOGCONFIG],
                  gn_value_str(&ini->b->arena, gn_slice_str(ini->whole)), ini->loggers_line);
    if (section != NULL)
        add_server(ini, section);
    else if (ini->server_line > 0)
        report(ini, GN_D_INI_UNUSED, ini->server_line,
               "[server:%s] is not used with --paste alone; --paste-server %s compiles it",
               ini->server_name, ini->server_name);
    return !ini->is_bad;
}

bool
gn_from_ini_text(struct gn_builder *b, struct gn_slice text, const char *path, const char *section)
{
    struct ini ini = {.b = b, .shown = path};

    ini.whole = gn_path_absolute(&b->arena, b->start_dir, path);
    return ini.whole != NULL && compile_text(&ini, text, section);
}

bool
gn_from_ini(struct gn_builder *b, const char *path, const char *section)
{
    struct ini ini = {.b = b, .shown = gn_ini_path(&b->arena, path)};
    size_t n = 0;
    char *text;
    bool ok;

    ini.whole = ini.shown != NULL ? gn_path_absolute(&b->arena, b->start_dir, ini.shown) : NULL;
    text = ini.whole != NULL ? gn_fd_read_file(ini.whole, MAX_FILE_BYTES, &n) : NULL;
    if (text == NULL) {
        report_unreadable(&ini, errno);
        return false;
    }
    ok = compile_text(&ini, gn_slice(text, n), section);
    free(text);
    return ok;
}
