#include <string.h>

#include <cjson/cJSON.h>

#include "config/diag_int.h"
#include "config/setting.h"

static cJSON *
append_object(cJSON *array)
{
    cJSON *object = cJSON_CreateObject();

    if (object != NULL && !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

static bool
put_rule(cJSON *rules, const struct gn_diag_kind *kind)
{
    cJSON *rule = append_object(rules);
    cJSON *text = rule != NULL ? cJSON_AddObjectToObject(rule, "shortDescription") : NULL;
    cJSON *conf = rule != NULL ? cJSON_AddObjectToObject(rule, "defaultConfiguration") : NULL;

    return text != NULL && conf != NULL && gn_diag_put_text(rule, "id", kind->code) &&
           gn_diag_put_text(text, "text", kind->title) &&
           gn_diag_put_text(conf, "level", gn_severity_name(kind->severity));
}

static bool
put_tool(cJSON *run)
{
    cJSON *tool = cJSON_AddObjectToObject(run, "tool");
    cJSON *driver = tool != NULL ? cJSON_AddObjectToObject(tool, "driver") : NULL;
    cJSON *rules;
    bool ok;

    if (driver == NULL || !gn_diag_put_text(driver, "name", "gunicorn") ||
        !gn_diag_put_text(driver, "version", PACKAGE_VERSION))
        return false;
    rules = cJSON_AddArrayToObject(driver, "rules");
    ok = rules != NULL;
    for (size_t i = 0; ok && i < GN_DIAG_CODE_COUNT; i++)
        ok = put_rule(rules, &gn_diag_kinds[i]);
    return ok;
}

/* A path as the reference of a URI. */
static bool
put_uri(cJSON *artifact, const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    struct gn_buf uri = {0};
    bool ok = path[0] != '/' || gn_buf_printf(&uri, "file://");

    for (const char *p = path; ok && *p != '\0'; p++)
        ok = gn_buf_printf(&uri, strchr(plain, *p) != NULL ? "%c" : "%%%02X", (unsigned char)*p);
    ok =
        ok && gn_buf_append(&uri, "", 1) && gn_diag_put_text(artifact, "uri", gn_buf_slice(&uri).p);
    gn_buf_fini(&uri);
    return ok;
}

static bool
put_region(cJSON *place, const struct gn_origin *o)
{
    cJSON *region;

    if (o->line <= 0)
        return true;
    region = cJSON_AddObjectToObject(place, "region");
    return region != NULL && cJSON_AddNumberToObject(region, "startLine", o->line) != NULL &&
           (o->column <= 0 || cJSON_AddNumberToObject(region, "startColumn", o->column) != NULL);
}

/* Words and variables have no file: their names are logical places. */
static bool
put_logical(cJSON *location, const struct gn_origin *o)
{
    cJSON *array = cJSON_AddArrayToObject(location, "logicalLocations");
    cJSON *object = array != NULL ? append_object(array) : NULL;
    struct gn_buf name = {0};
    bool ok = object != NULL && gn_origin_print(o, &name) && gn_buf_append(&name, "", 1) &&
              gn_diag_put_text(object, "fullyQualifiedName", gn_buf_slice(&name).p);

    gn_buf_fini(&name);
    return ok;
}

static bool
put_locations(cJSON *result, const struct gn_origin *o)
{
    cJSON *locations = cJSON_AddArrayToObject(result, "locations");
    cJSON *location, *place, *artifact;

    if (locations == NULL || o->layer == GN_LAYER_DEFAULT)
        return locations != NULL;
    location = append_object(locations);
    if (location == NULL || o->file == NULL)
        return location != NULL && put_logical(location, o);
    place = cJSON_AddObjectToObject(location, "physicalLocation");
    artifact = place != NULL ? cJSON_AddObjectToObject(place, "artifactLocation") : NULL;
    return artifact != NULL && put_uri(artifact, o->file) && put_region(place, o);
}

static bool
put_message(cJSON *result, const struct gn_diag *diag)
{
    cJSON *message = cJSON_AddObjectToObject(result, "message");
    struct gn_buf text = {0};
    bool ok = message != NULL;

    if (ok && diag->setting != NULL)
        ok = gn_buf_printf(&text, "%s: ", diag->setting->name);
    ok = ok && gn_buf_printf(&text, "%s", diag->message);
    if (ok && diag->hint != NULL)
        ok = gn_buf_printf(&text, "\nhint: %s", diag->hint);
    if (ok && diag->detail != NULL)
        ok = gn_buf_printf(&text, "\n%s", diag->detail);
    ok = ok && gn_buf_append(&text, "", 1) &&
         gn_diag_put_text(message, "text", gn_buf_slice(&text).p);
    gn_buf_fini(&text);
    return ok;
}

static bool
put_result(cJSON *results, const struct gn_diag *diag)
{
    cJSON *result = append_object(results);

    return result != NULL && gn_diag_put_text(result, "ruleId", gn_diag_kinds[diag->code].code) &&
           cJSON_AddNumberToObject(result, "ruleIndex", (double)diag->code) != NULL &&
           gn_diag_put_text(result, "level", gn_severity_name(diag->severity)) &&
           put_message(result, diag) && put_locations(result, &diag->origin);
}

static bool
put_run(cJSON *log, const struct gn_diags *d)
{
    cJSON *runs = cJSON_AddArrayToObject(log, "runs");
    cJSON *run = runs != NULL ? append_object(runs) : NULL;
    cJSON *results;
    bool ok;

    if (run == NULL || !put_tool(run) || !gn_diag_put_text(run, "columnKind", "unicodeCodePoints"))
        return false;
    results = cJSON_AddArrayToObject(run, "results");
    ok = results != NULL;
    for (const struct gn_diag *p = d->first; ok && p != NULL; p = p->next)
        ok = put_result(results, p);
    return ok;
}

bool
gn_diags_sarif(const struct gn_diags *d, struct gn_buf *out)
{
    cJSON *log = cJSON_CreateObject();
    bool ok = log != NULL &&
              gn_diag_put_text(log, "$schema", "https://json.schemastore.org/sarif-2.1.0.json") &&
              gn_diag_put_text(log, "version", "2.1.0") && put_run(log, d) &&
              gn_diag_print_tree(log, out);

    cJSON_Delete(log);
    return ok;
}
