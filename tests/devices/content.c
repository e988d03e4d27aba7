/* content.c - what a drive holds at the end of a recording: content TRACE ROLE IMAGE >FILE. The image, with what the guest wrote over it, read
 * from the trace's last saved state without running anything: a check of the devices that does not use them. */
#include "traces/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };

struct content {
    uint8_t *bytes;
    size_t size;
    uint8_t *map; /* a bit for each page that was written */
    size_t map_size;
};

static int stop(const char *what, const char *text)
{
    fprintf(stderr, "content: %s: %s\n", what, text);
    return 2;
}

/* A page that is in the map alone is of zeros. */
static int put_map(void *ctx, uint64_t index, const void *data)
{
    struct content *c = ctx;
    if (index >= c->map_size / PAGE)
        return 0;
    memcpy(c->map + index * PAGE, data, PAGE);
    for (uint64_t page = index * PAGE * 8; page < (index + 1) * PAGE * 8 && page * PAGE < c->size; page++)
        if (c->map[page / 8] >> page % 8 & 1)
            memset(c->bytes + page * PAGE, 0, c->size - page * PAGE < PAGE ? c->size - page * PAGE : PAGE);
    return 0;
}

static int put_page(void *ctx, uint64_t index, const void *data)
{
    struct content *c = ctx;
    uint64_t at = index * PAGE;
    if (at >= c->size || !(c->map[index / 8] >> index % 8 & 1))
        return 0;
    memcpy(c->bytes + at, data, c->size - at < PAGE ? c->size - at : PAGE);
    return 0;
}

static int read_image(struct content *c, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        return -1;
    c->size = (size_t)ftell(f);
    rewind(f);
    c->bytes = malloc(c->size + 1);
    c->map_size = (c->size / PAGE / 8 / PAGE + 1) * PAGE;
    c->map = calloc(1, c->map_size);
    size_t n = c->bytes && c->map ? fread(c->bytes, 1, c->size, f) : 0;
    fclose(f);
    return n == c->size ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct content c = {0};
    struct error err;
    char map[64];
    if (argc != 4)
        return stop("usage", "content TRACE ROLE IMAGE >FILE");
    if (read_image(&c, argv[3]))
        return stop(argv[3], "cannot be read");
    struct trace *t = trace_open(argv[1], &err);
    if (!t)
        return stop(argv[1], err.text);
    struct trace_state *s = trace_checkpoint_load(t, trace_checkpoint_count(t) - 1, &err);
    snprintf(map, sizeof map, "%.40s.map", argv[2]);
    if (!s || trace_state_pages(s, map, put_map, &c, &err) ||
        trace_state_pages(s, argv[2], put_page, &c, &err))
        return stop(argv[1], err.text);
    bool written = fwrite(c.bytes, 1, c.size, stdout) == c.size && !fflush(stdout);
    trace_state_free(s);
    trace_close(t);
    free(c.bytes);
    free(c.map);
    return written ? 0 : stop("standard output", "cannot be written");
}
