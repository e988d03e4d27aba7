/* returns.c - functions that return at once: INPUT_RETURN of core/engine/engine.h. Part of the PC (hv/machine.c).
 *
 * A near return, as compilers make it (System V ABI for AMD64 and i386, UEFI's calling conventions): the value is in the accumulator, and
 * the caller takes the arguments from the stack. */
#include "base/byte_order.h"
#include "hv/machine_impl.h"

/* Of a number as wide as the code that is executed: 2, 4 or 8 bytes. */
static uint64_t as_wide(uint64_t value, unsigned bytes)
{
    return bytes == 8 ? value : value & ((1ull << 8 * bytes) - 1);
}

/* The lower bytes of a register; writing four of them clears the rest. */
static void set_lower(struct x86 *x, const char *reg, uint64_t value, unsigned bytes)
{
    const uint64_t keeps = bytes == 2 ? x86_get(x, reg) & ~0xffffull : 0;
    x86_set(x, reg, keeps | as_wide(value, bytes));
}

uint32_t pc_return(struct pc *pc, const struct input *in)
{
    const uint8_t *data = in->data;
    if (in->len < INPUT_RETURN_HEAD || in->len > INPUT_RETURN_HEAD + EVENT_MAX_DATA ||
        data[0] >= board_cpus(pc->board))
        return 0;
    struct x86 *x = board_cpu(pc->board, data[0]);
    const uint64_t address = le64(data + 1), value = le64(data + 9);
    struct x86_where w;
    x86_where(x, &w);
    const unsigned bytes = w.code_bits / 8;
    const uint64_t sp = as_wide(x86_get(x, "rsp"), bytes), base = bytes == 8 ? 0 : x86_get(x, "ss_base");
    uint64_t back = 0;
    if (x86_linear_ip(x) != address ||
        pc->engine.ops->peek(&pc->engine, data[0], base + sp, &back, bytes) != bytes)
        return 0;
    struct event ev = {.kind = EV_CPU_RETURNS,
                       .cpu = data[0],
                       .data = (const char *)data + INPUT_RETURN_HEAD,
                       .len = in->len - INPUT_RETURN_HEAD};
    ev.f[EVF_CPU_RETURNS_value] = value;
    ev.f[EVF_CPU_RETURNS_ip] = address;
    set_lower(x, "rax", value, bytes);
    set_lower(x, "rsp", sp + bytes, bytes);
    x86_set(x, "rip", back);
    pc_report(pc, &ev);
    return in->len;
}
