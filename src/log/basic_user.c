#include <stdint.h>

#include "log/escape.h"
#include "log/log_access.h"

/* Decoded octets on their way: kept until the colon, checked to be UTF-8 until the end. */
struct sink {
    char *buf;
    size_t size, n;
    bool is_complete; /* the colon has been seen */
    char pending[4];  /* an unfinished UTF-8 sequence */
    size_t n_pending;
};

static int
base64_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool
take_octet(struct sink *s, unsigned char c)
{
    s->pending[s->n_pending++] = (char)c;
    if (gn_utf8_length(gn_slice(s->pending, s->n_pending)) > 0)
        s->n_pending = 0;
    else if (s->n_pending == sizeof(s->pending))
        return false;
    if (c == ':')
        s->is_complete = true;
    if (s->is_complete)
        return true;
    if (s->n == s->size)
        return false;
    s->buf[s->n++] = (char)c;
    return true;
}

/* Observed: octets outside of the alphabet are skipped, padding that completes a group ends the
 * text, an incomplete group makes it invalid. */
static bool
decode(struct sink *s, struct gn_slice text)
{
    unsigned in_group = 0, pads = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < text.n; i++) {
        int value = base64_value((unsigned char)text.p[i]);

        if (text.p[i] == '=' && in_group >= 2 && in_group + ++pads >= 4)
            return true;
        if (value < 0)
            continue;
        pads = 0;
        bits = bits << 6 | (uint32_t)value;
        in_group = (in_group + 1) % 4;
        /* 6 bits are left over after the second digit, 2 after the third one. */
        if (in_group != 1 && !take_octet(s, (unsigned char)(bits >> ((4 - in_group) % 4 * 2))))
            return false;
    }
    return in_group == 0;
}

struct gn_slice
gn_basic_user(struct gn_slice authorization, char *buf, size_t size)
{
    struct sink s = {.buf = buf, .size = size};
    struct gn_slice scheme = gn_slice_cut(&authorization, ' ');

    if (authorization.p == NULL || !gn_slice_eq_nocase(scheme, GN_SLICE("basic")) ||
        !decode(&s, authorization) || s.n_pending > 0 || s.n == 0)
        return gn_slice(NULL, 0);
    return gn_slice(buf, s.n);
}
