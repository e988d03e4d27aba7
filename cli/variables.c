/* variables.c - see variables.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "cli/variables.h"

struct chip {
    const char *role;
    uint8_t *bytes;
    uint64_t size;
};

static void no_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                       const void *base)
{
}

static void take_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    const struct chip *c = ctx;
    if (!strcmp(region, c->role) && index < c->size / SNAPSHOT_PAGE)
        memcpy(c->bytes + index * SNAPSHOT_PAGE, data, SNAPSHOT_PAGE);
}

int variables_save(struct engine *e, const struct engine_config *cfg, const char *role, const char *path,
                   struct error *err)
{
    struct chip c = {.role = role, .size = config_image(cfg, role)->size};
    const struct snapshot_sink sink = {.ctx = &c, .section = no_section, .page = take_page};
    struct output *o = output_open(path, err);
    if (!o)
        return -1;
    c.bytes = mem_zero(1, c.size);
    e->ops->save(e, &sink, NULL);
    out_bytes(output_file(o), c.bytes, c.size);
    free(c.bytes);
    return output_done(o, err);
}
