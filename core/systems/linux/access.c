/* access.c - where Linux differs from core/story/base.h: arguments, memory, functions as hooks. See impl.h. */
#include "base/memory.h"
#include "core/systems/linux/private/impl.h"

/* ---------------------------------------------------------------- arguments */

uint64_t lx_argument(const struct linux_guest *lx, unsigned i)
{
    static const enum guest_reg wide[] = {GUEST_RDI, GUEST_RSI, GUEST_RDX, GUEST_RCX, GUEST_R8, GUEST_R9},
                                narrow[] = {GUEST_RAX, GUEST_RDX, GUEST_RCX};
    if (lx->base.word == 8)
        return lx_reg(lx, wide[i]);
    return i < 3 ? lx_reg(lx, narrow[i]) : lx_u32(lx, lx_reg(lx, GUEST_RSP) + 4 + 4 * (i - 3));
}

uint64_t lx_stack_argument(const struct linux_guest *lx, unsigned i)
{
    return lx->base.word == 8 ? lx_argument(lx, i) : lx_u32(lx, lx_reg(lx, GUEST_RSP) + 4 + 4 * i);
}

/* ---------------------------------------------------------------- memory */

size_t lx_peek_physical(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    if (lx->hosted.is)
        return lx_hosted_physical(lx, address, buf, n);
    return base_peek_physical(&lx->base, address, buf, n);
}

/* The kernel's image in physical memory, while it is not mapped yet. */
static size_t peek_image(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    uint64_t offset = address - lx->text;
    if (!lx->has_physical || offset >= lx->image_size)
        return 0;
    return lx_peek_physical(lx, lx->text_physical + offset, buf, n);
}

/* A kernel in a domain may be taken up while another domain runs, which has other memory at the same addresses. */
static size_t peek_linear(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = lx->base.o.engine;
    if (lx->hosted.is)
        return lx_hosted_read(lx, address, buf, n);
    return lx->resumed && !guest_runs(&lx->base.guest, lx->base.cpu)
               ? 0
               : e->ops->peek(e, lx->base.cpu, address, buf, n);
}

static size_t peek(const struct guest_base *b, uint64_t address, void *buf, size_t n)
{
    const struct linux_guest *lx = (const struct linux_guest *)b;
    size_t done = peek_linear(lx, address, buf, n);
    if (done < n)
        done += peek_image(lx, address + done, (char *)buf + done, n - done);
    return done;
}

static bool runs(const struct guest_base *b)
{
    return lx_kernel_runs((const struct linux_guest *)b);
}

const struct guest_base_ops lx_base_ops = {peek, runs};

bool lx_la57(const struct linux_guest *lx)
{
    enum { LA57 = 1 << 12 };
    uint64_t cr4 = 0;
    base_reg_by_name(&lx->base, "cr4", &cr4);
    return cr4 & LA57;
}

/* Until STORY_OF_MACHINES the tables of a virtual machine's kernel were looked for in the machine's memory. */
static size_t read_table(const struct linux_guest *lx, uint64_t address, uint64_t *entry)
{
    const struct engine *e = lx->base.o.engine;
    return lx->base.o.story < STORY_OF_MACHINES ? e->ops->peek_physical(e, address, entry, 8)
                                                : lx_peek_physical(lx, address, entry, 8);
}

bool lx_physical(const struct linux_guest *lx, uint64_t address, uint64_t *physical)
{
    enum { PRESENT = 1, LARGE = 0x80, ENTRIES = 511 };
    const uint64_t frame = 0x000ffffffffff000;
    uint64_t table = lx_reg(lx, GUEST_CR3) & frame, entry;
    for (unsigned shift = lx_la57(lx) ? 48 : 39; shift >= 12; shift -= 9) {
        if (read_table(lx, table + (address >> shift & ENTRIES) * 8, &entry) != 8 || !(entry & PRESENT))
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
    return symbol_space_of(symbol_space_guest(lx->base.space), tgid);
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

void lx_frames_of_stack(struct linux_guest *lx, uint64_t sp)
{
    /* Stacks have this size and alignment, or are larger. */
    hooks_drop_stack(lx->base.hooks, sp,
                     lx->hosted.stack     ? lx->hosted.stack
                     : lx->base.word == 8 ? 16384
                                          : 8192);
}

GUEST_HOOKS(lx, struct linux_guest)

struct hook *lx_hook(struct linux_guest *lx, const char *name, lx_enter *enter, lx_leave *leave)
{
    struct symbol sym;
    return lx_function(lx, name, &sym) ? hook_calls(lx, &sym, enter, leave) : NULL;
}
