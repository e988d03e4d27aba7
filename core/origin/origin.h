/* origin.h - where a value comes from: from write to write back to a source.
 *
 *   struct origin *o = origin_new(tl, symbols, &err);
 *   struct origin_place what = {.memory = true, .linear = 0x7e00, .length = 4};
 *   struct origin_chain *c = origin_find(o, &what, icount, &(struct origin_options){0}, &err);
 *   for (size_t i = 0; i < c->n; i++)
 *       puts(c->link[i].text);
 *
 * A link is the step that wrote the bytes last: an instruction, the delivery of an interrupt, or a write by a
 * device. An instruction that only copies (loads, stores, pushes, pops, string instructions, extensions,
 * moves of vector registers, context switches, which consist of these) is followed to what it copied. One
 * that computes is followed to its one operand that varies; operands that are constants of the code do not
 * vary. Addresses that an instruction uses to reach an operand are not followed: the question is where the
 * value comes from, not why this place was read.
 *
 * Memory is followed as physical memory, whatever addresses the guest uses, and with writes by devices.
 * Registers are those of one processor. MMX and x87 registers are not followed.
 */
#ifndef BOOTREEL_CORE_ORIGIN_ORIGIN_H
#define BOOTREEL_CORE_ORIGIN_ORIGIN_H

#include "core/symbols/symbols.h"
#include "core/timeline/timeline.h"

enum { ORIGIN_BYTES = 16 };

/* Up to ORIGIN_BYTES bytes of memory, or of a register. */
struct origin_place {
    bool memory;
    unsigned cpu;     /* whose register, and whose page tables */
    uint64_t linear;  /* memory: the address */
    bool at_physical; /* … which is physical: there is no linear one */
    size_t reg;       /* register: its index in timeline_regs() */
    unsigned low;     /* … and the first byte of it that is meant */
    unsigned length;  /* bytes, 1 … ORIGIN_BYTES */
};

/* What a link does with the bytes. */
enum origin_how {
    ORIGIN_COPIES,   /* they are those of `operand[follows]` */
    ORIGIN_COMPUTES, /* they are made of the operands */
    ORIGIN_ENDS,     /* they are from a source: see `source` */
};

/* Where a chain ends. */
enum origin_source {
    ORIGIN_GOES_ON,  /* it does not end at this link */
    ORIGIN_CONSTANT, /* an immediate, or something else that the code alone decides */
    ORIGIN_IMAGE,    /* bytes of an image: `image`, `offset` */
    ORIGIN_STREAM,   /* what a kernel's own decompressor unpacked, or firmware's: `offset` in it */
    ORIGIN_SETTING,  /* a setting of the recording, such as the command line */
    ORIGIN_TABLE,    /* a table that firmware or machine made: ACPI, SMBIOS */
    ORIGIN_ITEM,     /* an item of fw_cfg: `offset` in it */
    ORIGIN_FRAME,    /* a network frame that a card took: `offset` in it */
    ORIGIN_DEVICE,   /* written to memory by a device, not from an image */
    ORIGIN_PORT,     /* read from a port, or from a device's register in memory */
    ORIGIN_INPUT,    /* typed: `input` is its number in the trace */
    ORIGIN_PROCESSOR, /* CPUID, time stamp counter, random numbers, the address of an instruction, an error code */
    ORIGIN_POWER_ON, /* as it was at the beginning */
    ORIGIN_OPERANDS, /* computed from several operands that vary */
    ORIGIN_LOST,     /* not known: the text says why */
    ORIGIN_LIMIT,    /* the limit of links was reached */
};
/* "image", "several operands" …: one to three words. */
const char *origin_source_word(enum origin_source s);

enum origin_operand_kind { ORIGIN_REGISTER, ORIGIN_MEMORY, ORIGIN_IMMEDIATE };

struct origin_operand {
    enum origin_operand_kind kind;
    struct origin_place place; /* not of an immediate */
    uint8_t value[ORIGIN_BYTES];
    unsigned length;
    bool constant; /* an immediate, or set from one shortly before */
    char name[40]; /* "rax", "[0x7e00]", "0x10" */
};

enum { ORIGIN_OPERANDS_MAX = 6 };

struct origin_link {
    long parent;               /* the link that asks for these bytes; -1: the first. Always a lower index */
    struct origin_place place; /* the bytes in question, after the step */
    uint64_t physical;         /* memory: where the first of them is */
    unsigned first;            /* which of the bytes that the parent asks for they are */
    uint64_t icount, time;     /* the step from there on wrote them; guest time before it, ns */
    uint64_t
        since; /* the first of its steps, if a repeated string instruction made several; otherwise icount */
    unsigned cpu;
    uint64_t
        adjusted; /* how many steps between this one and the parent only added a constant to the register */
    unsigned
        places; /* 0, or at how many positions since then the register was seen to have the value: not each
                 * step between them was looked at */
    bool step;  /* there is a step; otherwise nothing wrote them since the beginning */
    bool device, delivery; /* a device wrote them; an interrupt or exception was delivered */
    uint64_t pc;           /* linear address of the instruction */
    enum origin_how how;
    enum origin_source source;
    uint8_t before[ORIGIN_BYTES], after[ORIGIN_BYTES];
    struct origin_operand operand[ORIGIN_OPERANDS_MAX];
    unsigned noperands;
    int follows;       /* the operand that is followed; -1: none */
    const char *image; /* role of the image, or NULL */
    uint64_t offset;
    char *
        file; /* the file of the image that the bytes belong to, with their offset in it; NULL if none is known */
    uint64_t file_at;
    uint64_t input;
    char instruction[96];
    char *function, *caller, *line; /* "" where not known */
    char *who;                      /* "swapper/0 (0)", "SMM", "DMA"; "" if not known */
    char *what;                     /* the source in words; "" if it goes on */
    char *text;                     /* all of this in one line */
};

struct origin_chain {
    struct origin_link *link;
    size_t n;
    uint64_t icount;           /* where it was asked */
    struct origin_place place; /* what was asked */
    uint8_t value[ORIGIN_BYTES];
    char name[48]; /* "rax", "0x7e00, 4 bytes" */
};

struct origin_options {
    bool all;    /* every operand that varies is followed: the links are a tree */
    size_t most; /* links; 0: ORIGIN_LINKS */
    uint64_t
        back; /* in how many steps at most, in all, last writes of registers are looked for; 0: ORIGIN_BACK */
};
enum { ORIGIN_LINKS = 200, ORIGIN_BACK = 4000000 };

struct origin;

/* The timeline must be on the recorded run; it is moved about. `s` may be NULL (no names); both must outlive
 * the result. NULL with err. */
struct origin *origin_new(struct timeline *tl, const struct symbols *s, struct error *err);
void origin_free(struct origin *o); /* NULL is allowed */

/* A register by its name ("rax", "eax", "al", "xmm3", "cr3", "eflags"). -1 with err if there is none, or it
 * cannot be followed. */
int origin_register(struct origin *o, unsigned cpu, const char *name, struct origin_place *place,
                    struct error *err);
/* A character on the screen, counted from 0: in a text mode its byte, else the first pixel of its glyph, if the text is read from pixels. -1
 * with err: the display shows no such text at `icount`, or has no such place. */
int origin_screen(struct origin *o, uint64_t icount, unsigned row, unsigned column,
                  struct origin_place *place, struct error *err);
/* The first character of a text, as a serial port printed it last before *icount: AL, as the instruction at the new
 * *icount writes it to the port. -1 with err if no console line has it, or it is another kind of console. */
int origin_console(struct origin *o, const char *text, uint64_t *icount, struct origin_place *place,
                   struct error *err);
/* Finds the origin of what is in a place at `icount` (before the step from there). The timeline is left at
 * some position. Free the result with origin_chain_free. NULL with err: the place is not memory there, the
 * run failed, or it was interrupted. Cost: with a warm timeline some milliseconds a link; more where the last
 * write is far back. */
struct origin_chain *origin_find(struct origin *o, const struct origin_place *place, uint64_t icount,
                                 const struct origin_options *options, struct error *err);
void origin_chain_free(struct origin_chain *c); /* NULL is allowed */

/* ---------------------------------------------------------------- trying it */

struct origin_check {
    size_t tried,
        changed; /* links that only copy: flipping the source's first bit changes the same bit of the result */
    bool whole;  /* the source of the last of them was also flipped, and the target looked at: */
    bool target;   /* it changed */
    bool same_way; /* … and the run to it executed the same instructions at the links and at its end */
    uint64_t at;   /* where it was flipped */
    uint8_t was[ORIGIN_BYTES], is[ORIGIN_BYTES];
};
/* Flips sources, in diversions, and looks at what changes. The chain must be of one line (not `all`). -1 with
 * err. */
int origin_check(struct origin *o, const struct origin_chain *c, struct origin_check *result,
                 struct error *err);

#endif
