/* deduce.h - what the files that deduce call frames share. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_DEDUCE_H
#define BOOTREEL_CORE_SYMBOLS_DEDUCE_H

#include "core/symbols/private/impl.h"
#include "core/symbols/private/insn.h"

enum { CALLS_PRESERVE = 6, RSP = 4, RBP = 5 };

/* What differs between 64-bit and 32-bit code. */
struct code_kind {
    int32_t word;
    uint8_t flags;                     /* of the rows */
    uint8_t sp, bp;                    /* by DWARF's numbers */
    bool by_pointer;                   /* a frame pointer is preferred to the stack pointer */
    unsigned npreserved;               /* registers that a function preserves */
    uint8_t preserved[CALLS_PRESERVE]; /* by the processor's number */
    uint8_t dwarf[CALLS_PRESERVE];     /* … and by DWARF's */
    int32_t iret;                      /* what IRET removes, at least */
    bool (*decode)(const uint8_t *p, size_t size, struct insn *i);
};

/* The stack before an instruction. All distances are from the CFA down. */
struct stack {
    int32_t sp; /* of the stack pointer; -1 if it is not known */
    int32_t bp; /* of RBP, if it is a frame pointer; otherwise -1. In entries: of RAX */
    int32_t saved
        [CALLS_PRESERVE]; /* where the caller's registers are; 0: in themselves. In entries: whether they were stored */
    uint8_t flags
        [4]; /* the first: FRAME_INTERRUPT (the CFA is above the address), FRAME_OUTERMOST. The second: 1 in entries */
};

enum mark {
    FUNCTION = 1, /* is called */
    COLD = 2,     /* is jumped to */
    ENTRY = 4,    /* is reached by interrupts */
    RETURNS = 8,  /* it returns, as the pass before this one found */
    ENDS = 16,    /* it returns, as this pass finds */
    CALLED = 32,  /* there is a call of it */
    JUMPED = 64,  /* there is a jump to it from other code */
    TABLES = 128, /* the targets of its jumps by tables were followed */
    NAMED = 256,  /* is an entry by its name */
    FIRST = 512,  /* has no caller by its name */
    ODD = 1024,   /* does not come to its end with the stack that it began with, as far as is known */
};

/* Limits of what a malicious guest can cost. */
enum { DEDUCE_CODE_MAX = 16 << 20, DEDUCE_ROWS_MAX = 1 << 20, DEDUCE_ROUNDS_MAX = 100 };

/* Instructions that were decoded: each pass comes to most of them again. */
struct decoded {
    uint32_t *at; /* for each byte of code: 0: not decoded; NO_INSN; or FIRST_INSN + the index in `insns` */
    struct insn *insns;
    size_t n, cap;
};
enum { NO_INSN = 1, FIRST_INSN };

struct deduction {
    const struct symbol_code *code;
    const struct code_kind *kind;
    struct symbol_table *t;
    struct start {
        uint64_t address;
        uint16_t marks;
        uint16_t pops; /* what it removes from the stack when it returns, besides the address */
    } * starts;        /* of functions and other code that has a name, by address */
    size_t nstarts;
    uint64_t entries, entries_end;
    struct decoded *decoded;
    uint32_t *at; /* for each byte of code: 0, or 1 + the stack before the instruction there */
    struct stack *stacks;
    size_t nstacks, stacks_cap;
    struct path {
        uint64_t address;
        uint32_t stack, function; /* as in `at`; index in starts */
    } * todo, *later,
        *tables; /* paths to follow; those that are followed if nothing else leads there; jumps by tables */
    size_t ntodo, todo_cap, nlater, later_cap, ntables, tables_cap;
    bool news; /* this pass found what a function removes from the stack, or that it is odd */
};

/* deduce.c */
bool deduce_inside(const struct symbol_code *code, uint64_t address);
/* The start at or before the address, as an index; -1 if there is none. */
long deduce_start_at(const struct deduction *d, uint64_t address);
/* Where the code that begins at the i-th start ends. */
uint64_t deduce_end_of(const struct deduction *d, size_t i);
bool deduce_insn(const struct deduction *d, uint64_t address, struct insn *i);
/* Whether there is nothing but padding between two addresses. */
bool deduce_is_padding(const struct deduction *d, uint64_t from, uint64_t to);
uint32_t deduce_add_stack(struct deduction *d, const struct stack *s);
/* How deep the registers lie that an entry saves and a function preserves. */
int32_t deduce_deepest(const struct deduction *d);

/* deduce_entry.c: marks the starts of code that interrupts enter, which keeps no order of calls. */
void deduce_mark_entries(struct deduction *d);
/* Finds the stacks before the instructions of that code. */
void deduce_entries(struct deduction *d);

#endif
