#include "gen_schema.h"

#include <string.h>

#define BIT(action) (1U << (action))
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum {
    TEXT_ACTIONS = BIT(GN_GEN_STORE) | BIT(GN_GEN_OPTIONAL),
    SWITCH_ACTIONS = BIT(GN_GEN_STORE_TRUE) | BIT(GN_GEN_STORE_FALSE) | BIT(GN_GEN_OPTIONAL),
    FILE_ONLY = 0,
};

/* Members of a JSON Schema that several kinds have. */
#define TEXTS_JSON "\"type\": [\"array\", \"string\"], \"items\": {\"type\": \"string\"}"
#define NAME_JSON "\"type\": [\"string\", \"integer\", \"null\"]"

static const struct gn_gen_kind kinds[] = {
    {"string", "text", "\"type\": [\"string\", \"null\"]", "GN_KIND_STRING", "const char *",
     GN_GEN_DEF_TEXT, TEXT_ACTIONS},
    {"string_list", "list of texts", TEXTS_JSON, "GN_KIND_STRING_LIST", "struct gn_strlist ",
     GN_GEN_DEF_TEXTS, BIT(GN_GEN_APPEND)},
    {"nonneg_int", "whole number, 0 or more", "\"type\": \"integer\", \"minimum\": 0",
     "GN_KIND_NONNEG_INT", "int64_t ", GN_GEN_DEF_UINT, TEXT_ACTIONS},
    {"byte_size", "number of bytes, or with a suffix K, M or G",
     "\"type\": [\"integer\", \"string\"], \"minimum\": 0, "
     "\"pattern\": \"^ *[0-9]+ *[KMGkmg]?[Bb]? *$\"",
     "GN_KIND_BYTE_SIZE", "int64_t ", GN_GEN_DEF_UINT, TEXT_ACTIONS},
    {"umask", "file mode bits, such as 022",
     "\"type\": [\"integer\", \"string\"], \"minimum\": 0, "
     "\"pattern\": \"^(0[0-7]+|0[oO][0-7]+|0[xX][0-9A-Fa-f]+|[0-9]+)$\"",
     "GN_KIND_UMASK", "int64_t ", GN_GEN_DEF_UINT, TEXT_ACTIONS},
    {"bool", "true or false", "\"type\": \"boolean\"", "GN_KIND_BOOL", "bool ", GN_GEN_DEF_BOOL,
     SWITCH_ACTIONS},
    {"tribool", "true, false or nothing", "\"type\": [\"boolean\", \"null\"]", "GN_KIND_TRIBOOL",
     "int8_t ", GN_GEN_DEF_TRIBOOL, SWITCH_ACTIONS},
    {"class", "name of a class, or a class", "\"type\": \"string\"", "GN_KIND_CLASS",
     "struct gn_ref ", GN_GEN_DEF_WORD, TEXT_ACTIONS},
    {"choice", "one of", NULL, "GN_KIND_CHOICE", "int ", GN_GEN_DEF_CHOICE, TEXT_ACTIONS},
    {"file_list", "list of paths of files", TEXTS_JSON, "GN_KIND_FILE_LIST", "struct gn_strlist ",
     GN_GEN_DEF_TEXTS, BIT(GN_GEN_APPEND)},
    {"directory", "path of a directory", "\"type\": \"string\"", "GN_KIND_DIRECTORY",
     "const char *", GN_GEN_DEF_DYNAMIC, TEXT_ACTIONS},
    {"user", "name or number of a user", NAME_JSON, "GN_KIND_USER", "int64_t ", GN_GEN_DEF_DYNAMIC,
     TEXT_ACTIONS},
    {"group", "name or number of a group", NAME_JSON, "GN_KIND_GROUP", "int64_t ",
     GN_GEN_DEF_DYNAMIC, TEXT_ACTIONS},
    {"dict", "dictionary", "\"type\": \"object\"", "GN_KIND_DICT", "const struct gn_value *",
     GN_GEN_DEF_DICT, FILE_ONLY},
    {"ip_list", "addresses, separated by commas", TEXTS_JSON, "GN_KIND_IP_LIST",
     "struct gn_strlist ", GN_GEN_DEF_WORD, TEXT_ACTIONS},
    {"comma_list", "words, separated by commas", TEXTS_JSON, "GN_KIND_COMMA_LIST",
     "struct gn_strlist ", GN_GEN_DEF_WORD, TEXT_ACTIONS},
    {"statsd", "address", "\"type\": [\"string\", \"null\"]", "GN_KIND_STATSD",
     "const struct gn_value *", GN_GEN_DEF_TEXT, TEXT_ACTIONS},
    {"any", "any value", "", "GN_KIND_ANY", "const struct gn_value *", GN_GEN_DEF_PLAIN,
     TEXT_ACTIONS},
    {"hook", "callable",
     "\"type\": \"string\", \"pattern\": \"^[^.:]+([.][^.:]+)*[.:][^.:]+([.][^.:]+)*$\"",
     "GN_KIND_HOOK", "struct gn_ref ", GN_GEN_DEF_QUALNAME, FILE_ONLY},
    {"bool_choice", "true, false, or one of", NULL, "GN_KIND_BOOL_CHOICE", "int ", GN_GEN_DEF_BOOL,
     BIT(GN_GEN_OPTIONAL)},
};

static const char *const action_names[GN_GEN_ACTION_COUNT + 1] = {
    "none", "store", "append", "store_true", "store_false", "optional", NULL,
};
static const char *const type_names[] = {"str", "int", "umask", NULL};
static const char *const apply_names[] = {"start", "reload", "worker", NULL};

/* Words of C that can't name a field of struct gn_cfg. */
static const char *const c_keywords[] = {
    "asm",      "auto",    "bool",     "break",    "case",     "char",    "const",
    "continue", "default", "do",       "double",   "else",     "enum",    "extern",
    "false",    "float",   "for",      "goto",     "if",       "inline",  "int",
    "linux",    "long",    "register", "restrict", "return",   "short",   "signed",
    "sizeof",   "static",  "struct",   "switch",   "true",     "typedef", "typeof",
    "union",    "unix",    "unsigned", "void",     "volatile", "while",   NULL,
};

static int
index_of(const char *const *words, const char *text)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    return -1;
}

static bool
has_form(const char *text, const char *first, const char *rest)
{
    return *text != '\0' && strchr(first, *text) != NULL &&
           text[1 + strspn(text + 1, rest)] == '\0';
}

static bool
is_identifier(const char *text)
{
    return has_form(text, LOWER, LOWER DIGITS "_");
}

static void
check_name(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const yaml_node_t *node = t->field[GN_GEN_NAME];
    const char *name = gn_gen_text(t, GN_GEN_NAME);
    if (name == NULL)
        return;
    if (!is_identifier(name))
        gn_gen_problem(s, node, "name '%s' must be lower-case letters, digits and '_'", name);
    if (strlen(name) > GN_GEN_NAME_MAX)
        gn_gen_problem(s, node, "name '%s' is longer than %d characters", name, GN_GEN_NAME_MAX);
    if (index_of(c_keywords, name) >= 0)
        gn_gen_problem(s, node, "name '%s' is a word of the C language", name);
}

static void
check_section(struct gn_gen_schema *s, struct gn_gen_setting *t, size_t *latest)
{
    const char *name = gn_gen_text(t, GN_GEN_SECTION);
    if (name == NULL || s->sections == NULL)
        return;
    size_t n = gn_gen_len(s->sections);
    for (t->section = 0; t->section < n; t->section++) {
        if (strcmp(gn_gen_item_text(s, s->sections, t->section), name) == 0)
            break;
    }
    if (t->section == n) {
        gn_gen_problem(s, t->field[GN_GEN_SECTION], "unknown section '%s'", name);
        return;
    }
    if (t->section < *latest)
        gn_gen_problem(s, t->field[GN_GEN_SECTION], "section '%s' must not come after section '%s'",
                       name, gn_gen_item_text(s, s->sections, *latest));
    *latest = t->section;
}

static void
check_kind(struct gn_gen_schema *s, struct gn_gen_setting *t)
{
    const char *name = gn_gen_text(t, GN_GEN_KIND);
    if (name == NULL)
        return;
    for (size_t i = 0; i < GN_ARRAY_LEN(kinds) && t->kind == NULL; i++) {
        if (strcmp(kinds[i].name, name) == 0)
            t->kind = &kinds[i];
    }
    if (t->kind == NULL)
        gn_gen_problem(s, t->field[GN_GEN_KIND], "unknown kind '%s'", name);
}

static bool
is_kind(const struct gn_gen_setting *t, const char *name)
{
    return t->kind != NULL && strcmp(t->kind->name, name) == 0;
}

/* A field that makes sense only where `condition` holds. */
static void
only_with(struct gn_gen_schema *s, const struct gn_gen_setting *t, enum gn_gen_field f,
          bool condition, const char *with)
{
    if (t->field[f] != NULL && !condition)
        gn_gen_problem(s, t->field[f], "'%s' is only allowed with %s", gn_gen_field_name(f), with);
}

static void
needs(struct gn_gen_schema *s, const struct gn_gen_setting *t, enum gn_gen_field f, bool condition,
      const char *why)
{
    if (!t->is_given[f] && condition)
        gn_gen_problem(s, t->node, "field '%s' is missing: %s", gn_gen_field_name(f), why);
}

static void
check_flag_form(struct gn_gen_schema *s, const yaml_node_t *node)
{
    static const char *const reserved[] = {"-h", "--help", "-v", "--version", NULL};
    const char *flag = gn_gen_scalar(node);
    bool is_short = flag[0] == '-' && has_form(flag + 1, LOWER UPPER, "");
    bool is_long = strncmp(flag, "--", 2) == 0 && has_form(flag + 2, LOWER, LOWER DIGITS "-_") &&
                   strchr("-_", flag[strlen(flag) - 1]) == NULL;
    if (!is_short && !is_long)
        gn_gen_problem(s, node, "flag '%s' is neither of the form -x nor --word-word", flag);
    else if (index_of(reserved, flag) >= 0)
        gn_gen_problem(s, node, "flag '%s' is taken by the program itself", flag);
}

static void
check_flags(struct gn_gen_schema *s, struct gn_gen_setting *t)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    bool has_long = false;
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        check_flag_form(s, gn_gen_item(s, cli, i));
        has_long = has_long || strncmp(gn_gen_item_text(s, cli, i), "--", 2) == 0;
    }
    if (cli != NULL && !has_long)
        gn_gen_problem(s, cli, "a setting with flags needs a long one");
    needs(s, t, GN_GEN_ACTION, t->is_given[GN_GEN_CLI], "the setting has flags");
    needs(s, t, GN_GEN_ORDER, t->is_given[GN_GEN_CLI], "the setting has flags");
    only_with(s, t, GN_GEN_ORDER, t->is_given[GN_GEN_CLI], "flags");
}

static void
check_action(struct gn_gen_schema *s, struct gn_gen_setting *t)
{
    const yaml_node_t *node = t->field[GN_GEN_ACTION];
    if (node != NULL) {
        const char *name = gn_gen_scalar(node);
        int action = index_of(action_names, name);
        if (action < 0) {
            gn_gen_problem(s, node, "unknown action '%s'", name);
            return;
        }
        t->action = (enum gn_gen_action)action;
        bool is_none = t->action == GN_GEN_NO_FLAG;
        if (is_none == t->is_given[GN_GEN_CLI])
            gn_gen_problem(s, node,
                           is_none ? "action 'none' of a setting with flags"
                                   : "action '%s' of a setting without flags",
                           name);
        else if (!is_none && t->kind != NULL && t->kind->actions != FILE_ONLY &&
                 !(t->kind->actions & BIT(t->action)))
            gn_gen_problem(s, node, "action '%s' doesn't fit kind '%s'", name, t->kind->name);
    }
    bool takes_value =
        t->action == GN_GEN_STORE || t->action == GN_GEN_APPEND || t->action == GN_GEN_OPTIONAL;
    only_with(s, t, GN_GEN_META, takes_value, "a flag that takes a value");
    only_with(s, t, GN_GEN_TYPE, takes_value, "a flag that takes a value");
    if (t->kind != NULL && t->kind->actions == FILE_ONLY && t->field[GN_GEN_CLI] != NULL)
        gn_gen_problem(s, t->field[GN_GEN_CLI], "a setting of kind '%s' can't have flags",
                       t->kind->name);
}

static void
check_type(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const char *type = gn_gen_text(t, GN_GEN_TYPE);
    if (type == NULL)
        return;
    if (index_of(type_names, type) < 0)
        gn_gen_problem(s, t->field[GN_GEN_TYPE], "unknown type '%s'", type);
    else if ((strcmp(type, "int") == 0 && !is_kind(t, "nonneg_int")) ||
             (strcmp(type, "umask") == 0 && !is_kind(t, "umask")))
        gn_gen_problem(s, t->field[GN_GEN_TYPE], "type '%s' doesn't fit the kind", type);
}

static void
check_env(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const char *env = gn_gen_text(t, GN_GEN_ENV);
    const char *format = gn_gen_text(t, GN_GEN_ENV_FORMAT);
    if (env != NULL && !has_form(env, UPPER, UPPER DIGITS "_"))
        gn_gen_problem(s, t->field[GN_GEN_ENV],
                       "env '%s' must be upper-case letters, digits and '_'", env);
    bool is_text = t->kind == NULL || t->kind->actions != FILE_ONLY;
    only_with(s, t, GN_GEN_ENV, is_text, "a kind that can be given as text");
    only_with(s, t, GN_GEN_ENV_FORMAT, t->is_given[GN_GEN_ENV], "'env'");
    if (format == NULL)
        return;
    const char *percent = strchr(format, '%');
    if (percent == NULL || percent[1] != 's' || strchr(percent + 1, '%') != NULL)
        gn_gen_problem(s, t->field[GN_GEN_ENV_FORMAT],
                       "env_format must hold '%%s' once and no "
                       "other '%%'");
}

static void
check_choices(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const yaml_node_t *list = t->field[GN_GEN_CHOICES];
    bool is_choice = is_kind(t, "choice");
    bool has_choices = is_choice || is_kind(t, "bool_choice");
    needs(s, t, GN_GEN_CHOICES, has_choices,
          is_choice ? "the kind is choice" : "the kind is bool_choice");
    only_with(s, t, GN_GEN_CHOICES, has_choices, "kinds choice and bool_choice");
    only_with(s, t, GN_GEN_IGNORE_CASE, is_choice, "kind choice");
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        const yaml_node_t *item = gn_gen_item(s, list, i);
        if (!is_identifier(gn_gen_scalar(item)))
            gn_gen_problem(s, item, "choice '%s' must be lower-case letters, digits and '_'",
                           gn_gen_scalar(item));
        for (size_t j = 0; j < i; j++) {
            if (strcmp(gn_gen_item_text(s, list, j), gn_gen_scalar(item)) == 0)
                gn_gen_problem(s, item, "choice '%s' is given twice", gn_gen_scalar(item));
        }
    }
}

/* The highest number: above `max` is an error, above `cap` the cap is used. */
static void
check_bounds(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    bool is_number = is_kind(t, "nonneg_int") || is_kind(t, "umask");
    only_with(s, t, GN_GEN_MAX, is_number, "kinds nonneg_int and umask");
    only_with(s, t, GN_GEN_CAP, is_number, "kinds nonneg_int and umask");
    only_with(s, t, GN_GEN_CAP, !t->is_given[GN_GEN_MAX], "no 'max' beside it");
    for (int f = GN_GEN_MAX; f <= GN_GEN_CAP; f++) {
        const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
        if (t->field[f] != NULL && def != NULL && gn_gen_is_int(def) &&
            gn_gen_int(t, GN_GEN_DEFAULT) > gn_gen_int(t, (enum gn_gen_field)f))
            gn_gen_problem(s, t->field[f], "the default is above '%s'",
                           gn_gen_field_name((enum gn_gen_field)f));
    }
}

static void
check_arity(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const yaml_node_t *list = t->field[GN_GEN_ARITY];
    bool is_hook = is_kind(t, "hook");
    needs(s, t, GN_GEN_ARITY, is_hook, "the kind is hook");
    only_with(s, t, GN_GEN_ARITY, is_hook, "kind hook");
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        const yaml_node_t *item = gn_gen_item(s, list, i);
        const char *text = gn_gen_scalar(item);
        if (strlen(text) != 1 || *text == '0')
            gn_gen_problem(s, item, "arity %s is not one of 1 to 9", text);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(gn_gen_item_text(s, list, j), text) == 0)
                gn_gen_problem(s, item, "arity %s is given twice", text);
        }
    }
}

static bool
is_version(const char *text)
{
    size_t digits = strspn(text, DIGITS);
    unsigned parts = digits > 0;
    for (; digits > 0 && text[digits] == '.'; parts++) {
        text += digits + 1;
        digits = strspn(text, DIGITS);
    }
    return parts >= 2 && parts <= 3 && digits > 0 && text[digits] == '\0';
}

static void
check_brief(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const char *brief = gn_gen_text(t, GN_GEN_BRIEF);
    if (brief != NULL && brief[strlen(brief) - 1] != '.')
        gn_gen_problem(s, t->field[GN_GEN_BRIEF], "brief must end with a full stop");
}

static void
check_history(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    const char *since = gn_gen_text(t, GN_GEN_SINCE);
    bool is_ours = since != NULL && strncmp(since, "c ", 2) == 0;
    if (since != NULL && !is_version(is_ours ? since + 2 : since))
        gn_gen_problem(s, t->field[GN_GEN_SINCE],
                       "since '%s' is not of the form 1.2, 1.2.3 or c 1.2", since);
    only_with(s, t, GN_GEN_ADDITION, is_ours || !gn_gen_flag(t, GN_GEN_ADDITION),
              "since of the form c 1.2");
    if (is_ours && !gn_gen_flag(t, GN_GEN_ADDITION))
        gn_gen_problem(s, t->field[GN_GEN_SINCE],
                       "since '%s' is only allowed with 'addition: true'", since);
    only_with(s, t, GN_GEN_PENDING_FATAL, t->is_given[GN_GEN_PENDING], "'pending'");
    const char *apply = gn_gen_text(t, GN_GEN_APPLY);
    if (apply != NULL && index_of(apply_names, apply) < 0)
        gn_gen_problem(s, t->field[GN_GEN_APPLY], "unknown apply class '%s'", apply);
    check_brief(s, t);
}

static bool
is_text_list(struct gn_gen_schema *s, const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return false;
    for (size_t i = 0; i < gn_gen_len(node); i++) {
        if (!gn_gen_is_text(gn_gen_item(s, node, i)))
            return false;
    }
    return true;
}

static bool
is_text_dict(struct gn_gen_schema *s, const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE)
        return false;
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++) {
        if (!gn_gen_is_text(gn_gen_node(s, pair->key)) ||
            !gn_gen_is_text(gn_gen_node(s, pair->value)))
            return false;
    }
    return true;
}

/* "OnStarting.on_starting" */
static bool
is_qualname(const yaml_node_t *node)
{
    const char *text = gn_gen_scalar(node);
    const char *dot = strchr(text, '.');
    return gn_gen_is_text(node) && dot != NULL && dot[1] != '\0' &&
           has_form(text, LOWER UPPER, LOWER UPPER DIGITS "_.") && strchr(dot + 1, '.') == NULL;
}

static bool
is_choice_of(struct gn_gen_schema *s, const struct gn_gen_setting *t, const yaml_node_t *node)
{
    const yaml_node_t *list = t->field[GN_GEN_CHOICES];
    bool is_found = gn_gen_is_null(node);
    for (size_t i = 0; i < gn_gen_len(list) && gn_gen_is_text(node); i++)
        is_found = is_found || strcmp(gn_gen_item_text(s, list, i), gn_gen_scalar(node)) == 0;
    return is_found;
}

/* What the default should have been, or NULL when it fits. */
static const char *
default_complaint(struct gn_gen_schema *s, const struct gn_gen_setting *t, const yaml_node_t *node)
{
    bool is_null = gn_gen_is_null(node), is_bool = gn_gen_is_bool(node);
    bool is_text = gn_gen_is_text(node);
    switch (t->kind->def) {
    case GN_GEN_DEF_TEXT:
        return is_null || is_text ? NULL : "text or ~";
    case GN_GEN_DEF_WORD:
        return is_text ? NULL : "text";
    case GN_GEN_DEF_TEXTS:
        return is_text_list(s, node) ? NULL : "a list of texts";
    case GN_GEN_DEF_UINT:
        return gn_gen_is_int(node) ? NULL : "a whole number";
    case GN_GEN_DEF_BOOL:
        return is_bool ? NULL : "true or false";
    case GN_GEN_DEF_TRIBOOL:
        return is_bool || is_null ? NULL : "true, false or ~";
    case GN_GEN_DEF_DYNAMIC:
        return is_null ? NULL : "~, with 'dynamic'";
    case GN_GEN_DEF_DICT:
        return is_text_dict(s, node) ? NULL : "a mapping of text to text";
    case GN_GEN_DEF_CHOICE:
        return is_choice_of(s, t, node) ? NULL : "one of 'choices', or ~";
    case GN_GEN_DEF_QUALNAME:
        return is_qualname(node) ? NULL : "a qualified name such as Class.method";
    case GN_GEN_DEF_PLAIN:
        return is_null || is_bool || is_text || gn_gen_is_int(node) ? NULL : "a single value";
    }
    return NULL;
}

static void
check_default(struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    static const struct {
        const char *kind, *dynamic;
    } pairs[] = {{"directory", "cwd"}, {"user", "euid"}, {"group", "egid"}};

    const yaml_node_t *node = t->field[GN_GEN_DEFAULT];
    if (t->kind == NULL)
        return;
    const char *wanted = node != NULL ? default_complaint(s, t, node) : NULL;
    if (wanted != NULL)
        gn_gen_problem(s, node, "the default doesn't fit kind '%s': it must be %s", t->kind->name,
                       wanted);
    const char *dynamic = gn_gen_text(t, GN_GEN_DYNAMIC);
    needs(s, t, GN_GEN_DYNAMIC, t->kind->def == GN_GEN_DEF_DYNAMIC, "the kind needs it");
    only_with(s, t, GN_GEN_DYNAMIC, t->kind->def == GN_GEN_DEF_DYNAMIC,
              "kinds directory, user and group");
    for (size_t i = 0; i < GN_ARRAY_LEN(pairs) && dynamic != NULL; i++) {
        if (is_kind(t, pairs[i].kind) && strcmp(dynamic, pairs[i].dynamic) != 0)
            gn_gen_problem(s, t->field[GN_GEN_DYNAMIC], "dynamic must be %s for kind '%s'",
                           pairs[i].dynamic, t->kind->name);
    }
}

static size_t
line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

/* Scalar `node` against those of field `f` in all settings before `end`. */
static void
check_unique(struct gn_gen_schema *s, size_t end, enum gn_gen_field f, const yaml_node_t *node)
{
    for (size_t i = 0; i < end && node != NULL; i++) {
        const yaml_node_t *other = s->settings[i].field[f];
        if (other != NULL && strcmp(gn_gen_scalar(other), gn_gen_scalar(node)) == 0) {
            gn_gen_problem(s, node, "%s '%s' is already used in line %zu", gn_gen_field_name(f),
                           gn_gen_scalar(node), line_of(other));
            return;
        }
    }
}

static const yaml_node_t *
find_flag(const struct gn_gen_schema *s, const yaml_node_t *list, size_t end, const char *flag)
{
    for (size_t i = 0; i < end; i++) {
        if (strcmp(gn_gen_item_text(s, list, i), flag) == 0)
            return gn_gen_item(s, list, i);
    }
    return NULL;
}

static void
check_unique_flags(struct gn_gen_schema *s, size_t end)
{
    const yaml_node_t *own = s->settings[end].field[GN_GEN_CLI];
    for (size_t i = 0; i < gn_gen_len(own); i++) {
        const yaml_node_t *flag = gn_gen_item(s, own, i);
        const char *text = gn_gen_scalar(flag);
        const yaml_node_t *other = find_flag(s, own, i, text);
        for (size_t j = 0; j < end && other == NULL; j++) {
            const yaml_node_t *list = s->settings[j].field[GN_GEN_CLI];
            other = find_flag(s, list, gn_gen_len(list), text);
        }
        if (other != NULL)
            gn_gen_problem(s, flag, "flag '%s' is already used in line %zu", text, line_of(other));
    }
}

static void
check_sections(struct gn_gen_schema *s)
{
    for (size_t i = 0; i < gn_gen_len(s->sections); i++) {
        const yaml_node_t *node = gn_gen_item(s, s->sections, i);
        if (!has_form(gn_gen_scalar(node), LOWER UPPER, LOWER UPPER DIGITS " "))
            gn_gen_problem(s, node, "section '%s' must be letters, digits and blanks",
                           gn_gen_scalar(node));
        if (find_flag(s, s->sections, i, gn_gen_scalar(node)) != NULL)
            gn_gen_problem(s, node, "section '%s' is given twice", gn_gen_scalar(node));
        bool is_used = false;
        for (size_t j = 0; j < s->n && !is_used; j++) {
            const char *section = gn_gen_text(&s->settings[j], GN_GEN_SECTION);
            is_used = section != NULL && strcmp(section, gn_gen_scalar(node)) == 0;
        }
        if (!is_used)
            gn_gen_problem(s, node, "section '%s' has no setting", gn_gen_scalar(node));
    }
}

/* An option may extend a switch of a setting, which then takes a value as well. */
static const yaml_node_t *
find_extended(struct gn_gen_schema *s, const struct gn_gen_setting *option, const char *flag)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_gen_setting *t = &s->settings[i];
        const yaml_node_t *list = t->field[GN_GEN_CLI];
        const yaml_node_t *found = find_flag(s, list, gn_gen_len(list), flag);
        bool is_extended = option->action == GN_GEN_OPTIONAL && t->action == GN_GEN_STORE_TRUE;
        if (found != NULL && !is_extended)
            gn_gen_problem(s, option->field[GN_GEN_CLI], "flag '%s' is already used in line %zu",
                           flag, line_of(found));
        if (found != NULL)
            return found;
    }
    return NULL;
}

static void
check_option_flag(struct gn_gen_schema *s, const struct gn_gen_setting *t, size_t index)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    if (cli == NULL)
        return;
    const char *flag = gn_gen_item_text(s, cli, 0);
    check_flag_form(s, gn_gen_item(s, cli, 0));
    if (gn_gen_len(cli) != 1 || strncmp(flag, "--", 2) != 0)
        gn_gen_problem(s, cli, "an option has one flag, which is a long one");
    if (find_extended(s, t, flag) == NULL && t->action == GN_GEN_OPTIONAL)
        gn_gen_problem(s, cli, "there is no setting with the switch '%s' to extend", flag);
    for (size_t i = 0; i < index; i++) {
        const yaml_node_t *other = s->options[i].field[GN_GEN_CLI];
        if (other != NULL && strcmp(gn_gen_item_text(s, other, 0), flag) == 0)
            gn_gen_problem(s, cli, "flag '%s' is already used in line %zu", flag, line_of(other));
    }
}

static void
check_option(struct gn_gen_schema *s, size_t index)
{
    struct gn_gen_setting *t = &s->options[index];
    const yaml_node_t *node = t->field[GN_GEN_ACTION];
    int action = node != NULL ? index_of(action_names, gn_gen_scalar(node)) : GN_GEN_STORE;
    bool is_switch = action == GN_GEN_STORE_TRUE;
    if (action <= GN_GEN_NO_FLAG || action == GN_GEN_STORE_FALSE) {
        gn_gen_problem(s, node, "unknown action '%s' of an option", gn_gen_scalar(node));
        return;
    }
    t->action = (enum gn_gen_action)action;
    check_option_flag(s, t, index);
    needs(s, t, GN_GEN_META, !is_switch, "the option takes a value");
    only_with(s, t, GN_GEN_META, !is_switch, "a flag that takes a value");
    only_with(s, t, GN_GEN_TYPE, action == GN_GEN_STORE, "a flag that takes a value");
    needs(s, t, GN_GEN_CHOICES, action == GN_GEN_OPTIONAL, "the action is optional");
    only_with(s, t, GN_GEN_CHOICES, action == GN_GEN_OPTIONAL, "action optional");
    check_brief(s, t);
}

void
gn_gen_check(struct gn_gen_schema *s)
{
    size_t latest_section = 0;
    check_sections(s);
    for (size_t i = 0; i < s->n; i++) {
        struct gn_gen_setting *t = &s->settings[i];
        check_name(s, t);
        check_section(s, t, &latest_section);
        check_kind(s, t);
        check_flags(s, t);
        check_action(s, t);
        check_type(s, t);
        check_env(s, t);
        check_choices(s, t);
        check_bounds(s, t);
        check_arity(s, t);
        check_history(s, t);
        check_default(s, t);
        check_unique(s, i, GN_GEN_NAME, t->field[GN_GEN_NAME]);
        check_unique(s, i, GN_GEN_ORDER, t->field[GN_GEN_ORDER]);
        check_unique_flags(s, i);
    }
    for (size_t i = 0; i < s->n_options; i++)
        check_option(s, i);
    gn_gen_check_rules(s);
}
