/* verdict.h - the verdicts that there are, and what evidence is made of. */
#ifndef BOOTREEL_CORE_CASE_VERDICT_H
#define BOOTREEL_CORE_CASE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum why_answer { WHY_WRONG, WHY_NOTHING, WHY_UNKNOWN };
/* "wrong", "nothing", "unknown". */
const char *why_answer_word(enum why_answer a);

/* The verdicts that there are (codes.def). Each belongs to one answer. */
enum why_code {
#define CODE(ID, name, answer, meaning) WHY_##ID,
#include "core/case/codes.def"
#undef CODE
    WHY_CODES
};
/* A code's name, "linux.no-root": stable, for scripts. */
const char *why_code_name(enum why_code code);
/* The answer that a code belongs to. */
enum why_answer why_code_answer(enum why_code code);
/* What it means, as part of a sentence. */
const char *why_code_meaning(enum why_code code);
/* The code of that name. False if there is none. */
bool why_code_find(const char *name, enum why_code *code);

enum { WHY_LINES = 12, WHY_HEADLINE = 120 };

/* A piece of evidence. */
struct why_line {
    unsigned rank;   /* how much it says: 0 is what to show if there is room for one */
    bool goes_on;    /* it is the rest of a headline that was too long, and comes first */
    bool placed;     /* it has a position: */
    uint64_t icount; /* where it can be seen */
    char *text;
    char *place; /* the symbol or the part of the firmware; "" if there is none */
};

#endif
