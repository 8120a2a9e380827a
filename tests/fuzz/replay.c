/* Stands in for libFuzzer: runs a target on its seeds or on the files and folders named.
 *
 * The seeds of the program fuzz_TARGET are in tests/corpus/fuzz/TARGET. A target reports by
 * abort(), as libFuzzer expects it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_BYTES = 2048, MAX_INPUT_BYTES = 1 << 24 };

static unsigned n_inputs;

static bool
replay_file(const char *path)
{
    size_t n;
    char *data = gn_fd_read_file(path, MAX_INPUT_BYTES, &n);

    if (data == NULL) {
        perror(path);
        return false;
    }
    /* Said before the run, so that a crash has a name. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)data, n);
    free(data);
    n_inputs++;
    return true;
}

static int
is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool
replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    bool ok = true;
    int n;

    if (stat(path, &st) != 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path);
    n = scandir(path, &entries, is_visible, alphasort);
    for (int i = 0; i < n; i++) {
        char file[PATH_BYTES];

        if (snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) < PATH_BYTES)
            ok = replay_file(file) && ok;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return ok && n >= 0;
}

int
main(int argc, char **argv)
{
    const char *top = getenv("GN_TOP_SRCDIR");
    const char *name = strrchr(argv[0], '/');
    char folder[PATH_BYTES];
    bool ok = true;

    name = name != NULL ? name + 1 : argv[0];
    if (strncmp(name, "lt-", 3) == 0) /* libtool's spelling */
        name += 3;
    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    snprintf(folder, sizeof(folder), "%s/tests/corpus/fuzz/%s", top != NULL ? top : ".", name);
    if (argc < 2)
        ok = replay(folder);
    for (int i = 1; i < argc; i++)
        ok = replay(argv[i]) && ok;
    if (n_inputs == 0)
        fprintf(stderr, "%s: no inputs\n", folder);
    return ok && n_inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
