/* access.c - registers, memory and symbols of the guest; its functions as hooks. See impl.h. */
#include <stdlib.h>

#include "core/systems/linux/private/impl.h"
#include "traces/memory.h"

/* ---------------------------------------------------------------- registers */

void lx_find_registers(struct linux_guest *lx)
{
    static const char *const names[LX_REGS] = {"rax", "rbx",     "rcx", "rdx", "rsi", "rdi",     "rbp",
                                               "rsp", "r8",      "r9",  "r10", "r15", "gs_base", "rip",
                                               "cr3", "fs_base", "cr0", "cpl", "efer"};
    for (unsigned i = 0; i < LX_REGS; i++)
        lx->reg[i] = engine_reg_index(lx->o.engine, names[i]);
}

static uint64_t register_value(const struct linux_guest *lx, size_t index)
{
    uint64_t v = engine_reg_value(lx->o.engine, lx->cpu, index);
    return lx->word == 4 ? (uint32_t)v : v;
}

uint64_t lx_reg(const struct linux_guest *lx, enum lx_reg reg)
{
    return register_value(lx, lx->reg[reg]);
}

bool lx_reg_by_name(const struct linux_guest *lx, const char *name, uint64_t *value)
{
    size_t index = guest_reg_index(lx->o.engine, name);
    *value = register_value(lx, index);
    return index != SIZE_MAX;
}

uint64_t lx_argument(const struct linux_guest *lx, unsigned i)
{
    static const enum lx_reg wide[] = {LX_RDI, LX_RSI, LX_RDX, LX_RCX, LX_R8, LX_R9},
                             narrow[] = {LX_RAX, LX_RDX, LX_RCX};
    if (lx->word == 8)
        return lx_reg(lx, wide[i]);
    return i < 3 ? lx_reg(lx, narrow[i]) : lx_u32(lx, lx_reg(lx, LX_RSP) + 4 + 4 * (i - 3));
}

uint64_t lx_stack_argument(const struct linux_guest *lx, unsigned i)
{
    return lx->word == 8 ? lx_argument(lx, i) : lx_u32(lx, lx_reg(lx, LX_RSP) + 4 + 4 * i);
}

/* ---------------------------------------------------------------- memory */

size_t lx_peek_physical(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    if (lx->hosted.is)
        return lx_hosted_physical(lx, address, buf, n);
    return guest_peek_physical(&lx->guest, lx->o.engine, address, buf, n);
}

/* The kernel's image in physical memory, while it is not mapped yet. */
static size_t peek_image(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    uint64_t offset = address - lx->text;
    if (!lx->has_physical || offset >= lx->image_size)
        return 0;
    return lx_peek_physical(lx, lx->text_physical + offset, buf, n);
}

bool lx_read(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = lx->o.engine;
    size_t done =
        lx->hosted.is ? lx_hosted_read(lx, address, buf, n) : e->ops->peek(e, lx->cpu, address, buf, n);
    if (done < n)
        done += peek_image(lx, address + done, (char *)buf + done, n - done);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

uint64_t lx_u64(const struct linux_guest *lx, uint64_t address)
{
    uint64_t v;
    lx_read(lx, address, &v, sizeof v);
    return v;
}

uint32_t lx_u32(const struct linux_guest *lx, uint64_t address)
{
    uint32_t v;
    lx_read(lx, address, &v, sizeof v);
    return v;
}

uint64_t lx_word(const struct linux_guest *lx, uint64_t address)
{
    return lx->word == 8 ? lx_u64(lx, address) : lx_u32(lx, address);
}

static bool read_for_string(const void *ctx, uint64_t address, void *buf, size_t n)
{
    return lx_read(ctx, address, buf, n);
}

size_t lx_string(const struct linux_guest *lx, uint64_t address, char *buf, size_t size)
{
    return guest_string(address, buf, size, read_for_string, lx);
}

uint64_t lx_member(const struct linux_guest *lx, uint64_t base, int offset)
{
    return base && offset >= 0 ? lx_word(lx, base + (unsigned)offset) : 0;
}

uint64_t lx_member64(const struct linux_guest *lx, uint64_t base, int offset)
{
    return base && offset >= 0 ? lx_u64(lx, base + (unsigned)offset) : 0;
}

uint32_t lx_member32(const struct linux_guest *lx, uint64_t base, int offset)
{
    return base && offset >= 0 ? lx_u32(lx, base + (unsigned)offset) : 0;
}

bool lx_la57(const struct linux_guest *lx)
{
    enum { LA57 = 1 << 12 };
    uint64_t cr4 = 0;
    lx_reg_by_name(lx, "cr4", &cr4);
    return cr4 & LA57;
}

bool lx_physical(const struct linux_guest *lx, uint64_t address, uint64_t *physical)
{
    enum { PRESENT = 1, LARGE = 0x80, ENTRIES = 511 };
    const uint64_t frame = 0x000ffffffffff000;
    const struct engine *e = lx->o.engine;
    uint64_t table = lx_reg(lx, LX_CR3) & frame, entry;
    for (unsigned shift = lx_la57(lx) ? 48 : 39; shift >= 12; shift -= 9) {
        if (e->ops->peek_physical(e, table + (address >> shift & ENTRIES) * 8, &entry, 8) != 8 ||
            !(entry & PRESENT))
            return false;
        table = entry & frame;
        uint64_t within = ((uint64_t)1 << shift) - 1;
        if (shift == 12 || (entry & LARGE && shift <= 30)) {
            *physical = (table & ~within) | (address & within);
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- symbols */

symbol_space lx_space(const struct linux_guest *lx, uint32_t tgid)
{
    return symbol_space_of(symbol_space_guest(lx->space), tgid);
}

uint64_t lx_symbol(const struct linux_guest *lx, const char *name)
{
    return guest_symbol(lx->o.symbols, lx->space, name);
}

void lx_name(const struct linux_guest *lx, uint64_t address, char *buf, size_t size)
{
    symbols_text(lx->o.symbols, lx->space, address, SYMBOLS_NOW, buf, size);
}

const char *lx_thunk_register(const struct linux_guest *lx, uint64_t address)
{
    static const char *const regs[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                                       "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "eax",
                                       "ecx", "edx", "ebx", "esi", "edi", "ebp"};
    char name[64];
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        snprintf(name, sizeof name, "__x86_indirect_thunk_%s", regs[i]);
        if (lx_symbol(lx, name) == address)
            return regs[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------- functions that are hooked */

void lx_sites(struct linux_guest *lx, const struct symbol *function,
              void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    struct symbol cold;
    guest_cold_part(lx->o.symbols, lx->space, function, &cold);
    hooks_sites(lx->hooks, lx->cpu, function, &cold, fn, ctx);
}

bool lx_here(struct linux_guest *lx, const struct probe_hit *hit)
{
    if (!guest_runs(&lx->guest, hit->cpu))
        return false;
    lx->cpu = hit->cpu;
    lx->icount = hit->icount;
    lx->time = hit->time;
    return lx_kernel_runs(lx);
}

static bool here(void *ctx, const struct probe_hit *hit)
{
    return lx_here(ctx, hit);
}

static bool read_memory(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    struct linux_guest *lx = ctx;
    lx->cpu = cpu;
    return lx_read(lx, address, buf, n);
}

struct hooks *lx_hooks_new(struct linux_guest *lx)
{
    const struct hooks_options o = {.engine = lx->o.engine,
                                    .probes = lx->o.probes,
                                    .bits = 8 * lx->word,
                                    .ctx = lx,
                                    .read = read_memory,
                                    .here = here};
    return hooks_new(&o);
}

void lx_frames_of_stack(struct linux_guest *lx, uint64_t sp)
{
    /* Stacks have this size and alignment, or are larger. */
    hooks_drop_stack(lx->hooks, sp, lx->hosted.stack ? lx->hosted.stack : lx->word == 8 ? 16384 : 8192);
}

struct hooked {
    struct linux_guest *lx;
    enter_fn *enter;
    leave_fn *leave;
};

static void entered(struct hook *h, const struct probe_hit *hit, struct frame *f)
{
    const struct hooked *x = h->ctx;
    x->enter(x->lx, f);
}

static void left(struct hook *h, const struct probe_hit *hit, const struct frame *f)
{
    const struct hooked *x = h->ctx;
    x->leave(x->lx, f);
}

struct hook *lx_hook(struct linux_guest *lx, const char *name, enter_fn *enter, leave_fn *leave)
{
    struct symbol sym, cold;
    if (!lx_function(lx, name, &sym))
        return NULL;
    guest_cold_part(lx->o.symbols, lx->space, &sym, &cold);
    struct hooked *x = mem_zero(1, sizeof *x);
    *x = (struct hooked){lx, enter, leave};
    return hook_function(lx->hooks, lx->cpu, &sym, &cold, enter ? entered : NULL, leave ? left : NULL, x);
}
