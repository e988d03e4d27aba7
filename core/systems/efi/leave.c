/* leave.c - where SEC and the PEI core leave their images. See impl.h.
 *
 * SEC goes to the PEI core, and the PEI core to its modules and to its own copy in memory, through a register or memory, since they
 * have just found out where these are. If that volume was compressed, or the module copied, it can be seen in memory only now. So
 * all such calls and jumps are probed. Bytes that only look like one are never executed as one, so all byte sequences of that form
 * are taken, without disassembly.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

struct leave {
    struct efi_guest *eg;
    uint8_t code[8]; /* from FFh on */
    bool high;       /* REX.B: registers from R8 on */
};

/* ---------------------------------------------------------------- an image around an address */

/* In firmware, images of PE form are loaded at pages; those of TE form lack a part in front, and so are anywhere. */
static bool image_at(const struct efi_guest *eg, uint64_t address, uint64_t to, struct efi_module *m)
{
    enum { AMD64 = 0x8664, I386 = 0x14c, TE_MOST = 1 << 20 };
    uint8_t header[1024];
    struct efi_image im;
    if (!efi_read_physical(eg, address, header, sizeof header) ||
        !efi_image_read(header, sizeof header, &im) || (im.machine != AMD64 && im.machine != I386))
        return false;
    m->base = address + im.base;
    m->size = im.te ? TE_MOST : im.size;
    m->entry = m->base + im.entry;
    return to - m->base < m->size && (!im.te || m->entry == to);
}

static bool image_around(const struct efi_guest *eg, uint64_t to, struct efi_module *m)
{
    enum { PAGE = 4096, BACK = 256 };
    uint8_t page[PAGE];
    uint64_t at = to & ~(uint64_t)(PAGE - 1);
    for (unsigned n = 0; n < BACK && at; n++, at -= PAGE) {
        if (!efi_read_physical(eg, at, page, sizeof page))
            return false;
        if (page[0] == 'M' && page[1] == 'Z' && image_at(eg, at, to, m))
            return true;
        for (unsigned i = 0; i < PAGE; i += 4)
            if (page[i] == 'V' && page[i + 1] == 'Z' && image_at(eg, at + i, to, m))
                return true;
    }
    return false;
}

/* ---------------------------------------------------------------- a module that was copied */

/* A module's first argument is its file, in a volume that is known. The PEI core's copy is not entered at its entry: it is known by
 * its image. */
static bool identify(const struct efi_guest *eg, uint64_t to, uint64_t file, struct efi_module *m)
{
    struct efi_guid guid;
    const struct efi_known *k = NULL;
    if (m->entry == to && file && efi_read(eg, file, guid.b, sizeof guid.b))
        k = efi_known_file(eg, &guid);
    for (size_t i = 0; i < eg->nknown && !k; i++)
        if (eg->known[i].type == EFI_TYPE_PEI_CORE && eg->known[i].size == m->size &&
            eg->known[i].entry == m->entry - m->base)
            k = &eg->known[i];
    if (!k || (k->type != EFI_TYPE_PEI_CORE && k->type != EFI_TYPE_PEIM && k->type != EFI_TYPE_PEIM_DRIVER))
        return false;
    memcpy(m->name, k->name, sizeof m->name);
    m->type = k->type;
    m->entry = to;
    return true;
}

static void look_for_copy(struct efi_guest *eg, uint64_t to, uint64_t file)
{
    struct efi_module m = {0};
    if (!image_around(eg, to, &m) || !identify(eg, to, file, &m))
        return;
    struct efi_module *own = efi_module_add(eg, &m);
    if (!own)
        return;
    efi_module_probe(own);
    probes_apply(eg->base.o.probes);
}

static bool was_tried(struct efi_guest *eg, uint64_t to)
{
    enum { N = sizeof eg->tried / sizeof eg->tried[0] };
    for (unsigned i = 0; i < N; i++)
        if (eg->tried[i] == to)
            return true;
    eg->tried[eg->ntried++ % N] = to;
    return false;
}

/* ---------------------------------------------------------------- probes */

static uint64_t leave_target(const struct leave *l)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    const struct engine *e = l->eg->base.o.engine;
    unsigned mod = l->code[1] >> 6, rm = l->code[1] & 7, reg = rm + 8 * l->high;
    const uint8_t *p = l->code + 2 + (rm == 4);
    int32_t offset = 0;
    uint64_t v = engine_reg_value(e, l->eg->base.cpu, guest_reg_index(e, names[reg]));
    if (efi_pointer_bytes(l->eg) == 4)
        v = (uint32_t)v;
    if (mod == 3)
        return v;
    if (mod == 1)
        offset = (int8_t)*p;
    else if (mod == 2)
        memcpy(&offset, p, sizeof offset);
    return efi_number(l->eg, v + (uint64_t)(int64_t)offset, efi_pointer_bytes(l->eg));
}

/* The first argument of the function that is called here: in 32-bit code it is on the stack, and the call has not pushed its return
 * address yet. */
static uint64_t leave_argument(const struct leave *l)
{
    enum { CALL = 2 };
    if (efi_pointer_bytes(l->eg) == 4 && (l->code[1] >> 3 & 7) == CALL)
        return efi_number(l->eg, (uint32_t)efi_reg(l->eg, GUEST_RSP), 4);
    return efi_argument(l->eg, 0);
}

static void on_leave(void *ctx, const struct probe_hit *hit)
{
    const struct leave *l = ctx;
    struct efi_guest *eg = l->eg;
    uint64_t to = leave_target(l);
    if (!to || efi_module_at(eg, to) || was_tried(eg, to))
        return;
    if (eg->state != EFI_SEC || !efi_look_around(eg, to))
        look_for_copy(eg, to, leave_argument(l));
}

/* FF /2 and FF /4 with a register, or memory at one (through a SIB byte only at the stack pointer). */
static bool is_indirect(const uint8_t *p)
{
    unsigned mod = p[1] >> 6, op = p[1] >> 3 & 7, rm = p[1] & 7;
    if (p[0] != 0xff || (op != 2 && op != 4) || (mod == 0 && rm == 5))
        return false;
    return mod == 3 || rm != 4 || (p[2] & 0x3f) == 0x24;
}

static void add_leave(struct efi_guest *eg, uint64_t address, const uint8_t *p, bool high)
{
    struct leave *l = mem_zero(1, sizeof *l);
    *l = (struct leave){.eg = eg, .high = high};
    memcpy(l->code, p, sizeof l->code);
    hook_keep(eg->leaving, l); /* frees it */
    hooks_probe(eg->leaving, PROBE_PHYSICAL, address, on_leave, l);
}

void efi_probe_leaving(struct efi_guest *eg, const struct efi_module *m)
{
    enum { MOST = 1 << 20, PROBES = 4096, LONGEST = 8 };
    size_t size = m->size < MOST ? m->size : MOST;
    unsigned n = 0;
    uint8_t *code = mem_zero(1, size + LONGEST);
    if (!eg->leaving)
        eg->leaving = base_hooks_new(&eg->base);
    efi_read_physical(eg, m->base, code, size);
    for (size_t i = 1; i < size && n < PROBES; i++) {
        if (!is_indirect(code + i))
            continue;
        add_leave(eg, m->base + i, code + i, false);
        n++;
        if ((code[i - 1] & 0xf0) == 0x40)
            add_leave(eg, m->base + i - 1, code + i, code[i - 1] & 1);
    }
    free(code);
    probes_apply(eg->base.o.probes);
}
