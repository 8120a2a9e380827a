/* What the targets of the settings compiler share: a compilation without Python whose result is
 * checked for what must hold whatever the input was. */
#ifndef GN_TESTS_CONFIG_TARGET_H
#define GN_TESTS_CONFIG_TARGET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/err.h"
#include "config/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
expect(bool ok)
{
    if (!ok)
        abort();
}

/* An error has a message of one line; the table is there exactly when there is no error. */
static inline void
check_diags(const struct gn_diags *d)
{
    unsigned errors = 0;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    for (const struct gn_diag *diag = d->first; diag != NULL; diag = diag->next) {
        errors += diag->severity >= GN_ERROR;
        expect(diag->message[0] != '\0');
        expect(diag->origin.line >= 0 && diag->origin.column >= 0);
    }
    expect(errors == d->errors);
    expect(out != NULL);
    gn_diags_print(d, "gunicorn", out);
    fclose(out);
    free(text);
}

static inline void
check_frozen(const struct gn_frozen *f)
{
    struct gn_buf out = {0};

    expect(gn_frozen_print(f, &out) && gn_buf_len(&out) > 0);
    gn_buf_fini(&out);
    gn_frozen_unref(f);
}

/* A whole compilation of one source that `read` adds to the defaults. */
static inline void
compile_source(bool (*read)(struct gn_builder *b, struct gn_slice text), const uint8_t *data,
               size_t size)
{
    static char *const no_env[] = {NULL};
    struct gn_inputs in = {.envp = no_env, .start_dir = "/"};
    const struct gn_frozen *f = NULL;
    struct gn_builder b;
    struct gn_diags diags;
    char *text = malloc(size + 1);
    bool ok;

    expect(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    gn_diags_init(&diags);
    expect(gn_builder_init(&b, &in, &diags, NULL) && gn_from_defaults(&b));
    ok = read(&b, gn_slice(text, size));
    expect(ok || diags.errors > 0);
    if (ok)
        f = gn_builder_freeze(&b);
    expect((f != NULL) == (diags.errors == 0));
    check_diags(&diags);
    gn_builder_fini(&b);
    free(text);
    if (f != NULL)
        check_frozen(f);
    gn_diags_fini(&diags);
}

#endif
