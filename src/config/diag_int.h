/* What the JSON forms of diagnostics share; only diag_json.c and diag_sarif.c include it. */
#ifndef GN_CONFIG_DIAG_INT_H
#define GN_CONFIG_DIAG_INT_H

#include <cjson/cJSON.h>

#include "config/diag.h"

/* The text with bytes that are no UTF-8 replaced by U+FFFD, or null. False without memory. */
bool gn_diag_put_text(cJSON *object, const char *name, const char *text) GN_MUST_CHECK;

bool gn_diag_print_tree(const cJSON *tree, struct gn_buf *out) GN_MUST_CHECK;

#endif
