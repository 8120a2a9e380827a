#include "config/setting.h"

#include <string.h>

#include "config/settings_table.inc"

static int
compare(struct gn_slice name, const char *other)
{
    size_t length = strlen(other);
    int order = memcmp(name.p, other, name.n < length ? name.n : length);
    if (order == 0)
        order = (name.n > length) - (name.n < length);
    return order;
}

const struct gn_setting *
gn_setting_find(struct gn_slice name)
{
    size_t low = 0, high = GN_SETTING_COUNT;
    while (low < high && name.n > 0) {
        size_t middle = low + (high - low) / 2;
        const struct gn_setting *s = &gn_settings[gn_settings_by_name[middle]];
        int order = compare(name, s->name);
        if (order == 0)
            return s;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
