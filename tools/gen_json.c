#include "gen_schema.h"

#include <string.h>

static void
put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < ' ')
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void
put_list(const struct gn_gen_schema *s, FILE *out, const yaml_node_t *list)
{
    fputc('[', out);
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        fputs(i > 0 ? ", " : "", out);
        put_string(out, gn_gen_item_text(s, list, i));
    }
    fputc(']', out);
}

static void
put_dict(const struct gn_gen_schema *s, FILE *out, const yaml_node_t *dict)
{
    const yaml_node_pair_t *first = dict->data.mapping.pairs.start;
    fputc('{', out);
    for (const yaml_node_pair_t *p = first; p < dict->data.mapping.pairs.top; p++) {
        fputs(p > first ? ", " : "", out);
        put_string(out, gn_gen_scalar(gn_gen_node(s, p->key)));
        fputs(": ", out);
        put_string(out, gn_gen_scalar(gn_gen_node(s, p->value)));
    }
    fputc('}', out);
}

/* Defaults that depend on the process, and hooks, have no form in JSON. */
static void
put_default(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
    if (t->kind->def == GN_GEN_DEF_QUALNAME || t->kind->def == GN_GEN_DEF_DYNAMIC)
        return;
    fputs(",\n      \"default\": ", out);
    if (def->type == YAML_SEQUENCE_NODE)
        put_list(s, out, def);
    else if (def->type == YAML_MAPPING_NODE)
        put_dict(s, out, def);
    else if (gn_gen_is_null(def))
        fputs("null", out);
    else if (gn_gen_is_bool(def) || gn_gen_is_int(def))
        fputs(gn_gen_scalar(def), out);
    else
        put_string(out, gn_gen_scalar(def));
}

/* The words of `choices`, and what else stands for some of them. */
static void
put_choices(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *list = t->field[GN_GEN_CHOICES];
    bool is_switch = t->kind->def == GN_GEN_DEF_BOOL;
    fputs(is_switch ? "[true, false, null, \"on\", " : "[", out);
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        fputs(i > 0 ? ", " : "", out);
        put_string(out, gn_gen_item_text(s, list, i));
    }
    fputs(gn_gen_flag(t, GN_GEN_IGNORE_CASE) ? ", null]" : "]", out);
}

static void
put_property(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    fprintf(out, "    \"%s\": {\n      \"title\": ", gn_gen_text(t, GN_GEN_NAME));
    put_string(out, gn_gen_text(t, GN_GEN_BRIEF));
    fputs(",\n      \"description\": ", out);
    put_string(out, gn_gen_text(t, GN_GEN_DESC));
    if (t->kind->json == NULL) {
        fputs(",\n      \"enum\": ", out);
        put_choices(s, out, t);
    } else if (t->kind->json[0] != '\0') {
        fprintf(out, ",\n      %s", t->kind->json);
    }
    if (t->field[GN_GEN_MAX] != NULL)
        fprintf(out, ",\n      \"maximum\": %ld", gn_gen_int(t, GN_GEN_MAX));
    put_default(s, out, t);
    if (t->field[GN_GEN_DEPRECATED] != NULL)
        fputs(",\n      \"deprecated\": true", out);
    fputs("\n    }", out);
}

void
gn_gen_write_json_schema(const struct gn_gen_schema *s, FILE *out)
{
    fputs("{\n"
          "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
          "  \"title\": \"Settings of gunicorn\",\n"
          "  \"description\": \"A configuration file in the form of YAML or JSON.\",\n"
          "  \"type\": \"object\",\n"
          "  \"additionalProperties\": false,\n"
          "  \"properties\": {\n",
          out);
    for (size_t i = 0; i < s->n; i++) {
        put_property(s, out, &s->settings[i]);
        fputs(i + 1 < s->n ? ",\n" : "\n", out);
    }
    fputs("  }\n}\n", out);
}
