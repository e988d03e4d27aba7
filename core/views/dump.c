/* dump.c - see dump.h. Formats: ELF-64 object file format; Linux, include/linux/elfcore.h (struct elf_prstatus), kernel/crash_core.c and
 * Documentation/admin-guide/kdump/vmcoreinfo.rst. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "core/views/dump.h"
#include "core/systems/linux/memory/tasks.h"
#include "core/views/views.h"

enum { PAGE = 4096, ALIGNED = 4, VMCOREINFO_MAX = 1 << 20 };

const char *const dump_format_names[DUMP_FORMATS] = {"vmcore", "raw", "elf"};

bool dump_format_parse(const char *name, enum dump_format *format)
{
    for (unsigned i = 0; i < DUMP_FORMATS; i++)
        if (!strcmp(name, dump_format_names[i])) {
            *format = i;
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- where memory is */

struct range {
    uint64_t begin, end; /* physical */
};

struct ranges {
    struct range *list;
    size_t n;
};

static void add_page(struct ranges *r, uint64_t address)
{
    if (r->n && r->list[r->n - 1].end == address) {
        r->list[r->n - 1].end += PAGE;
        return;
    }
    MEM_MORE(r->list, r->n);
    r->list[r->n++] = (struct range){address, address + PAGE};
}

static struct ranges find_memory(struct look m, uint64_t ram_end)
{
    struct ranges r = {0};
    uint8_t page[PAGE];
    for (uint64_t at = 0; at < ram_end; at += PAGE)
        if (look_peek_physical(m, at, page, PAGE) == PAGE)
            add_page(&r, at);
    return r;
}

/* ---------------------------------------------------------------- notes */

struct prstatus { /* struct elf_prstatus of x86-64 */
    uint32_t info[3];
    uint16_t signal, pad;
    uint64_t pending, held;
    uint32_t pid, parent, group, session;
    uint64_t times[8];
    uint64_t reg[27];
    uint32_t has_floats, end;
};
_Static_assert(sizeof(struct prstatus) == 336, "as the kernel has it");

/* In the order of struct user_regs_struct. */
static const char *const registers[27] = {"r15",     "r14",     "r13", "r12", "rbp",    "rbx", "r11",
                                          "r10",     "r9",      "r8",  "rax", "rcx",    "rdx", "rsi",
                                          "rdi",     NULL,      "rip", "cs",  "eflags", "rsp", "ss",
                                          "fs_base", "gs_base", "ds",  "es",  "fs",     "gs"};

static void add_padded(struct text *t, const void *data, size_t n)
{
    static const char zeros[ALIGNED] = {0};
    const size_t pad = -n & (ALIGNED - 1);
    t->s = mem_resize(t->s, t->n + n + pad);
    memcpy(t->s + t->n, data, n);
    memcpy(t->s + t->n + n, zeros, pad);
    t->n += n + pad;
}

static void add_note(struct text *t, const char *name, uint32_t type, const void *data, size_t n)
{
    const Elf64_Nhdr head = {.n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = (uint32_t)n, .n_type = type};
    add_padded(t, &head, sizeof head);
    add_padded(t, name, head.n_namesz);
    add_padded(t, data, n);
}

static void add_processor(struct text *t, struct look m, unsigned cpu)
{
    struct prstatus p = {0};
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++)
        p.reg[i] =
            registers[i] ? look_reg(m, cpu, registers[i]) : UINT64_MAX; /* orig_rax: in no system call */
    add_note(t, "CORE", NT_PRSTATUS, &p, sizeof p);
}

/* ---------------------------------------------------------------- a Linux kernel */

static bool read_word(struct look m, const struct symbols *s, const char *name, uint64_t *value)
{
    struct symbol sym;
    return symbols_find(s, SPACE_KERNEL, name, look_icount(m), &sym) &&
           view_peek(m, view_tables_for(m, 0, sym.address), sym.address, value, sizeof *value) ==
               sizeof *value;
}

/* The text by which tools find their way in the kernel's memory, as the kernel has made it for kdump. */
static int add_vmcoreinfo(struct text *t, struct look m, const struct symbols *s, struct error *err)
{
    uint64_t at, size;
    if (!s || !read_word(m, s, "vmcoreinfo_data", &at) || !read_word(m, s, "vmcoreinfo_size", &size))
        return error_set(
            err,
            "no Linux kernel with symbols (vmcoreinfo_data) is in memory at icount %llu: give --format elf or raw",
            (unsigned long long)look_icount(m));
    if (!at || !size || size > VMCOREINFO_MAX)
        return error_set(
            err,
            "the kernel has not made its VMCOREINFO by icount %llu: give a later position, or --format elf or raw",
            (unsigned long long)look_icount(m));
    char *text = mem_alloc(size);
    const bool read = view_peek(m, view_tables_for(m, 0, at), at, text, size) == size;
    if (read)
        add_note(t, "VMCOREINFO", 0, text, size);
    free(text);
    return read ? 0
                : error_set(err, "the kernel's VMCOREINFO at 0x%llx is not mapped", (unsigned long long)at);
}

/* ---------------------------------------------------------------- the file */

struct dump {
    struct look m;
    struct ranges memory;
    struct text notes;
    uint64_t direct;    /* where the kernel maps physical address 0; 0: not known */
    struct range image; /* where it maps its own image; none: begin and end are 0 */
    uint64_t image_at;  /* the image's physical address */
    FILE *f;
    bool seeks; /* holes can be left */
    bool hole;  /* there is one at the end */
};

static bool has_image(const struct dump *d)
{
    return d->image.end;
}

static void put(struct dump *d, const void *data, size_t n)
{
    out_bytes(d->f, data, n);
    d->hole = false;
}

/* Bytes of zeros. */
static void skip(struct dump *d, uint64_t n)
{
    static const uint8_t zeros[PAGE];
    if (d->seeks && !fseeko(d->f, (off_t)n, SEEK_CUR)) {
        d->hole |= n != 0;
        return;
    }
    d->seeks = false;
    for (uint64_t part; n; n -= part) {
        part = n < PAGE ? n : PAGE;
        out_bytes(d->f, zeros, part);
    }
}

static bool is_zero(const uint8_t *page)
{
    return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

static void put_memory(struct dump *d, const struct range *r)
{
    uint8_t page[PAGE];
    for (uint64_t at = r->begin; at < r->end && !ferror(d->f); at += PAGE) {
        look_peek_physical(d->m, at, page, PAGE);
        if (is_zero(page))
            skip(d, PAGE);
        else
            put(d, page, PAGE);
    }
}

/* The file has its whole length also if it ends with a hole. */
static void end_hole(struct dump *d)
{
    if (d->hole && !fseeko(d->f, -1, SEEK_CUR))
        put(d, "", 1);
}

static void put_raw(struct dump *d)
{
    uint64_t at = 0;
    for (size_t i = 0; i < d->memory.n; i++) {
        skip(d, d->memory.list[i].begin - at);
        put_memory(d, &d->memory.list[i]);
        at = d->memory.list[i].end;
    }
}

static void put_segment(struct dump *d, uint64_t offset, uint64_t linear, uint64_t physical, uint64_t size)
{
    const Elf64_Phdr p = {.p_type = PT_LOAD,
                          .p_flags = PF_R | PF_W | PF_X,
                          .p_offset = offset,
                          .p_vaddr = linear,
                          .p_paddr = physical,
                          .p_filesz = size,
                          .p_memsz = size};
    put(d, &p, sizeof p);
}

/* A segment for each range; and one for the kernel's image, which is a part of one of them: by it tools find the page tables. */
static void put_segments(struct dump *d, uint64_t offset)
{
    for (size_t i = 0; i < d->memory.n; i++) {
        const struct range *r = &d->memory.list[i];
        if (has_image(d) && d->image_at >= r->begin && d->image_at < r->end)
            put_segment(d, offset + d->image_at - r->begin, d->image.begin, d->image_at,
                        d->image.end - d->image.begin);
        put_segment(d, offset, d->direct ? d->direct + r->begin : 0, r->begin, r->end - r->begin);
        offset += r->end - r->begin;
    }
}

static void put_elf(struct dump *d)
{
    const size_t segments = d->memory.n + 1 + has_image(d),
                 heads = sizeof(Elf64_Ehdr) + segments * sizeof(Elf64_Phdr);
    const uint64_t memory = (heads + d->notes.n + PAGE - 1) & -(uint64_t)PAGE;
    const Elf64_Ehdr e = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof e,
        .e_ehsize = sizeof e,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (uint16_t)segments};
    const Elf64_Phdr notes = {.p_type = PT_NOTE,
                              .p_offset = heads,
                              .p_filesz = d->notes.n,
                              .p_memsz = d->notes.n,
                              .p_align = ALIGNED};
    put(d, &e, sizeof e);
    put(d, &notes, sizeof notes);
    put_segments(d, memory);
    put(d, d->notes.s, d->notes.n);
    skip(d, memory - heads - d->notes.n);
    for (size_t i = 0; i < d->memory.n; i++)
        put_memory(d, &d->memory.list[i]);
}

static int write_file(struct dump *d, enum dump_format format, const char *path, struct error *err)
{
    struct output *o = output_open(path, err);
    if (!o)
        return -1;
    d->f = output_file(o);
    d->seeks = ftello(d->f) == 0;
    (format == DUMP_RAW ? put_raw : put_elf)(d);
    end_hole(d);
    return output_done(o, err);
}

/* Where the kernel has mapped memory and its own image. */
static void find_mappings(struct dump *d, const struct symbols *s)
{
    struct symbol begin, end;
    struct view_walk w;
    const uint64_t now = look_icount(d->m);
    read_word(d->m, s, "page_offset_base", &d->direct);
    if (!symbols_find(s, SPACE_KERNEL, "_text", now, &begin) ||
        !symbols_find(s, SPACE_KERNEL, "_end", now, &end))
        return;
    view_walk(d->m, 0, begin.address, &w);
    if (!w.mapped || end.address <= begin.address)
        return;
    d->image = (struct range){begin.address, end.address};
    d->image_at = w.physical;
}

int dump_write(struct look m, uint64_t ram_end, const struct symbols *s, enum dump_format format,
               const char *path, struct dump_size *size, struct error *err)
{
    struct dump d = {.m = m};
    size->memory = 0;
    size->cpus = look_cpus(m);
    for (unsigned cpu = 0; cpu < size->cpus; cpu++)
        add_processor(&d.notes, m, cpu);
    int rc = format == DUMP_VMCORE ? add_vmcoreinfo(&d.notes, m, s, err) : 0;
    if (format == DUMP_VMCORE && !rc)
        find_mappings(&d, s);
    if (!rc) {
        d.memory = find_memory(m, ram_end);
        for (size_t i = 0; i < d.memory.n; i++)
            size->memory += d.memory.list[i].end - d.memory.list[i].begin;
        rc = d.memory.n
                 ? write_file(&d, format, path, err)
                 : error_set(err, "this machine has no physical memory: it is a host that runs programs");
    }
    free(d.memory.list);
    free(d.notes.s);
    return rc;
}
