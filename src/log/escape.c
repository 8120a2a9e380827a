#include "log/escape.h"

#include <stdint.h>

/* Most that one octet can grow to: \xNN. */
enum { LARGEST = 4 };

/* What an octet is; those that are nothing are escaped always, or are not ASCII. */
enum { PLAIN = 1, QUOTE = 2, TAB = 4 };

static const unsigned char classes[256] = {
    ['\t'] = TAB,
    [' ' ... '!'] = PLAIN,
    ['"'] = QUOTE,
    ['#' ... '~'] = PLAIN,
};

/* The classes that stay as they are. */
static unsigned
kept_classes(unsigned flags)
{
    return PLAIN | (flags & GN_ESCAPE_QUOTE ? 0 : QUOTE) | (flags & GN_ESCAPE_TAB ? 0 : TAB);
}

static size_t
put_hex(char *p, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";

    p[0] = '\\';
    p[1] = 'x';
    p[2] = digits[c >> 4];
    p[3] = digits[c & 15];
    return 4;
}

/* An octet that is not kept. */
static size_t
put_special(char *p, unsigned char c)
{
    if (c != '"')
        return put_hex(p, c);
    p[0] = '\\';
    p[1] = '"';
    return 2;
}

size_t
gn_utf8_length(struct gn_slice s)
{
    const unsigned char *u = (const unsigned char *)s.p;
    size_t n;

    if (s.n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0;
    n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (s.n < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Over-long forms, surrogates, above U+10FFFF. */
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    return n;
}

bool
gn_escape_utf8(struct gn_buf *out, struct gn_slice s, unsigned flags)
{
    unsigned kept = kept_classes(flags);

    while (s.n > 0) {
        unsigned char c = (unsigned char)s.p[0];
        size_t n = gn_utf8_length(s);
        char *p;

        if (!gn_buf_reserve(out, LARGEST))
            return false;
        p = out->data + out->end;
        if (n > 1 && !(c == 0xc2 && (unsigned char)s.p[1] < 0xa0)) {
            memcpy(p, s.p, n);
            out->end += n;
        } else if (n > 1) {
            out->end += put_hex(p, (unsigned char)s.p[1]);
        } else if (n == 1 && (classes[c] & kept)) {
            p[0] = (char)c;
            out->end++;
        } else {
            out->end += put_special(p, c);
            n = 1;
        }
        s = gn_slice(s.p + n, s.n - n);
    }
    return true;
}

bool
gn_escape_latin1(struct gn_buf *out, struct gn_slice s, unsigned flags)
{
    unsigned kept = kept_classes(flags);
    char *p;

    if (s.n > SIZE_MAX / LARGEST || !gn_buf_reserve(out, s.n * LARGEST))
        return false;
    p = out->data + out->end;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (classes[c] & kept) {
            *p++ = (char)c;
        } else if (c >= 0xa0) {
            *p++ = (char)(0xc0 | c >> 6);
            *p++ = (char)(0x80 | (c & 0x3f));
        } else {
            p += put_special(p, c);
        }
    }
    out->end = (size_t)(p - out->data);
    return true;
}
