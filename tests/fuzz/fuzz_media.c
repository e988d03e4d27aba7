/* fuzz_media.c - arbitrary bytes as an image: what it is, whether it is whole, and which files it is based on (core/media/format.c, whole.c,
 * chain.c). That is all that is parsed in our process before qemu-nbd, in its own, opens the files that are named to it.
 *
 * The image is in a folder with two others and a link that leads out of it. No file may be opened but these. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/media/private/impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct place {
    char folder[64], image[200];
};

/* One a process; a fuzzer has no other way to hand it on. */
static struct place *place(void)
{
    static struct place here;
    return &here;
}

static void below(const struct place *p, const char *name, char *path)
{
    strcpy(path, p->folder);
    strcat(path, "/");
    strcat(path, name);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert(fd >= 0 && "a folder for the image");
    ssize_t done = write(fd, bytes, n);
    assert(done == (ssize_t)n && "room for the image");
    close(fd);
}

static void leave(void)
{
    static const char *const names[] = {"image", "a", "b", "link"};
    char path[200];
    for (unsigned i = 0; i < 4; i++) {
        below(place(), names[i], path);
        unlink(path);
    }
    rmdir(place()->folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct place *p = place();
    char path[200];
    strcpy(p->folder, "/dev/shm/fuzz-media-XXXXXX");
    assert(mkdtemp(p->folder) && "a folder in memory");
    below(p, "image", p->image);
    below(p, "a", path);
    write_file(path, "# Disk DescriptorFile\nRW 4 FLAT \"b\" 0\n", 39);
    below(p, "b", path);
    write_file(path, "raw", 3);
    below(p, "link", path);
    assert(!symlink("/etc/passwd", path));
    atexit(leave);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct place *p = place();
    const struct media_options options = {.formats = true};
    struct error err;
    if (!size)
        return 0;
    write_file(p->image, data, size);
    struct media_image *m = media_new();
    if (media_add_file(m, p->image, &err)) {
        media_close(m);
        return 0;
    }
    const struct media_format *format = media_format_of(m->file[0].fd, size);
    char *description = format->packing ? NULL : chain_describe(m, format, &options, &err);
    for (size_t i = 0; i < m->nfiles; i++)
        assert(!strncmp(m->file[i].path, p->folder, strlen(p->folder)) && "it stays in its folder");
    assert((!description || !strncmp(description, "json:{", 6)) && "qemu-nbd looks nothing up");
    free(description);
    media_close(m);
    return 0;
}
