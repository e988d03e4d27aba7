/* symbols.c - the trace's symbols as ELF files that gdb opens by itself: qXfer:exec-file names the first,
 * vFile reads them. GDB manual, "Host I/O Packets".
 *
 *   /bootreel/kernel        the kernel and its modules, at the addresses at which they run (KASLR included); of
 *                           several guests, all kernels
 *   /bootreel/kernel-GUEST  the kernel of one guest, with its modules, and the code of the others
 *   /bootreel/rest-N        what the kernel's file has, but only of what no debug information was given for; N changes with that
 *   /bootreel/process-PID   what a process has executed, without the kernel; process-GUEST:PID of another guest
 *                           than the first
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "gdbstub/impl.h"

#define PROCESS_FILE FILE_PREFIX "process-"
#define REST_FILE    FILE_PREFIX "rest-"

const struct symbols *stub_symbols(struct gdbstub *g)
{
    struct error err;
    if (!g->symbols_read)
        g->symbols = symbols_load(timeline_trace(g->tl), &err);
    g->symbols_read = true;
    return g->symbols;
}

bool stub_has_symbols(struct gdbstub *g)
{
    return stub_symbols(g) && symbols_mappings(g->symbols);
}

const struct processes *stub_processes(struct gdbstub *g, uint64_t icount, struct error *err)
{
    if (!g->processes)
        g->processes = processes_new();
    return processes_move(g->processes, timeline_trace(g->tl), icount, err) ? NULL : g->processes;
}

bool stub_running(struct gdbstub *g, unsigned cpu, struct running *r)
{
    struct timeline_where w;
    struct error err;
    timeline_where(g->tl, &w);
    struct running_place p = {.t = timeline_trace(g->tl),
                              .symbols = stub_symbols(g),
                              .icount = w.icount,
                              .recorded = w.diverted ? w.fork : w.icount,
                              .cpu = cpu,
                              .pc = timeline_pc(g->tl, cpu)};
    p.processes = p.symbols ? stub_processes(g, p.recorded, &err) : NULL;
    if (p.processes)
        running_at(&p, r);
    return p.processes;
}

/* How far a kernel runs from where it was linked, if the trace knows its beginning: a System.map or vmlinux has link addresses. */
static uint64_t bias_of(const struct symbols *s, const struct symbol_table *map)
{
    static const char *const beginnings[] = {"_text", "_stext"};
    struct symbol linked, runs;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (symbol_table_find(map, beginnings[i], &linked) &&
            symbols_find(s, SPACE_KERNEL, beginnings[i], SYMBOLS_NOW, &runs))
            return runs.address - linked.address;
    return 0;
}

int gdbstub_add_symbols(struct gdbstub *g, const char *path, struct error *err)
{
    struct symbol_mapping m = {.space = SPACE_KERNEL};
    struct symbol banner;
    char module[80];
    const bool map = symbols_is_map(path);
    if (!stub_symbols(g))
        g->symbols = symbols_new();
    if (!map && symbols_kernel_module(path, module, sizeof module))
        return stub_add_module(g, path, module, err);
    if (!map && !timeline_tasks(g->tl, NULL, 0) && symbols_is_program(path))
        return stub_add_program(g, path, err);
    m.table = map ? symbols_add_map_file(g->symbols, path, err) : symbols_add_elf_file(g->symbols, path, err);
    if (!m.table)
        return -1;
    m.bias = map || symbol_table_find(m.table, "linux_banner", &banner) ? bias_of(g->symbols, m.table) : 0;
    symbols_map(g->symbols, &m);
    symbols_follow_seabios(g->symbols, timeline_trace(g->tl));
    return 0;
}

void stub_symbols_free(struct gdbstub *g)
{
    for (size_t i = 0; i < g->nfiles; i++) {
        free(g->file[i].name);
        free(g->file[i].data);
        free(g->file[i].packed);
    }
    g->nfiles = 0;
    kernel_types_free(g->types);
    kernel_types_free(g->types_other.k);
    g->types = NULL;
    g->types_other = (struct kernel_types_other){NULL, 0, false};
    stub_tasks_free(g);
    stub_kernels_free(g);
    stub_debug_free(g);
    symbols_free(g->symbols);
    g->symbols = NULL;
    g->symbols_read = false;
}

/* ---------------------------------------------------------------- serving */

/* The space that a file name stands for; false: none. */
static bool space_of(const char *name, symbol_space *space)
{
    size_t n = strlen(PROCESS_FILE);
    if (!strcmp(name, KERNEL_FILE)) {
        *space = SPACE_ANY;
        return true;
    }
    if (!strncmp(name, KERNEL_FILE "-", strlen(KERNEL_FILE) + 1)) {
        char *end;
        const unsigned long guest = strtoul(name + strlen(KERNEL_FILE) + 1, &end, 10);
        *space = symbol_space_of((unsigned)guest, 0);
        return end > name + strlen(KERNEL_FILE) + 1 && !*end;
    }
    return !strncmp(name, PROCESS_FILE, n) && symbol_space_parse(name + n, space) && symbol_space_id(*space);
}

/* The kernel's types; NULL if they cannot be read: gdb then has the rest. */
static const struct symbol_types_set *types(struct gdbstub *g)
{
    struct error err;
    if (!g->types)
        g->types = kernel_types_read(timeline_trace(g->tl), timeline_kind(g->tl), stub_symbols(g), &err);
    return g->types ? kernel_types_set(g->types) : NULL;
}

const struct kernel_types *stub_types(struct gdbstub *g)
{
    const struct symbol_types_set *set = types(g);
    return set && set->n ? g->types : NULL;
}

const struct kernel_types *stub_types_here(struct gdbstub *g)
{
    struct running r;
    const symbol_space space = stub_running(g, stub_cpu(g), &r) ? r.space : SPACE_KERNEL;
    return kernel_types_here(stub_types(g), &g->types_other, timeline_trace(g->tl), timeline_kind(g->tl),
                             stub_symbols(g), space);
}

/* What a file of that space describes beside symbols: of a process nothing. */
static const struct symbol_types_set *types_of(struct gdbstub *g, symbol_space space)
{
    if (space == SPACE_ANY)
        return types(g);
    if (symbol_space_id(space))
        return NULL;
    const struct kernel_types *k = kernel_types_here(stub_types(g), &g->types_other, timeline_trace(g->tl),
                                                     timeline_kind(g->tl), stub_symbols(g), space);
    const struct symbol_types_set *set = k ? kernel_types_set(k) : NULL;
    return set && set->space == space ? set : NULL;
}

/* The file of that name if it was made. */
static const struct served_file *made(const struct gdbstub *g, const char *name)
{
    for (size_t i = 0; i < g->nfiles; i++)
        if (!strcmp(g->file[i].name, name))
            return &g->file[i];
    return NULL;
}

static const struct served_file *served(struct gdbstub *g, const char *name)
{
    symbol_space space;
    if (made(g, name))
        return made(g, name);
    const struct symbols *s = stub_symbols(g);
    struct served_file *f = &g->file[g->nfiles];
    const bool rest = !strncmp(name, REST_FILE, strlen(REST_FILE));
    if (!s || g->nfiles == MAX_FILES || (!rest && !space_of(name, &space)))
        return NULL;
    *f = (struct served_file){0};
    if (rest)
        space = SPACE_ANY;
    f->data = rest ? symbols_elf_rest(s, &f->n) : symbols_elf(s, space, types_of(g, space), &f->n);
    kernel_types_forget_code(g->types);
    kernel_types_forget_code(g->types_other.k);
    if (!f->data && space != SPACE_ANY && symbol_space_id(space))
        f->data = stub_program_elf(g, space, &f->n);
    if (!f->data)
        return NULL;
    f->name = mem_string(name);
    g->nfiles++;
    return f;
}

/* Packs what is not packed yet. False if it cannot be. */
static bool pack(struct served_file *f)
{
    if (f->packed)
        return true;
    uint8_t *packed = mem_alloc(ZSTD_compressBound(f->n));
    f->npacked = ZSTD_compress(packed, ZSTD_compressBound(f->n), f->data, f->n, 1);
    if (ZSTD_isError(f->npacked))
        free(packed);
    else
        f->packed = mem_resize(packed, f->npacked);
    return f->packed;
}

/* gdb keeps a file open, but it reads nearly all of it when it connects. */
void stub_files_relax(struct gdbstub *g)
{
    for (struct served_file *f = g->file; f < g->file + g->nfiles; f++)
        if (f->data && pack(f)) {
            free(f->data);
            f->data = NULL;
        }
}

static const uint8_t *data_of(struct served_file *f)
{
    if (f->data)
        return f->data;
    f->data = mem_alloc(f->n);
    const size_t n = ZSTD_decompress(f->data, f->n, f->packed, f->npacked);
    assert(n == f->n && "what was packed here unpacks again");
    return f->data;
}

/* Whether there is anything for the kernel's file; reads the types that it will have. */
static bool has_file(struct gdbstub *g, const char *name)
{
    if (made(g, name))
        return true;
    const struct symbols *s = stub_symbols(g);
    for (size_t i = 0; s && i < symbols_mappings(s); i++) {
        const symbol_space of = symbols_mapping(s, i)->space;
        if (of >= 0 && !symbol_space_id(of)) {
            types(g);
            return true;
        }
    }
    return false;
}

void stub_prepare(struct gdbstub *g)
{
    served(g, KERNEL_FILE);
}

/* qXfer:exec-file:read:PID:OFFSET,LENGTH. Symbols, types and the file are each made at another packet, unless it was done before, so that gdb need not wait for
 * all of them at once. */
void gdb_exec_file(struct gdbstub *g, const char *args)
{
    uint64_t pid;
    if ((*args != ':' && !hex_number(&args, &pid)) || *args != ':')
        reply_error(g, FAIL_ARGUMENT);
    else if (!has_file(g, KERNEL_FILE))
        reply_error(g, FAIL_UNKNOWN);
    else
        reply_piece(g, args + 1, KERNEL_FILE, strlen(KERNEL_FILE));
}

/* ---------------------------------------------------------------- vFile */

/* File-I/O error numbers: the same as Linux's for these. */
static void file_error(struct gdbstub *g, int error)
{
    g->reply.n = 0;
    reply_text(g, "F-1,%x", error);
}

/* open:HEXNAME,FLAGS,MODE. The descriptor is the file's number. */
static void file_open(struct gdbstub *g, const char *args)
{
    char name[200];
    size_t digits = strcspn(args, ",");
    uint64_t flags;
    const char *rest = args + digits + 1;
    if (args[digits] != ',' || digits % 2 || digits / 2 >= sizeof name ||
        !hex_decode(args, digits / 2, name) || !hex_number(&rest, &flags)) {
        file_error(g, FAIL_ARGUMENT);
        return;
    }
    name[digits / 2] = 0;
    const struct served_file *f = flags & 3 ? NULL : served(g, name);
    g->kernel_opened |= f && !strncmp(name, KERNEL_FILE, strlen(KERNEL_FILE));
    if (f)
        reply_text(g, "F%x", (unsigned)(f - g->file));
    else
        file_error(g, FAIL_UNKNOWN);
}

static struct served_file *file_number(struct gdbstub *g, const char **args)
{
    uint64_t n;
    return hex_number(args, &n) && n < g->nfiles ? &g->file[n] : NULL;
}

/* pread:FD,COUNT,OFFSET */
static void file_read(struct gdbstub *g, const char *args)
{
    uint64_t count, offset;
    struct served_file *f = file_number(g, &args);
    if (!f || *args++ != ',' || !hex_number(&args, &count) || *args++ != ',' || !hex_number(&args, &offset)) {
        file_error(g, FAIL_ARGUMENT);
        return;
    }
    offset = offset < f->n ? offset : f->n;
    count = count < f->n - offset ? count : f->n - offset;
    count = count < PACKET_MAX / 2 ? count : PACKET_MAX / 2;
    reply_text(g, "F%" PRIx64 ";", count);
    reply_bytes(g, data_of(f) + offset, (size_t)count);
}

/* struct stat of the File-I/O protocol: big-endian, 64 bytes; mode at 8, size at 28, block size at 36. */
static void file_stat(struct gdbstub *g, const char *args)
{
    uint8_t st[64] = {0};
    const struct served_file *f = file_number(g, &args);
    if (!f) {
        file_error(g, FAIL_ARGUMENT);
        return;
    }
    uint32_t mode = __builtin_bswap32(0100444);
    uint64_t size = __builtin_bswap64(f->n), block = __builtin_bswap64(512);
    memcpy(st + 8, &mode, 4);
    memcpy(st + 28, &size, 8);
    memcpy(st + 36, &block, 8);
    reply_text(g, "F%zx;", sizeof st);
    reply_bytes(g, st, sizeof st);
}

static void file_zero(struct gdbstub *g, const char *args)
{
    reply_text(g, "F0");
}

static void file_no_link(struct gdbstub *g, const char *args)
{
    file_error(g, FAIL_ARGUMENT);
}

void gdb_file(struct gdbstub *g, const char *args)
{
    static const struct {
        const char *name;
        void (*fn)(struct gdbstub *g, const char *args);
    } operations[] = {{"setfs:", file_zero}, {"open:", file_open},  {"pread:", file_read},
                      {"fstat:", file_stat}, {"close:", file_zero}, {"readlink:", file_no_link}};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        size_t n = strlen(operations[i].name);
        if (!strncmp(args, operations[i].name, n)) {
            operations[i].fn(g, args + n);
            return;
        }
    }
}
