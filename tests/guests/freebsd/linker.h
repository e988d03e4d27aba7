/* linker.h - the part of the small kernel (kernel.c) that holds modules, as FreeBSD's linker does: a file
 * that the loader passed on, a relocatable object on amd64 and a shared object on i386, and a copy of it that
 * is loaded later, elsewhere.
 */

struct linker_file {
    void *operations;
    int refs, user_refs, flags;
    struct { /* TAILQ_ENTRY */
        struct linker_file *next, **previous;
    } link;
    const char *filename, *pathname;
    int id;
    char *address;
    word size;
    word rest[6];
};

#ifdef __x86_64__
struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};
#define MAPPED_AT 0xffffffff80000000ul
#else
struct symbol {
    uint32_t name, value, size;
    uint8_t info, other;
    uint16_t section;
};
#define MAPPED_AT 0ul
#endif

struct section {
    word address, size;
    int flags, number;
    const char *name;
};

/* What the linker's class of the file's format keeps. */
struct elf_file {
    struct linker_file file;
    int preloaded;
    struct section *sections;
    unsigned nsections;
    word gap;
    struct symbol *symbols;
    long nsymbols;
    const char *strings;
    long strings_size;
};

#ifndef WITHOUT_CONSTANTS
const int kld_off_address = offsetof(struct linker_file, address), kld_off_filename = offsetof(struct linker_file, filename);
#endif
static struct elf_file kernel_file = {.file = {.filename = "kernel", .pathname = "/kernel", .size = 4096}};
static struct elf_file first_file, second_file;
struct linker_file *linker_kernel_file;
static word metadata; /* physical address */

FUNCTION void module_register(const void *data, struct linker_file *file)
{
    __asm__ volatile("" ::"r"(data), "r"(file));
}

FUNCTION void kobj_delete(void *object, void *type)
{
    __asm__ volatile("" ::"r"(object), "r"(type));
}

/* The data of the metadata's record of that type that follows the n-th name. */
static void *info(int file, uint32_t type)
{
    int n = 0;
    for (word at = metadata + MAPPED_AT; metadata && *(uint32_t *)at;) {
        uint32_t *head = (uint32_t *)at;
        n += head[0] == 1;
        if (n == file && head[0] == type)
            return head + 2;
        at += 8 + (head[1] + sizeof(word) - 1) / sizeof(word) * sizeof(word);
    }
    return NULL;
}

#ifdef __x86_64__
struct section_header {
    uint32_t name, type;
    uint64_t flags, address, offset, size;
    uint32_t link, info;
    uint64_t align, entry;
};
enum { SYMBOLS = 2, PROGRAM = 1, SECTIONS = 16 };
static struct section sections[SECTIONS];

/* The loader has put the sections one behind the other, and says where in their headers. */
static void parse(struct elf_file *f)
{
    const uint16_t *header = info(2, 0x8002);
    struct section_header *s = info(2, 0x8009);
    word first = ~0ul;
    for (unsigned i = 0; i < header[30]; i++)
        if (s[i].address && s[i].address < first)
            first = s[i].address;
    for (unsigned i = 0; i < header[30]; i++)
        s[i].address += s[i].address ? (word)f->file.address - first : 0;
    for (unsigned i = 0; i < header[30]; i++)
        if (s[i].type == SYMBOLS) {
            f->symbols = (struct symbol *)s[i].address;
            f->nsymbols = (long)(s[i].size / sizeof *f->symbols);
            f->strings = (const char *)s[s[i].link].address;
            f->strings_size = (long)s[s[i].link].size;
        } else if (s[i].type == PROGRAM && s[i].address && f->nsections < SECTIONS) {
            const char *name = (const char *)s[header[31]].address + s[i].name;
            sections[f->nsections++] = (struct section){s[i].address, s[i].size, 0, (int)i, name};
        }
    f->sections = sections;
    for (long i = 0; i < f->nsymbols; i++)
        if (f->symbols[i].section < header[30])
            f->symbols[i].value += s[f->symbols[i].section].address;
}
#else
enum { HASH = 4, STRINGS = 5, SYMBOLS = 6, STRINGS_SIZE = 10 };

/* The loader says where its dynamic section is. */
static void parse(struct elf_file *f)
{
    char *base = f->file.address;
    const uint32_t *dynamic = info(2, 0x8005);
    for (const uint32_t *d = (uint32_t *)(base + *dynamic); *d; d += 2)
        if (d[0] == HASH)
            f->nsymbols = ((int32_t *)(base + d[1]))[1];
        else if (d[0] == STRINGS)
            f->strings = base + d[1];
        else if (d[0] == SYMBOLS)
            f->symbols = (struct symbol *)(base + d[1]);
        else if (d[0] == STRINGS_SIZE)
            f->strings_size = (long)d[1];
}
#endif

static int same_text(const char *a, const char *b)
{
    for (; *a && *a == *b; b++)
        a++;
    return *a == *b;
}

static char *module_symbol(const struct elf_file *f, const char *name)
{
    for (long i = 1; i < f->nsymbols; i++)
        if (same_text(f->strings + f->symbols[i].name, name))
            return (MAPPED_AT ? NULL : f->file.address) + f->symbols[i].value;
    return NULL;
}

static void say_module(const char *what, const struct linker_file *f)
{
    put("truth: ");
    put(what);
    put(f->filename);
    put(" at ");
    put_number((word)f->address, 16);
    put("\n");
}

static void load_first(void)
{
    word *address = info(2, 3), *size = info(2, 4);
    kernel_file.file.address = (char *)&first_file;
    linker_kernel_file = &kernel_file.file;
    module_register(NULL, linker_kernel_file);
    if (!address)
        return;
    first_file.file = (struct linker_file){
        .filename = "fake.ko", .pathname = "/boot/fake.ko", .id = 2, .address = (char *)(*address + MAPPED_AT), .size = *size};
    first_file.file.link.previous = &kernel_file.file.link.next;
    parse(&first_file);
#ifdef HOSTILE
    first_file.strings_size = (long)(~0ul >> 1);
#endif
    module_register(NULL, &first_file.file);
    module_register(NULL, &first_file.file);
    say_module("module ", &first_file.file);
}

/* A copy of the first, far from the kernel; what is absolute moves with it. */
static void load_second(void)
{
    enum { AWAY = 64 << 20, TABLE = 1 << 20 };
    char *to = (char *)(AWAY + MAPPED_AT), *from = first_file.file.address;
    struct symbol *symbols = (struct symbol *)(to + TABLE);
    for (word i = 0; i < first_file.file.size; i++)
        to[i] = from[i];
    second_file = first_file;
    second_file.file.filename = "second.ko";
    second_file.file.pathname = "/boot/modules/second.ko";
    second_file.file.address = to;
    second_file.sections = NULL;
    second_file.nsections = 0;
    for (long i = 0; i < first_file.nsymbols; i++) {
        symbols[i] = first_file.symbols[i];
        if (MAPPED_AT && symbols[i].section && symbols[i].section < 0xff00)
            symbols[i].value += (word)(to - from);
    }
    second_file.symbols = symbols;
    module_register(NULL, &second_file.file);
    say_module("module ", &second_file.file);
}

static void unload_second(void)
{
    kobj_delete(&first_file.symbols, NULL);
    put("truth: removed second.ko\n");
    kobj_delete(&second_file.file, NULL);
}
