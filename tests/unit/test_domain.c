/* test_domain.c - xenstore's tree and a domain of Xen without a machine around it (hv/xen). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/xen/store.h"
#include "hv/xen/xen.h"

/* ---------------------------------------------------------------- the tree */

static struct store_tree *new_tree(void)
{
    struct store_tree *t = calloc(1, sizeof *t);
    assert_true(nodes_set(t, "/", NULL, 0, "r0", 3));
    return t;
}

static void put(struct store_tree *t, const char *path, const char *value)
{
    assert_true(nodes_set(t, path, value, strlen(value), NULL, 0));
    assert_true(nodes_valid(t));
}

static void check_value(const struct store_tree *t, const char *path, const char *value)
{
    struct store_node node;
    assert_true(nodes_find(t, path, &node));
    assert_int_equal(node.value_length, strlen(value));
    assert_memory_equal(node.value, value, node.value_length);
}

static void test_values(void **state)
{
    struct store_tree *t = new_tree();
    struct store_node node;
    put(t, "/a", "one");
    put(t, "/b", "two");
    put(t, "/a", "a longer one");
    check_value(t, "/a", "a longer one");
    check_value(t, "/b", "two");
    put(t, "/a", "");
    check_value(t, "/a", "");
    check_value(t, "/b", "two");
    assert_false(nodes_find(t, "/c", &node));
    /* a permission is set without changing the value */
    assert_true(nodes_set(t, "/b", NULL, 0, "n1", 3));
    check_value(t, "/b", "two");
    free(t);
}

static void test_removing(void **state)
{
    struct store_tree *t = new_tree();
    struct store_node node;
    put(t, "/a", "1");
    put(t, "/a/b", "2");
    put(t, "/a/b/c", "3");
    put(t, "/ab", "4");
    nodes_remove(t, "/a");
    assert_true(nodes_valid(t));
    assert_false(nodes_find(t, "/a", &node));
    assert_false(nodes_find(t, "/a/b/c", &node));
    check_value(t, "/ab", "4");
    free(t);
}

static void test_full(void **state)
{
    struct store_tree *t = new_tree();
    char value[STORE_VALUE], path[16];
    int n = 0;
    memset(value, 'x', sizeof value);
    for (;; n++) {
        snprintf(path, sizeof path, "/%d", n);
        if (!nodes_set(t, path, value, sizeof value, NULL, 0))
            break;
    }
    assert_true(n > 10 && nodes_valid(t));
    assert_false(nodes_set(t, "/0", value, sizeof value + 1, NULL, 0));
    nodes_remove(t, "/0");
    assert_true(nodes_set(t, path, value, sizeof value, NULL, 0));
    free(t);
}

static void test_damaged(void **state)
{
    struct store_tree *t = new_tree();
    put(t, "/a", "1");
    t->used += 1;
    assert_false(nodes_valid(t));
    t->used = sizeof *t;
    assert_false(nodes_valid(t));
    free(t);
}

static void test_permissions(void **state)
{
    static const struct {
        const char *list;
        size_t n;
        bool read, write;
    } rows[] = {
        {"n1", 3, true, true},      {"n0", 3, false, false},        {"r0", 3, true, false},
        {"n0\0r1", 6, true, false}, {"n0\0b1", 6, true, true},      {"b0\0n1", 6, false, false},
        {"w0", 3, false, true},     {"n0\0r2\0w1", 9, false, true}, {"n0\0r12", 7, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct store_node node = {.permissions = rows[i].list, .permissions_length = rows[i].n};
        assert_int_equal(node_allows(&node, 1, false), rows[i].read);
        assert_int_equal(node_allows(&node, 1, true), rows[i].write);
    }
}

/* ---------------------------------------------------------------- a domain */

enum { RAM = 32 << 20 };

struct fake {
    struct physmem *mem;
    struct x86 *cpu;
    struct xen *xen;
    uint64_t now;
};

static uint64_t fake_now(void *ctx)
{
    return ((struct fake *)ctx)->now;
}
static struct x86 *fake_cpu(void *ctx, unsigned vcpu)
{
    return ((struct fake *)ctx)->cpu;
}
static void fake_event(void *ctx, struct event *ev) {}
static void fake_unhandled(void *ctx, const char *what, uint64_t number, bool write, uint64_t value) {}
static void fake_console(void *ctx, uint8_t byte) {}
static void fake_upcall(void *ctx, unsigned vcpu) {}
static void fake_shutdown(void *ctx, enum xen_shutdown reason) {}

static bool no_msr(void *ctx, uint32_t msr, uint64_t *value)
{
    return false;
}

static int make(void **state)
{
    struct fake *f = calloc(1, sizeof *f);
    const struct x86_bus bus = {.ctx = f, .rdmsr = no_msr};
    const struct xen_host host = {.ctx = f,
                                  .now = fake_now,
                                  .cpu = fake_cpu,
                                  .event = fake_event,
                                  .unhandled = fake_unhandled,
                                  .console = fake_console,
                                  .upcall = fake_upcall,
                                  .shutdown = fake_shutdown};
    struct error err;
    f->mem = physmem_create((1ull << 32) + XEN_ABOVE_RAM, NULL);
    struct ramblock *ram = physmem_block(f->mem, "ram", RAM);
    physmem_map(f->mem, 0, RAM, ram, 0, ram, 0, false);
    f->cpu = x86_create(f->mem, &bus, 0, x86_model(0), &err);
    const struct xen_domain domain = {
        .mem = f->mem, .ram = ram, .ram_low = RAM, .vcpus = 1, .bios = "seabios", .wall_clock = 1234567890};
    f->xen = xen_create(&host, &domain);
    xen_reset(f->xen);
    /* 32-bit protected mode, as the domain's first code finds it */
    x86_set(f->cpu, "cr0", 0x11);
    x86_set_segment(f->cpu, "cs", 8, 0, 0xffffffff, 0xc09b);
    x86_set_segment(f->cpu, "ss", 16, 0, 0xffffffff, 0xc093);
    *state = f;
    return 0;
}

static int unmake(void **state)
{
    struct fake *f = *state;
    xen_destroy(f->xen);
    x86_destroy(f->cpu);
    physmem_destroy(f->mem);
    free(f);
    return 0;
}

static int32_t call(struct fake *f, uint32_t number, uint32_t a0, uint32_t a1)
{
    x86_set(f->cpu, "rax", number);
    x86_set(f->cpu, "rbx", a0);
    x86_set(f->cpu, "rcx", a1);
    xen_hypercall(f->xen, 0);
    return (int32_t)x86_get(f->cpu, "rax");
}

static uint32_t get32(struct fake *f, uint64_t pa)
{
    uint32_t v;
    physmem_read(f->mem, pa, &v, 4);
    return v;
}

enum { AT = 0x200000, MEMORY_OP = 12, ADD_TO_PHYSMAP = 7, DECREASE = 1, POPULATE = 6 };

static int32_t add_to_physmap(struct fake *f, uint32_t space, uint32_t index, uint32_t page)
{
    const uint32_t s[4] = {0x7ff0, space, index, page};
    physmem_write(f->mem, AT, s, sizeof s);
    return call(f, MEMORY_OP, ADD_TO_PHYSMAP, AT);
}

static int32_t reserve(struct fake *f, uint32_t operation, uint32_t page)
{
    const uint32_t s[6] = {AT + 64, 1, 0, 0, 0x7ff0, 0};
    physmem_write(f->mem, AT, s, sizeof s);
    physmem_write(f->mem, AT + 64, &page, 4);
    return call(f, MEMORY_OP, operation, AT);
}

static void test_shared_page(void **state)
{
    struct fake *f = *state;
    assert_int_equal(add_to_physmap(f, 0, 0, 0xfe700), 0);
    assert_int_equal(get32(f, 0xfe700000 + 2304 + 4), 1234567890); /* the wall clock, in 32-bit code */
    assert_int_equal(get32(f, 0xfe700000 + 32 + 24), 0x80000000u); /* 1 GHz */
    /* it is at one place at a time, over RAM too */
    assert_int_equal(add_to_physmap(f, 0, 0, 0x1000), 0);
    assert_int_equal(get32(f, 0x1000000 + 2304 + 4), 1234567890);
    assert_int_equal(physmem_mapped(f->mem, 0xfe700000, 4096), 0);
    /* its times are there whenever it is mapped: hvmloader clears them, and Linux reads them at once */
    const uint32_t cleared = 0;
    physmem_write(f->mem, 0x1000000 + 32 + 24, &cleared, 4);
    assert_int_equal(add_to_physmap(f, 0, 0, 0x100000), 0); /* and above all memory, as FreeBSD wants */
    assert_int_equal(get32(f, 0x100000000 + 32 + 24), 0x80000000u);
    assert_int_equal(add_to_physmap(f, 0, 0, 0xffe00), 0); /* and where hvmloader puts UEFI firmware */
    assert_int_equal(get32(f, 0xffe00000 + 32 + 24), 0x80000000u);
    /* not over what the chipset or Xen decides about, nor beyond all memory */
    assert_int_equal(add_to_physmap(f, 0, 0, 0xc0), -22);
    assert_int_equal(add_to_physmap(f, 0, 0, 0xfee00), -22);
    assert_int_equal(add_to_physmap(f, 0, 0, 0xffffffff), -22);
    assert_int_equal(add_to_physmap(f, 9, 0, 0xfe700), -38);
}

static void test_ballooning(void **state)
{
    struct fake *f = *state;
    uint64_t pages = xen_pages(f->xen);
    const uint32_t mark = 0x12345678;
    physmem_write(f->mem, 0x1000000, &mark, 4);
    assert_int_equal(reserve(f, DECREASE, 0x1000), 1);
    assert_int_equal(xen_pages(f->xen), pages - 1);
    assert_int_equal(physmem_mapped(f->mem, 0x1000000, 4096), 0);
    assert_int_equal(reserve(f, DECREASE, 0x1000), 0); /* it is gone */
    assert_int_equal(reserve(f, POPULATE, 0x1000), 1);
    assert_int_equal(get32(f, 0x1000000), 0); /* a new page */
    assert_int_equal(xen_pages(f->xen), pages);
    xen_reset(f->xen);
    assert_int_equal(get32(f, 0x1000000), mark);
}

static void test_who_may_call(void **state)
{
    struct fake *f = *state;
    assert_int_equal(call(f, 17, 0, 0), 4 << 16 | 17);
    x86_set(f->cpu, "cr0", 0x10); /* real mode */
    assert_int_equal(call(f, 17, 0, 0), -1);
    x86_set(f->cpu, "cr0", 0x11);
    assert_int_equal(call(f, 35, 0, 0), -1);  /* sysctl */
    assert_int_equal(call(f, 99, 0, 0), -38); /* there is none */
    assert_int_equal(call(f, MEMORY_OP, ADD_TO_PHYSMAP, 0xf0000000), -14);
}

static void test_timer(void **state)
{
    struct fake *f = *state;
    const uint32_t virq[3] = {0, 0, 0};
    physmem_write(f->mem, AT, virq, sizeof virq);
    assert_int_equal(call(f, 32, 1, AT), 0); /* bind_virq: the timer */
    uint32_t port = get32(f, AT + 8);
    assert_int_equal(call(f, 32, 1, AT), -17); /* only once */
    assert_int_equal(call(f, 15, 5000, 0), 0);
    assert_int_equal(xen_deadline(f->xen), 5000);
    assert_int_equal(add_to_physmap(f, 0, 0, 0xfe700), 0);
    assert_int_equal(xen_upcall(f->xen, 0), -1);
    f->now = 5000;
    xen_run_timers(f->xen);
    assert_int_equal(get32(f, 0xfe700000 + 2048), 1u << port);
    assert_int_equal(get32(f, 0xfe700000) & 0xff, 1); /* upcall pending */
    assert_int_equal(xen_upcall(f->xen, 0), -1);      /* but no vector was given */
    const uint32_t via[4] = {0x7ff0, 0, 0xf3, 2u << 24};
    physmem_write(f->mem, AT, via, sizeof via);
    assert_int_equal(call(f, 34, 0, AT), 0);
    assert_int_equal(xen_upcall(f->xen, 0), 0xf3);
    xen_upcall_taken(f->xen, 0);
    assert_int_equal(xen_upcall(f->xen, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_removing),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test_setup_teardown(test_shared_page, make, unmake),
        cmocka_unit_test_setup_teardown(test_ballooning, make, unmake),
        cmocka_unit_test_setup_teardown(test_who_may_call, make, unmake),
        cmocka_unit_test_setup_teardown(test_timer, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
