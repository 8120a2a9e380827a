/* Command lines: a table, a text that was asked for, or messages.
 *
 * Input: the words, each ended by a NUL, the program's name not among them; a word "\n" is followed
 * by the text of GUNICORN_CMD_ARGS.
 */
#include "config_target.h"

enum { MAX_WORDS = 64 };

/* No file is read: the result would depend on the machine. */
static bool
names_file(const char *word)
{
    return strstr(word, "-c") != NULL || strncmp(word, "--p", 3) == 0;
}

static void
compile(int argc, char **argv, char *variable)
{
    char *const env[] = {variable, NULL};
    struct gn_inputs in = {.argc = argc, .argv = argv, .envp = env, .start_dir = "/nonexistent"};
    struct gn_compiled compiled;
    struct gn_diags diags;
    bool ok;

    gn_diags_init(&diags);
    ok = gn_compile(&in, NULL, &diags, &compiled);
    expect(ok == (diags.errors == 0));
    if (ok)
        expect((compiled.frozen == NULL) ==
               (compiled.mode == GN_MODE_HELP || compiled.mode == GN_MODE_VERSION));
    else
        expect(compiled.frozen == NULL && gn_diags_exit_status(&diags) != 0);
    check_diags(&diags);
    if (compiled.frozen != NULL)
        check_frozen(compiled.frozen);
    gn_diags_fini(&diags);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char prog[] = "gunicorn";
    char *argv[MAX_WORDS + 1] = {prog};
    char *text = malloc(size + 1), *p = text, *variable = NULL;
    int argc = 1;

    expect(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    while (p < text + size && argc < MAX_WORDS) {
        if (strcmp(p, "\n") == 0 && p + 2 <= text + size) {
            const char *words = p + 2;
            size_t n = strlen(words) + sizeof("GUNICORN_CMD_ARGS=");

            variable = names_file(words) ? NULL : malloc(n);
            if (variable != NULL)
                snprintf(variable, n, "GUNICORN_CMD_ARGS=%s", words);
            break;
        }
        if (!names_file(p))
            argv[argc++] = p;
        p += strlen(p) + 1;
    }
    compile(argc, argv, variable);
    free(variable);
    free(text);
    return 0;
}
