/* The files that a reloader watches. */
#include "worker/watch.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

static struct gn_watch_stamp
stamp_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return (struct gn_watch_stamp){0};
    return (struct gn_watch_stamp){
        .mtime_ns = st.st_mtim.tv_sec * GN_NS_PER_S + st.st_mtim.tv_nsec,
        .size = st.st_size,
        .inode = st.st_ino,
        .exists = true,
    };
}

/* Where the path is, or has to be put. */
static size_t
find(const struct gn_watch_set *s, const char *path, bool *is_there)
{
    size_t low = 0, high = s->n;

    *is_there = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(s->files[middle].path, path);

        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
make_room(struct gn_watch_set *s)
{
    size_t size = s->size > 0 ? 2 * s->size : 256;
    struct gn_watch_file *files;

    if (s->n < s->size)
        return true;
    files = reallocarray(s->files, size, sizeof(*files));
    if (files == NULL)
        return false;
    s->files = files;
    s->size = size;
    return true;
}

bool
gn_watch_set_add(struct gn_watch_set *s, const char *path)
{
    bool is_there;
    size_t at = find(s, path, &is_there);
    char *copy;

    if (is_there)
        return true;
    copy = strdup(path);
    if (copy == NULL || !make_room(s)) {
        free(copy);
        return false;
    }
    memmove(s->files + at + 1, s->files + at, (s->n - at) * sizeof(*s->files));
    s->files[at].path = copy;
    s->files[at].stamp = stamp_of(path);
    /* Not what claims to come from the future, or the worker would be replaced again and again. */
    if (s->since_ns != 0 && s->files[at].stamp.mtime_ns >= s->since_ns &&
        s->files[at].stamp.mtime_ns <= gn_clock_wall_ns())
        s->files[at].stamp.exists = false;
    s->n++;
    return true;
}

void
gn_watch_set_add_glob(struct gn_watch_set *s, const char *pattern)
{
    glob_t found;

    /* A name with brackets in it is a name when it is one. */
    if (strpbrk(pattern, "*?[") == NULL || stamp_of(pattern).exists) {
        gn_watch_set_add(s, pattern);
        return;
    }
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        gn_watch_set_add(s, found.gl_pathv[i]);
    globfree(&found);
}

void
gn_watch_set_add_traceback(struct gn_watch_set *s, const char *text)
{
    static const char mark[] = "File \"";
    const char *end;

    while (text != NULL && (text = strstr(text, mark)) != NULL) {
        text += sizeof(mark) - 1;
        end = strpbrk(text, "\"\n");
        if (end != NULL && *end == '"' && text[0] == '/') {
            char *path = strndup(text, (size_t)(end - text));

            if (path != NULL)
                gn_watch_set_add(s, path);
            free(path);
        }
    }
}

const char *
gn_watch_set_changed(const struct gn_watch_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_watch_stamp *old = &s->files[i].stamp;
        struct gn_watch_stamp now = stamp_of(s->files[i].path);

        if (now.exists && (!old->exists || now.mtime_ns != old->mtime_ns || now.size != old->size ||
                           now.inode != old->inode))
            return s->files[i].path;
    }
    return NULL;
}

void
gn_watch_set_fini(struct gn_watch_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->files[i].path);
    free(s->files);
    *s = (struct gn_watch_set){0};
}
