/* engine.c - runs the PC without recording anything: the other side of the benchmark's "cost of recording".
 *
 *   engine KERNEL INITRD APPEND        prints steps and guest time at the end
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/host_asked.h"

struct file {
    uint8_t *bytes;
    size_t size;
};

static int file_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    struct file *f = ctx;
    (void)err;
    memcpy(buf, f->bytes + offset, n);
    return 0;
}

static struct file slurp(const char *path)
{
    struct file f = {0};
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    f.size = (size_t)ftell(in);
    f.bytes = mem_alloc(f.size);
    rewind(in);
    if (!f.bytes || fread(f.bytes, 1, f.size, in) != f.size) {
        perror(path);
        exit(2);
    }
    fclose(in);
    return f;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: engine KERNEL INITRD APPEND\n");
        return 2;
    }
    struct file kernel = slurp(argv[1]), initrd = slurp(argv[2]);
    struct image images[] = {
        {.role = "kernel", .name = "kernel", .size = kernel.size, .ctx = &kernel, .read = file_read},
        {.role = "initrd", .name = "initrd", .size = initrd.size, .ctx = &initrd, .read = file_read}};
    struct setting settings[] = {{"memory", "268435456"}, {"append", argv[3]}};
    struct engine_config cfg = {.settings = settings, .nsettings = 2, .images = images, .nimages = 2};
    struct error err;
    struct engine *e = pc_as_asked(&cfg, &err);
    if (!e) {
        fprintf(stderr, "engine: %s\n", err.text);
        return 2;
    }
    struct run_limit limit = {.icount = UINT64_MAX, .time = UINT64_MAX};
    struct stop stop;
    e->ops->run(e, &limit, &stop);
    printf("reason %d icount %" PRIu64 " time %" PRIu64 "\n", stop.reason, stop.icount, stop.time);
    e->ops->destroy(e);
    return stop.reason == STOP_POWER_OFF ? 0 : 1;
}
