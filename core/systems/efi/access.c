/* access.c - memory, and arguments of calls. See impl.h. */
#include "core/systems/efi/private/impl.h"

/* ---------------------------------------------------------------- memory */

bool efi_read_physical(const struct efi_guest *eg, uint64_t address, void *buf, size_t n)
{
    size_t done = base_peek_physical(&eg->base, address, buf, n);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

uint64_t efi_number(const struct efi_guest *eg, uint64_t address, unsigned bytes)
{
    uint64_t v = 0;
    return efi_read(eg, address, &v, bytes) ? v : 0;
}

void efi_ucs2(const struct efi_guest *eg, uint64_t address, char *buf, size_t size)
{
    size_t n = 0;
    for (uint64_t c; n + 1 < size && (c = efi_number(eg, address + 2 * n, 2)); n++)
        buf[n] = c >= ' ' && c < 0x7f ? (char)c : '?';
    buf[n] = 0;
}

/* ---------------------------------------------------------------- calls */

unsigned efi_pointer_bytes(const struct efi_guest *eg)
{
    return eg->base.o.engine->ops->code_bits(eg->base.o.engine, eg->base.cpu) == 64 ? 8 : 4;
}

uint64_t efi_argument(const struct efi_guest *eg, unsigned i)
{
    static const enum guest_reg order[] = {GUEST_RCX, GUEST_RDX, GUEST_R8, GUEST_R9};
    uint64_t sp = efi_reg(eg, GUEST_RSP);
    if (efi_pointer_bytes(eg) == 4)
        return efi_number(eg, (uint32_t)sp + 4 + 4 * i, 4);
    return i < 4 ? efi_reg(eg, order[i]) : efi_number(eg, sp + 8 + 8 * i, 8);
}
