/* What the test double does beyond nothing; only tests include this.
 *
 * One script per process, inherited over fork. Members that are NULL keep the plain behaviour.
 */
#ifndef GN_HOST_HOST_NULL_H
#define GN_HOST_HOST_NULL_H

#include "host/host.h"

struct gn_host_null_script {
    bool (*load_config)(struct gn_host *, const char *location, struct gn_cfg_sink *,
                        struct gn_err *);
    bool (*load_app)(struct gn_host *, const struct gn_frozen *, struct gn_log *, struct gn_err *);
    bool (*run_hook)(struct gn_host *, const struct gn_frozen *, enum gn_hook_id,
                     const struct gn_hook_args *, struct gn_err *);
    void (*handle_request)(struct gn_host *, struct gn_worker *, struct gn_conn *);
    const struct gn_value *(*import_callable)(struct gn_host *, struct gn_arena *,
                                              const char *dotted, struct gn_err *);
};

/* Copied. */
void gn_host_null_play(const struct gn_host_null_script *script);

#endif
