/* What must not be shown: values of settings marked `secret` in the schema, passwords in URLs.
 *
 * Hiding replaces the secret part by asterisks and keeps the rest, so that a reader still sees
 * which variable or which host is meant. Pure functions; the results live in the arena or are what
 * was given.
 */
#ifndef GN_CONFIG_SECRETS_H
#define GN_CONFIG_SECRETS_H

#include "config/origin.h"
#include "config/setting.h"

/* `v` with everything hidden that looks like a secret; `v` itself when there is nothing to hide.
 * NULL without memory. */
const struct gn_value *gn_secret_hide(struct gn_arena *a, const struct gn_setting *s,
                                      const struct gn_value *v) GN_MUST_CHECK;

/* The same for the word of a command line. False without memory. */
bool gn_secret_hide_origin(struct gn_arena *a, const struct gn_setting *s,
                           struct gn_origin *origin) GN_MUST_CHECK;

/* True for the name of a variable whose value is likely to be a secret: DB_PASSWORD, apiKey,
 * SENTRY_DSN. */
bool gn_secret_is_name(struct gn_slice name);

#endif
