#include "config/facts.h"

#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "log/log_access.h"

/* What the server would find at start on this machine. The sources and kinds were checked before:
 * a value that has no winner was reported already. */

enum { PIDFILE_MAX_BYTES = 64 };

const struct gn_candidate *
gn_fact_winner(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = b->latest[id];

    return c != NULL && c->value != NULL ? c : NULL;
}

const char *
gn_fact_text(struct gn_facts *f, const struct gn_value *v)
{
    if (v->tag != GN_V_STR || v->str.n == 0)
        return NULL;
    return gn_arena_strndup(&f->b->arena, v->str.p, v->str.n);
}

const char *
gn_fact_path(struct gn_facts *f, const char *text)
{
    if (f->dir == NULL || text == NULL || text[0] == '\0')
        return NULL;
    return gn_path_absolute(&f->b->arena, f->dir, text);
}

static void
add_look(struct gn_facts *f, struct gn_look **list, const struct gn_look *l)
{
    struct gn_look *copy = l->path != NULL ? gn_arena_alloc(&f->b->arena, sizeof(*copy)) : NULL;

    if (copy == NULL)
        return;
    *copy = *l;
    copy->next = *list;
    *list = copy;
}

void
gn_look_master(struct gn_facts *f, const struct gn_candidate *c, enum gn_look_kind kind,
               const char *path)
{
    const struct gn_look l = {.c = c, .kind = kind, .path = path};

    add_look(f, &f->master, &l);
}

void
gn_look_worker(struct gn_facts *f, const struct gn_candidate *c, enum gn_look_kind kind,
               const char *path, const char *loss)
{
    const struct gn_look l = {.c = c, .kind = kind, .path = path, .loss = loss};

    add_look(f, f->changes ? &f->worker : &f->master, &l);
}

static const char *
path_of(struct gn_facts *f, const struct gn_candidate *c)
{
    return gn_fact_path(f, gn_fact_text(f, c->value));
}

/* ---- one function per setting ---- */

/* The master enters it, workers search modules and open their files from there. */
static void
fact_chdir(struct gn_facts *f, const struct gn_candidate *c)
{
    gn_look_master(f, c, GN_LOOK_ENTER, f->dir);
    if (f->changes)
        gn_look_worker(f, c, GN_LOOK_IMPORT, f->dir, "no module is found there");
}

static void
fact_pythonpath(struct gn_facts *f, const struct gn_candidate *c)
{
    struct gn_slice rest = c->value->tag == GN_V_STR ? c->value->str : gn_slice(NULL, 0);

    while (rest.p != NULL) {
        struct gn_slice entry = gn_slice_trim(gn_slice_cut(&rest, ','), " \t");

        if (entry.n > 0)
            gn_look_worker(f, c, GN_LOOK_IMPORT,
                           gn_fact_path(f, gn_arena_strndup(&f->b->arena, entry.p, entry.n)),
                           "no module is found there");
    }
}

/* A second server with the same file would not start. */
static void
fact_pidfile(struct gn_facts *f, const struct gn_candidate *c)
{
    const char *path = path_of(f, c);
    struct gn_diag *diag;
    int64_t pid = 0;
    char *text;
    size_t n;

    gn_look_master(f, c, GN_LOOK_MAKE, path);
    text = path != NULL ? gn_fd_read_file(path, PIDFILE_MAX_BYTES, &n) : NULL;
    if (text != NULL && gn_num_python_int(gn_slice(text, n), 10, &pid) == GN_NUM_OK && pid > 1 &&
        pid <= INT32_MAX && pid != getpid() && kill((pid_t)pid, 0) == 0) {
        diag = gn_diag_add(f->b->diags, GN_D_IN_USE, &c->origin, c->setting,
                           "%s names process %lld, which is running", path, (long long)pid);
        gn_diag_hint(f->b->diags, diag, "a second server needs a file of its own");
    }
    free(text);
}

/* The master opens it and gives it to the workers' user, who opens it again at USR1. */
static void
fact_log(struct gn_facts *f, const struct gn_candidate *c)
{
    const char *path = path_of(f, c);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    if (slash == NULL || gn_slice_eq(c->value->str, GN_SLICE("-")))
        return;
    gn_look_master(f, c, GN_LOOK_APPEND, path);
    if (f->changes && slash > path)
        gn_look_worker(f, c, GN_LOOK_ENTER,
                       gn_arena_strndup(&f->b->arena, path, (size_t)(slash - path)),
                       "workers can't open the log again after its rotation (USR1)");
}

static void
fact_tmp_dir(struct gn_facts *f, const struct gn_candidate *c)
{
    gn_look_master(f, c, GN_LOOK_FILL, path_of(f, c));
}

static void
fact_upload_dir(struct gn_facts *f, const struct gn_candidate *c)
{
    gn_look_worker(f, c, GN_LOOK_FILL, path_of(f, c), NULL);
}

static void
fact_readable(struct gn_facts *f, const struct gn_candidate *c)
{
    gn_look_master(f, c, GN_LOOK_READ, path_of(f, c));
}

/* Workers read it again for the application, the master does with preload_app. */
static void
fact_paste(struct gn_facts *f, const struct gn_candidate *c)
{
    const char *text = gn_fact_text(f, c->value);
    const struct gn_candidate *preload = gn_fact_winner(f->b, GN_S_PRELOAD_APP);
    const char *path = text != NULL ? gn_fact_path(f, gn_ini_path(&f->b->arena, text)) : NULL;

    if (preload != NULL && preload->value->b)
        gn_look_master(f, c, GN_LOOK_READ, path);
    else
        gn_look_worker(f, c, GN_LOOK_READ, path, NULL);
}

static void
fact_extra_files(struct gn_facts *f, const struct gn_candidate *c)
{
    static const char loss[] = "its changes are not noticed";

    for (size_t i = 0; i < c->value->list.n; i++) {
        const char *text = gn_fact_text(f, c->value->list.items[i]);
        const char *path = gn_fact_path(f, text);
        glob_t found;

        if (path == NULL)
            continue;
        if (strpbrk(text, "*?[") == NULL) {
            gn_look_worker(f, c, GN_LOOK_STAT, path, loss);
            continue;
        }
        if (glob(path, GLOB_NOSORT, NULL, &found) != 0) {
            gn_diag_add(f->b->diags, GN_D_LESS_PATH, &c->origin, c->setting, "no file fits %s",
                        path);
            continue;
        }
        for (size_t k = 0; f->changes && k < found.gl_pathc; k++)
            gn_look_worker(f, c, GN_LOOK_STAT, gn_arena_strdup(&f->b->arena, found.gl_pathv[k]),
                           loss);
        globfree(&found);
    }
}

static void
fact_access_format(struct gn_facts *f, const struct gn_candidate *c)
{
    struct gn_err err = {0};
    struct gn_access_format *format;
    char text[sizeof(err.msg) + 128];
    const char *given;

    if (c->value->tag != GN_V_STR)
        return;
    given = gn_arena_strndup(&f->b->arena, c->value->str.p, c->value->str.n);
    format = given != NULL ? gn_access_format_new(given, &err) : NULL;
    if (format != NULL)
        gn_access_format_free(format);
    else
        gn_diag_add(f->b->diags, GN_D_LOG_FORMAT, &c->origin, c->setting, "%s",
                    given != NULL ? gn_err_text(&err, text, sizeof(text)) : "no memory");
    gn_err_clear(&err);
}

static const struct {
    enum gn_setting_id id;
    void (*check)(struct gn_facts *f, const struct gn_candidate *c);
} facts[] = {
    {GN_S_CHDIR, fact_chdir},
    {GN_S_PYTHONPATH, fact_pythonpath},
    {GN_S_PIDFILE, fact_pidfile},
    {GN_S_ACCESSLOG, fact_log},
    {GN_S_ERRORLOG, fact_log},
    {GN_S_WORKER_TMP_DIR, fact_tmp_dir},
    {GN_S_TMP_UPLOAD_DIR, fact_upload_dir},
    {GN_S_LOGCONFIG, fact_readable},
    {GN_S_LOGCONFIG_JSON, fact_readable},
    {GN_S_RELOAD_EXTRA_FILES, fact_extra_files},
    {GN_S_PASTE, fact_paste},
    {GN_S_ACCESS_LOG_FORMAT, fact_access_format},
    {GN_S_BIND, gn_fact_bind},
};

/* Who the workers will be. */
static void
find_owner(struct gn_facts *f)
{
    const struct gn_candidate *user = gn_fact_winner(f->b, GN_S_USER);
    const struct gn_candidate *group = gn_fact_winner(f->b, GN_S_GROUP);
    const struct gn_candidate *groups = gn_fact_winner(f->b, GN_S_INITGROUPS);

    /* Numbers out of range were reported by the review. */
    f->knows_owner = user != NULL && group != NULL && user->value->tag == GN_V_INT &&
                     group->value->tag == GN_V_INT && user->value->i >= 0 && group->value->i >= 0 &&
                     user->value->i < UINT32_MAX && group->value->i < UINT32_MAX;
    f->initgroups = groups != NULL && groups->value->tag == GN_V_BOOL && groups->value->b;
    if (!f->knows_owner)
        return;
    f->uid = (uid_t)user->value->i;
    f->gid = (gid_t)group->value->i;
    f->changes =
        geteuid() != f->uid || getuid() != f->uid || getegid() != f->gid || getgid() != f->gid;
}

void
gn_facts(struct gn_builder *b)
{
    struct gn_facts f = {.b = b};
    const struct gn_candidate *dir = gn_fact_winner(b, GN_S_CHDIR);

    f.dir = dir != NULL ? gn_fact_text(&f, dir->value) : NULL;
    find_owner(&f);
    for (size_t i = 0; i < GN_ARRAY_LEN(facts); i++) {
        const struct gn_candidate *c = gn_fact_winner(b, facts[i].id);

        if (c != NULL)
            facts[i].check(&f, c);
    }
    gn_facts_tls(&f);
    gn_look_all(&f);
    gn_facts_host(&f);
}
