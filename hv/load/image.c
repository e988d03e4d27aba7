/* image.c - puts an image's parts to where they belong: the segments of an ELF file, or one piece with given addresses. */
#include <assert.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "hv/load/internal.h"

/* Copy a piece of the image and zero what follows it. */
static int place(struct loading *l, const struct image *im, uint64_t to, const uint8_t *from, uint64_t n,
                 uint64_t total, struct error *err)
{
    struct physmem *m = board_mem(l->board);
    assert(n <= total && "what follows the piece is zeros");
    if (physmem_mapped(m, to, total) < total)
        return error_set(err, "%s: %llu bytes at %#llx do not fit into memory: more --memory", im->name,
                         (unsigned long long)total, (unsigned long long)to);
    if (!load_in_ram(l, to, total))
        return error_set(
            err, "%s: %llu bytes at %#llx lie where the firmware keeps its data: link it for another address",
            im->name, (unsigned long long)total, (unsigned long long)to);
    physmem_write(m, to, from, n);
    static const uint8_t zero[4096];
    for (uint64_t at = n; at < total; at += sizeof zero)
        physmem_write(m, to + at, zero, total - at < sizeof zero ? total - at : sizeof zero);
    load_take(l, to, total);
    return 0;
}

int load_at_addresses(struct loading *l, const uint8_t *k, size_t header, const struct load_addresses *a,
                      uint64_t *end, struct error *err)
{
    const struct image *im = l->image;
    int64_t offset = (int64_t)header - ((int64_t)a->header - a->load);
    if (offset < 0 || a->header < a->load || (uint64_t)offset > im->size)
        return error_set(err, "%s: the multiboot header's addresses make no sense", im->name);
    uint64_t n = a->load_end ? (uint64_t)a->load_end - a->load : im->size - (uint64_t)offset;
    if ((a->load_end && a->load_end < a->load) || (uint64_t)offset + n > im->size ||
        (a->bss_end && a->bss_end < a->load + n))
        return error_set(err, "%s: the multiboot header's addresses go beyond the file", im->name);
    *end = a->bss_end ? a->bss_end : a->load + n;
    return place(l, im, a->load, k + offset, n, *end - a->load, err);
}

static int load_segment(struct loading *l, const GElf_Phdr *ph, const uint8_t *k, const struct image *im,
                        struct error *err)
{
    if (ph->p_memsz < ph->p_filesz)
        return error_set(
            err,
            "%s: a segment has more bytes in the file than in memory: the image is damaged, fetch it again",
            im->name);
    if (ph->p_offset > im->size || ph->p_filesz > im->size - ph->p_offset)
        return error_set(err, "%s: truncated: a segment lies beyond the end of the file: fetch it again",
                         im->name);
    return place(l, im, ph->p_paddr, k + ph->p_offset, ph->p_filesz, ph->p_memsz, err);
}

static int bad_headers(const struct image *im, struct error *err)
{
    return error_set(err, "%s: its program headers cannot be read (%s): the image is damaged, fetch it again",
                     im->name, elf_errmsg(-1));
}

/* The physical address of an entry that is a virtual one: kernels that are linked high have such. Boot loaders translate
 * it by the segment in which it lies (GRUB, grub-core/loader/multiboot_elfxx.c); one that lies in none is physical. */
static void translate_entry(const GElf_Phdr *ph, uint64_t entry, uint64_t *to)
{
    if (entry >= ph->p_vaddr && entry - ph->p_vaddr < ph->p_memsz)
        *to = entry - ph->p_vaddr + ph->p_paddr;
}

/* *entry is the file's, and becomes a physical address. */
static int load_segments(struct loading *l, Elf *elf, const uint8_t *k, const struct image *im,
                         uint64_t *entry, uint64_t *end, struct error *err)
{
    const uint64_t given = *entry;
    size_t n;
    GElf_Phdr ph;
    uint64_t total = 0;
    if (elf_getphdrnum(elf, &n) < 0)
        return bad_headers(im, err);
    for (size_t i = 0; i < n; i++) {
        if (!gelf_getphdr(elf, (int)i, &ph))
            return bad_headers(im, err);
        if (ph.p_type != PT_LOAD)
            continue;
        if (load_segment(l, &ph, k, im, err) < 0)
            return -1;
        translate_entry(&ph, given, entry);
        total += ph.p_memsz; /* thousands of segments may claim the same place */
        if (total > UINT32_MAX)
            return error_set(err, "%s: its segments overlap: the image is damaged, fetch it again", im->name);
        if (ph.p_paddr + ph.p_memsz > *end)
            *end = ph.p_paddr + ph.p_memsz;
    }
    return 0;
}

int load_elf(struct loading *l, uint8_t *k, uint64_t *entry, uint64_t *end, struct error *err)
{
    const struct image *im = l->image;
    GElf_Ehdr eh;
    int rc = -1;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)k, im->size);
    if (!elf || !gelf_getehdr(elf, &eh)) {
        error_set(err, "%s: a header for boot loaders, but not an ELF image: %s", im->name, elf_errmsg(-1));
    } else {
        *entry = eh.e_entry;
        rc = load_segments(l, elf, k, im, entry, end, err);
        if (!rc && *entry > UINT32_MAX)
            rc = error_set(
                err,
                "%s: its entry %#llx lies in none of its segments, and is above 4 GiB, where a 32-bit entry cannot be",
                im->name, (unsigned long long)eh.e_entry);
    }
    if (elf)
        elf_end(elf);
    return rc;
}

/* ---------------------------------------------------------------- notes */

/* Whether the note that begins at `at` of a segment of `size` bytes is the one that is asked for; then *value is what
 * its content begins with. *next is where the next one begins. */
static bool is_note(const uint8_t *p, size_t size, size_t at, const struct load_note *ask, uint32_t *value,
                    size_t *next)
{
    uint32_t h[3]; /* sizes of name and content, type */
    memcpy(h, p + at, sizeof h);
    uint64_t name = at + sizeof h, content = name + (((uint64_t)h[0] + 3) & ~3ull);
    *next = SIZE_MAX;
    if (content + (((uint64_t)h[1] + 3) & ~3ull) > size)
        return false;
    *next = content + ((h[1] + 3) & ~3u);
    if (h[2] != ask->type || h[0] != strlen(ask->owner) + 1 || memcmp(p + name, ask->owner, h[0]) || h[1] < 4)
        return false;
    memcpy(value, p + content, sizeof *value);
    return true;
}

static bool note_in(const uint8_t *p, size_t size, const struct load_note *ask, uint32_t *value)
{
    for (size_t at = 0, next; at + 12 <= size; at = next)
        if (is_note(p, size, at, ask, value, &next))
            return true;
        else if (next == SIZE_MAX)
            return false;
    return false;
}

bool load_elf_note(const struct image *im, uint8_t *k, const struct load_note *ask, uint32_t *value)
{
    size_t n = 0;
    GElf_Phdr ph;
    bool found = false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)k, im->size);
    if (elf && elf_getphdrnum(elf, &n) < 0)
        n = 0;
    for (size_t i = 0; i < n && !found; i++)
        found = gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_NOTE && ph.p_offset <= im->size &&
                ph.p_filesz <= im->size - ph.p_offset && note_in(k + ph.p_offset, ph.p_filesz, ask, value);
    if (elf)
        elf_end(elf);
    return found;
}
