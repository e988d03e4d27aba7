/* diff.h - a comparison of boots as text, JSON, JUnit and HTML. The files that do that share what is below. */
#ifndef BOOTREEL_CORE_EXPORT_DIFF_H
#define BOOTREEL_CORE_EXPORT_DIFF_H

#include "core/why/why.h"
#include "core/compare/cause.h"
#include "core/compare/align.h"
#include "core/compare/compare.h"

/* A boot to compare: a trace, or a digest. */
struct diff_boot {
    const char *path;
    struct trace *trace; /* NULL: a digest */
    struct outline *outline;
    struct why *why; /* what went wrong in it; NULL: not asked, because it is a digest or no boot differs */
};

struct diff_options {
    bool all;  /* show what is tolerated as well */
    bool stat; /* only how many differences each stage has */
    bool color;
    const char *stage; /* only this stage is compared, or NULL */
    uint64_t context;  /* how many equal neighbours of a difference to show */
};

/* One of the comparisons with the first boot. */
struct diff_result {
    const struct diff_boot *a, *b;
    struct comparison *c;
    const struct rules *rules;
    bool has_prefix; /* both are traces */
    struct common_prefix prefix;
    struct cause *cause; /* --explain; NULL: not asked for, or there is no difference */
};

/* Prints for people. */
void diff_text(FILE *out, const struct diff_result *, const struct diff_options *);
/* What several boots have in common, and which of them differ. */
void diff_text_several(FILE *out, const struct diff_result *, size_t n, const struct common_prefix *prefix);
/* All comparisons as one JSON object, JUnit document or HTML page. */
void diff_json(FILE *out, const struct diff_result *, size_t n, const struct common_prefix *prefix,
               const struct diff_options *);
void diff_junit(FILE *out, const struct diff_result *, size_t n);
void diff_html(FILE *out, const struct diff_result *, size_t n);

/* ---- shared ---- */
/* Whether the boots ended differently, at least one of them badly: then why is what one wants to know first. */
bool diff_has_verdicts(const struct diff_result *);
const struct outline_item *diff_item(const struct diff_result *, const struct pair *,
                                     unsigned side); /* or NULL */
/* The item of whichever side has it. */
const struct outline_item *diff_either(const struct diff_result *, const struct pair *);
/* What the item is, in words: "console:0 Linux version …", "process mount". Fills buf as snprintf. */
int diff_name(const struct outline *, uint32_t item, char *buf, size_t size);
bool diff_counts(const struct pair *); /* whether it is a difference that counts */
/* The stages that the pair is shown in, outermost first: "boot / kernel / user". */
void diff_path(const struct diff_result *, const struct pair *, const char *between, char *buf, size_t size);

#endif
