#include <string.h>

#include "base/num.h"
#include "config/internal.h"

/* argparse's way of reading a command line, on the settings table: first every word is classified,
 * then options take their values and the first run of other words is the positional argument. */

enum flag_use {
    FLAG_SETTING,
    FLAG_OFF, /* "--no-reload": ours, switches a setting off */
    FLAG_OPTION,
    FLAG_HELP,
    FLAG_VERSION,
};

struct flag {
    const char *text; /* "-w", "--workers" */
    enum flag_use use;
    const struct gn_setting *setting; /* FLAG_SETTING, FLAG_OFF */
    const struct gn_option *option;   /* FLAG_OPTION, and FLAG_SETTING when an option extends it */
};

enum word_kind {
    WORD_PLAIN,
    WORD_DASHES,    /* the first "--" */
    WORD_OPTION,    /* flag NULL: not known */
    WORD_AMBIGUOUS, /* reported already */
};

struct word {
    enum word_kind kind;
    const struct flag *flag;
    const char *explicit; /* value glued to the flag, or NULL */
    const char *shown;    /* the flag as written */
};

/* What the words give to one setting. */
struct given {
    const struct gn_value *value;
    const struct gn_value **items; /* APPEND */
    size_t n, room;
    int word;
    const char *shown;
    bool is_reset; /* `value` is the default, also that of a list */
};

struct parser {
    struct gn_builder *b;
    enum gn_layer layer;
    char *const *words;
    int n;
    struct word *info;
    struct flag *flags;
    size_t n_flags;
    struct given given[GN_SETTING_COUNT];
    struct gn_argv_result *out;
    const char *extras; /* words that nobody takes, with blanks between */
    bool positional_done, is_bad, no_memory;
    const struct flag *takes_names; /* --print-config=FORM: words that are names of settings limit
                                       what is printed; or NULL */
};

static struct gn_diag *usage_error(struct parser *p, enum gn_diag_code code, int at,
                                   const char *fmt, ...) GN_PRINTF(4, 5);

static struct gn_diag *
usage_error(struct parser *p, enum gn_diag_code code, int at, const char *fmt, ...)
{
    struct gn_origin origin = {.layer = p->layer, .word = at + 1};
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = gn_arena_vprintf(&p->b->arena, fmt, ap);
    va_end(ap);
    if (at < p->n)
        origin.text = p->words[at];
    p->is_bad = true;
    return gn_diag_add(p->b->diags, code, &origin, NULL, "%s", text != NULL ? text : "no memory");
}

/* The flags of a setting as argparse names them: "-w/--workers". */
static const char *
flag_names(struct parser *p, const struct flag *flag)
{
    const char *text = NULL;

    if (flag->use == FLAG_HELP)
        return "-h/--help";
    if (flag->use == FLAG_VERSION)
        return "-v/--version";
    if (flag->use != FLAG_SETTING)
        return flag->text;
    for (const char *const *one = flag->setting->cli; *one != NULL; one++)
        text = text == NULL ? *one : gn_arena_printf(&p->b->arena, "%s/%s", text, *one);
    return text != NULL ? text : flag->text;
}

static const char *
repr(struct parser *p, const char *text)
{
    struct gn_value v = {.tag = GN_V_STR, .str = gn_slice_str(text)};

    return gn_value_text(&p->b->arena, &v, true);
}

static size_t
count(const char *const *words)
{
    size_t n = 0;

    while (words[n] != NULL)
        n++;
    return n;
}

static const struct gn_option *
find_option(const char *flag)
{
    for (const struct gn_option *o = gn_options; o->flag != NULL; o++) {
        if (strcmp(o->flag, flag) == 0)
            return o;
    }
    return NULL;
}

static void
add_flag(struct parser *p, const char *text, enum flag_use use, const struct gn_setting *setting)
{
    p->flags[p->n_flags++] = (struct flag){text, use, setting, find_option(text)};
}

/* Additions, which have no place in messages. */
static void
add_own_flags(struct parser *p)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        for (const char *const *one = gn_settings[i].off; *one != NULL; one++)
            add_flag(p, *one, FLAG_OFF, &gn_settings[i]);
    }
    for (const struct gn_option *o = gn_options; o->flag != NULL; o++) {
        if (o->action != GN_CLI_OPTIONAL)
            add_flag(p, o->flag, FLAG_OPTION, NULL);
    }
}

/* -h and -v first, then all others in the order of --help: messages list candidates so. */
static bool
make_flags(struct parser *p)
{
    static const struct flag own[] = {
        {"-h", FLAG_HELP, NULL, NULL},
        {"--help", FLAG_HELP, NULL, NULL},
        {"-v", FLAG_VERSION, NULL, NULL},
        {"--version", FLAG_VERSION, NULL, NULL},
    };
    const struct gn_setting *s;
    size_t most = GN_ARRAY_LEN(own) + GN_OPTION_COUNT;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++)
        most += count(gn_settings[i].cli) + count(gn_settings[i].off);
    p->flags = gn_arena_alloc(&p->b->arena, most * sizeof(*p->flags));
    if (p->flags == NULL)
        return false;
    memcpy(p->flags, own, sizeof(own));
    p->n_flags = GN_ARRAY_LEN(own);
    for (size_t i = 0; (s = gn_usage_option(i)) != NULL; i++) {
        for (const char *const *one = s->cli; *one != NULL; one++)
            add_flag(p, *one, FLAG_SETTING, s);
    }
    add_own_flags(p);
    return true;
}

static const struct flag *
exact_flag(const struct parser *p, struct gn_slice text)
{
    for (size_t i = 0; i < p->n_flags; i++) {
        if (gn_slice_eq_str(text, p->flags[i].text))
            return &p->flags[i];
    }
    return NULL;
}

/* Flags of ours take no part: a documented prefix stays unique, and theirs are not abbreviated. */
static bool
can_abbreviate(const struct flag *flag)
{
    if (flag->use == FLAG_SETTING)
        return !flag->setting->is_addition;
    return flag->use == FLAG_HELP || flag->use == FLAG_VERSION;
}

/* The flag that `prefix` abbreviates; reports an ambiguous one. */
static const struct flag *
by_prefix(struct parser *p, int at, struct gn_slice prefix)
{
    const struct flag *found = NULL;
    const char *names = NULL;

    for (size_t i = 0; i < p->n_flags; i++) {
        const struct flag *flag = &p->flags[i];

        if (!can_abbreviate(flag) || !gn_slice_starts(gn_slice_str(flag->text), prefix))
            continue;
        if (found == NULL)
            names = flag->text;
        else
            names = gn_arena_printf(&p->b->arena, "%s, %s", names, flag->text);
        if (found != NULL)
            p->info[at].kind = WORD_AMBIGUOUS;
        found = flag;
    }
    if (p->info[at].kind == WORD_AMBIGUOUS)
        usage_error(p, GN_D_AMBIGUOUS, at, "ambiguous option: %s could match %s", p->words[at],
                    names);
    return found;
}

/* "-1", "-.5": values, as no flag looks like a number. */
static bool
is_negative_number(const char *word)
{
    size_t whole = strspn(word + 1, "0123456789"), part;

    if (word[1 + whole] == '\0')
        return whole > 0;
    if (word[1 + whole] != '.')
        return false;
    part = strspn(word + 2 + whole, "0123456789");
    return part > 0 && word[2 + whole + part] == '\0';
}

static void
set_option(struct parser *p, int at, const struct flag *flag, const char *explicit, size_t shown)
{
    struct word *info = &p->info[at];

    if (info->kind == WORD_AMBIGUOUS)
        return;
    info->kind = WORD_OPTION;
    info->flag = flag;
    info->explicit = explicit;
    info->shown = gn_arena_strndup(&p->b->arena, p->words[at], shown);
}

static void
classify(struct parser *p, int at)
{
    const char *word = p->words[at];
    struct gn_slice s = gn_slice_str(word);
    size_t equals = gn_slice_find(s, '=');
    const char *value = equals < s.n ? word + equals + 1 : NULL;
    const struct flag *flag;

    p->info[at].kind = WORD_PLAIN;
    if (s.n < 2 || word[0] != '-')
        return;
    flag = exact_flag(p, s);
    if (flag != NULL) {
        set_option(p, at, flag, NULL, s.n);
        return;
    }
    flag = value != NULL ? exact_flag(p, gn_slice(word, equals)) : NULL;
    if (flag == NULL && word[1] == '-')
        flag = by_prefix(p, at, gn_slice(word, equals));
    if (flag != NULL) {
        set_option(p, at, flag, value, equals);
        return;
    }
    flag = word[1] != '-' ? exact_flag(p, gn_slice(word, 2)) : NULL;
    if (flag != NULL)
        set_option(p, at, flag, word + 2, 2);
    else if (!is_negative_number(word) && strchr(word, ' ') == NULL)
        set_option(p, at, NULL, NULL, s.n);
}

static void
classify_all(struct parser *p)
{
    bool only_plain = false;

    for (int i = 0; i < p->n; i++) {
        if (only_plain) {
            p->info[i].kind = WORD_PLAIN;
        } else if (strcmp(p->words[i], "--") == 0) {
            p->info[i].kind = WORD_DASHES;
            only_plain = true;
        } else {
            classify(p, i);
        }
    }
}

static void
add_extra(struct parser *p, int at)
{
    if (p->extras == NULL)
        p->extras = p->words[at];
    else
        p->extras = gn_arena_printf(&p->b->arena, "%s %s", p->extras, p->words[at]);
    p->no_memory = p->no_memory || p->extras == NULL;
}

static const struct gn_value *
big_number(struct parser *p, struct gn_slice text)
{
    struct gn_value *v = gn_arena_alloc(&p->b->arena, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->tag = GN_V_BIGINT;
    v->str = text;
    return v;
}

/* NULL: reported as an usage error. A number that is too large is left to the validator. */
static const struct gn_value *
parse_number(struct parser *p, int at, const struct flag *flag, const char *text)
{
    bool is_umask = flag->setting->cli_type == GN_CLI_UMASK;
    bool is_octal = is_umask && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
    struct gn_slice s = gn_slice_str(text);
    int64_t n;

    switch (gn_num_python_int(s, is_octal ? 8 : is_umask ? 0 : 10, &n)) {
    case GN_NUM_OK:
        return gn_value_int(&p->b->arena, n);
    case GN_NUM_RANGE:
        return big_number(p, s);
    case GN_NUM_SYNTAX:
        break;
    }
    usage_error(p, GN_D_ARGUMENT_NUMBER, at, "argument %s: invalid %s value: %s",
                flag_names(p, flag), is_umask ? "auto_int" : "int", repr(p, text));
    return NULL;
}

static bool
append_item(struct parser *p, struct given *g, const struct gn_value *item)
{
    if (g->n == g->room) {
        size_t room = g->room * 2 + 4;
        size_t one = sizeof(const struct gn_value *);
        const struct gn_value **more = gn_arena_alloc(&p->b->arena, room * one);

        if (more == NULL)
            return false;
        if (g->n > 0)
            memcpy(more, g->items, g->n * one);
        g->items = more;
        g->room = room;
    }
    g->items[g->n++] = item;
    return true;
}

/* The value that the flag gives; `text` is NULL for flags without one. NULL: reported, or no
 * memory. */
static const struct gn_value *
flag_value(struct parser *p, int at, const struct flag *flag, const char *text)
{
    if (flag->use == FLAG_OFF)
        return &gn_value_false;
    if (text == NULL)
        return gn_value_bool(flag->setting->action != GN_CLI_STORE_FALSE);
    if (flag->setting->cli_type != GN_CLI_STR)
        return parse_number(p, at, flag, text);
    return gn_value_str(&p->b->arena, gn_slice_str(text));
}

/* The setting that --reset or --print-config=FORM names; reports one that doesn't exist. */
static const struct gn_setting *
named_setting(struct parser *p, int at, const struct flag *flag, const char *text)
{
    const struct gn_setting *s = gn_setting_find(gn_slice_str(text));
    const struct gn_setting *near = gn_near_setting(gn_slice_str(text));

    if (s == NULL && near != NULL)
        usage_error(p, GN_D_ARGUMENT_SETTING, at,
                    "argument %s: there is no setting %s, did you mean %s?", flag->text,
                    repr(p, text), near->name);
    else if (s == NULL)
        usage_error(p, GN_D_ARGUMENT_SETTING, at, "argument %s: there is no setting %s", flag->text,
                    repr(p, text));
    return s;
}

/* The setting goes back to its built-in default; words further to the left don't count. */
static void
reset(struct parser *p, int at, const struct flag *flag, const char *text)
{
    const struct gn_setting *s = named_setting(p, at, flag, text);
    struct given *g;

    if (s == NULL)
        return;
    g = &p->given[s->id];
    g->value = s->def;
    if (s->kind == GN_KIND_DIRECTORY && s->def->tag == GN_V_NONE)
        g->value = gn_value_str(&p->b->arena, gn_slice_str(p->b->start_dir));
    p->no_memory = p->no_memory || g->value == NULL;
    g->n = 0;
    g->word = at + 1;
    g->shown = p->info[at].shown;
    g->is_reset = true;
}

static void
set_timeout(struct parser *p, int at, const struct flag *flag, const char *text)
{
    int64_t n;

    if (gn_num_python_int(gn_slice_str(text), 10, &n) == GN_NUM_OK && n > 0)
        p->out->options.check_timeout_s = n;
    else
        usage_error(p, GN_D_ARGUMENT_NUMBER, at, "argument %s: invalid number of seconds: %s",
                    flag->text, repr(p, text));
}

/* The place of a FORM among the choices; -1: reported. */
static int
form_index(struct parser *p, int at, const struct flag *flag, const char *text)
{
    const char *const *choices = flag->option->choices;
    const char *all = NULL;

    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0)
            return i;
        all = all == NULL ? choices[i] : gn_arena_printf(&p->b->arena, "%s, %s", all, choices[i]);
    }
    usage_error(p, GN_D_ARGUMENT_CHOICE, at, "argument %s: invalid choice: %s (choose from %s)",
                flag->text, repr(p, text), all);
    return -1;
}

/* Without a value (`text` NULL) the plain form is wanted again; the one that says what to check
 * stands beside the others. */
static bool
set_form(struct parser *p, int at, const struct flag *flag, const char *text)
{
    int i = text != NULL ? form_index(p, at, flag, text) : -1;

    if (text != NULL && i < 0)
        return false;
    if (i >= 0 && flag->option->id == GN_O_CHECK_CONFIG &&
        GN_CHECK_TEXT + 1 + i > GN_CHECK_GITHUB) {
        p->out->options.checks_values_only = true;
        return true;
    }
    p->out->has_option[flag->option->id] = true;
    if (flag->option->id == GN_O_PRINT_CONFIG)
        p->out->options.print_form = (enum gn_print_form)(GN_PRINT_PLAIN + 1 + i);
    else
        p->out->options.check_form = (enum gn_check_form)(GN_CHECK_TEXT + 1 + i);
    return true;
}

static void
apply_option(struct parser *p, int at, const struct flag *flag, const char *text)
{
    struct gn_cli_options *o = &p->out->options;

    p->out->has_option[flag->option->id] = true;
    switch (flag->option->id) {
    case GN_O_STRICT:
        o->is_strict = true;
        break;
    case GN_O_CHECK_TIMEOUT:
        set_timeout(p, at, flag, text);
        break;
    case GN_O_ALL:
        o->prints_all = true;
        break;
    case GN_O_REVEAL_SECRETS:
        o->reveals_secrets = true;
        break;
    case GN_O_RESET:
        reset(p, at, flag, text);
        break;
    case GN_O_DESCRIBE:
        o->describe = text;
        p->out->described =
            (struct gn_origin){.layer = p->layer, .word = at + 1, .text = p->info[at].shown};
        break;
    case GN_O_PRINT_CONFIG:
    case GN_O_CHECK_CONFIG:
    case GN_OPTION_COUNT:
        break;
    }
}

static void
apply(struct parser *p, int at, const struct flag *flag, const char *text)
{
    const struct gn_value *value;
    struct given *g;
    bool was_bad = p->is_bad;

    if (flag->use == FLAG_OPTION) {
        apply_option(p, at, flag, text);
        return;
    }
    if (flag->use == FLAG_SETTING && flag->option != NULL) {
        if (!set_form(p, at, flag, text))
            return;
        text = NULL;
    }
    if (flag->use == FLAG_HELP || flag->use == FLAG_VERSION) {
        bool is_first = !p->out->wants_help && !p->out->wants_version;

        p->out->wants_help = p->out->wants_help || (is_first && flag->use == FLAG_HELP);
        p->out->wants_version = p->out->wants_version || (is_first && flag->use == FLAG_VERSION);
        return;
    }
    p->is_bad = false;
    value = flag_value(p, at, flag, text);
    p->no_memory = p->no_memory || (value == NULL && !p->is_bad);
    p->is_bad = p->is_bad || was_bad;
    if (value == NULL)
        return;
    g = &p->given[flag->setting->id];
    if (flag->setting->action == GN_CLI_APPEND && !append_item(p, g, value))
        p->no_memory = true;
    /* An appended list keeps the place of its first word, anything else that of its last. */
    if (g->value == NULL || g->is_reset || flag->setting->action != GN_CLI_APPEND) {
        g->word = at + 1;
        g->shown = p->info[at].shown;
    }
    g->value = value;
    g->is_reset = false;
}

static bool
needs_value(const struct flag *flag)
{
    enum gn_cli_action action = GN_CLI_NONE;

    if (flag->use == FLAG_SETTING)
        action = flag->setting->action;
    else if (flag->use == FLAG_OPTION)
        action = flag->option->action;
    return action == GN_CLI_STORE || action == GN_CLI_APPEND;
}

static bool
may_take_value(const struct flag *flag)
{
    return needs_value(flag) ||
           (flag->use == FLAG_SETTING && flag->setting->action == GN_CLI_OPTIONAL);
}

static bool
has_plain_after(const struct parser *p, int at)
{
    for (at++; at < p->n; at++) {
        const struct word *info = &p->info[at];

        if (info->kind == WORD_PLAIN)
            return true;
        if (info->flag != NULL && info->explicit == NULL && needs_value(info->flag))
            at++;
    }
    return false;
}

/* "--proxy-protocol v2 app:app": the word behind a flag with an optional value is this value when
 * it is one of the choices and can't be the application, as that is named by another word. */
static bool
is_optional_value(const struct parser *p, int at, const struct flag *flag)
{
    const char *const *choice = flag->use == FLAG_SETTING ? flag->setting->choices : NULL;

    if (choice == NULL || !may_take_value(flag) || at >= p->n || p->info[at].kind != WORD_PLAIN)
        return false;
    while (*choice != NULL && strcmp(*choice, p->words[at]) != 0)
        choice++;
    return *choice != NULL &&
           (p->layer == GN_LAYER_CMD_ARGS || p->positional_done || has_plain_after(p, at));
}

/* The flag without a glued value: takes the next word when it needs one. */
static int
consume_flag(struct parser *p, int at, const struct flag *flag)
{
    if (!needs_value(flag)) {
        if (is_optional_value(p, at + 1, flag)) {
            apply(p, at, flag, p->words[at + 1]);
            return at + 2;
        }
        apply(p, at, flag, NULL);
        return at + 1;
    }
    if (at + 1 >= p->n || p->info[at + 1].kind != WORD_PLAIN) {
        usage_error(p, GN_D_ARGUMENT_MISSING, at, "argument %s: expected one argument",
                    flag_names(p, flag));
        return at + 1;
    }
    apply(p, at, flag, p->words[at + 1]);
    return at + 2;
}

/* "--print-config=json": the form is an addition, so that the flag must be written out. */
static bool
has_form(const struct parser *p, int at, const struct flag *flag)
{
    const struct word *info = &p->info[at];

    return flag->use == FLAG_SETTING && flag->option != NULL && info->flag == flag &&
           info->explicit != NULL && info->explicit[0] != '\0' && info->shown != NULL &&
           strcmp(info->shown, flag->text) == 0;
}

/* "-DR", "-Dw4", "-w=4", "--workers=4". The first pass (`is_trial`) only looks for errors, as
 * nothing of a bad word counts. Returns the next word, or -1. */
static int
consume_glued(struct parser *p, int at, bool is_trial)
{
    const struct flag *flag = p->info[at].flag;
    const char *explicit = p->info[at].explicit;

    while (explicit != NULL) {
        const struct flag *next = NULL;
        char text[3] = {'-', explicit[0], '\0'};

        if (may_take_value(flag) || has_form(p, at, flag)) {
            if (!is_trial)
                apply(p, at, flag, explicit);
            return at + 1;
        }
        if (flag->text[1] != '-' && explicit[0] != '\0')
            next = exact_flag(p, gn_slice_str(text));
        if (next == NULL) {
            usage_error(p, GN_D_ARGUMENT_EXTRA, at, "argument %s: ignored explicit argument %s",
                        flag_names(p, flag), repr(p, explicit));
            return -1;
        }
        if (!is_trial)
            apply(p, at, flag, NULL);
        flag = next;
        explicit = explicit[1] != '\0' ? explicit + 1 : NULL;
    }
    return is_trial ? at + 1 : consume_flag(p, at, flag);
}

static int
consume_option(struct parser *p, int at)
{
    const struct word *info = &p->info[at];

    if (info->kind == WORD_AMBIGUOUS)
        return at + 1;
    if (info->flag == NULL) {
        add_extra(p, at);
        return at + 1;
    }
    if (info->explicit == NULL)
        return consume_flag(p, at, info->flag);
    if (consume_glued(p, at, true) < 0)
        return at + 1;
    return consume_glued(p, at, false);
}

static bool
is_option(const struct parser *p, int at)
{
    return p->info[at].kind == WORD_OPTION || p->info[at].kind == WORD_AMBIGUOUS;
}

/* With --print-config=FORM: true when the word names a setting, which then is one to print. */
static bool
take_name(struct parser *p, int at)
{
    const struct gn_setting *s = NULL;

    if (p->takes_names != NULL && p->info[at].kind == WORD_PLAIN)
        s = gn_setting_find(gn_slice_str(p->words[at]));
    if (s == NULL)
        return false;
    if (!p->out->is_named[s->id])
        p->out->names[p->out->n_names++] = s->id;
    p->out->is_named[s->id] = true;
    return true;
}

/* A run of words that are no options. Its first word is the application, words beside it are
 * ignored as the original does, or meant as names of settings; any later run has no taker. */
static int
consume_plain(struct parser *p, int at)
{
    bool is_first_run = !p->positional_done;
    bool has_app = false;

    for (; at < p->n && !is_option(p, at); at++) {
        if (take_name(p, at))
            continue;
        p->positional_done = true;
        if (!is_first_run) {
            add_extra(p, at);
        } else if (p->info[at].kind == WORD_PLAIN && !has_app) {
            has_app = true;
            if (p->layer == GN_LAYER_ARGV)
                p->out->app_uri = p->words[at];
        } else if (p->info[at].kind == WORD_PLAIN && p->takes_names != NULL) {
            (void)named_setting(p, at, p->takes_names, p->words[at]);
        }
    }
    return at;
}

/* The first word that looks like an option gets the hint. */
static void
unrecognized(struct parser *p)
{
    struct gn_diag *diag =
        usage_error(p, GN_D_UNRECOGNIZED, p->n, "unrecognized arguments: %s", p->extras);

    for (int i = 0; i < p->n; i++) {
        struct gn_slice name = gn_slice_str(p->words[i]);

        if (p->info[i].kind != WORD_OPTION || p->info[i].flag != NULL ||
            !gn_slice_starts(name, GN_SLICE("--")))
            continue;
        gn_near_flag_hint(p->b->diags, diag, gn_slice(name.p + 2, gn_slice_find(name, '=') - 2));
        return;
    }
}

static void
consume_all(struct parser *p)
{
    int at = 0;

    for (int i = 0; i < p->n; i++) {
        const struct flag *flag = is_option(p, i) ? p->info[i].flag : NULL;

        if (flag != NULL && has_form(p, i, flag) && flag->option->id == GN_O_PRINT_CONFIG)
            p->takes_names = flag;
    }
    while (at < p->n)
        at = is_option(p, at) ? consume_option(p, at) : consume_plain(p, at);
    if (p->extras != NULL)
        unrecognized(p);
}

static const struct gn_value *
list_value(struct parser *p, const struct given *g)
{
    struct gn_value *v = gn_arena_alloc(&p->b->arena, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->tag = GN_V_LIST;
    v->list.items = g->items;
    v->list.n = g->n;
    return v;
}

static bool
add_candidates(struct parser *p)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct given *g = &p->given[i];
        const struct gn_setting *s = &gn_settings[i];
        struct gn_origin origin = {.layer = p->layer, .word = g->word, .text = g->shown};
        const struct gn_value *value = g->value;

        if (value == NULL)
            continue;
        if (p->layer == GN_LAYER_CMD_ARGS)
            origin.variable = "GUNICORN_CMD_ARGS";
        if (s->action == GN_CLI_APPEND && !g->is_reset)
            value = list_value(p, g);
        if (!gn_builder_add(p->b, s, value, &origin))
            return false;
    }
    return true;
}

bool
gn_from_argv(struct gn_builder *b, int n, char *const *words, enum gn_layer layer,
             struct gn_argv_result *out)
{
    struct parser p = {.b = b, .layer = layer, .words = words, .n = n, .out = out};

    memset(out, 0, sizeof(*out));
    p.info = gn_arena_alloc(&b->arena, (size_t)(n + 1) * sizeof(*p.info));
    if (p.info == NULL || !make_flags(&p)) {
        gn_diag_add(b->diags, GN_D_NO_MEMORY, NULL, NULL, "no memory");
        return false;
    }
    classify_all(&p);
    consume_all(&p);
    if (p.no_memory)
        gn_diag_add(b->diags, GN_D_NO_MEMORY, NULL, NULL, "no memory");
    return add_candidates(&p) && !p.is_bad && !p.no_memory;
}
