/* calls_functions.c - what is called: names, prototypes, arguments. See private/tree.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/ran/private/tree.h"

enum { CACHE = 1 << 14 };

/* ---------------------------------------------------------------- functions */

static bool is_text(const struct kernel_types *k, struct tree_type t)
{
    struct tree_info info;
    type_tree_info(k, t, &info);
    if (info.kind != TREE_POINTER)
        return false;
    type_tree_info(k, info.of, &info);
    return info.is_char;
}

static bool is_record(const struct kernel_types *k, struct tree_type t)
{
    struct tree_info info;
    type_tree_info(k, t, &info);
    return info.kind == TREE_STRUCT || info.kind == TREE_UNION || info.kind == TREE_FLOAT;
}

/* Prototypes whose parameters are all in the registers for integers, in order. They are searched for when a call is first kept, as that
 * takes long. */
static void find_types(struct taking *t, struct known_function *f)
{
    f->asked = true;
    const struct kernel_types *k = t->c->types;
    struct tree_type type;
    const char *name;
    if (!k || !f->begins || !kernel_types_has(k, f->f.module) ||
        !type_tree_function(k, f->f.module, f->f.name, &f->proto))
        return;
    for (unsigned i = 0; type_tree_parameter(k, f->proto, i, &name, &type); i++) {
        if (is_record(k, type))
            break;
        if (i == CALL_PARAMETERS)
            break;
        if (is_text(k, type))
            f->strings |= (uint8_t)(1u << i);
        f->nparameters++;
    }
    type = type_tree_result(k, f->proto);
    f->gives = type.id && !is_record(k, type);
    f->typed = true;
}

static uint32_t add(struct taking *t, symbol_space space, uint64_t address, uint64_t icount)
{
    struct calls *c = t->c;
    struct symbol sym;
    uint64_t offset = 0;
    c->function = mem_grow(c->function, &c->capfunctions, c->nfunctions + 1, sizeof *c->function);
    struct known_function *f = &c->function[c->nfunctions];
    *f = (struct known_function){.f = {.module = "", .address = address}, .space = space};
    if (symbols_at(t->o->symbols, space, address, icount, &sym, &offset)) {
        f->f.name = sym.name;
        f->f.module = sym.module;
        f->f.offset = offset;
        f->begins = !offset;
    }
    f->wanted = !t->o->function || (f->f.name && symbol_name_matches(t->o->function, f->f.name));
    return (uint32_t)c->nfunctions++;
}

uint32_t call_function_at(struct taking *t, unsigned cpu, uint64_t address, uint64_t icount)
{
    symbol_space space = who_space(&t->who, cpu, address, icount);
    if (t->halves && address >> 63)
        space = symbol_space_kernel(space);
    if (!t->cache)
        t->cache = mem_zero(CACHE, sizeof *t->cache);
    const uint64_t hash = (address ^ (uint64_t)space << 32) * 0x9e3779b97f4a7c15ull;
    struct call_cache *slot = &t->cache[hash >> 50];
    if (slot->number && slot->address == address && slot->space == space)
        return slot->number - 1;
    uint32_t number = CALL_NONE;
    for (struct hash_search s = hash_search(&t->by_place, hash); hash_found(&t->by_place, &s);)
        if (t->c->function[s.number].f.address == address && t->c->function[s.number].space == space)
            number = s.number;
    if (number == CALL_NONE) {
        number = add(t, space, address, icount);
        hash_index_add(&t->by_place, hash, number);
    }
    *slot = (struct call_cache){address, space, number + 1};
    return number;
}

const struct call_function *calls_function(const struct calls *c, uint32_t number)
{
    return &c->function[number].f;
}

/* ---------------------------------------------------------------- arguments */

static uint64_t reg(const struct taking *t, unsigned cpu, unsigned i)
{
    return engine_reg_value(t->e, cpu, t->reg[i]);
}

/* The text at an address, as its place in `strings`. */
static uint64_t keep_string(struct taking *t, unsigned cpu, uint64_t address)
{
    struct calls *c = t->c;
    char text[CALL_STRING];
    size_t n = address ? look_peek(t->look, cpu, address, text, sizeof text - 1) : 0;
    text[n] = 0;
    n = strlen(text) + 1;
    c->strings = mem_grow(c->strings, &c->capstrings, c->nstrings + n, 1);
    memcpy(c->strings + c->nstrings, text, n);
    c->nstrings += n;
    return c->nstrings - n;
}

void call_keep_arguments(struct taking *t, unsigned cpu, struct call *call)
{
    struct calls *c = t->c;
    struct known_function *f = &c->function[call->function];
    if (!f->asked)
        find_types(t, f);
    if (!f->typed || c->nvalues > UINT32_MAX - 32 || look_code_bits(t->look, cpu) != 64)
        return;
    c->value = mem_grow(c->value, &c->capvalues, c->nvalues + 2 * CALL_PARAMETERS + 1, sizeof *c->value);
    call->arguments = (uint32_t)c->nvalues;
    for (unsigned i = 0; i < f->nparameters; i++)
        c->value[c->nvalues++] = reg(t, cpu, i);
    for (unsigned i = 0; i < f->nparameters; i++)
        if (f->strings >> i & 1)
            c->value[c->nvalues++] = keep_string(t, cpu, c->value[call->arguments + i]);
    if (f->gives)
        c->value[c->nvalues++] = 0;
}

static size_t result_at(const struct known_function *f, const struct call *call)
{
    return call->arguments + (size_t)f->nparameters + (size_t)__builtin_popcount(f->strings);
}

void call_keep_result(struct taking *t, unsigned cpu, const struct call *call)
{
    const struct known_function *f = &t->c->function[call->function];
    if (call->arguments != CALL_NONE && f->gives)
        t->c->value[result_at(f, call)] = reg(t, cpu, CALL_PARAMETERS);
}

/* ---------------------------------------------------------------- in words */

static void add_value(struct text *out, const struct kernel_types *k, struct tree_type type, uint64_t raw)
{
    struct tree_info info;
    type_tree_info(k, type, &info);
    const unsigned shift = info.size && info.size < 8 ? 64 - 8 * (unsigned)info.size : 0;
    if (info.kind == TREE_POINTER)
        text_add(out, raw ? "0x%llx" : "NULL", (unsigned long long)raw);
    else if (info.is_bool)
        text_add(out, "%s", raw & 0xff ? "true" : "false");
    else if (info.is_signed || info.kind == TREE_ENUM)
        text_add(out, "%lld", (long long)((int64_t)(raw << shift) >> shift));
    else
        text_add(out, raw << shift >> shift > 9 ? "0x%llx" : "%llu",
                 (unsigned long long)(raw << shift >> shift));
}

static int give(struct text *t, char *buf, size_t size)
{
    const int n = snprintf(buf, size, "%s", t->s ? t->s : "");
    free(t->s);
    return n;
}

int calls_arguments(const struct calls *c, const struct call *call, char *buf, size_t size)
{
    const struct known_function *f = &c->function[call->function];
    struct text t = {0};
    struct tree_type type;
    const char *name;
    if (call->arguments == CALL_NONE)
        return snprintf(buf, size, "%s", "");
    size_t text = call->arguments + (size_t)f->nparameters;
    for (unsigned i = 0; i < f->nparameters && type_tree_parameter(c->types, f->proto, i, &name, &type);
         i++) {
        text_add(&t, "%s%s=", i ? ", " : "", name && *name ? name : "?");
        const uint64_t raw = c->value[call->arguments + i];
        if (f->strings >> i & 1) {
            const char *s = c->strings + c->value[text++];
            if (raw && *s)
                text_add_bytes(&t, (const uint8_t *)s, strlen(s), strlen(s) == CALL_STRING - 1);
            else
                add_value(&t, c->types, type, raw);
        } else {
            add_value(&t, c->types, type, raw);
        }
    }
    return give(&t, buf, size);
}

int calls_result(const struct calls *c, const struct call *call, char *buf, size_t size)
{
    const struct known_function *f = &c->function[call->function];
    struct text t = {0};
    if (call->arguments != CALL_NONE && f->gives && call->end == CALL_RETURNED)
        add_value(&t, c->types, type_tree_result(c->types, f->proto), c->value[result_at(f, call)]);
    return give(&t, buf, size);
}
