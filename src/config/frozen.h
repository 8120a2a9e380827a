/* The frozen settings table: one typed struct and every value's history, in read-only pages.
 *
 * The object is counted. A write to it ends the process with SIGSEGV. All pointers inside point
 * into the same pages (host handles excepted).
 */
#ifndef GN_CONFIG_FROZEN_H
#define GN_CONFIG_FROZEN_H

#include "config/origin.h"
#include "config/setting.h"

struct gn_frozen_candidate {
    const struct gn_value *value; /* canonical form */
    const struct gn_value *raw;
    struct gn_origin origin;
    const struct gn_frozen_candidate *shadowed; /* what it overrode, newest first, or NULL */
};

struct gn_frozen {
    struct gn_cfg cfg;                                          /* the typed view */
    const struct gn_value *values[GN_SETTING_COUNT];            /* canonical values, for printing */
    const struct gn_frozen_candidate *chosen[GN_SETTING_COUNT]; /* provenance */
    const char *app_uri; /* what to load: positional argument, else wsgi_app; NULL when none */
    const char *start_dir;
    bool sendfile_default; /* what None stands for; use gn_cfg_sendfile */
    /* private: */
    void *pages;
    size_t pages_bytes;
    struct gn_frozen_life *life; /* in memory of its own: it changes */
};

/* Hands objects of the language inside to the table: released with the last reference. */
struct gn_host;
void gn_frozen_own(const struct gn_frozen *f, struct gn_host *host, void *handles);
/* What was handed over, or NULL. */
void *gn_frozen_handles(const struct gn_frozen *f);

const struct gn_frozen *gn_frozen_ref(const struct gn_frozen *f);
void gn_frozen_unref(const struct gn_frozen *f);

/* Whether sendfile(2) is to be used: the setting, and where it is None the variable SENDFILE at
 * start (y, yes, 1, true: on; anything else: off; not set: on). */
bool gn_cfg_sendfile(const struct gn_frozen *f);

/* Plain --print-config: one "name = value" line per setting, sorted, names padded. */
bool gn_frozen_print(const struct gn_frozen *f, struct gn_buf *out);

/* One line per setting that differs: "workers: 2 -> 4 (gunicorn.conf.py:3)". Secrets are hidden. */
bool gn_frozen_diff(const struct gn_frozen *older, const struct gn_frozen *newer,
                    void (*line)(void *ctx, const struct gn_setting *s, const char *text),
                    void *ctx);

#endif
