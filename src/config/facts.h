/* What the parts of the facts check share: who will run, and looks at files on behalf of him.
 *
 * The master opens files as the user who starts it, workers load the application as the user and
 * group of the settings. Looks are collected first and done in two goes: the master's here, the
 * workers' in a child that has changed the user, since only the kernel knows all of what counts
 * (groups, capabilities, ACLs, security modules). Everything lives in the builder's arena.
 */
#ifndef GN_CONFIG_FACTS_H
#define GN_CONFIG_FACTS_H

#include <sys/types.h>

#include "config/internal.h"

enum gn_look_kind {
    GN_LOOK_READ,   /* a file is read */
    GN_LOOK_IMPORT, /* a directory or archive that modules are searched in */
    GN_LOOK_APPEND, /* a file is appended to, or made */
    GN_LOOK_MAKE,   /* a file is made new, whatever is there */
    GN_LOOK_STAT,   /* the file is watched */
    GN_LOOK_ENTER,  /* a directory is entered */
    GN_LOOK_FILL,   /* files are made in a directory */
};

struct gn_look {
    const struct gn_candidate *c;
    enum gn_look_kind kind;
    const char *path;
    const char *loss; /* what will not work without it: then a warning; NULL: an error */
    struct gn_look *next;
};

struct gn_facts {
    struct gn_builder *b;
    const char *dir; /* the server works here; NULL when chdir was refused */
    uid_t uid;       /* of the workers */
    gid_t gid;
    bool initgroups;
    bool knows_owner; /* user and group are no errors */
    bool changes;     /* workers don't run as the master does */
    struct gn_look *master, *worker;
};

/* Winner of a setting, or NULL when it was refused. */
const struct gn_candidate *gn_fact_winner(const struct gn_builder *b, enum gn_setting_id id);

/* The text as C string, or NULL when the value is none or empty. */
const char *gn_fact_text(struct gn_facts *f, const struct gn_value *v);

/* The path that a text names for the running server, or NULL. */
const char *gn_fact_path(struct gn_facts *f, const char *text);

/* Asks for a look. A worker who runs as the master does is not looked at twice. */
void gn_look_master(struct gn_facts *f, const struct gn_candidate *c, enum gn_look_kind kind,
                    const char *path);
void gn_look_worker(struct gn_facts *f, const struct gn_candidate *c, enum gn_look_kind kind,
                    const char *path, const char *loss);

/* facts_look.c: does all looks and reports. */
void gn_look_all(struct gn_facts *f);

/* The parts. */
void gn_fact_bind(struct gn_facts *f, const struct gn_candidate *c); /* facts_bind.c */
void gn_facts_tls(struct gn_facts *f);                               /* facts_tls.c */
void gn_facts_host(struct gn_facts *f);                              /* facts_host.c */

#endif
