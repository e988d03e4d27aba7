/* kernel_types.h - a Linux kernel's own type information (BTF), from its memory; or, for a kernel without it, the types in its vmlinux's
 * DWARF, in the same form. core/timeline/recorded_types.h reads it from a trace.
 */
#ifndef BOOTREEL_CORE_SYMBOLS_KERNEL_TYPES_H
#define BOOTREEL_CORE_SYMBOLS_KERNEL_TYPES_H

#include "core/symbols/symbols.h"

struct kernel_types;

/* A kernel's linear memory, at one position of a machine. */
struct kernel_memory {
    void *ctx;
    /* Returns how many of the n bytes there are. */
    size_t (*read)(void *ctx, uint64_t address, void *buf, size_t n);
    void (*relax)(
        void *
            ctx); /* gives back what can be read again; NULL: keeping the memory is expensive, so it is read at once and closed */
    void (*close)(void *ctx);
};
/* Where a kernel is. */
struct kernel_place {
    symbol_space space;
    uint64_t text, size; /* its image */
    uint64_t when;       /* the icount, or SYMBOLS_NOW, at which its symbols are asked for */
};
/* The types of that kernel and of its modules, as its memory has them; none if it has none. Takes the memory. `s` must outlive the result.
 * One thread at a time may use the result. Cost: some hundredths of a second; and, from the first question for code on, the kernel's image
 * (tens of MB). */
struct kernel_types *kernel_types_in(const struct kernel_place *p, const struct symbols *s,
                                     struct kernel_memory m);
/* No types. */
struct kernel_types *kernel_types_new(void);
/* The types of a kernel alone, from its BTF, for a guest system that watches the kernel while it runs. The
 * data may be freed afterwards. NULL if they are damaged. Cost: some ms, and twice the data. */
struct kernel_types *kernel_types_of(const void *btf, size_t n);
/* Adds the types of a module. False if they are damaged. */
bool kernel_types_add(struct kernel_types *k, const char *module, const void *btf, size_t n);
bool kernel_types_has(const struct kernel_types *k, const char *table);
void kernel_types_free(struct kernel_types *k); /* NULL is allowed */
const struct symbol_types_set *kernel_types_set(const struct kernel_types *k);
/* Frees the kernel's image if it can be read again when its code is next asked for. NULL is allowed. */
void kernel_types_forget_code(struct kernel_types *k);

/* ---------------------------------------------------------------- in words (core/symbols/btf_words.c) */

/* Reads linear memory of the machine at some position. Returns how many of the n bytes there are. */
struct types_memory {
    void *ctx;
    size_t (*read)(void *ctx, uint64_t address, void *buf, size_t n);
};

/* A function of the kernel or of a module. */
struct types_function {
    size_t table;   /* in the set */
    uint32_t proto; /* its prototype's type */
};
bool kernel_types_function(const struct kernel_types *k, const char *name, struct types_function *f);
/* As kernel_types_function, but only in the kernel's own types ("kernel") or in a module's. */
bool kernel_types_function_in(const struct kernel_types *k, const char *table, const char *name,
                              struct types_function *f);
/* A function's arguments in words, where it is entered: (dev_name=0xffff… "/dev/sda1", flags=0x8000). `reg`
 * are RDI, RSI, RDX, RCX, R8 and R9. Texts, and names that structures have, are read from memory. Like
 * snprintf. */
int kernel_types_arguments(const struct kernel_types *k, const struct types_function *f,
                           const uint64_t reg[6], const struct types_memory *m, char *buf, size_t size);

/* What a member expression names. */
struct types_place {
    uint64_t address, size; /* size: in bytes */
    size_t table;
    uint32_t type;
};
/* A member of `struct type` ("a.b": b of a), by the kernel's own types, with its offset as its address; the whole structure if `path` is
 * "". False if there is none. */
bool kernel_types_member(const struct kernel_types *k, const char *type, const char *path,
                         struct types_place *p);

/* VARIABLE or (struct TYPE *)ADDRESS, and then .MEMBER, ->MEMBER and [INDEX] in any number: init_task.comm,
 * iomem_resource.child, ((struct task_struct *)0xffff89f3c1206100)->comm. Pointers are not followed, as they
 * have another value at each position. 1: *p is filled; 0: this is no such expression, or no variable of that
 * name has a known type; -1 with err if a member is wrong. */
int kernel_types_place(const struct kernel_types *k, const struct symbols *s, const char *expression,
                       struct types_place *p, struct error *err);
/* The value at a place in words, from its first n bytes: a number, "a text", an enumerator's name. Like
 * snprintf; 0 if it is a structure, or an array of anything but characters. */
int kernel_types_value(const struct kernel_types *k, const struct types_place *p, const void *bytes, size_t n,
                       char *buf, size_t size);
/* The name of a place's type: "struct task_struct", "char [16]". Like snprintf. */
int kernel_types_name(const struct kernel_types *k, const struct types_place *p, char *buf, size_t size);

/* A member of a structure, an element of an array, or the whole if it is neither (its name is then ""). */
struct types_part {
    char name[100], type[120];
    struct types_place place;
    unsigned shift, bits; /* a bit-field: its lowest bit, how many (otherwise 0) */
};
enum { TYPES_PARTS_MAX = 2000 };
/* Calls fn for each part, in order, of the first TYPES_PARTS_MAX. Returns how many. */
size_t kernel_types_parts(const struct kernel_types *k, const struct types_place *p,
                          void (*fn)(void *ctx, const struct types_part *part), void *ctx);
/* The value of a part in words; "{…}" for a structure. Like snprintf. */
int kernel_types_part_value(const struct kernel_types *k, const struct types_part *part,
                            const struct types_memory *m, char *buf, size_t size);
/* Where a part leads: what a pointer points to; for a list (list_head, hlist_node …) the structure that its
 * next entry is in; a structure or an array itself. `whole`: what it is a part of. False if it leads
 * nowhere. */
bool kernel_types_follow(const struct kernel_types *k, const struct types_place *whole,
                         const struct types_part *part, const struct types_memory *m, struct types_place *to);

#endif
