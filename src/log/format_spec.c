#include "log/format_spec.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "log/escape.h"

/* ---- reading ---- */

static bool
take_flag(char c, struct gn_format_spec *spec)
{
    switch (c) {
    case '-':
        spec->has_left = true;
        return true;
    case '+':
        spec->has_plus = true;
        return true;
    case ' ':
        spec->has_blank = true;
        return true;
    case '0':
        spec->has_zero = true;
        return true;
    case '#':
        spec->has_alternate = true;
        return true;
    default:
        return false;
    }
}

/* Digits, perhaps none; false, behind the last one, when the number is above the limit. */
static bool
take_number(const char **at, int *out)
{
    *out = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        if (*out <= GN_FORMAT_MOST)
            *out = *out * 10 + (**at - '0');
    }
    return *out <= GN_FORMAT_MOST;
}

const char *
gn_format_spec_parse(const char **at, struct gn_format_spec *out)
{
    size_t n;

    *out = (struct gn_format_spec){.precision = -1};
    while (take_flag(**at, out))
        ++*at;
    if (!take_number(at, &out->width))
        return "the width is above 1000";
    if (**at == '.') {
        ++*at;
        if (!take_number(at, &out->precision))
            return "the precision is above 1000";
    }
    if (**at == 'h' || **at == 'l' || **at == 'L')
        ++*at; /* no meaning, in Python as well */
    if (**at == '\0')
        return "the conversion letter is missing, as in %(h)s";
    out->letter = **at;
    n = gn_utf8_length(gn_slice_str(*at));
    *at += n > 0 ? n : 1;
    if (out->letter == '*')
        return "a width or precision must be written as a number";
    if (strchr("sradiuoxXeEfFgG", out->letter) == NULL)
        return "unknown conversion letter";
    out->has_shape =
        out->letter == 'r' || out->letter == 'a' || out->width > 0 || out->precision >= 0;
    return NULL;
}

bool
gn_format_is_text(const struct gn_format_spec *spec)
{
    return strchr("sra", spec->letter) != NULL;
}

/* ---- numbers ---- */

/* Room for the longest: 1000 places behind the point, 20 digits before it, an exponent. */
enum { NUMBER_BYTES = GN_FORMAT_MOST + 64 };

/* Writes backwards from `end`; returns the first digit's place. */
static char *
put_digits(char *end, uint64_t value, unsigned base, const char *digits)
{
    do {
        *--end = digits[value % base];
        value /= base;
    } while (value > 0);
    return end;
}

bool
gn_format_decimal(struct gn_buf *out, uint64_t value)
{
    char text[24];
    char *end = text + sizeof(text);
    char *p = put_digits(end, value, 10, "0123456789");

    return gn_buf_append(out, p, (size_t)(end - p));
}

/* Ends at `end`. */
static struct gn_slice
whole_number(char *end, const struct gn_format_spec *spec, uint64_t value)
{
    const char *digits = spec->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = spec->letter == 'o' ? 8 : spec->letter == 'x' || spec->letter == 'X' ? 16 : 10;
    char *p = put_digits(end, value, base, digits);

    while (end - p < spec->precision)
        *--p = '0';
    return gn_slice(p, (size_t)(end - p));
}

/* The application may have called setlocale: whatever stands for the decimal point becomes ".". */
static size_t
plain_point(char *text, size_t n)
{
    size_t used = 0;
    bool in_point = false;

    for (size_t i = 0; i < n; i++) {
        bool is_point = text[i] == '\0' || strchr("0123456789eE+-", text[i]) == NULL;

        if (!is_point)
            text[used++] = text[i];
        else if (!in_point)
            text[used++] = '.';
        in_point = is_point;
    }
    return used;
}

static struct gn_slice
real_number(char text[NUMBER_BYTES], const struct gn_format_spec *spec, uint64_t value)
{
    int places = spec->precision >= 0 ? spec->precision : 6;
    double x = (double)value;
    int n = 0;

#define REAL(letter)                                                                               \
    (spec->has_alternate ? snprintf(text, NUMBER_BYTES, "%#.*" letter, places, x)                  \
                         : snprintf(text, NUMBER_BYTES, "%.*" letter, places, x))
    switch (spec->letter) {
    case 'e':
        n = REAL("e");
        break;
    case 'E':
        n = REAL("E");
        break;
    case 'g':
        n = REAL("g");
        break;
    case 'G':
        n = REAL("G");
        break;
    default:
        n = REAL("f");
        break;
    }
#undef REAL
    return gn_slice(text, plain_point(text, n > 0 && n < NUMBER_BYTES ? (size_t)n : 0));
}

static const char *
base_prefix(const struct gn_format_spec *spec)
{
    if (!spec->has_alternate)
        return "";
    switch (spec->letter) {
    case 'x':
        return "0x";
    case 'X':
        return "0X";
    case 'o':
        return "0o";
    default:
        return "";
    }
}

static bool
put_fill(struct gn_buf *out, char c, size_t n)
{
    if (!gn_buf_reserve(out, n))
        return false;
    memset(out->data + out->end, c, n);
    out->end += n;
    return true;
}

bool
gn_format_number(struct gn_buf *out, const struct gn_format_spec *spec, uint64_t value)
{
    bool is_real = strchr("eEfFgG", spec->letter) != NULL;
    char text[NUMBER_BYTES];
    struct gn_slice body =
        is_real ? real_number(text, spec, value) : whole_number(text + sizeof(text), spec, value);
    struct gn_slice sign = gn_slice_str(spec->has_plus ? "+" : spec->has_blank ? " " : "");
    struct gn_slice prefix = gn_slice_str(base_prefix(spec));
    size_t n = sign.n + prefix.n + body.n;
    size_t pad = (size_t)spec->width > n ? (size_t)spec->width - n : 0;
    bool zeros = spec->has_zero && !spec->has_left;

    return (spec->has_left || zeros || put_fill(out, ' ', pad)) &&
           gn_buf_append(out, sign.p, sign.n) && gn_buf_append(out, prefix.p, prefix.n) &&
           (!zeros || put_fill(out, '0', pad)) && gn_buf_append(out, body.p, body.n) &&
           (!spec->has_left || put_fill(out, ' ', pad));
}

/* ---- text ---- */

static uint32_t
code_point(struct gn_slice s)
{
    static const unsigned char lead_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)s.p[0] & lead_bits[s.n];

    for (size_t i = 1; i < s.n; i++)
        c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
    return c;
}

/* As repr() does, or ascii() with `is_ascii`. */
static bool
put_quoted(struct gn_buf *out, struct gn_slice s, bool is_ascii)
{
    bool has_single = gn_slice_find(s, '\'') < s.n, has_double = gn_slice_find(s, '"') < s.n;
    char quote = has_single && !has_double ? '"' : '\'';
    bool ok = gn_buf_append(out, &quote, 1);

    while (ok && s.n > 0) {
        size_t n = gn_utf8_length(s);
        struct gn_slice one = gn_slice(s.p, n > 0 ? n : 1);

        if (one.n == 1 && (one.p[0] == quote || one.p[0] == '\\'))
            ok = gn_buf_append(out, "\\", 1) && gn_buf_append(out, one.p, 1);
        else if (one.n == 1 || !is_ascii)
            ok = gn_buf_append(out, one.p, one.n);
        else if (code_point(one) <= 0xff)
            ok = gn_buf_printf(out, "\\x%02x", (unsigned)code_point(one));
        else if (code_point(one) <= 0xffff)
            ok = gn_buf_printf(out, "\\u%04x", (unsigned)code_point(one));
        else
            ok = gn_buf_printf(out, "\\U%08x", (unsigned)code_point(one));
        s = gn_slice(s.p + one.n, s.n - one.n);
    }
    return ok && gn_buf_append(out, &quote, 1);
}

/* Replaces the text after `mark` by its quoted form. */
static bool
quote_tail(struct gn_buf *out, size_t mark, bool is_ascii)
{
    struct gn_buf quoted = {0};
    struct gn_slice tail = gn_slice(out->data + out->start + mark, gn_buf_len(out) - mark);
    bool ok = put_quoted(&quoted, tail, is_ascii);

    if (ok) {
        out->end = out->start + mark;
        ok = gn_buf_append(out, gn_buf_head(&quoted), gn_buf_len(&quoted));
    }
    gn_buf_fini(&quoted);
    return ok;
}

/* Bytes of the first `limit` characters of `s`; `*count` becomes the number of these characters. */
static size_t
measure(struct gn_slice s, size_t limit, size_t *count)
{
    size_t i = 0;

    for (*count = 0; i < s.n && *count < limit; ++*count) {
        size_t n = gn_utf8_length(gn_slice(s.p + i, s.n - i));

        i += n > 0 ? n : 1;
    }
    return i;
}

bool
gn_format_shape(struct gn_buf *out, size_t mark, const struct gn_format_spec *spec)
{
    size_t limit = spec->precision >= 0 ? (size_t)spec->precision : SIZE_MAX;
    size_t bytes, count, pad;
    char *text;

    if (!gn_buf_reserve(out, 1))
        return false;
    if (spec->letter != 's' && !quote_tail(out, mark, spec->letter == 'a'))
        return false;
    text = out->data + out->start + mark;
    bytes = measure(gn_slice(text, gn_buf_len(out) - mark), limit, &count);
    out->end = out->start + mark + bytes;
    pad = (size_t)spec->width > count ? (size_t)spec->width - count : 0;
    if (!put_fill(out, ' ', pad))
        return false;
    if (!spec->has_left) {
        text = out->data + out->start + mark;
        memmove(text + pad, text, bytes);
        memset(text, ' ', pad);
    }
    return true;
}
