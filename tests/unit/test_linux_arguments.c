/* test_linux_arguments.c - calls of a Linux kernel's functions with their arguments, by the types that the kernel and its modules have of
 * themselves (core/systems/linux/calls.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "tests/unit/fake_kernel.h"

enum {
    LIST = 0x3000,
    LIST_AT = 8,
    MODULE_AT = 0x18,
    BTF_AT = 0x20,
    DATA_AT = 8,
    SIZE_AT = 16,
    NAME_AT = 0x18,
    MODULE_CODE = 0x38000
};

/* The function NAME(pid, text). */
static void add_function(struct btf *b, const char *name)
{
    const int number = btf__add_int(b, "int", 4, BTF_INT_SIGNED),
              character = btf__add_int(b, "char", 1, BTF_INT_CHAR), pointer = btf__add_ptr(b, character),
              proto = btf__add_func_proto(b, number);
    assert_int_equal(btf__add_func_param(b, "pid", number), 0);
    assert_int_equal(btf__add_func_param(b, "text", pointer), 0);
    assert_true(btf__add_func(b, name, BTF_FUNC_GLOBAL, proto) > 0);
}

struct fixture {
    struct kernel *k;
    struct btf *btf;
    uint64_t wake, module;
};

/* A kernel with a function `wake`, and the module "dummy" with a function `poke` and types of its own. */
static struct fixture begin(void)
{
    struct fixture f = {.k = kernel_new(8), .btf = btf__new_empty()};
    struct linux_types *t = &f.k->lx->types;
    uint32_t n;
    t->btfs_list = LIST_AT;
    t->btfs_module = MODULE_AT;
    t->btfs_btf = BTF_AT;
    t->btf_data = DATA_AT;
    t->btf_size = SIZE_AT;
    t->module_name = NAME_AT;
    f.wake = FUNCTION(f.k, "wake", RETURNS);
    FUNCTION(f.k, "untyped", RETURNS);
    variable(f.k, "btf_modules", f.k->base + LIST);
    kernel_begins(f.k);
    f.k->lx->image_size = MODULE_CODE;
    f.k->lx->base.o.calls = true;
    add_function(f.btf, "wake");
    const void *data = btf__raw_data(f.btf, &n);
    lx_calls_load(f.k->lx, data, n);
    struct symbol_table *own = symbol_table_begin(f.k->symbols, "dummy", "module");
    symbol_table_add(own, "poke", f.k->base + MODULE_CODE, 0x10, 't', SYMBOL_SIZED);
    symbols_map(f.k->symbols,
                &(struct symbol_mapping){.table = symbol_table_end(own), .space = f.k->lx->base.space});
    f.module = object(f.k);
    put_text(f.k, f.module + NAME_AT, "dummy");
    put_word(f.k, f.k->base + LIST, f.k->base + LIST); /* the list is empty */
    return f;
}

/* The kernel has taken in the module's types, after those of another module. */
static void add_module_types(struct fixture *f)
{
    struct btf *split = btf__new_empty_split(f->btf);
    uint32_t n;
    add_function(split, "poke");
    const void *data = btf__raw_data(split, &n);
    const uint64_t other = object(f->k), own = object(f->k), btf = object(f->k), bytes = object(f->k);
    assert_true(n <= OBJECT);
    memcpy(kernel_place(f->k, bytes, n), data, n);
    put_word(f->k, btf + DATA_AT, bytes);
    put(f->k, btf + SIZE_AT, n, 4);
    put_word(f->k, other + MODULE_AT, object(f->k));
    put_word(f->k, own + MODULE_AT, f->module);
    put_word(f->k, own + BTF_AT, btf);
    put_word(f->k, f->k->base + LIST, other + LIST_AT);
    put_word(f->k, other + LIST_AT, own + LIST_AT);
    put_word(f->k, own + LIST_AT, f->k->base + LIST);
    btf__free(split);
}

static void end(struct fixture *f)
{
    btf__free(f->btf);
    kernel_free(f->k);
}

/* "" if nothing is known of it. */
static void is_call(struct fixture *f, const char *name, uint64_t address, const char *want)
{
    struct text t = {0};
    assert_int_equal(lx_call_words(f->k->lx, name, address, &t), *want != 0);
    assert_string_equal(t.s ? t.s : "", want);
    free(t.s);
}

static void test_kernel(void **state)
{
    struct fixture f = begin();
    f.k->fake.reg[K_RDI] = (uint32_t)-7;
    f.k->fake.reg[K_RSI] = f.k->base + 0x5000 - 3; /* a text at the end of a page */
    put_text(f.k, f.k->base + 0x5000 - 3, "me");
    is_call(&f, "wake", f.wake, "wake(pid=-7, text=\"me\")");
    is_call(&f, "kernel:wake", f.wake, "kernel:wake(pid=-7, text=\"me\")");
    f.k->fake.reg[K_RSI] = 0;
    is_call(&f, "wake", f.wake, "wake(pid=-7, text=NULL)");
    is_call(&f, "untyped", address_of(f.k, "untyped"), "");
    is_call(&f, "nowhere", 0x1234, "");
    end(&f);
}

/* A module's types are in the kernel's own copy. What the kernel's have as well is not repeated in them. */
static void test_module(void **state)
{
    struct fixture f = begin();
    const uint64_t poke = f.k->base + MODULE_CODE;
    lx_calls_module(f.k->lx, f.module, "dummy"); /* it has no types */
    add_module_types(&f);
    lx_calls_module(f.k->lx, f.module, "dummy");
    lx_calls_module(f.k->lx, f.module, "dummy");
    f.k->fake.reg[K_RDI] = 1;
    f.k->fake.reg[K_RSI] = 0;
    is_call(&f, "poke", poke, "poke(pid=1, text=NULL)");
    is_call(&f, "wake", poke + 4, "wake(pid=1, text=NULL)");
    is_call(&f, "untyped", poke + 8, "");
    end(&f);
}

/* Of a kernel that is taken up later nobody has seen the module being loaded: its types are looked for at the first call. */
static void test_taken_up(void **state)
{
    struct fixture f = begin();
    add_module_types(&f);
    f.k->lx->resumed = true;
    f.k->fake.reg[K_RDI] = 1;
    is_call(&f, "poke", f.k->base + MODULE_CODE, "poke(pid=1, text=NULL)");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernel), cmocka_unit_test(test_module),
                                       cmocka_unit_test(test_taken_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
