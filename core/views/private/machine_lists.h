/* machine_lists.h - the lists of machine.h, a file each. Private to core/views/. */
#ifndef BOOTREEL_CORE_VIEWS_MACHINE_LISTS_H
#define BOOTREEL_CORE_VIEWS_MACHINE_LISTS_H

#include "core/views/machine.h"

void view_list_irq(struct text *out, const struct view_machine *m);
void view_list_idt(struct text *out, const struct view_machine *m);
void view_list_gdt(struct text *out, const struct view_machine *m);
void view_list_pci(struct text *out, const struct view_machine *m);

/* Adds "0xffffffff81000000 name", or the number alone. */
void view_named_address(struct text *out, const struct view_machine *m, uint64_t address);

#endif
