/* access.c - registers, memory, arguments of calls. See impl.h. */
#include "core/systems/efi/private/impl.h"

void efi_find_registers(struct efi_guest *eg)
{
    static const char *const names[EFI_REGS] = {"rax", "rcx", "rdx", "r8", "r9", "rsp", "rip"};
    for (unsigned i = 0; i < EFI_REGS; i++)
        eg->reg[i] = guest_reg_index(eg->o.engine, names[i]);
}

uint64_t efi_reg(const struct efi_guest *eg, enum efi_reg reg)
{
    return engine_reg_value(eg->o.engine, eg->cpu, eg->reg[reg]);
}

/* ---------------------------------------------------------------- memory */

bool efi_read(const struct efi_guest *eg, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = eg->o.engine;
    size_t done = e->ops->peek(e, eg->cpu, address, buf, n);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

bool efi_read_physical(const struct efi_guest *eg, uint64_t address, void *buf, size_t n)
{
    size_t done = guest_peek_physical(&eg->guest, eg->o.engine, address, buf, n);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

uint64_t efi_number(const struct efi_guest *eg, uint64_t address, unsigned bytes)
{
    uint64_t v = 0;
    return efi_read(eg, address, &v, bytes) ? v : 0;
}

void efi_string(const struct efi_guest *eg, uint64_t address, char *buf, size_t size)
{
    size_t n = 0;
    for (uint64_t c; n + 1 < size && (c = efi_number(eg, address + 2 * n, 2)); n++)
        buf[n] = c >= ' ' && c < 0x7f ? (char)c : '?';
    buf[n] = 0;
}

/* ---------------------------------------------------------------- calls */

unsigned efi_word(const struct efi_guest *eg)
{
    return eg->o.engine->ops->code_bits(eg->o.engine, eg->cpu) == 64 ? 8 : 4;
}

uint64_t efi_argument(const struct efi_guest *eg, unsigned i)
{
    static const enum efi_reg order[] = {EFI_RCX, EFI_RDX, EFI_R8, EFI_R9};
    uint64_t sp = efi_reg(eg, EFI_RSP);
    if (efi_word(eg) == 4)
        return efi_number(eg, (uint32_t)sp + 4 + 4 * i, 4);
    return i < 4 ? efi_reg(eg, order[i]) : efi_number(eg, sp + 8 + 8 * i, 8);
}

/* ---------------------------------------------------------------- hooks */

void efi_here(struct efi_guest *eg, const struct probe_hit *hit)
{
    eg->cpu = hit->cpu;
    eg->icount = hit->icount;
    eg->time = hit->time;
}

static bool here(void *ctx, const struct probe_hit *hit)
{
    struct efi_guest *eg = ctx;
    if (!guest_runs(&eg->guest, hit->cpu))
        return false;
    efi_here(eg, hit);
    return true;
}

static bool read_memory(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    struct efi_guest *eg = ctx;
    eg->cpu = cpu;
    return efi_read(eg, address, buf, n);
}

struct hooks *efi_hooks_new(struct efi_guest *eg)
{
    const struct hooks_options o = {.engine = eg->o.engine,
                                    .probes = eg->o.probes,
                                    .bits = 64,
                                    .ctx = eg,
                                    .read = read_memory,
                                    .here = here};
    return hooks_new(&o);
}
