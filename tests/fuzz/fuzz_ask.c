/* fuzz_ask.c - programs of any bytes: what parses is run, in a world where each read of memory gives bytes that follow from the address.
 *
 *   make fuzz && build/fuzz/tests/fuzz/fuzz_ask -max_len=4096 CORPUS
 */
#include <stdlib.h>
#include <string.h>

#include "core/ask/private/eval.h"

static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((address + i) * 0x9e37 >> 3);
    return address % 7 ? n : n / 2;
}

static bool reg(void *ctx, const char *name, uint64_t *v)
{
    *v = (uint64_t)*name << 56;
    return strlen(name) < 4;
}

static void task(void *ctx, struct ask_task *t)
{
    *t = (struct ask_task){.address = 0x5000, .pid = 7, .tid = 8, .comm = "shell"};
}

static bool id(void *ctx, bool group, uint64_t *v)
{
    *v = 1000;
    return true;
}

static void symbol(void *ctx, uint64_t address, bool user, bool offset, struct text *t)
{
    text_add(t, "symbol_%llx", (unsigned long long)address);
}

static bool address_of(void *ctx, const char *name, bool user, uint64_t *address)
{
    *address = 0x1000;
    return *name;
}

static void stack(void *ctx, bool user, unsigned most, const char *mode, struct text *t)
{
    text_add(t, "\n    inner+%u\n", most);
}

static void word(void *ctx, struct text *t)
{
    text_add(t, "word");
}

static bool argument(void *ctx, const char *name, struct ask_value *v)
{
    *v = ask_number(strlen(name), *name & 1);
    return true;
}

static bool numbered(void *ctx, unsigned i, struct ask_value *v)
{
    *v = ask_number(i, false);
    return true;
}

static bool result(void *ctx, struct ask_value *v)
{
    *v = ask_number((uint64_t)-2, true);
    return true;
}

static bool variable(void *ctx, const char *name, uint64_t *address, const struct ask_type **type)
{
    *address = 0x2000;
    *type = NULL;
    return *name & 1;
}

static int at(void *ctx, const char *position, const struct ask_node *n, struct ask_value *v,
              struct error *err)
{
    *v = ask_number(1, true);
    return *position ? 0 : error_set(err, "no position");
}

static const struct ask_world world = {.read = read_memory,
                                       .reg = reg,
                                       .task = task,
                                       .id = id,
                                       .symbol = symbol,
                                       .address_of = address_of,
                                       .stack = stack,
                                       .caller = word,
                                       .stage = word,
                                       .argument = argument,
                                       .numbered = numbered,
                                       .result = result,
                                       .variable = variable,
                                       .at = at};

static void run(struct ask_program *p, bool json)
{
    struct text out = {NULL, 0};
    struct ask_eval e = {.p = p,
                         .world = &world,
                         .maps = ask_maps_new(p),
                         .types = ask_types_new(p, NULL),
                         .print = {&out, json}};
    ask_eval_begin(&e);
    for (size_t i = 0; i < 3 * p->nprobes && out.n < 1 << 20; i++) {
        const struct ask_probe *probe = &p->probe[i % p->nprobes];
        const struct ask_firing f = {.icount = i, .time = i << 30, .place = probe->place, .function = "f"};
        ask_fire(&e, probe, &f);
    }
    for (size_t i = 0; i < p->nmaps; i++)
        ask_print_map(&e.print, &e.maps[i], i, 1);
    ask_maps_free(e.maps, p);
    ask_eval_end(&e);
    ask_types_free(e.types);
    free(out.s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const parameters[] = {"5", "text"};
    char *text = malloc(size + 1);
    struct ask_error err;
    memcpy(text, data, size);
    text[size] = 0;
    const struct ask_source source = {
        .name = "fuzz", .text = text, .parameters = parameters, .nparameters = 2};
    struct ask_program *p = ask_parse(&source, &err);
    if (p)
        run(p, size & 1);
    size_t n;
    if (!p)
        ask_error_line(&source, &err, &n);
    ask_free(p);
    free(text);
    return 0;
}
