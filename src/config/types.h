/* Field types of the generated struct gn_cfg. */
#ifndef GN_CONFIG_TYPES_H
#define GN_CONFIG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gn_value;

/* Strings of a list setting: NUL-terminated, never NULL. */
struct gn_strlist {
    const char *const *v;
    size_t n;
};

/* A reference into the configuration language: a hook, a class, or the name of one. */
struct gn_ref {
    const char *name; /* text given, or the object's own name; NULL for None */
    void *handle;     /* the host's handle when an object was given, else NULL */
    int positional;   /* hooks: how many arguments the callable takes */
};

#endif
