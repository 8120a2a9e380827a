#include "base/slice.h"

bool
gn_slice_eq_nocase(struct gn_slice a, struct gn_slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (gn_ascii_lower((unsigned char)a.p[i]) != gn_ascii_lower((unsigned char)b.p[i]))
            return false;
    }
    return true;
}

bool
gn_slice_starts(struct gn_slice s, struct gn_slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

struct gn_slice
gn_slice_trim(struct gn_slice s, const char *set)
{
    while (s.n > 0 && s.p[0] != '\0' && strchr(set, s.p[0]) != NULL) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && s.p[s.n - 1] != '\0' && strchr(set, s.p[s.n - 1]) != NULL)
        s.n--;
    return s;
}

size_t
gn_slice_find(struct gn_slice s, char c)
{
    const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

struct gn_slice
gn_slice_cut(struct gn_slice *rest, char sep)
{
    size_t at = gn_slice_find(*rest, sep);
    struct gn_slice head = {rest->p, at};

    if (at == rest->n)
        *rest = (struct gn_slice){NULL, 0};
    else
        *rest = (struct gn_slice){rest->p + at + 1, rest->n - at - 1};
    return head;
}
