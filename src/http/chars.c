#include "http/chars.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Each entry is a constant expression of its index, so that the table can be read as the grammar.
 */
#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define UPPER(c) ((c) >= 'A' && (c) <= 'Z')
#define LOWER(c) ((c) >= 'a' && (c) <= 'z')
#define ALNUM(c) (DIGIT(c) || UPPER(c) || LOWER(c))
#define TOKEN(c)                                                                                   \
    (ALNUM(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' ||             \
     (c) == '\'' || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || (c) == '^' ||          \
     (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define VISIBLE(c) ((c) > 0x20 && (c) != 0x7f)
#define TEXT(c) (VISIBLE(c) || (c) == ' ' || (c) == '\t')
#define NAME(c)                                                                                    \
    (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~' || (c) == '!' ||             \
     (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' || (c) == '*' ||          \
     (c) == '+' || (c) == ';' || (c) == '=')

#define CLASS(c)                                                                                   \
    ((TOKEN(c) ? GN_CH_TOKEN : 0) | (VISIBLE(c) && (c) != '?' && (c) != '#' ? GN_CH_PATH : 0) |    \
     (VISIBLE(c) && (c) != '#' ? GN_CH_QUERY : 0) | (VISIBLE(c) ? GN_CH_FRAGMENT : 0) |            \
     (TEXT(c) ? GN_CH_TEXT : 0) | (NAME(c) ? GN_CH_NAME : 0) |                                     \
     (LOWER(c) || (c) == '#' ? GN_CH_UNUSUAL : 0) | ((c) == '_' ? GN_CH_UNDERSCORE : 0))
/* "& 15" changes no digit; it keeps the branches that are not taken in range as well. */
#define HEX(c)                                                                                     \
    (DIGIT(c)                   ? ((c) - '0') & 15                                                 \
     : (c) >= 'a' && (c) <= 'f' ? ((c) - 'a' + 10) & 15                                            \
     : (c) >= 'A' && (c) <= 'F' ? ((c) - 'A' + 10) & 15                                            \
                                : GN_HEX_NONE)

#define X4(f, c) f(c), f((c) + 1), f((c) + 2), f((c) + 3)
#define X16(f, c) X4(f, c), X4(f, (c) + 4), X4(f, (c) + 8), X4(f, (c) + 12)
#define X64(f, c) X16(f, c), X16(f, (c) + 16), X16(f, (c) + 32), X16(f, (c) + 48)
#define X256(f) X64(f, 0), X64(f, 64), X64(f, 128), X64(f, 192)

const uint8_t gn_http_chars[256] = {X256(CLASS)};
const uint8_t gn_http_hex[256] = {X256(HEX)};

const char *
gn_http_scan_text(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i del = _mm_set1_epi8(0x7f);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
        __m128i bad =
            _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), control), _mm_cmpeq_epi8(v, del));
        unsigned mask = (unsigned)_mm_movemask_epi8(bad);

        if (mask != 0)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && gn_http_is(*p, GN_CH_TEXT))
        p++;
    return p;
}

bool
gn_http_all(struct gn_slice s, enum gn_http_class set)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!gn_http_is(s.p[i], set))
            return false;
    }
    return s.n > 0;
}

struct gn_slice
gn_http_trim(struct gn_slice s)
{
    while (s.n > 0 && gn_http_is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && gn_http_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool
gn_http_next_element(struct gn_slice *rest, struct gn_slice *element)
{
    if (rest->p == NULL)
        return false;
    *element = gn_http_trim(gn_slice_cut(rest, ','));
    return true;
}

bool
gn_http_token_is(struct gn_slice s, struct gn_slice lower)
{
    if (s.n != lower.n)
        return false;
    /* In a token the bit 0x20 tells nothing but the case of a letter; '-' and digits have it. */
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] | 0x20) != lower.p[i])
            return false;
    }
    return true;
}
