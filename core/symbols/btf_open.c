/* btf_open.c - see btf_open.h. */
#include "core/symbols/private/btf_open.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int no_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
    return 0;
}

/* libbpf exports only the function that reads a module's types from a file. */
static struct btf *open_split(const void *data, size_t size, struct btf *base)
{
    char path[40];
    struct btf *btf = NULL;
    const int fd = memfd_create("btf", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd >= 0 && write(fd, data, size) == (ssize_t)size)
        btf = btf__parse_raw_split(path, base);
    if (fd >= 0)
        close(fd);
    return btf;
}

struct btf *btf_open(const void *data, size_t size, struct btf *base)
{
    libbpf_set_print(no_print); /* it would write to standard error */
    struct btf *btf = base ? open_split(data, size, base) : btf__new(data, (uint32_t)size);
    return !btf || libbpf_get_error(btf) ? NULL : btf;
}
