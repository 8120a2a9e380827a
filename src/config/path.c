#include <string.h>

#include "config/internal.h"

char *
gn_path_join(struct gn_arena *a, const char *dir, const char *path)
{
    size_t n = strlen(dir);

    if (path[0] == '/')
        return gn_arena_strdup(a, path);
    return gn_arena_printf(a, "%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", path);
}

/* Takes the last component off `out`, which holds `root` leading slashes. */
static size_t
parent(const char *out, size_t n, size_t root)
{
    while (n > root && out[n - 1] != '/')
        n--;
    return n > root ? n - 1 : n;
}

char *
gn_path_absolute(struct gn_arena *a, const char *dir, const char *path)
{
    char *whole = gn_path_join(a, dir, path);
    char *out = whole != NULL ? gn_arena_alloc(a, strlen(whole) + 2) : NULL;
    struct gn_slice rest;
    size_t root, n;

    if (out == NULL)
        return NULL;
    /* POSIX gives exactly two leading slashes a meaning of their own, so Python keeps them. */
    root = whole[0] == '/' && whole[1] == '/' && whole[2] != '/' ? 2 : 1;
    memset(out, '/', root);
    n = root;
    rest = gn_slice_str(whole);
    while (rest.p != NULL) {
        struct gn_slice part = gn_slice_cut(&rest, '/');

        if (part.n == 0 || gn_slice_eq_str(part, "."))
            continue;
        if (gn_slice_eq_str(part, "..")) {
            n = parent(out, n, root);
            continue;
        }
        if (n > root)
            out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    out[n] = '\0';
    return out;
}
