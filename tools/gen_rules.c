#include "gen_schema.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* What rules may ask for beside settings; src/config/rule_facts.c has the function of each. */
static const struct {
    const char *name;
    bool is_text;
} facts[] = {{"worker", true}, {"public_bind", false}, {"unix_bind", false}, {"access_log", false}};

/* Rules that C code finds, with a text for each finding; src/config/rule_checks.c has them. */
static const char *const checks[] = {
    "bad_address", "same_address",   "same_socket",   "unnamed_env",
    "bad_owner",   "unknown_worker", "scheme_header",
};

static const struct {
    const char *word, *id;
    bool takes_value;
} ops[] = {
    {"is set", "SET", false},
    {"is unset", "UNSET", false},
    {"is default", "DEFAULT", false},
    {"is changed", "CHANGED", false},
    {"is true", "TRUE", false},
    {"is false", "FALSE", false},
    {"=", "IN", true},
    {"!=", "NOT_IN", true},
    {"in", "IN", true},
    {"not in", "NOT_IN", true},
    {"has", "HAS", true},
    {">", "ABOVE", true},
    {"<", "BELOW", true},
    {"contains", "CONTAINS", true},
};

enum { IS_TRUE = 4, IS_FALSE = 5, EQUAL = 6, NOT_EQUAL = 7, HAS = 10, ABOVE = 11, BELOW = 12 };

/* Where the parser of a condition is. */
struct words {
    struct gn_gen_schema *s;
    const yaml_node_t *node;
    const char *at;
};

static void
skip_blanks(struct words *w)
{
    w->at += strspn(w->at, " ");
}

/* The word ahead, "" at the end. */
static struct gn_gen_word
peek(struct words *w)
{
    skip_blanks(w);
    return (struct gn_gen_word){w->at, strcspn(w->at, " ")};
}

static struct gn_gen_word
next(struct words *w)
{
    struct gn_gen_word word = peek(w);
    w->at += word.n;
    return word;
}

static bool
is_word(struct gn_gen_word word, const char *text)
{
    return word.n == strlen(text) && memcmp(word.p, text, word.n) == 0;
}

static bool
is_number(struct gn_gen_word word)
{
    return word.n > 0 && word.n <= 9 && strspn(word.p, DIGITS) >= word.n;
}

static void
complain(const struct words *w, struct gn_gen_word word, const char *what)
{
    size_t offset = (size_t)(word.p - gn_gen_scalar(w->node));
    if (word.n == 0)
        gn_gen_problem_in(w->s, w->node, offset, "%s is missing at the end", what);
    else
        gn_gen_problem_in(w->s, w->node, offset, "unknown %s '%.*s'", what, (int)word.n, word.p);
}

const struct gn_gen_setting *
gn_gen_find_setting(const struct gn_gen_schema *s, const char *name, size_t n)
{
    for (size_t i = 0; i < s->n; i++) {
        const char *own = gn_gen_text(&s->settings[i], GN_GEN_NAME);
        if (own != NULL && strlen(own) == n && memcmp(own, name, n) == 0)
            return &s->settings[i];
    }
    return NULL;
}

static bool
parse_subject(struct words *w, struct gn_gen_test *t)
{
    struct gn_gen_word word = next(w);
    t->is_it = is_word(word, "it");
    if (t->is_it)
        return true;
    for (size_t i = 0; i < GN_ARRAY_LEN(facts) && word.n > 0 && word.p[0] == '@'; i++) {
        if (is_word((struct gn_gen_word){word.p + 1, word.n - 1}, facts[i].name)) {
            t->fact = facts[i].name;
            t->is_text_fact = facts[i].is_text;
            return true;
        }
    }
    if (word.n > 0 && word.p[0] == '@') {
        complain(w, word, "fact");
        return false;
    }
    t->setting = gn_gen_find_setting(w->s, word.p, word.n);
    if (t->setting == NULL)
        complain(w, word, "setting");
    return t->setting != NULL;
}

/* The longest operator ahead, of one or two words. */
static bool
parse_op(struct words *w, struct gn_gen_test *t)
{
    struct gn_gen_word first = peek(w);
    for (size_t i = 0; i < GN_ARRAY_LEN(ops); i++) {
        size_t n = strlen(ops[i].word);
        if (strncmp(w->at, ops[i].word, n) == 0 && (w->at[n] == ' ' || w->at[n] == '\0')) {
            w->at += n;
            t->op = i;
            t->op_id = ops[i].id;
            return true;
        }
    }
    complain(w, first, "test");
    return false;
}

static bool
parse_values(struct words *w, struct gn_gen_test *t)
{
    bool is_list = strstr(ops[t->op].word, "in") != NULL;
    for (;;) {
        struct gn_gen_word word = peek(w);
        if (word.n == 0 || is_word(word, "or") || (!is_list && t->n_values == 1))
            break;
        if (t->n_values == GN_ARRAY_LEN(t->values)) {
            complain(w, word, "further value");
            return false;
        }
        t->values[t->n_values++] = next(w);
    }
    if (t->n_values == 0)
        complain(w, (struct gn_gen_word){w->at, 0}, "value");
    return t->n_values > 0;
}

/* What is wrong with a test of this subject, or NULL. */
static const char *
misfit(const struct gn_gen_schema *s, const struct gn_gen_test *t)
{
    const struct gn_gen_kind *kind = t->setting != NULL ? t->setting->kind : NULL;
    bool is_truth = t->op == IS_TRUE || t->op == IS_FALSE;
    bool is_order = t->op == ABOVE || t->op == BELOW;
    if (t->is_it)
        return NULL;
    bool is_number_kind = kind != NULL && kind->def == GN_GEN_DEF_UINT;
    if (t->fact != NULL && (t->is_text_fact ? t->op < EQUAL || t->op >= HAS : !is_truth))
        return t->is_text_fact ? "a fact that is a text can only be compared"
                               : "a fact that is no text can only be true or false";
    if (kind == NULL || !ops[t->op].takes_value)
        return is_order ? "only numbers are above or below" : NULL;
    if (is_order && !is_number_kind)
        return "only numbers are above or below";
    if (kind->def == GN_GEN_DEF_BOOL || kind->def == GN_GEN_DEF_TRIBOOL)
        return "a switch is compared by 'is true' and 'is false'";
    bool is_list = strstr(kind->name, "list") != NULL;
    if ((t->op == HAS) != is_list)
        return is_list ? "a list can only be asked whether it 'has' a text" : "only a list 'has'";
    for (size_t i = 0; i < t->n_values; i++) {
        if (is_number_kind && !is_number(t->values[i]))
            return "the setting is compared with something that is no number";
        const yaml_node_t *choices = t->setting->field[GN_GEN_CHOICES];
        bool is_found = choices == NULL;
        for (size_t j = 0; j < gn_gen_len(choices) && !is_found; j++)
            is_found = is_word(t->values[i], gn_gen_item_text(s, choices, j));
        if (!is_found)
            return "the setting is compared with something that is none of its choices";
    }
    return NULL;
}

static bool
parse_test(struct words *w, struct gn_gen_test *t)
{
    size_t start = (size_t)(peek(w).p - gn_gen_scalar(w->node));
    if (!parse_subject(w, t) || !parse_op(w, t))
        return false;
    if (ops[t->op].takes_value && !parse_values(w, t))
        return false;
    const char *why = misfit(w->s, t);
    if (why != NULL)
        gn_gen_problem_in(w->s, w->node, start, "%s", why);
    return why == NULL;
}

/* Tests with "or" between them. */
static void
parse_condition(struct gn_gen_schema *s, struct gn_gen_rule *r, const yaml_node_t *node)
{
    struct words w = {.s = s, .node = node, .at = gn_gen_scalar(node)};
    for (;;) {
        struct gn_gen_test t = {0};
        if (!parse_test(&w, &t))
            return;
        struct gn_gen_word word = next(&w);
        t.is_last = word.n == 0;
        r->tests = gn_gen_alloc(r->tests, r->n_tests + 1, sizeof *r->tests);
        r->tests[r->n_tests++] = t;
        if (t.is_last)
            return;
        if (!is_word(word, "or")) {
            complain(&w, word, "word behind a test, other than 'or':");
            return;
        }
    }
}

static void
check_settings(struct gn_gen_schema *s, const struct gn_gen_rule *r)
{
    const yaml_node_t *list = r->field[GN_GEN_RULE_SETTINGS];
    const char *message = gn_gen_scalar(r->field[GN_GEN_RULE_MESSAGE]);
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        const yaml_node_t *item = gn_gen_item(s, list, i);
        const char *name = gn_gen_scalar(item);
        const struct gn_gen_setting *t = gn_gen_find_setting(s, name, strlen(name));
        if (t == NULL)
            gn_gen_problem(s, item, "unknown setting '%s'", name);
        else if (gn_gen_flag(t, GN_GEN_SECRET) && r->field[GN_GEN_RULE_CHECK] == NULL &&
                 strstr(message, "{}") != NULL)
            gn_gen_problem(s, item, "the message shows the value of '%s', which is secret", name);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(gn_gen_item_text(s, list, j), name) == 0)
                gn_gen_problem(s, item, "setting '%s' is given twice", name);
        }
    }
}

static bool
is_code(const char *text)
{
    return strlen(text) == 5 && strncmp(text, "GC", 2) == 0 && strspn(text + 2, DIGITS) == 3;
}

static void
check_rule(struct gn_gen_schema *s, struct gn_gen_rule *r)
{
    const yaml_node_t *code = r->field[GN_GEN_RULE_CODE], *when = r->field[GN_GEN_RULE_WHEN];
    const yaml_node_t *check = r->field[GN_GEN_RULE_CHECK];
    const yaml_node_t *message = r->field[GN_GEN_RULE_MESSAGE];
    if (code != NULL && !is_code(gn_gen_scalar(code)))
        gn_gen_problem(s, code, "code '%s' is not of the form GC123", gn_gen_scalar(code));
    check_settings(s, r);
    if (!r->is_given[GN_GEN_RULE_WHEN] && !r->is_given[GN_GEN_RULE_CHECK])
        gn_gen_problem(s, r->node, "a rule needs 'when' or 'check'");
    bool is_known = check == NULL;
    for (size_t i = 0; i < GN_ARRAY_LEN(checks) && !is_known; i++)
        is_known = strcmp(checks[i], gn_gen_scalar(check)) == 0;
    if (!is_known)
        gn_gen_problem(s, check, "unknown check '%s'", gn_gen_scalar(check));
    if (check != NULL && message != NULL && strstr(gn_gen_scalar(message), "{}") == NULL)
        gn_gen_problem(s, message, "the message of a check must hold '{}', the finding");
    const char *text = gn_gen_scalar(message);
    if (*text != '\0' && text[strlen(text) - 1] == '.')
        gn_gen_problem(s, message, "message must not end with a full stop");
    for (size_t i = 0; i < gn_gen_len(when); i++)
        parse_condition(s, r, gn_gen_item(s, when, i));
}

static void
check_other_name(struct gn_gen_schema *s, size_t index)
{
    static const char *const classes[] = {"removed", "newer", "needless", "common"};
    const struct gn_gen_rule *r = &s->names[index];
    const yaml_node_t *name = r->field[GN_GEN_OTHER_NAME], *is = r->field[GN_GEN_OTHER_IS];
    const yaml_node_t *use = r->field[GN_GEN_OTHER_USE];
    const char *text = gn_gen_scalar(name);
    if (name != NULL && text[strspn(text, LOWER DIGITS "_")] != '\0')
        gn_gen_problem(s, name, "name '%s' must be lower-case letters, digits and '_'", text);
    if (name != NULL && gn_gen_find_setting(s, text, strlen(text)) != NULL)
        gn_gen_problem(s, name, "'%s' is a setting", text);
    for (size_t i = 0; i < index && name != NULL; i++) {
        if (strcmp(gn_gen_scalar(s->names[i].field[GN_GEN_OTHER_NAME]), text) == 0)
            gn_gen_problem(s, name, "name '%s' is given twice", text);
    }
    bool is_known = is == NULL;
    for (size_t i = 0; i < GN_ARRAY_LEN(classes) && !is_known; i++)
        is_known = strcmp(classes[i], gn_gen_scalar(is)) == 0;
    if (!is_known)
        gn_gen_problem(s, is, "'is' must be removed, newer, needless or common");
    if (use != NULL &&
        gn_gen_find_setting(s, gn_gen_scalar(use), strlen(gn_gen_scalar(use))) == NULL)
        gn_gen_problem(s, use, "unknown setting '%s'", gn_gen_scalar(use));
}

void
gn_gen_check_rules(struct gn_gen_schema *s)
{
    for (size_t i = 0; i < s->n_rules; i++)
        check_rule(s, &s->rules[i]);
    for (size_t i = 0; i < s->n_names; i++)
        check_other_name(s, i);
}

/* Writing. */

static void
put_upper(FILE *out, const char *before, const char *text, const char *after)
{
    fputs(before, out);
    gn_gen_c_upper(out, text);
    fputs(after, out);
}

static void
put_values(FILE *out, const struct gn_gen_test *t, size_t rule, size_t test)
{
    for (size_t i = 0; i < t->n_values; i++) {
        struct gn_gen_word word = t->values[i];
        fprintf(out, "static const struct gn_value rule_%zu_%zu_%zu = ", rule, test, i);
        if (is_number(word))
            fprintf(out, "{.tag = GN_V_INT, .i = %.*s};\n", (int)word.n, word.p);
        else
            fprintf(out, "{.tag = GN_V_STR, .str = {\"%.*s\", %zu}};\n", (int)word.n, word.p,
                    word.n);
    }
    if (t->n_values == 0)
        return;
    fprintf(out, "static const struct gn_value *const rule_%zu_%zu[] = {", rule, test);
    for (size_t i = 0; i < t->n_values; i++)
        fprintf(out, "%s&rule_%zu_%zu_%zu", i > 0 ? ", " : "", rule, test, i);
    fputs("};\n", out);
}

static void
put_test(FILE *out, const struct gn_gen_test *t, size_t rule, size_t test)
{
    fprintf(out, "    {.op = GN_RULE_%s", t->op_id);
    if (t->is_it)
        fputs(", .is_it = true", out);
    else if (t->fact != NULL)
        fprintf(out, ", .fact = gn_rule_fact_%s", t->fact);
    else
        put_upper(out, ", .id = GN_S_", gn_gen_text(t->setting, GN_GEN_NAME), "");
    if (t->n_values > 0)
        fprintf(out, ", .values = rule_%zu_%zu, .n = %zu", rule, test, t->n_values);
    fprintf(out, "%s},\n", t->is_last ? ", .is_last = true" : "");
}

static void
put_rule_parts(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_rule *r, size_t index)
{
    const yaml_node_t *list = r->field[GN_GEN_RULE_SETTINGS];
    for (size_t i = 0; i < r->n_tests; i++)
        put_values(out, &r->tests[i], index, i);
    fprintf(out, "static const enum gn_setting_id rule_%zu_settings[] = {", index);
    for (size_t i = 0; i < gn_gen_len(list); i++)
        put_upper(out, "GN_S_", gn_gen_item_text(s, list, i), ", ");
    fputs("};\n", out);
    if (r->n_tests == 0)
        return;
    fprintf(out, "static const struct gn_rule_test rule_%zu_tests[] = {\n", index);
    for (size_t i = 0; i < r->n_tests; i++)
        put_test(out, &r->tests[i], index, i);
    fputs("};\n", out);
}

static void
put_member(FILE *out, const char *member, const yaml_node_t *node)
{
    if (node == NULL)
        return;
    fprintf(out, "        .%s = ", member);
    gn_gen_c_string(out, gn_gen_scalar(node), 0);
    fputs(",\n", out);
}

static void
put_rule(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_rule *r, size_t index)
{
    (void)s;
    fputs("    {\n", out);
    put_member(out, "code", r->field[GN_GEN_RULE_CODE]);
    fprintf(out, "        .settings = rule_%zu_settings,\n        .n_settings = %zu,\n", index,
            gn_gen_len(r->field[GN_GEN_RULE_SETTINGS]));
    if (r->n_tests > 0)
        fprintf(out, "        .tests = rule_%zu_tests,\n        .n_tests = %zu,\n", index,
                r->n_tests);
    if (r->field[GN_GEN_RULE_CHECK] != NULL)
        fprintf(out, "        .check = gn_rule_check_%s,\n",
                gn_gen_scalar(r->field[GN_GEN_RULE_CHECK]));
    put_member(out, "message", r->field[GN_GEN_RULE_MESSAGE]);
    put_member(out, "hint", r->field[GN_GEN_RULE_HINT]);
    fputs("    },\n", out);
}

static void
put_other_name(FILE *out, const struct gn_gen_rule *r)
{
    const char *use = gn_gen_scalar(r->field[GN_GEN_OTHER_USE]);
    fputs("    {\n", out);
    put_member(out, "name", r->field[GN_GEN_OTHER_NAME]);
    put_upper(out, "        .is = GN_NAME_", gn_gen_scalar(r->field[GN_GEN_OTHER_IS]), ",\n");
    if (*use != '\0')
        put_upper(out, "        .use = &gn_settings[GN_S_", use, "],\n");
    put_member(out, "text", r->field[GN_GEN_OTHER_TEXT]);
    fputs("    },\n", out);
}

void
gn_gen_write_rules(const struct gn_gen_schema *s, FILE *out)
{
    gn_gen_c_banner(out, s, "Rules between settings and names of other versions, for rules.c.");
    fputc('\n', out);
    for (size_t i = 0; i < s->n_rules; i++)
        put_rule_parts(s, out, &s->rules[i], i);
    fprintf(out, "\nconst size_t gn_rule_count = %zu;\nconst struct gn_rule gn_rules[] = {\n",
            s->n_rules);
    for (size_t i = 0; i < s->n_rules; i++)
        put_rule(s, out, &s->rules[i], i);
    fputs("    {.code = NULL},\n};\n\nconst struct gn_other_name gn_other_names[] = {\n", out);
    for (size_t i = 0; i < s->n_names; i++)
        put_other_name(out, &s->names[i]);
    fputs("    {.name = NULL},\n};\n", out);
}

/* The message of a rule for readers: what is behind the placeholder depends on the value. */
static char *
readable(const char *message)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        fputs("gen-settings: no memory\n", stderr);
        exit(1);
    }
    if (strcmp(message, "{}") == 0)
        message = "a value that can't be used";
    for (const char *hole; (hole = strstr(message, "{}")) != NULL; message = hole + 2)
        fprintf(out, "%.*s...", (int)(hole - message), message);
    fputs(message, out);
    fclose(out);
    return text;
}

void
gn_gen_each_rule(const struct gn_gen_schema *s, const struct gn_gen_setting *t,
                 void (*put)(FILE *out, const char *code, const char *message), FILE *out)
{
    const char *name = gn_gen_text(t, GN_GEN_NAME);
    for (size_t i = 0; i < s->n_rules; i++) {
        const yaml_node_t *list = s->rules[i].field[GN_GEN_RULE_SETTINGS];
        for (size_t j = 0; j < gn_gen_len(list); j++) {
            if (strcmp(gn_gen_item_text(s, list, j), name) != 0)
                continue;
            char *message = readable(gn_gen_scalar(s->rules[i].field[GN_GEN_RULE_MESSAGE]));
            put(out, gn_gen_scalar(s->rules[i].field[GN_GEN_RULE_CODE]), message);
            free(message);
        }
    }
}
