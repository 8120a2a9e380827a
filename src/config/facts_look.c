#include "config/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"

enum { LOOK_TIMEOUT_S = 10, NAME_BYTES = 64 };

/* What a look has found, in memory that the child shares. */
struct found {
    int sys;        /* 0: nothing to complain of */
    size_t n;       /* bytes of the path up to the component that is the reason */
    char rights[4]; /* the missing ones of that component, of "rwx"; "" when it is about something
                       else */
    char real[PATH_MAX]; /* the path without links, when it can be told; filled before */
};

static bool
may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static bool
is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static size_t
parent_bytes(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
}

/* The first directory above the path that the way ends at. */
static void
find_component(const char *path, int sys, struct found *r)
{
    char part[PATH_MAX];
    struct stat st;

    r->sys = sys;
    r->n = strlen(path);
    for (size_t i = 1; i < sizeof(part) && path[i] != '\0'; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if ((sys == EACCES && !may(part, X_OK)) ||
            (sys != EACCES && (stat(part, &st) != 0 || !S_ISDIR(st.st_mode)))) {
            r->n = i;
            if (sys == EACCES)
                r->rights[0] = 'x';
            return;
        }
    }
}

/* False with the reason in `r`. */
static bool
need(const char *path, int mode, struct found *r)
{
    static const struct {
        int mode;
        char right;
    } rights[] = {{R_OK, 'r'}, {W_OK, 'w'}, {X_OK, 'x'}};
    int sys;

    if (may(path, mode))
        return true;
    sys = errno;
    /* Where links lead counts, and the way there is best told without them. */
    find_component(sys == EACCES && r->real[0] != '\0' ? r->real : path, sys, r);
    if (sys != EACCES || r->rights[0] != '\0')
        return false;
    for (size_t i = 0, n = 0; i < GN_ARRAY_LEN(rights); i++) {
        if ((mode & rights[i].mode) != 0 && !may(path, rights[i].mode))
            r->rights[n++] = rights[i].right;
    }
    return false;
}

static bool
need_directory(const char *path, int mode, struct found *r)
{
    if (!may(path, F_OK) || is_directory(path))
        return need(path, mode, r);
    find_component(path, ENOTDIR, r);
    return false;
}

static void
need_parent(const char *path, struct found *r)
{
    char dir[PATH_MAX];
    size_t n = parent_bytes(path);

    if (n == 0 || n >= sizeof(dir))
        return;
    memcpy(dir, path, n);
    dir[n] = '\0';
    if (r->real[0] != '\0')
        r->real[parent_bytes(r->real)] = '\0';
    (void)need_directory(dir, W_OK | X_OK, r);
}

static void
refuse_directory(const char *path, struct found *r)
{
    if (is_directory(path)) {
        r->sys = EISDIR;
        r->n = strlen(path);
    }
}

static void
look(const struct gn_look *l, struct found *r)
{
    switch (l->kind) {
    case GN_LOOK_READ:
        if (need(l->path, R_OK, r))
            refuse_directory(l->path, r);
        break;
    case GN_LOOK_IMPORT:
        (void)need(l->path, is_directory(l->path) ? R_OK | X_OK : R_OK, r);
        break;
    case GN_LOOK_APPEND:
        if (!may(l->path, F_OK) && errno == ENOENT)
            need_parent(l->path, r);
        else if (need(l->path, W_OK, r))
            refuse_directory(l->path, r);
        break;
    case GN_LOOK_MAKE:
        need_parent(l->path, r);
        if (r->sys == 0)
            refuse_directory(l->path, r);
        break;
    case GN_LOOK_STAT:
        (void)need(l->path, F_OK, r);
        break;
    case GN_LOOK_ENTER:
        (void)need_directory(l->path, X_OK, r);
        break;
    case GN_LOOK_FILL:
        (void)need_directory(l->path, W_OK | X_OK, r);
        break;
    }
}

/* The path without links as far as it exists. */
static void
resolve(const char *path, char real[PATH_MAX])
{
    char dir[PATH_MAX], whole[PATH_MAX];
    size_t n = parent_bytes(path);

    if (realpath(path, real) != NULL)
        return;
    real[0] = '\0';
    if (n == 0 || n >= sizeof(dir))
        return;
    memcpy(dir, path, n);
    dir[n] = '\0';
    if (realpath(dir, whole) != NULL && strlen(whole) + strlen(path + n) + 2 < PATH_MAX)
        snprintf(real, PATH_MAX, "%.*s/%s", (int)(strlen(whole) > 1 ? strlen(whole) : 0), whole,
                 path + n + (path[n] == '/'));
}

/* ---- words ---- */

static const char *
user_name(uid_t uid, char name[NAME_BYTES])
{
    char room[4096];
    struct passwd pw, *found = NULL;

    if (getpwuid_r(uid, &pw, room, sizeof(room), &found) == 0 && found != NULL)
        snprintf(name, NAME_BYTES, "%s", pw.pw_name);
    else
        snprintf(name, NAME_BYTES, "%u", (unsigned)uid);
    return name;
}

static const char *
group_name(gid_t gid, char name[NAME_BYTES])
{
    char room[16384];
    struct group gr, *found = NULL;

    if (getgrgid_r(gid, &gr, room, sizeof(room), &found) == 0 && found != NULL)
        snprintf(name, NAME_BYTES, "%s", gr.gr_name);
    else
        snprintf(name, NAME_BYTES, "%u", (unsigned)gid);
    return name;
}

/* "mode 0700, root:root", or nothing when that can't be seen. */
static const char *
owner_text(struct gn_facts *f, const char *path)
{
    char user[NAME_BYTES], group[NAME_BYTES];
    const char *text = NULL;
    struct stat st;

    if (stat(path, &st) == 0)
        text = gn_arena_printf(&f->b->arena, " (mode %04o, %s:%s)", (unsigned)st.st_mode & 07777,
                               user_name(st.st_uid, user), group_name(st.st_gid, group));
    return text != NULL ? text : "";
}

static const char *
deed(enum gn_look_kind kind)
{
    switch (kind) {
    case GN_LOOK_READ:
    case GN_LOOK_IMPORT:
        return "read";
    case GN_LOOK_APPEND:
    case GN_LOOK_FILL:
        return "write";
    case GN_LOOK_MAKE:
        return "make";
    case GN_LOOK_STAT:
        return "see";
    case GN_LOOK_ENTER:
        return "enter";
    }
    return "use";
}

static void
report_right(struct gn_facts *f, const struct gn_look *l, const struct found *r, uid_t uid)
{
    const char *way = r->real[0] != '\0' ? r->real : l->path;
    const char *at, *lacks = r->rights[0] == 'x'   ? "may not enter"
                             : r->rights[0] == 'w' ? "may not write to"
                                                   : "may not read";
    struct gn_diag *diag;
    char name[NAME_BYTES];

    if (strlen(way) < r->n)
        way = l->path;
    at = gn_arena_strndup(&f->b->arena, way, r->n);
    if (at == NULL)
        return;
    diag = gn_diag_add(f->b->diags, l->loss != NULL ? GN_D_LESS_RIGHT : GN_D_NO_RIGHT,
                       &l->c->origin, l->c->setting, "can't %s %s: user %s %s %s%s%s%s",
                       deed(l->kind), l->path, user_name(uid, name), lacks, at, owner_text(f, at),
                       l->loss != NULL ? "; " : "", l->loss != NULL ? l->loss : "");
    gn_diag_hint(f->b->diags, diag,
                 "give the user this right (chown, or chgrp and chmod g+%s), or use another place",
                 r->rights);
}

static void
report_missing(struct gn_facts *f, const struct gn_look *l, const struct found *r)
{
    bool is_file = l->kind == GN_LOOK_READ || l->kind == GN_LOOK_STAT;
    enum gn_diag_code code = l->loss != NULL ? GN_D_LESS_PATH
                             : is_file       ? GN_D_NO_FILE
                                             : GN_D_NO_DIRECTORY;
    const char *tail = l->loss != NULL ? l->loss : "";
    const char *stop = l->loss != NULL ? "; " : "";
    const char *at = gn_arena_strndup(&f->b->arena, l->path, r->n);

    if (at == NULL)
        return;
    if (r->sys == EISDIR)
        gn_diag_add(f->b->diags, l->loss != NULL ? GN_D_LESS_PATH : GN_D_NO_FILE, &l->c->origin,
                    l->c->setting, "%s is a directory%s%s", l->path, stop, tail);
    else if (r->sys == ENOTDIR)
        gn_diag_add(f->b->diags, code, &l->c->origin, l->c->setting, "%s is not a directory%s%s",
                    at, stop, tail);
    else if (is_file)
        gn_diag_add(f->b->diags, code, &l->c->origin, l->c->setting, "can't %s %s: %s%s%s",
                    deed(l->kind), l->path, strerror(r->sys), stop, tail);
    else
        gn_diag_add(f->b->diags, code, &l->c->origin, l->c->setting, "directory %s: %s%s%s", at,
                    strerror(r->sys), stop, tail);
}

static void
report(struct gn_facts *f, const struct gn_look *l, const struct found *r, uid_t uid)
{
    if (r->sys == 0)
        return;
    if (r->sys == EACCES && r->rights[0] != '\0')
        report_right(f, l, r, uid);
    else if (r->sys == ENOENT || r->sys == ENOTDIR || r->sys == EISDIR)
        report_missing(f, l, r);
    else
        gn_diag_add(f->b->diags, l->loss != NULL ? GN_D_LESS_RIGHT : GN_D_NO_RIGHT, &l->c->origin,
                    l->c->setting, "can't %s %s: %s%s%s", deed(l->kind), l->path, strerror(r->sys),
                    l->loss != NULL ? "; " : "", l->loss != NULL ? l->loss : "");
}

/* ---- the two goes ---- */

static void
look_master(struct gn_facts *f)
{
    struct found r;

    for (const struct gn_look *l = f->master; l != NULL; l = l->next) {
        memset(&r, 0, offsetof(struct found, real));
        resolve(l->path, r.real);
        look(l, &r);
        report(f, l, &r, geteuid());
    }
}

struct go {
    struct gn_facts *f;
    struct found *found;
};

static bool
look_as_worker(void *ctx, struct gn_err *err)
{
    const struct go *go = ctx;
    struct found *r = go->found;

    if (!gn_proc_set_owner(go->f->uid, go->f->gid, go->f->initgroups, err))
        return false;
    for (const struct gn_look *l = go->f->worker; l != NULL; l = l->next)
        look(l, r++);
    return true;
}

/* Nothing of the server will run: said at the setting that asks for the change. */
static void
report_owner(struct gn_facts *f, struct gn_err *err)
{
    const struct gn_candidate *c =
        gn_fact_winner(f->b, f->uid != geteuid() || f->uid != getuid() ? GN_S_USER : GN_S_GROUP);
    char text[sizeof(err->msg) + 128], me[NAME_BYTES];
    struct gn_diag *diag;

    diag = gn_diag_add(f->b->diags, GN_D_NO_CHANGE, &c->origin, c->setting, "%s",
                       gn_err_text(err, text, sizeof(text)));
    gn_diag_hint(f->b->diags, diag,
                 geteuid() != 0
                     ? "only root can change the user: start as root, or don't set it (now user %s)"
                     : "may user %s change it here? (user namespace, capabilities)",
                 user_name(geteuid(), me));
}

static void
look_worker(struct gn_facts *f)
{
    struct go go = {.f = f};
    struct gn_proc_job job = {
        .work = look_as_worker, .ctx = &go, .timeout_ns = gn_clock_ns_of_s(LOOK_TIMEOUT_S)};
    struct gn_proc_outcome outcome = {0};
    struct gn_err err = {0};
    size_t n = 1, i = 0;

    for (const struct gn_look *l = f->worker; l != NULL; l = l->next)
        n++;
    go.found = mmap(NULL, n * sizeof(*go.found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                    -1, 0);
    if (go.found == MAP_FAILED) {
        gn_diag_add(f->b->diags, GN_D_NO_MEMORY, NULL, NULL, "no memory");
        return;
    }
    for (const struct gn_look *l = f->worker; l != NULL; l = l->next)
        resolve(l->path, go.found[i++].real);
    i = 0;
    if (gn_proc_run_child(&job, &outcome, &err) &&
        gn_proc_tell(&outcome, "the look at files", LOOK_TIMEOUT_S, &err)) {
        for (const struct gn_look *l = f->worker; l != NULL; l = l->next)
            report(f, l, &go.found[i++], f->uid);
    } else {
        report_owner(f, &err);
    }
    gn_err_clear(&err);
    munmap(go.found, n * sizeof(*go.found));
}

void
gn_look_all(struct gn_facts *f)
{
    look_master(f);
    if (f->changes)
        look_worker(f);
}
