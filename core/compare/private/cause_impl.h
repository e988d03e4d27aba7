/* cause_impl.h - what the files cause*.c share. */
#ifndef BOOTREEL_CORE_COMPARE_CAUSE_IMPL_H
#define BOOTREEL_CORE_COMPARE_CAUSE_IMPL_H

#include "core/compare/cause.h"
#include "core/symbols/symbols.h"

enum { PAGE = 4096 };

struct search {
    struct timeline *tl[2];
    struct symbols *symbols[2]; /* NULL: none */
    uint64_t memory;            /* end of the physical addresses that are compared */
    uint32_t classes;           /* of the events that were compared */
    struct cause *out;
};

/* ---- cause.c ---- */
__attribute__((format(printf, 4, 5))) void cause_say(struct search *s, enum finding_kind kind,
                                                     const uint64_t *icount, const char *fmt, ...);

/* ---- cause_state.c: both machines at one position ---- */

/* Differing bytes next to each other in physical memory. */
struct span {
    uint64_t address;
    uint32_t length;
};
struct spans {
    struct span *list;
    size_t n;
    uint64_t bytes;
};

int cause_seek(struct search *s, uint64_t icount, struct error *err);
/* Whether all registers of all processors are equal. */
bool cause_registers_equal(const struct search *s);
/* The registers that differ, as text "rax 0x1 -> 0x2, …"; at most `most`. To be freed. */
char *cause_registers_text(const struct search *s, unsigned most);
/* All memory that differs. */
struct spans cause_memory(const struct search *s);
void cause_spans_free(struct spans *);
/* Instruction, function and process of the processor that runs next, in A or B. As snprintf. */
int cause_place_text(const struct search *s, unsigned side, char *buf, size_t size);
/* Whether the same processor executes code at the same address next, and the instruction there differs: the address of its first byte that
 * does. */
bool cause_code_differs(const struct search *s, unsigned *cpu, uint64_t *address);
/* The calls in progress, innermost first: "a < b < c". As snprintf. */
int cause_calls_text(const struct search *s, unsigned side, char *buf, size_t size);
/* Fields of devices that differ: "uart0.rbr, …"; "" if none. As snprintf. */
int cause_devices_text(const struct search *s, char *buf, size_t size);

/* ---- cause_blame.c ---- */

/* The result of a step: registers, or one byte of memory. */
struct result {
    bool registers;
    uint64_t address; /* the byte's */
};
/* Finds the one byte of memory (physical) whose value before step `icount` makes the result differ. 1: found;
 * 0: it does not depend on memory; -1: error. */
int cause_blame(struct search *s, uint64_t icount, struct result r, uint64_t *address, struct error *err);

/* ---- cause_flash.c: firmware ---- */

enum { CAUSE_AROUND = 32 }; /* bytes on each side that have to be the same in an image */

/* The bytes around an address in A and B, within its page: pages next to each other may have different origins. */
struct cause_window {
    uint8_t bytes[2][2 * CAUSE_AROUND];
    size_t n, at; /* `at`: of the byte in question */
};

/* Adds findings on how the files in a firmware image's compressed sections differ. */
void cause_flash_files(struct search *s, const char *role, uint8_t *const data[2], const size_t size[2]);
/* Whether the window is in what such a section unpacks to; if so, adds that to the findings. */
bool cause_flash_unpacked(struct search *s, const char *role, uint8_t *const data[2], const size_t size[2],
                          const struct cause_window *w);
/* Whether the step from `icount` on, whose result differs, is by an instruction that lies in flash and differs, or takes its result from a
 * differing byte of flash; if so, adds that to the findings. */
bool cause_flash_find(struct search *s, uint64_t icount, struct result r);

/* ---- cause_origin.c ---- */

/* Finds the byte of both boots' data by the window around it, in both. */
bool cause_find_window(uint8_t *const data[2], const size_t size[2], const struct cause_window *w,
                       uint64_t *offset);

/* Finds where the byte at a physical address comes from, by its surroundings there. If it does, adds that to
 * the findings and returns true. */
bool cause_origin_find(struct search *s, uint64_t address);
/* Adds findings on how the traces' settings, images and inputs differ. 0, or -1 with err. */
int cause_inputs_say(struct search *s, struct error *err);
/* An image as far as the trace has it, with zeros for what is missing; to be freed. NULL if there is no such
 * image. */
uint8_t *cause_image(struct trace *t, unsigned image, size_t *size);

#endif
