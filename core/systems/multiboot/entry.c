/* entry.c - where a loader enters a multiboot kernel. See impl.h.
 *
 * The protocol puts a number into EAX. A loader has it as a constant in the code from which it jumps to the kernel, after it has loaded
 * flat segments and turned paging off (GRUB 2: grub-core/lib/i386/relocator32.S). Such code is looked for behind each event of the
 * processor in 32-bit code without paging; from the constant on there are only moves up to the jump.
 */
#include "base/byte_order.h"
#include "core/systems/multiboot/private/impl.h"

enum { NEAR = 1024, MAGIC_1 = 0x2badb002, MAGIC_2 = 0x36d76289, MOV_EAX = 0xb8 };
enum { AT_MAGIC, AT_JUMP, AT_ENTRY };

unsigned mb_version_of(uint32_t magic)
{
    return magic == MAGIC_1 ? MULTIBOOT_1 : magic == MAGIC_2 ? MULTIBOOT_2 : 0;
}

static void set_probe(struct mb_guest *mg, unsigned which, uint64_t address, probe_fn *fn)
{
    probe_remove(mg->base.o.probes, mg->probe[which]);
    mg->probe[which] = probe_add(mg->base.o.probes, PROBE_LINEAR, address, fn, mg);
    probes_apply(mg->base.o.probes);
}

void mb_entry_free(struct mb_guest *mg)
{
    for (unsigned i = 0; i < sizeof mg->probe / sizeof mg->probe[0]; i++) {
        if (mg->probe[i])
            probe_remove(mg->base.o.probes, mg->probe[i]);
        mg->probe[i] = 0;
    }
}

static void on_entry(void *ctx, const struct probe_hit *hit)
{
    struct mb_guest *mg = ctx;
    if (!base_here(&mg->base, hit) || mg->entered ||
        mb_version_of((uint32_t)mb_reg(mg, GUEST_RAX)) != mg->version)
        return;
    mb_entered(mg, mg->version, hit->address, (uint32_t)mb_reg(mg, GUEST_RBX));
}

/* The target of a jump (jmp *REGISTER, or to a constant address in a segment); false if it is another instruction. */
static bool jump_target(const struct mb_guest *mg, const uint8_t *p, uint64_t *target)
{
    static const enum guest_reg none = GUEST_REGS;
    static const enum guest_reg regs[8] = {GUEST_RAX, GUEST_RCX, GUEST_RDX, GUEST_RBX,
                                           none,      GUEST_RBP, GUEST_RSI, GUEST_RDI};
    enum { FAR_JUMP = 0xea, GROUP_5 = 0xff, JUMP_REGISTER = 0xe0 };
    if (p[0] == FAR_JUMP) {
        *target = le32(p + 1);
        return true;
    }
    const bool through = p[0] == GROUP_5 && (p[1] & 0xf8) == JUMP_REGISTER && regs[p[1] & 7] != none;
    if (through)
        *target = (uint32_t)mb_reg(mg, regs[p[1] & 7]);
    return through;
}

static void on_jump(void *ctx, const struct probe_hit *hit)
{
    struct mb_guest *mg = ctx;
    uint8_t code[8];
    uint64_t entry;
    if (!base_here(&mg->base, hit) || mg->entered)
        return;
    mb_read(mg, hit->address, code, sizeof code);
    if (jump_target(mg, code, &entry))
        set_probe(mg, AT_ENTRY, entry, on_entry);
}

static void jump_site(void *ctx, const struct code_site *site)
{
    uint64_t *at = ctx;
    if (!*at && site->kind == CODE_JUMP_THROUGH)
        *at = site->address;
}

/* The first jump behind the constant. The disassembler reports jumps through a register; a far one to a constant address is found by
 * its opcode and its segment, which is a code segment of the GDT's with the highest privilege. */
static uint64_t find_jump(const struct mb_guest *mg, uint64_t from)
{
    enum { BEHIND = 128, FAR_JUMP = 0xea, LENGTH = 7, LOW_BITS = 7 };
    uint8_t code[BEHIND + LENGTH];
    uint64_t at = 0;
    struct code_reader *reader = code_new(32);
    mb_read(mg, from, code, sizeof code);
    if (reader)
        code_sites(reader, code, BEHIND, from, jump_site, &at);
    code_free(reader);
    for (unsigned i = 0; i < BEHIND && (!at || from + i < at); i++)
        if (code[i] == FAR_JUMP && code[i + 5] && !(code[i + 5] & LOW_BITS) && !code[i + 6])
            return from + i;
    return at;
}

static void on_magic(void *ctx, const struct probe_hit *hit)
{
    struct mb_guest *mg = ctx;
    if (!base_here(&mg->base, hit) || mg->entered)
        return;
    const uint64_t jump = find_jump(mg, hit->address + 5);
    if (jump)
        set_probe(mg, AT_JUMP, jump, on_jump);
}

/* The same code runs for each event of a loader that goes back and forth between modes. */
static bool was_tried(struct mb_guest *mg, uint64_t ip)
{
    for (unsigned i = 0; i < MB_TRIED; i++)
        if (mg->tried[i] == ip)
            return true;
    mg->tried[mg->ntried++ % MB_TRIED] = ip;
    return false;
}

void mb_look_for_entry(struct mb_guest *mg, uint64_t ip)
{
    const uint64_t paging = (uint64_t)1 << 31;
    const struct engine *e = mg->base.o.engine;
    uint8_t code[NEAR];
    if (!ip || mb_reg(mg, GUEST_CPL) || mb_reg(mg, GUEST_CR0) & paging ||
        e->ops->code_bits(e, mg->base.cpu) != 32 || was_tried(mg, ip))
        return;
    mb_read(mg, ip, code, sizeof code);
    for (unsigned i = 0; i + 5 <= NEAR; i++)
        if (code[i] == MOV_EAX && mb_version_of(le32(code + i + 1))) {
            mg->version = mb_version_of(le32(code + i + 1));
            set_probe(mg, AT_MAGIC, ip + i, on_magic);
            return;
        }
}
