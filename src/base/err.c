#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
gn_err_set(struct gn_err *err, enum gn_err_code code, int sys, const char *fmt, ...)
{
    char text[sizeof(err->msg)];
    va_list ap;

    if (err == NULL)
        return false;
    /* Aside first: an argument may be the old message or detail. */
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    gn_err_clear(err);
    err->code = code;
    err->sys = sys;
    memcpy(err->msg, text, strlen(text) + 1);
    return false;
}

void
gn_err_prefix(struct gn_err *err, const char *fmt, ...)
{
    char text[sizeof(err->msg)];
    size_t room, tail;
    va_list ap;
    int n;

    if (err == NULL)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n + 2 >= sizeof(text))
        return;
    memcpy(text + n, ": ", 2);
    room = sizeof(text) - (size_t)n - 3;
    tail = strnlen(err->msg, room);
    memcpy(text + n + 2, err->msg, tail);
    text[(size_t)n + 2 + tail] = '\0';
    memcpy(err->msg, text, (size_t)n + 3 + tail);
}

void
gn_err_clear(struct gn_err *err)
{
    if (err == NULL)
        return;
    free(err->detail);
    memset(err, 0, sizeof(*err));
}

const char *
gn_err_text(const struct gn_err *err, char *buf, size_t size)
{
    if (err->sys != 0)
        snprintf(buf, size, "%s: %s", err->msg, strerror(err->sys));
    else
        snprintf(buf, size, "%s", err->msg);
    return buf;
}
