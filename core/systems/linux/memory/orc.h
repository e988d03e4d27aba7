/* orc.h - the tables by which a Linux kernel finds callers itself (ORC), read from the guest's memory when they are first needed, and
 * kept: some 4 MB. */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_ORC_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_MEMORY_ORC_H

#include "core/engine/look.h"
#include "core/symbols/symbols.h"

struct view_orc;
struct view_orc *view_orc_new(void);
void view_orc_free(struct view_orc *o); /* NULL is allowed */

/* Registers of a row: arch/x86/include/asm/orc_types.h. */
enum {
    ORC_UNDEFINED,
    ORC_PREV_SP,
    ORC_DX,
    ORC_DI,
    ORC_BP,
    ORC_SP,
    ORC_R10,
    ORC_R13,
    ORC_BP_INDIRECT,
    ORC_SP_INDIRECT
};
enum orc_type { ORC_NOTHING, ORC_END, ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL };

struct orc_row {
    int16_t sp_offset, bp_offset;
    uint8_t sp_reg, bp_reg;
    enum orc_type type;
};

/* The tables of a kernel. */
struct orc_guest {
    struct look m;
    unsigned cpu;
    const struct symbols *symbols; /* NULL: there are no tables */
    symbol_space kernel;
};

enum orc_answer {
    ORC_NO_TABLES, /* the kernel has none, or not yet */
    ORC_NO_ROW,    /* neither the kernel's table nor that of a module has this code */
    ORC_ROW,
};
/* The row of the code at `pc`, in the kernel or in one of its modules. */
enum orc_answer view_orc_row(struct view_orc *o, const struct orc_guest *g, uint64_t pc, struct orc_row *row);

#endif
