/* Where a value came from. */
#ifndef GN_CONFIG_ORIGIN_H
#define GN_CONFIG_ORIGIN_H

#include "base/buf.h"

/* In order of growing authority. */
enum gn_layer {
    GN_LAYER_DEFAULT,
    GN_LAYER_ENV,      /* an environment variable that gives a default */
    GN_LAYER_PASTE,    /* [server:NAME] of a Paster INI file */
    GN_LAYER_CONF,     /* the configuration file */
    GN_LAYER_CMD_ARGS, /* GUNICORN_CMD_ARGS */
    GN_LAYER_ARGV,
    GN_LAYER_CODE, /* code in the running server: cfg.set() */
};

struct gn_origin {
    enum gn_layer layer;
    const char *file;     /* path as given, for PASTE and CONF; else NULL */
    int line, column;     /* 1-based; 0 when unknown */
    const char *variable; /* ENV and CMD_ARGS: name of the variable */
    int word;             /* ARGV and CMD_ARGS: 1-based index of the word; 0 when unknown */
    const char *text;     /* ARGV and CMD_ARGS: the word, e.g. "--workers"; else NULL */
};

/* "default", "environment variable PORT", "app.ini:3", "gunicorn.conf.py:12:11",
 * "GUNICORN_CMD_ARGS word 2 (--workers)", "command line word 1 (-w)". */
bool gn_origin_print(const struct gn_origin *o, struct gn_buf *out);

#endif
