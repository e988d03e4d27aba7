/* program.c - the files of programs that run under a kernel: which ELF files are such, and whether one is what was executed. See
 * symbols.h.
 */
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "core/symbols/symbols.h"

/* Kernels, which may name an interpreter too (FreeBSD's), are above. */
#define PROGRAMS_END        0x800000000000u
#define PROGRAMS_END_NARROW 0xc0000000u

struct program_file {
    int fd;
    Elf *elf;
    GElf_Ehdr head;
    size_t nsegments;
};

static bool open_program(struct program_file *p, const char *path)
{
    elf_version(EV_CURRENT);
    p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    p->elf = p->fd < 0 ? NULL : elf_begin(p->fd, ELF_C_READ_MMAP, NULL);
    if (p->elf && elf_kind(p->elf) == ELF_K_ELF && gelf_getehdr(p->elf, &p->head) &&
        !elf_getphdrnum(p->elf, &p->nsegments))
        return true;
    elf_end(p->elf);
    if (p->fd >= 0)
        close(p->fd);
    return false;
}

static void close_program(struct program_file *p)
{
    elf_end(p->elf);
    close(p->fd);
}

/* A note of the C library's startup code: "GNU", type 1 (System V ABI for AMD64, .note.ABI-tag). */
static bool has_abi_tag(Elf *elf, const GElf_Phdr *ph)
{
    Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_NHDR);
    GElf_Nhdr note;
    size_t name, desc;
    for (size_t at = 0; data && (at = gelf_getnote(data, at, &note, &name, &desc)) > 0;)
        if (note.n_type == 1 && note.n_namesz == 4 && !memcmp((const char *)data->d_buf + name, "GNU", 4))
            return true;
    return false;
}

bool symbols_is_program(const char *path)
{
    struct program_file p;
    GElf_Phdr ph;
    bool is = false, low = true;
    if (!open_program(&p, path))
        return false;
    const uint64_t end = gelf_getclass(p.elf) == ELFCLASS32 ? PROGRAMS_END_NARROW : PROGRAMS_END;
    for (size_t i = 0; i < p.nsegments && gelf_getphdr(p.elf, (int)i, &ph); i++) {
        is |= ph.p_type == PT_INTERP || (ph.p_type == PT_NOTE && has_abi_tag(p.elf, &ph));
        low &= ph.p_type != PT_LOAD || ph.p_vaddr < end;
    }
    is &= p.head.e_type == ET_EXEC || p.head.e_type == ET_DYN;
    close_program(&p);
    return is && low;
}

bool symbols_is_fixed_program(const char *path)
{
    struct program_file p;
    if (!open_program(&p, path))
        return false;
    const bool fixed = p.head.e_type == ET_EXEC;
    close_program(&p);
    return fixed;
}

/* What stripping leaves as it is. */
static bool same_segments(Elf *a, Elf *b, size_t n)
{
    GElf_Phdr x, y;
    for (size_t i = 0; i < n; i++)
        if (!gelf_getphdr(a, (int)i, &x) || !gelf_getphdr(b, (int)i, &y) || x.p_type != y.p_type ||
            x.p_vaddr != y.p_vaddr || x.p_memsz != y.p_memsz)
            return false;
    return true;
}

bool symbols_same_program(const char *path, const void *data, size_t size)
{
    struct program_file p;
    GElf_Ehdr head;
    size_t n;
    if (!open_program(&p, path))
        return false;
    Elf *other = elf_memory((char *)data, size);
    const bool same = other && gelf_getehdr(other, &head) && head.e_type == p.head.e_type &&
                      head.e_machine == p.head.e_machine && head.e_entry == p.head.e_entry &&
                      !elf_getphdrnum(other, &n) && n == p.nsegments && same_segments(p.elf, other, n);
    elf_end(other);
    close_program(&p);
    return same;
}
