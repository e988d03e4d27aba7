/* machine.h - what the processor's tables and the chips hold at a position, as lines of text: interrupts, IDT, GDT, PCI, a chip's state, a
 * page walk. gdb's monitor and the terminal interface show the same lines. Nothing here moves the timeline.
 *
 * Sources: SDM volume 3, chapters 3 (GDT), 4 (paging), 6 (IDT), 10 (local APIC); Intel 8259A (231468); Intel 82093AA (290566), 3.2.4;
 * PCI Local Bus Specification 3.0, chapter 6 and appendix H (capabilities).
 */
#ifndef BOOTREEL_CORE_VIEWS_MACHINE_H
#define BOOTREEL_CORE_VIEWS_MACHINE_H

#include "core/timeline/timeline.h"
#include "core/views/views.h"

/* Whose tables, and by which symbols addresses have names. */
struct view_machine {
    struct timeline *tl;
    unsigned cpu;
    const struct symbols *symbols; /* may be NULL */
    symbol_space space;            /* of the kernel that the processor runs */
};

/* The i-th list ("irq", "idt", "gdt", "pci") and what it is, in words; NULL beyond the last. */
const char *view_machine_list(size_t i, const char **what);
/* Adds the lines of a list. -1 with err if there is no such list. */
int view_machine_text(struct text *out, const struct view_machine *m, const char *list, struct error *err);

/* Adds the line of one entry of the IDT. -1 with err if it is beyond the table's limit. */
int view_vector(struct text *out, const struct view_machine *m, unsigned vector, struct error *err);

/* Adds the fields of a part of the machine ("pic", "cpu0"), a line each. -1 with err, which names the parts, if there is none of that
 * name. */
int view_chip(struct text *out, struct timeline *tl, const char *name, struct error *err);
/* A field's values: at most VIEW_FIELD_SHOWN of them in hexadecimal; of a single number the decimal form, too. */
enum { VIEW_FIELD_SHOWN = 12 };
void view_field_text(struct text *out, unsigned width, uint32_t count, const void *data);

/* What an entry of a page table allows, in words: "present read-only supervisor accessed no execute". Calls `word` with each; `on` says
 * whether the bit is set. */
void view_entry_words(uint64_t entry, void (*word)(void *ctx, const char *word, bool on), void *ctx);
/* The same for an entry of Intel's EPT (SDM volume 3, table 28-6). */
void view_ept_words(uint64_t entry, void (*word)(void *ctx, const char *word, bool on), void *ctx);
/* The last line of a walk: "a page of 2 MiB: user, read-only, no execute". As snprintf. */
int view_page_text(const struct view_walk *w, char *buf, size_t size);
/* Adds the walk of an address, a line for each table. Below each entry is writer[i], if that is not NULL: who wrote it last; those of
 * nested page tables are from writer[VIEW_WALK_MAX] on. */
void view_walk_text(struct text *out, const struct view_machine *m, uint64_t linear,
                    const struct view_walk *w, char *const writer[]);

#endif
