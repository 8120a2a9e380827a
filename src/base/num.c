#include "base/num.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n\r\f\v"

static int
digit_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gn_ascii_lower(c);
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    return 99;
}

static bool
parse_unsigned(struct gn_slice s, int base, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int d = digit_value((unsigned char)s.p[i]);

        if (d >= base)
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)d, &value) || value > max)
            return false;
    }
    *out = value;
    return true;
}

bool
gn_num_digits(struct gn_slice s, uint64_t max, uint64_t *out)
{
    return parse_unsigned(s, 10, max, out);
}

bool
gn_num_hex(struct gn_slice s, uint64_t max, uint64_t *out)
{
    return parse_unsigned(s, 16, max, out);
}

/* Takes a base prefix off `s` when base is 0; returns the base to use, or 0 on a bare leading
 * zero before other digits, which Python refuses. `*prefixed` allows one underscore at once. */
static int
take_base(struct gn_slice *s, int base, bool *prefixed)
{
    *prefixed = false;
    if (base != 0)
        return base;
    if (s->n < 2 || s->p[0] != '0')
        return 10;
    switch (s->p[1]) {
    case 'x':
    case 'X':
        base = 16;
        break;
    case 'o':
    case 'O':
        base = 8;
        break;
    case 'b':
    case 'B':
        base = 2;
        break;
    default:
        for (size_t i = 0; i < s->n; i++) {
            if (s->p[i] != '0' && s->p[i] != '_')
                return 0;
        }
        return 10;
    }
    s->p += 2;
    s->n -= 2;
    *prefixed = true;
    return base;
}

enum gn_num_result
gn_num_python_int(struct gn_slice s, int base, int64_t *out)
{
    bool negative = false, prefixed, last_digit;
    bool overflow = false;
    uint64_t value = 0;

    s = gn_slice_trim(s, BLANKS);
    if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-')) {
        negative = s.p[0] == '-';
        s.p++;
        s.n--;
    }
    base = take_base(&s, base, &prefixed);
    if (base == 0 || s.n == 0)
        return GN_NUM_SYNTAX;
    last_digit = prefixed;
    for (size_t i = 0; i < s.n; i++) {
        int d;

        if (s.p[i] == '_') {
            if (!last_digit)
                return GN_NUM_SYNTAX;
            last_digit = false;
            continue;
        }
        d = digit_value((unsigned char)s.p[i]);
        if (d >= base)
            return GN_NUM_SYNTAX;
        last_digit = true;
        if (!overflow && (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
                          __builtin_add_overflow(value, (uint64_t)d, &value)))
            overflow = true;
    }
    if (!last_digit)
        return GN_NUM_SYNTAX;
    if (overflow || value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return GN_NUM_RANGE;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return GN_NUM_OK;
}

bool
gn_num_float(struct gn_slice s, double *out)
{
    char text[512], *end;
    locale_t plain;

    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    plain = newlocale(LC_NUMERIC_MASK, "C", NULL);
    if (plain == NULL)
        return false;
    *out = strtod_l(text, &end, plain);
    freelocale(plain);
    return end == text + s.n;
}
