#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "config/internal.h"
#include "log/log_access.h"

/* What the server would find at start on this machine. The sources and kinds were checked before:
 * a value that has no winner was reported already. */

static const struct gn_candidate *
winner(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = b->latest[id];

    return c != NULL && c->value != NULL ? c : NULL;
}

/* Where relative paths start: the server changes there before it opens anything. NULL when that was
 * refused. */
static const char *
directory(struct gn_builder *b)
{
    const struct gn_candidate *c = winner(b, GN_S_CHDIR);

    return c != NULL && c->value->tag == GN_V_STR
               ? gn_arena_strndup(&b->arena, c->value->str.p, c->value->str.n)
               : NULL;
}

/* The path that a setting names, or NULL when it names none that is to be looked at. */
static const char *
named_path(struct gn_builder *b, const struct gn_candidate *c)
{
    const char *dir = directory(b), *given;

    if (dir == NULL || c->value->tag != GN_V_STR || c->value->str.n == 0 ||
        gn_slice_eq(c->value->str, GN_SLICE("-")))
        return NULL;
    given = gn_arena_strndup(&b->arena, c->value->str.p, c->value->str.n);
    return given != NULL ? gn_path_absolute(&b->arena, dir, given) : NULL;
}

static void
need_directory(struct gn_builder *b, const struct gn_candidate *c, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        gn_diag_add(b->diags, GN_D_NO_DIRECTORY, &c->origin, c->setting, "directory %s: %s", path,
                    strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        gn_diag_add(b->diags, GN_D_NO_DIRECTORY, &c->origin, c->setting, "%s is not a directory",
                    path);
}

static void
fact_directory(struct gn_builder *b, const struct gn_candidate *c)
{
    const char *path = named_path(b, c);

    if (path != NULL)
        need_directory(b, c, path);
}

/* A file that the server makes: only its directory must be there. */
static void
fact_new_file(struct gn_builder *b, const struct gn_candidate *c)
{
    const char *path = named_path(b, c);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *dir;
    struct stat st;

    if (slash == NULL)
        return;
    dir = slash == path ? "/" : gn_arena_strndup(&b->arena, path, (size_t)(slash - path));
    if (dir != NULL)
        need_directory(b, c, dir);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        gn_diag_add(b->diags, GN_D_NO_FILE, &c->origin, c->setting, "%s is a directory", path);
}

static void
fact_readable(struct gn_builder *b, const struct gn_candidate *c)
{
    const char *path = named_path(b, c);
    struct stat st;

    if (path == NULL)
        return;
    if (access(path, R_OK) != 0)
        gn_diag_add(b->diags, GN_D_NO_FILE, &c->origin, c->setting, "can't read %s: %s", path,
                    strerror(errno));
    else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        gn_diag_add(b->diags, GN_D_NO_FILE, &c->origin, c->setting, "%s is a directory", path);
}

static void
fact_access_format(struct gn_builder *b, const struct gn_candidate *c)
{
    struct gn_err err = {0};
    struct gn_access_format *format;
    char text[sizeof(err.msg) + 128];
    const char *given;

    if (c->value->tag != GN_V_STR)
        return;
    given = gn_arena_strndup(&b->arena, c->value->str.p, c->value->str.n);
    format = given != NULL ? gn_access_format_new(given, &err) : NULL;
    if (format != NULL)
        gn_access_format_free(format);
    else
        gn_diag_add(b->diags, GN_D_LOG_FORMAT, &c->origin, c->setting, "%s",
                    given != NULL ? gn_err_text(&err, text, sizeof(text)) : "no memory");
    gn_err_clear(&err);
}

/* Sockets that were opened for us must be there. */
static void
fact_bind(struct gn_builder *b, const struct gn_candidate *c)
{
    for (size_t i = 0; i < c->value->list.n; i++) {
        struct gn_slice item = c->value->list.items[i]->str;
        const char *text = gn_arena_strndup(&b->arena, item.p, item.n);
        struct gn_addr addr;

        if (text != NULL && gn_addr_parse(text, &addr, NULL) && addr.kind == GN_ADDR_FD &&
            fcntl(addr.fd, F_GETFD) < 0)
            gn_diag_add(b->diags, GN_D_BAD_ADDRESS, &c->origin, c->setting,
                        "descriptor %d is not open", addr.fd);
    }
}

static const struct {
    enum gn_setting_id id;
    void (*check)(struct gn_builder *b, const struct gn_candidate *c);
} facts[] = {
    {GN_S_PIDFILE, fact_new_file},
    {GN_S_ACCESSLOG, fact_new_file},
    {GN_S_ERRORLOG, fact_new_file},
    {GN_S_WORKER_TMP_DIR, fact_directory},
    {GN_S_TMP_UPLOAD_DIR, fact_directory},
    {GN_S_LOGCONFIG, fact_readable},
    {GN_S_LOGCONFIG_JSON, fact_readable},
    {GN_S_CERTFILE, fact_readable},
    {GN_S_KEYFILE, fact_readable},
    {GN_S_CA_CERTS, fact_readable},
    {GN_S_ACCESS_LOG_FORMAT, fact_access_format},
    {GN_S_BIND, fact_bind},
};

void
gn_facts(struct gn_builder *b)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(facts); i++) {
        const struct gn_candidate *c = winner(b, facts[i].id);

        if (c != NULL)
            facts[i].check(b, c);
    }
}
