/* initrd.c - what the initrd has that the kernel was given: the first line of a script, drivers. */
#include <ctype.h>

#include "core/volumes/initramfs.h"
#include "core/case/case.h"

/* The image of the trace, to be freed; NULL if the trace does not have all of it. */
static uint8_t *read_image(struct why_case *c, size_t *n)
{
    enum { MOST = 256 << 20 };
    const struct trace_config *cfg = trace_config(c->t);
    struct error ignored;
    const int k = trace_image_by_role(c->t, "initrd");
    if (k < 0 || !cfg->images[k].size || cfg->images[k].size > MOST)
        return NULL;
    *n = (size_t)cfg->images[k].size;
    uint8_t *image = mem_alloc(*n);
    if (!trace_image_read(c->t, (unsigned)k, 0, image, *n, &ignored))
        return image;
    free(image);
    return NULL;
}

/* ---------------------------------------------------------------- a file */

struct line {
    const char *path; /* without "/" at the beginning */
    char *buf;
    size_t size;
    bool found;
};

static const char *relative(const char *name)
{
    while (*name == '/' || (*name == '.' && name[1] == '/'))
        name++;
    return name;
}

static void see_line(void *ctx, const char *name, const uint8_t *content, size_t n)
{
    struct line *l = ctx;
    struct text t = {0};
    if (strcmp(relative(name), l->path))
        return;
    for (size_t i = 0; i < n && content[i] != '\n' && t.n + 5 < l->size; i++)
        if (isprint(content[i]))
            text_add(&t, "%c", content[i]);
        else
            text_add(&t, content[i] == '\r' ? "\\r" : "\\x%02x", content[i]);
    snprintf(l->buf, l->size, "%s", t.s ? t.s : "");
    l->found = true;
    free(t.s);
}

bool initrd_first_line(struct why_case *c, const char *path, char *buf, size_t size)
{
    size_t n;
    uint8_t *image = read_image(c, &n);
    struct line l = {.path = relative(path), .buf = buf, .size = size};
    *buf = 0;
    if (image)
        initramfs_files(image, n, see_line, &l);
    free(image);
    return l.found;
}

/* ---------------------------------------------------------------- modules */

struct module {
    const char *name;
    bool found, any;
};

/* "kernel/drivers/block/virtio_blk.ko.xz" is virtio_blk; names have "-" or "_". */
static void see_module(void *ctx, const char *name, const uint8_t *content, size_t n)
{
    struct module *m = ctx;
    const char *base = strrchr(name, '/'), *end;
    (void)content;
    (void)n;
    base = base ? base + 1 : name;
    end = strstr(base, ".ko");
    m->any = true;
    if (!end || (size_t)(end - base) != strlen(m->name))
        return;
    for (size_t i = 0; base + i < end; i++)
        if ((base[i] == '-' ? '_' : base[i]) != (m->name[i] == '-' ? '_' : m->name[i]))
            return;
    m->found = true;
}

enum initrd_has initrd_has_module(struct why_case *c, const char *name)
{
    size_t n;
    uint8_t *image = read_image(c, &n);
    struct module m = {.name = name};
    if (image)
        initramfs_files(image, n, see_module, &m);
    free(image);
    return m.found ? INITRD_HAS : m.any ? INITRD_HAS_NOT : INITRD_UNKNOWN;
}
