/* Forms of the settings table that say more than the plain one: `--print-config=FORM`, and its
 * digest.
 *
 * All read the frozen table only. Secrets are hidden unless the options say otherwise.
 */
#ifndef GN_CONFIG_PRINT_H
#define GN_CONFIG_PRINT_H

#include "config/builder.h"
#include "config/frozen.h"

/* Appends the table in the form that the options ask for. False without memory. */
bool gn_print_config(const struct gn_frozen *f, const struct gn_cli_options *options,
                     struct gn_buf *out) GN_MUST_CHECK;

/* Sixteen hexadecimal digits and a NUL. Two tables with the same digest serve alike: it covers the
 * canonical value of every setting that configures the server, the application, and the default of
 * sendfile; not the places, not `config`, `check_config` and `print_config`. Objects count by
 * module and qualified name. False without memory. */
enum { GN_DIGEST_BYTES = 17 };
bool gn_frozen_digest(const struct gn_frozen *f, char out[GN_DIGEST_BYTES]) GN_MUST_CHECK;

#endif
