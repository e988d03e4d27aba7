/* orc.h - rows of a Linux kernel's ORC tables. Private to core/views/. */
#ifndef BOOTREEL_CORE_VIEWS_ORC_H
#define BOOTREEL_CORE_VIEWS_ORC_H

#include "core/views/views.h"

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

/* The row of the code at `pc`. False if the kernel there has no tables, or the code is not in them. */
bool view_orc_row(struct view_orc *o, struct look m, unsigned cpu, const struct symbols *s,
                  symbol_space kernel, uint64_t pc, struct orc_row *row);

#endif
