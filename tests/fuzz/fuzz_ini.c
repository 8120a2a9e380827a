/* Paster files: every entry gets a table or messages with places, and no byte is read twice or
 * forgotten by the reader below inih.
 *
 * Input: the file; its section [server:main] is compiled.
 */
#include "config/internal.h"
#include "config_target.h"

static bool
read_file(struct gn_builder *b, struct gn_slice text)
{
    return gn_from_ini_text(b, text, "app.ini", "main");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compile_source(read_file, data, size);
    return 0;
}
