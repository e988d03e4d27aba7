/* calls.c - arguments of calls in words, by the types that the kernel and its modules have of themselves (BTF). See impl.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/systems/linux/private/impl.h"

enum { MODULE_TYPES_MAX = 16 << 20, MODULES_MAX = 1024, PAGE = 4096 };

void lx_calls_load(struct linux_guest *lx, const void *btf, size_t n)
{
    if (lx->base.o.calls && lx->base.word == 8)
        lx->calls.types = kernel_types_of(btf, n);
}

/* ---------------------------------------------------------------- modules */

/* The kernel's own copy of a module's types: an entry of its list btf_modules (kernel/bpf/btf.c). 0: it has none. */
static uint64_t types_of_module(const struct linux_guest *lx, uint64_t module)
{
    const struct linux_types *t = &lx->types;
    const uint64_t head = lx_symbol(lx, "btf_modules");
    if (!head || t->btfs_list < 0 || t->btfs_module < 0)
        return 0;
    uint64_t next = lx_word(lx, head);
    for (unsigned n = 0; next && next != head && n < MODULES_MAX; n++, next = lx_word(lx, next)) {
        const uint64_t entry = next - (unsigned)t->btfs_list;
        if (lx_member(lx, entry, t->btfs_module) == module)
            return lx_member(lx, entry, t->btfs_btf);
    }
    return 0;
}

void lx_calls_module(struct linux_guest *lx, uint64_t module, const char *name)
{
    const uint64_t its = lx->calls.types ? types_of_module(lx, module) : 0;
    const uint64_t data = lx_member(lx, its, lx->types.btf_data);
    const uint32_t size = lx_member32(lx, its, lx->types.btf_size);
    if (!its || !data || !size || size > MODULE_TYPES_MAX || kernel_types_has(lx->calls.types, name))
        return;
    void *bytes = mem_alloc(size);
    if (lx_read(lx, data, bytes, size))
        kernel_types_add(lx->calls.types, name, bytes, size);
    free(bytes);
}

/* Takes the types of the module of that name, unless they are there. */
static void look_for_module(struct linux_guest *lx, const char *name)
{
    enum { MODULE_NAME = 56 };
    const struct linux_types *t = &lx->types;
    const uint64_t head = lx_symbol(lx, "btf_modules");
    char its[MODULE_NAME + 1];
    if (!head || t->btfs_list < 0 || t->module_name < 0 || kernel_types_has(lx->calls.types, name))
        return;
    uint64_t next = lx_word(lx, head);
    for (unsigned n = 0; next && next != head && n < MODULES_MAX; n++, next = lx_word(lx, next)) {
        const uint64_t module = lx_member(lx, next - (unsigned)t->btfs_list, t->btfs_module);
        lx_string(lx, module + (unsigned)t->module_name, its, sizeof its);
        if (module && !strcmp(its, name)) {
            lx_calls_module(lx, module, name);
            return;
        }
    }
}

/* ---------------------------------------------------------------- calls */

/* The kernel's or a module's function: its types are those of the table that has its symbol. */
static bool find_function(struct linux_guest *lx, const char *name, uint64_t address,
                          struct types_function *f)
{
    struct symbol sym;
    if (address - lx->text < lx->image_size)
        return kernel_types_function_in(lx->calls.types, "kernel", name, f);
    if (!symbols_at_in(lx->base.o.symbols, lx->base.space, address, SYMBOLS_NOW, &sym))
        return false;
    if (lx->resumed)
        look_for_module(lx, sym.module);
    return kernel_types_function_in(lx->calls.types, sym.module, name, f);
}

/* A name is looked for among all types of the kernel, so that is done once. */
static const struct lx_call *known_call(struct linux_guest *lx, const char *name, uint64_t address)
{
    struct lx_calls *c = &lx->calls;
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].address == address && !strcmp(c->list[i].name, name))
            return &c->list[i];
    struct lx_call call = {.name = mem_string(name), .address = address};
    const char *table = strrchr(name, ':'); /* "kernel:schedule" */
    call.typed = find_function(lx, table ? table + 1 : name, address, &call.function);
    MEM_MORE(c->list, c->n);
    c->list[c->n] = call;
    return &c->list[c->n++];
}

/* A text may end just before a page that is not there. */
static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    size_t done = 0;
    for (size_t part; done < n; done += part) {
        part = PAGE - (size_t)((address + done) % PAGE);
        part = part < n - done ? part : n - done;
        if (!lx_read(ctx, address + done, (char *)buf + done, part))
            break;
    }
    return done;
}

bool lx_call_words(struct linux_guest *lx, const char *name, uint64_t address, struct text *out)
{
    const struct lx_call *call = lx->calls.types ? known_call(lx, name, address) : NULL;
    const struct types_memory m = {lx, read_memory};
    uint64_t reg[6];
    char words[EVENT_MAX_DATA - 512];
    if (!call || !call->typed)
        return false;
    for (unsigned i = 0; i < 6; i++)
        reg[i] = lx_argument(lx, i);
    kernel_types_arguments(lx->calls.types, &call->function, reg, &m, words, sizeof words);
    text_add(out, "%.500s%s", name, words);
    return true;
}

void lx_calls_free(struct linux_guest *lx)
{
    for (size_t i = 0; i < lx->calls.n; i++)
        free(lx->calls.list[i].name);
    free(lx->calls.list);
    kernel_types_free(lx->calls.types);
    lx->calls = (struct lx_calls){0};
}
