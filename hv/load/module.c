/* module.c - the modules of an image, their strings, and its command line. The initrd, if any, is module 0; otherwise the
 * images module0, module1 … are the modules. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hv/load/internal.h"

/* Loads a module after `end` if it fits there. Returns its address, or 0 with err. */
static uint64_t place_module(struct loading *l, const struct image *im, uint64_t end, struct error *err)
{
    uint64_t preferred = (end + 0xfff) & ~0xfffull;
    uint8_t *bytes = image_load(im, err);
    if (!bytes)
        return 0;
    uint64_t at = load_place(l, im->role, preferred, im->size, PAGE_SIZE_4K, UINT32_MAX, err);
    if (at)
        physmem_write(board_mem(l->board), at, bytes, im->size);
    free(bytes);
    return at;
}

/* The setting of the same name as the image's role is the module's string. Returns its address; 0 if there
 * is none, or with err. */
static uint64_t place_string(struct loading *l, const struct image *im, struct error *err)
{
    const char *text = config_get(l->cfg, im->role);
    size_t size = text ? strlen(text) + 1 : 0;
    uint64_t at = text ? load_place(l, "module string", LOW_COMMAND_LINE, size, 16, UINT32_MAX, err) : 0;
    if (at)
        physmem_write(board_mem(l->board), at, text, size);
    return at;
}

/* The image of module i, or NULL. */
static const struct image *module_image(const struct loading *l, unsigned i)
{
    char role[24];
    const struct image *initrd = config_image(l->cfg, "initrd");
    snprintf(role, sizeof role, "module%u", i);
    return initrd && !i ? initrd : config_image(l->cfg, role);
}

int load_modules(struct loading *l, uint64_t end, struct load_module list[LOAD_MODULES], struct error *err)
{
    const struct image *im;
    unsigned n = 0;
    assert(l->nmap && "the memory map comes before the modules, which are placed by it");
    for (; n < LOAD_MODULES && (im = module_image(l, n)); n++) {
        struct load_module *m = &list[n];
        *m = (struct load_module){.at = place_module(l, im, end, err), .size = im->size};
        if (!m->at)
            return -1;
        end = m->at + m->size;
        m->text = config_get(l->cfg, im->role);
        m->string = place_string(l, im, err);
        if (!m->string && m->text)
            return -1;
    }
    return (int)n;
}

int load_command_line(const struct loading *l, bool named, char line[LOAD_LINE], struct error *err)
{
    const char *append = config_get(l->cfg, "append");
    int len = snprintf(line, LOAD_LINE, "%s%s%s", named ? l->image->name : "", named ? " " : "",
                       append ? append : "");
    if (len >= 0 && len < LOAD_LINE)
        return 0;
    return error_set(err, "--append: too long for this kernel: at most 4000 characters");
}

uint64_t load_place_line(struct loading *l, const char *line, struct error *err)
{
    size_t size = strlen(line) + 1;
    uint64_t at = load_place(l, "command line", LOW_COMMAND_LINE, size, 16, UINT32_MAX, err);
    if (at)
        physmem_write(board_mem(l->board), at, line, size);
    return at;
}
