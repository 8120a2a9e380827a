/* Configuration files in YAML: whatever they hold ends in a table or in messages with places.
 *
 * Input: the file.
 */
#include "config/decl.h"
#include "config_target.h"

static bool
read_file(struct gn_builder *b, struct gn_slice text)
{
    return gn_from_decl_text(b, text, false, "gunicorn.conf.yaml");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compile_source(read_file, data, size);
    return 0;
}
