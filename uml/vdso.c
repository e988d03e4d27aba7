/* vdso.c - the shared object that Linux maps into every program: vdso(7). Its functions make the system call, so that time stays
 * what the host says it is.
 *
 * The image is made here, member by member, and not by a linker, since programs see its bytes: they must be the same in every build.
 * ELF and its versions of symbols: System V ABI, chapters 4 and 5, and the Linux Standard Base, 10.7. .eh_frame: LSB, 10.6. */
#include <assert.h>
#include <elf.h>
#include <libelf.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "uml/files.h"
#include "uml/memory.h"

static const struct {
    const char *name;
    uint32_t call;
} functions[] = {{"clock_gettime", SYS_clock_gettime},
                 {"gettimeofday", SYS_gettimeofday},
                 {"time", SYS_time},
                 {"getcpu", SYS_getcpu},
                 {"clock_getres", SYS_clock_getres}};

enum {
    FUNCTIONS = sizeof functions / sizeof functions[0],
    SYMBOLS = 2 + 2 * FUNCTIONS, /* none, the version, and each function as __vdso_NAME and as NAME */
    BUCKETS = 5,
    VERSION = 2,
    CODE = 16 /* bytes of a function */
};
enum section {
    S_NONE,
    S_DYNAMIC,
    S_DYNSYM,
    S_HASH,
    S_VERSYM,
    S_VERDEF,
    S_DYNSTR,
    S_EH_HDR,
    S_EH,
    S_TEXT,
    S_NAMES,
    SECTIONS
};

static const char *const section_names[SECTIONS] = {
    "",        ".dynamic",      ".dynsym",   ".hash", ".gnu.version", ".gnu.version_d",
    ".dynstr", ".eh_frame_hdr", ".eh_frame", ".text", ".shstrtab"};

/* How callers are found: every instruction has the return address on top of the stack, or is the one behind it. */
struct frames {
    uint32_t cie_size, cie_id;
    uint8_t version, augmentation[3], code_align, data_align, return_register, augmentation_size, encoding;
    uint8_t rules[7];
    uint32_t fde_size, fde_cie;
    int32_t start;
    uint32_t range;
    uint8_t fde_augmentation_size, pad[7];
    uint32_t end;
};
struct frames_index {
    uint8_t version, frames_encoding, count_encoding, table_encoding;
    int32_t frames;
    uint32_t count;
    int32_t start, fde;
};

struct image_of_vdso {
    Elf64_Ehdr head;
    Elf64_Phdr segment[3];
    Elf64_Dyn dynamic[10];
    Elf64_Sym symbol[SYMBOLS];
    uint32_t hash[2 + BUCKETS + SYMBOLS];
    Elf64_Half version[SYMBOLS];
    struct {
        Elf64_Verdef def;
        Elf64_Verdaux aux;
    } verdef[VERSION];
    char strings[256];
    struct frames_index frames_index;
    struct frames frames;
    uint8_t text[FUNCTIONS][CODE];
    Elf64_Shdr section[SECTIONS];
    char names[128];
};
_Static_assert(sizeof(struct image_of_vdso) <= PAGE, "it is one page");
#define AT(member) ((uint32_t)offsetof(struct image_of_vdso, member))
static_assert(AT(section) % 8 == 0 && AT(text) % 4 == 0 && AT(verdef) % 4 == 0, "as ELF wants it aligned");

/* A string behind those that are there; its offset. */
static uint32_t add_string(char *strings, size_t size, uint32_t *n, const char *prefix, const char *s)
{
    uint32_t at = *n, len = (uint32_t)(strlen(prefix) + strlen(s) + 1);
    assert(at + len <= size && "the strings fit");
    memcpy(strings + at, prefix, strlen(prefix));
    memcpy(strings + at + strlen(prefix), s, strlen(s) + 1);
    *n += len;
    return at;
}

static void put_symbols(struct image_of_vdso *v)
{
    uint32_t n = 1, soname = add_string(v->strings, sizeof v->strings, &n, "", "linux-vdso.so.1"),
             version = add_string(v->strings, sizeof v->strings, &n, "", "LINUX_2.6");
    for (unsigned i = 0; i < 2 * FUNCTIONS; i++)
        v->symbol[1 + i] = (Elf64_Sym){.st_name = add_string(v->strings, sizeof v->strings, &n,
                                                             i % 2 ? "" : "__vdso_", functions[i / 2].name),
                                       .st_info = ELF64_ST_INFO(i % 2 ? STB_WEAK : STB_GLOBAL, STT_FUNC),
                                       .st_shndx = S_TEXT,
                                       .st_value = AT(text) + i / 2 * CODE,
                                       .st_size = 8};
    v->symbol[SYMBOLS - 1] = (Elf64_Sym){
        .st_name = version, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), .st_shndx = SHN_ABS};
    v->hash[0] = BUCKETS;
    v->hash[1] = SYMBOLS;
    for (unsigned i = 1; i < SYMBOLS; i++) {
        uint32_t *bucket = &v->hash[2 + elf_hash(v->strings + v->symbol[i].st_name) % BUCKETS];
        v->hash[2 + BUCKETS + i] = *bucket;
        *bucket = i;
        v->version[i] = VERSION;
    }
    for (unsigned i = 0; i < VERSION; i++) {
        uint32_t name = i ? version : soname;
        v->verdef[i].def = (Elf64_Verdef){.vd_version = VER_DEF_CURRENT,
                                          .vd_flags = i ? 0 : VER_FLG_BASE,
                                          .vd_ndx = (Elf64_Half)(i + 1),
                                          .vd_cnt = 1,
                                          .vd_hash = (Elf64_Word)elf_hash(v->strings + name),
                                          .vd_aux = sizeof(Elf64_Verdef),
                                          .vd_next = i + 1 < VERSION ? sizeof v->verdef[0] : 0};
        v->verdef[i].aux = (Elf64_Verdaux){.vda_name = name};
    }
    const Elf64_Dyn dynamic[] = {{DT_SONAME, {soname}},
                                 {DT_HASH, {AT(hash)}},
                                 {DT_STRTAB, {AT(strings)}},
                                 {DT_SYMTAB, {AT(symbol)}},
                                 {DT_STRSZ, {n}},
                                 {DT_SYMENT, {sizeof(Elf64_Sym)}},
                                 {DT_VERSYM, {AT(version)}},
                                 {DT_VERDEF, {AT(verdef)}},
                                 {DT_VERDEFNUM, {VERSION}},
                                 {DT_NULL, {0}}};
    static_assert(sizeof dynamic == sizeof v->dynamic, "as many as there is room for");
    memcpy(v->dynamic, dynamic, sizeof dynamic);
}

/* mov $call, %eax; syscall; ret */
static void put_code(struct image_of_vdso *v)
{
    memset(v->text, 0xcc, sizeof v->text);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        const uint8_t call[] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};
        memcpy(v->text[i], call, sizeof call);
        memcpy(v->text[i] + 1, &functions[i].call, 4);
    }
}

static void put_frames(struct image_of_vdso *v)
{
    enum { PCREL_4 = 0x1b, UNSIGNED_4 = 0x03, DATAREL_4 = 0x3b, RSP = 7, RIP = 16 };
    enum { DEF_CFA = 0x0c, OFFSET = 0x80 };
    v->frames = (struct frames){.cie_size = offsetof(struct frames, fde_size) - 4,
                                .version = 1,
                                .augmentation = "zR",
                                .code_align = 1,
                                .data_align = 0x78, /* -8 */
                                .return_register = RIP,
                                .augmentation_size = 1,
                                .encoding = PCREL_4,
                                .rules = {DEF_CFA, RSP, 8, OFFSET | RIP, 1},
                                .fde_size = offsetof(struct frames, end) - offsetof(struct frames, fde_cie),
                                .fde_cie = offsetof(struct frames, fde_cie),
                                .start = (int32_t)(AT(text) - AT(frames.start)),
                                .range = sizeof v->text};
    v->frames_index = (struct frames_index){.version = 1,
                                            .frames_encoding = PCREL_4,
                                            .count_encoding = UNSIGNED_4,
                                            .table_encoding = DATAREL_4,
                                            .frames = (int32_t)(AT(frames) - AT(frames_index.frames)),
                                            .count = 1,
                                            .start = (int32_t)(AT(text) - AT(frames_index)),
                                            .fde = (int32_t)(AT(frames.fde_size) - AT(frames_index))};
}

static Elf64_Shdr section_of(uint32_t type, uint64_t flags, uint32_t at, uint64_t size, uint64_t align)
{
    return (Elf64_Shdr){.sh_type = type,
                        .sh_flags = flags,
                        .sh_addr = flags ? at : 0,
                        .sh_offset = at,
                        .sh_size = size,
                        .sh_addralign = align};
}

/* Programs need none of these, but debuggers do. */
static void put_sections(struct image_of_vdso *v)
{
    Elf64_Shdr *s = v->section;
    uint32_t n = 0;
    s[S_DYNAMIC] = section_of(SHT_DYNAMIC, SHF_ALLOC, AT(dynamic), sizeof v->dynamic, 8);
    s[S_DYNSYM] = section_of(SHT_DYNSYM, SHF_ALLOC, AT(symbol), sizeof v->symbol, 8);
    s[S_HASH] = section_of(SHT_HASH, SHF_ALLOC, AT(hash), sizeof v->hash, 4);
    s[S_VERSYM] = section_of(SHT_GNU_versym, SHF_ALLOC, AT(version), sizeof v->version, 2);
    s[S_VERDEF] = section_of(SHT_GNU_verdef, SHF_ALLOC, AT(verdef), sizeof v->verdef, 4);
    s[S_DYNSTR] = section_of(SHT_STRTAB, SHF_ALLOC, AT(strings), v->dynamic[4].d_un.d_val, 1);
    s[S_EH_HDR] = section_of(SHT_PROGBITS, SHF_ALLOC, AT(frames_index), sizeof v->frames_index, 4);
    s[S_EH] = section_of(SHT_PROGBITS, SHF_ALLOC, AT(frames), sizeof v->frames, 4);
    s[S_TEXT] = section_of(SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, AT(text), sizeof v->text, 4);
    s[S_DYNAMIC].sh_link = s[S_DYNSYM].sh_link = s[S_VERDEF].sh_link = S_DYNSTR;
    s[S_HASH].sh_link = s[S_VERSYM].sh_link = S_DYNSYM;
    s[S_DYNAMIC].sh_entsize = sizeof(Elf64_Dyn);
    s[S_DYNSYM].sh_entsize = sizeof(Elf64_Sym);
    s[S_HASH].sh_entsize = 4;
    s[S_VERSYM].sh_entsize = 2;
    s[S_DYNSYM].sh_info = 1; /* the first that is not local */
    s[S_VERDEF].sh_info = VERSION;
    for (unsigned i = 0; i < SECTIONS; i++)
        s[i].sh_name = add_string(v->names, sizeof v->names, &n, "", section_names[i]);
    s[S_NAMES] = section_of(SHT_STRTAB, 0, AT(names), n, 1);
    s[S_NAMES].sh_name = n - (uint32_t)sizeof ".shstrtab";
}

static Elf64_Phdr segment_of(uint32_t type, uint32_t flags, uint32_t at, uint64_t size, uint64_t align)
{
    return (Elf64_Phdr){.p_type = type,
                        .p_flags = flags,
                        .p_offset = at,
                        .p_vaddr = at,
                        .p_paddr = at,
                        .p_filesz = size,
                        .p_memsz = size,
                        .p_align = align};
}

static void put_headers(struct image_of_vdso *v)
{
    v->head =
        (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                     .e_type = ET_DYN,
                     .e_machine = EM_X86_64,
                     .e_version = EV_CURRENT,
                     .e_entry = AT(text),
                     .e_phoff = AT(segment),
                     .e_shoff = AT(section),
                     .e_ehsize = sizeof v->head,
                     .e_phentsize = sizeof v->segment[0],
                     .e_phnum = sizeof v->segment / sizeof v->segment[0],
                     .e_shentsize = sizeof v->section[0],
                     .e_shnum = SECTIONS,
                     .e_shstrndx = S_NAMES};
    v->segment[0] = segment_of(PT_LOAD, PF_R | PF_X, 0, sizeof *v, PAGE);
    v->segment[1] = segment_of(PT_DYNAMIC, PF_R, AT(dynamic), sizeof v->dynamic, 8);
    v->segment[2] = segment_of(PT_GNU_EH_FRAME, PF_R, AT(frames_index), sizeof v->frames_index, 4);
}

int vdso_create(struct host *h)
{
    struct image_of_vdso v = {0};
    put_headers(&v);
    put_symbols(&v);
    put_code(&v);
    put_frames(&v);
    put_sections(&v);
    int64_t inode = unnamed_memory(h, PAGE);
    if (inode < 0)
        return (int)inode;
    h->r.vdso = (ref)inode;
    return inode_write(h, INODE(h->r.vdso), 0, &v, sizeof v) == sizeof v ? 0 : -ENOMEM;
}

uint64_t vdso_map(struct host *h, struct mm *m)
{
    uint64_t at = h->r.vdso ? space_place(h, m, PAGE) : 0;
    return at && !area_map(h, m, at, at + PAGE, PROT_READ | PROT_EXEC, AREA_VDSO, h->r.vdso, 0) ? at : 0;
}
