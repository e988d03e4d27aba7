/* build_id.c - build-ids in notes and files. See debug.h. Sources: gABI, "Note Section"; GNU ld, --build-id. */
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/symbols/debug.h"

enum { NOTE_HEAD = 12, NAME = 4 };

static size_t aligned(uint32_t n)
{
    return ((size_t)n + 3) & ~(size_t)3;
}

/* Whether a note at these bytes is a build-id. */
static bool take(const uint8_t *p, size_t n, struct build_id *id)
{
    uint32_t head[3];
    if (n < NOTE_HEAD + NAME)
        return false;
    memcpy(head, p, sizeof head);
    if (head[0] != NAME || head[2] != NT_GNU_BUILD_ID || memcmp(p + NOTE_HEAD, "GNU", NAME) != 0 ||
        !head[1] || head[1] > BUILD_ID_MAX || n - NOTE_HEAD - NAME < head[1])
        return false;
    id->n = (uint8_t)head[1];
    memcpy(id->bytes, p + NOTE_HEAD + NAME, head[1]);
    return true;
}

bool build_id_in_notes(const void *notes, size_t n, struct build_id *id)
{
    const uint8_t *p = notes;
    for (size_t at = 0; at + NOTE_HEAD <= n;) {
        uint32_t head[2];
        if (take(p + at, n - at, id))
            return true;
        memcpy(head, p + at, sizeof head);
        const size_t size = NOTE_HEAD + aligned(head[0]) + aligned(head[1]);
        at = size > n - at ? n : at + size;
    }
    return false;
}

bool build_id_in_image(const void *bytes, size_t n, size_t *at, struct build_id *id)
{
    static const uint8_t mark[] = {NT_GNU_BUILD_ID, 0, 0, 0, 'G', 'N', 'U', 0};
    const uint8_t *p = bytes, *found;
    while (*at < n && (found = memmem(p + *at, n - *at, mark, sizeof mark))) {
        const size_t where = (size_t)(found - p);
        *at = where + sizeof mark;
        if (where >= 8 && take(found - 8, n - where + 8, id))
            return true;
    }
    *at = n;
    return false;
}

static bool in_sections(Elf *elf, struct build_id *id)
{
    GElf_Shdr sh;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        const bool note = gelf_getshdr(scn, &sh) && sh.sh_type == SHT_NOTE;
        const Elf_Data *data = note ? elf_rawdata(scn, NULL) : NULL;
        if (data && data->d_buf && build_id_in_notes(data->d_buf, data->d_size, id))
            return true;
    }
    return false;
}

static bool in_segments(Elf *elf, struct build_id *id)
{
    GElf_Phdr ph;
    size_t n;
    for (size_t i = 0; !elf_getphdrnum(elf, &n) && i < n && gelf_getphdr(elf, (int)i, &ph); i++) {
        const Elf_Data *data = ph.p_type == PT_NOTE
                                   ? elf_getdata_rawchunk(elf, (int64_t)ph.p_offset, ph.p_filesz, ELF_T_BYTE)
                                   : NULL;
        if (data && data->d_buf && build_id_in_notes(data->d_buf, data->d_size, id))
            return true;
    }
    return false;
}

/* Debug information that was put into a file of its own has no content where its segments say. */
static bool of_elf(Elf *elf, struct build_id *id)
{
    return elf && elf_kind(elf) == ELF_K_ELF && (in_sections(elf, id) || in_segments(elf, id));
}

bool build_id_of_file(const char *path, struct build_id *id)
{
    elf_version(EV_CURRENT);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
    const bool has = of_elf(elf, id);
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return has;
}

bool build_id_of_elf(const void *data, size_t size, struct build_id *id)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)data, size);
    const bool has = elf && elf_kind(elf) == ELF_K_ELF && (in_segments(elf, id) || in_sections(elf, id));
    elf_end(elf);
    return has;
}

const char *build_id_text(const struct build_id *id, char buf[BUILD_ID_TEXT])
{
    *buf = 0;
    for (unsigned i = 0; i < id->n; i++)
        snprintf(buf + 2 * (size_t)i, 3, "%02x", id->bytes[i]);
    return buf;
}
