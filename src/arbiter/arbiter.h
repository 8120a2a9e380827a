/* The arbiter: the master process's life from a frozen table to an exit status. */
#ifndef GN_ARBITER_ARBITER_H
#define GN_ARBITER_ARBITER_H

#include "config/compile.h"

struct gn_arbiter;

struct gn_arbiter_start {
    const struct gn_inputs *inputs; /* for compiling again at HUP */
    struct gn_host *host;
    const struct gn_frozen *frozen; /* a reference is taken */
};

/* Runs until told to stop. Returns the exit status of the process. In a forked worker this function
 * does not return: the child ends inside with its own status. */
int gn_arbiter_run(const struct gn_arbiter_start *start);

#endif
