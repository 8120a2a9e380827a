#include "config/rules.h"

#include <string.h>

#include "config/rules_table.inc"

const struct gn_candidate *
gn_rule_winner(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = b->latest[id];

    return c != NULL && c->value != NULL ? c : NULL;
}

static const struct gn_value *
default_value(const struct gn_builder *b, enum gn_setting_id id)
{
    for (const struct gn_candidate *c = b->latest[id]; c != NULL; c = c->next) {
        if (c->origin.layer == GN_LAYER_DEFAULT)
            return c->value;
    }
    return NULL;
}

/* The first choice is the one that stands for False. */
static bool
is_true(const struct gn_setting *s, const struct gn_value *v)
{
    switch (v->tag) {
    case GN_V_NONE:
        return false;
    case GN_V_BOOL:
        return v->b;
    case GN_V_INT:
        return v->i != 0;
    case GN_V_STR:
        if (s != NULL && s->kind == GN_KIND_BOOL_CHOICE)
            return !gn_slice_eq_str(v->str, s->choices[0]);
        return v->str.n > 0;
    case GN_V_LIST:
    case GN_V_TUPLE:
        return v->list.n > 0;
    case GN_V_DICT:
        return v->dict.n > 0;
    default:
        return true;
    }
}

bool
gn_rule_is_true(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = gn_rule_winner(b, id);

    return c != NULL && is_true(c->setting, c->value);
}

static bool
is_same(const struct gn_value *a, const struct gn_value *b)
{
    if (a->tag == GN_V_STR && b->tag == GN_V_STR)
        return gn_slice_eq_nocase(a->str, b->str);
    return gn_value_equal(a, b);
}

static bool
is_among(const struct gn_value *v, const struct gn_rule_test *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (is_same(v, t->values[i]))
            return true;
    }
    return false;
}

static bool
has_item(const struct gn_value *list, const struct gn_rule_test *t)
{
    for (size_t i = 0; list->tag == GN_V_LIST && i < list->list.n; i++) {
        if (is_among(list->list.items[i], t))
            return true;
    }
    return false;
}

static bool
contains(struct gn_slice text, struct gn_slice part)
{
    return memmem(text.p, text.n, part.p, part.n) != NULL;
}

static bool
holds_for_value(const struct gn_rule_test *t, const struct gn_setting *s, const struct gn_value *v)
{
    switch (t->op) {
    case GN_RULE_TRUE:
        return is_true(s, v);
    case GN_RULE_FALSE:
        return !is_true(s, v);
    case GN_RULE_IN:
        return is_among(v, t);
    case GN_RULE_NOT_IN:
        return !is_among(v, t);
    case GN_RULE_HAS:
        return has_item(v, t);
    case GN_RULE_CONTAINS:
        return v->tag == GN_V_STR && contains(v->str, t->values[0]->str);
    case GN_RULE_ABOVE:
        return v->tag == GN_V_INT && v->i > t->values[0]->i;
    case GN_RULE_BELOW:
        return v->tag == GN_V_INT && v->i < t->values[0]->i;
    default:
        return false;
    }
}

/* Nothing holds for a setting whose value was refused. */
static bool
holds(struct gn_builder *b, const struct gn_rule_test *t, const struct gn_candidate *it)
{
    const struct gn_candidate *c = t->is_it ? it : gn_rule_winner(b, t->id);
    bool is_default;

    if (t->fact != NULL) {
        const struct gn_value *v = t->fact(b);

        return v != NULL && holds_for_value(t, NULL, v);
    }
    if (c == NULL)
        return false;
    is_default = gn_value_equal(c->value, default_value(b, c->setting->id));
    switch (t->op) {
    case GN_RULE_SET:
        return c->origin.layer != GN_LAYER_DEFAULT;
    case GN_RULE_UNSET:
        return c->origin.layer == GN_LAYER_DEFAULT;
    case GN_RULE_DEFAULT:
        return is_default;
    case GN_RULE_CHANGED:
        return !is_default;
    default:
        return holds_for_value(t, c->setting, c->value);
    }
}

/* All groups of tests hold; a group does when one of its tests does. */
static bool
all_hold(struct gn_builder *b, const struct gn_rule *rule, const struct gn_candidate *it)
{
    bool group = false;

    for (size_t i = 0; i < rule->n_tests; i++) {
        group = group || holds(b, &rule->tests[i], it);
        if (rule->tests[i].is_last && !group)
            return false;
        group = group && !rule->tests[i].is_last;
    }
    return true;
}

static enum gn_diag_code
find_code(const char *code)
{
    int i = 0;

    /* The tests walk all rules: each code exists. */
    while (i + 1 < GN_DIAG_CODE_COUNT && strcmp(gn_diag_kinds[i].code, code) != 0)
        i++;
    return (enum gn_diag_code)i;
}

void
gn_rule_report(struct gn_builder *b, const struct gn_rule *rule, const struct gn_candidate *c,
               const char *finding)
{
    const char *hole = strstr(rule->message, "{}");
    int before = hole != NULL ? (int)(hole - rule->message) : (int)strlen(rule->message);
    struct gn_diag *diag =
        gn_diag_add(b->diags, find_code(rule->code), &c->origin, c->setting, "%.*s%s%s", before,
                    rule->message, hole != NULL ? finding : "", hole != NULL ? hole + 2 : "");

    if (rule->hint != NULL)
        gn_diag_hint(b->diags, diag, "%s", rule->hint);
}

static void
apply(struct gn_builder *b, const struct gn_rule *rule)
{
    for (size_t i = 0; i < rule->n_settings; i++) {
        const struct gn_candidate *c = gn_rule_winner(b, rule->settings[i]);

        if (c == NULL || !all_hold(b, rule, c))
            continue;
        if (rule->check != NULL)
            rule->check(b, rule, c);
        else
            gn_rule_report(b, rule, c, gn_value_text(&b->arena, c->value, true));
    }
}

/* The highest numbers, as the documents give them. */
static void
review_bounds(struct gn_builder *b, const struct gn_candidate *c)
{
    const struct gn_setting *s = c->setting;
    bool is_octal = s->kind == GN_KIND_UMASK;

    if (c->value->tag != GN_V_INT)
        return;
    if (s->max > 0 && c->value->i > s->max)
        gn_diag_add(b->diags, GN_D_TOO_LARGE, &c->origin, s,
                    is_octal ? "0%llo is too large, at most 0%llo (octal)"
                             : "%lld is too large, at most %lld",
                    (long long)c->value->i, (long long)s->max);
    if (s->cap > 0 && c->value->i > s->cap)
        gn_diag_add(b->diags, GN_D_LIMIT, &c->origin, s, "%lld is more than %lld, which is used",
                    (long long)c->value->i, (long long)s->cap);
}

/* What this build does not do yet, and what is going away: said when it is asked for. */
static void
review_status(struct gn_builder *b, const struct gn_candidate *c)
{
    const struct gn_setting *s = c->setting;

    if (c->origin.layer == GN_LAYER_DEFAULT || gn_value_equal(c->value, default_value(b, s->id)))
        return;
    if (s->pending != NULL)
        gn_diag_add(b->diags, s->pending_is_fatal ? GN_D_PENDING_ERROR : GN_D_PENDING, &c->origin,
                    s, "%s", s->pending);
    if (s->deprecated != NULL)
        gn_diag_add(b->diags, GN_D_DEPRECATED, &c->origin, s, "%s", s->deprecated);
}

void
gn_review(struct gn_builder *b)
{
    for (size_t i = 0; i < gn_rule_count; i++)
        apply(b, &gn_rules[i]);
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct gn_candidate *c = gn_rule_winner(b, (enum gn_setting_id)i);

        if (c == NULL)
            continue;
        review_bounds(b, c);
        review_status(b, c);
    }
}
