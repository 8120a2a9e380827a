#include <string.h>

#include "base/addr.h"
#include "config/rules.h"

/* What one sentence about a value can't say: each of these finds any number of things. */

static bool
parse_item(struct gn_builder *b, const struct gn_value *item, struct gn_addr *addr,
           struct gn_err *err)
{
    const char *text = gn_arena_strndup(&b->arena, item->str.p, item->str.n);

    return text != NULL && gn_addr_parse(text, addr, err);
}

static void GN_PRINTF(4, 5) found(struct gn_builder *b, const struct gn_rule *rule,
                                  const struct gn_candidate *c, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = gn_arena_vprintf(&b->arena, fmt, ap);
    va_end(ap);
    gn_rule_report(b, rule, c, text != NULL ? text : "no memory");
}

void
gn_rule_check_bad_address(struct gn_builder *b, const struct gn_rule *rule,
                          const struct gn_candidate *c)
{
    for (size_t i = 0; i < c->value->list.n; i++) {
        const struct gn_value *item = c->value->list.items[i];
        struct gn_err err = {0};
        struct gn_addr addr;
        uid_t uid;
        gid_t gid;

        if (!parse_item(b, item, &addr, &err) || !gn_addr_file_owner(&addr, &uid, &gid, &err))
            found(b, rule, c, "%s: %s", gn_value_text(&b->arena, item, true), err.msg);
        gn_err_clear(&err);
    }
}

/* Two listeners at one path can't work, and at one port only when the kernel is asked to share it;
 * port 0 is any. */
static bool
can_stand_once(struct gn_builder *b, const struct gn_addr *addr)
{
    if (addr->kind == GN_ADDR_UNIX)
        return true;
    return addr->kind != GN_ADDR_FD && addr->port != 0 && !gn_rule_is_true(b, GN_S_REUSE_PORT);
}

/* Reports every address that stands a second time. */
static void
find_twice(struct gn_builder *b, const struct gn_rule *rule, const struct gn_candidate *c,
           bool wants_fds)
{
    for (size_t i = 0; i < c->value->list.n; i++) {
        struct gn_addr addr, other;

        if (!parse_item(b, c->value->list.items[i], &addr, NULL) ||
            wants_fds != (addr.kind == GN_ADDR_FD) || (!wants_fds && !can_stand_once(b, &addr)))
            continue;
        for (size_t j = 0; j < i; j++) {
            if (parse_item(b, c->value->list.items[j], &other, NULL) &&
                gn_addr_equal(&other, &addr)) {
                found(b, rule, c, "%s", gn_value_text(&b->arena, c->value->list.items[i], true));
                break;
            }
        }
    }
}

void
gn_rule_check_same_address(struct gn_builder *b, const struct gn_rule *rule,
                           const struct gn_candidate *c)
{
    find_twice(b, rule, c, false);
}

/* Listening twice on a descriptor works, and is of no use. */
void
gn_rule_check_same_socket(struct gn_builder *b, const struct gn_rule *rule,
                          const struct gn_candidate *c)
{
    find_twice(b, rule, c, true);
}

/* The text may be a secret whose name was forgotten: it is not shown. */
void
gn_rule_check_unnamed_env(struct gn_builder *b, const struct gn_rule *rule,
                          const struct gn_candidate *c)
{
    for (size_t i = 0; i < c->value->list.n; i++) {
        struct gn_slice item = c->value->list.items[i]->str;

        if (gn_slice_find(item, '=') == 0)
            found(b, rule, c, "entry %zu has no name", i + 1);
        else if (gn_slice_find(item, '=') == item.n)
            found(b, rule, c, "entry %zu is not of the form NAME=VALUE", i + 1);
    }
}

/* The highest number means "no change" to the kernel: nobody can run as that. */
void
gn_rule_check_bad_owner(struct gn_builder *b, const struct gn_rule *rule,
                        const struct gn_candidate *c)
{
    if (c->value->tag == GN_V_INT && c->value->i > (int64_t)UINT32_MAX - 1)
        found(b, rule, c, "%lld", (long long)c->value->i);
}

void
gn_rule_check_unknown_worker(struct gn_builder *b, const struct gn_rule *rule,
                             const struct gn_candidate *c)
{
    if (b->knows_worker == NULL || c->value->tag == GN_V_NONE ||
        (c->value->tag == GN_V_STR &&
         b->knows_worker(gn_arena_strndup(&b->arena, c->value->str.p, c->value->str.n))))
        return;
    found(b, rule, c, "%s", gn_value_text(&b->arena, c->value, true));
}

void
gn_rule_check_scheme_header(struct gn_builder *b, const struct gn_rule *rule,
                            const struct gn_candidate *c)
{
    for (size_t i = 0; i < c->value->dict.n; i++) {
        const struct gn_value_pair *pair = &c->value->dict.pairs[i];

        if (pair->key->tag != GN_V_STR || pair->value->tag != GN_V_STR)
            found(b, rule, c, "%s", gn_value_text(&b->arena, pair->key, true));
    }
}
