/* test_linux_memory.c - what a Linux kernel has in memory at a position (core/systems/linux/memory), from objects laid out as a kernel
 * has them, behind page tables of their own: tasks, the log, the tables by which callers are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "core/systems/linux/memory/dmesg.h"
#include "core/systems/linux/memory/orc.h"
#include "core/systems/linux/memory/tasks.h"
#include "tests/unit/fake_kernel.h"

/* ---------------------------------------------------------------- page tables */

enum { ENTRY = 3, LARGE_ENTRY = 0x83, TABLES = 0x30000, MIDDLE = 0x34000, LOW = 0x35000 };

/* The kernel's 2 MiB, and nothing else. */
static void map_kernel(struct kernel *k, uint64_t tables)
{
    put(k, k->base + tables + 8 * (k->base >> 39 & 511), MIDDLE | ENTRY, 8);
    put(k, k->base + MIDDLE + 8 * (k->base >> 30 & 511), LOW | ENTRY, 8);
    put(k, k->base + LOW + 8 * (k->base >> 21 & 511), LARGE_ENTRY, 8);
}

static struct look look_at(struct kernel *k)
{
    return look_of(&k->fake.e, false);
}

static void test_tables(void **state)
{
    struct kernel *k = kernel_new(8);
    uint64_t physical, value;
    kernel_begins(k);
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES;
    assert_int_equal(view_tables_for(look_at(k), 0, k->base), TABLES);
    assert_true(view_translate(look_at(k), TABLES, k->base + 0x1234, &physical));
    assert_int_equal(physical, 0x1234);
    assert_false(view_translate(look_at(k), TABLES, k->base + (2 << 20), &physical));
    put(k, k->base + 0x5000, 0x1122334455667788, 8);
    assert_int_equal(view_peek(look_at(k), TABLES, k->base + 0x5000, &value, 8), 8);
    assert_int_equal(value, 0x1122334455667788);
    assert_int_equal(view_peek(look_at(k), TABLES, 0x400000, &value, 8), 0);
    kernel_free(k);
}

/* A program runs whose tables do not have the kernel (page table isolation): the kernel's are right before them. */
static void test_isolated(void **state)
{
    struct kernel *k = kernel_new(8);
    kernel_begins(k);
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES + 0x1000;
    assert_int_equal(view_tables_for(look_at(k), 0, k->base), TABLES);
    assert_int_equal(view_tables_for(look_at(k), 0, 0x400000), TABLES + 0x1000); /* neither has it */
    kernel_free(k);
}

/* ---------------------------------------------------------------- types */

struct member {
    const char *name;
    unsigned offset;
    int type; /* 0: a number of 8 bytes, -4, -2 and -1: of so many */
};

struct types {
    struct btf *btf;
    int number[9]; /* by their bytes */
};

static void types_begin(struct types *t)
{
    t->btf = btf__new_empty();
    assert_non_null(t->btf);
    t->number[1] = btf__add_int(t->btf, "unsigned char", 1, 0);
    t->number[2] = btf__add_int(t->btf, "unsigned short", 2, 0);
    t->number[4] = btf__add_int(t->btf, "unsigned int", 4, 0);
    t->number[8] = btf__add_int(t->btf, "unsigned long", 8, 0);
}

static int add_structure(struct types *t, const char *name, unsigned size, const struct member *m, size_t n)
{
    const int id = btf__add_struct(t->btf, name, size);
    assert_true(id > 0);
    for (size_t i = 0; i < n; i++) {
        const int type = m[i].type > 0 ? m[i].type : t->number[m[i].type ? -m[i].type : 8];
        assert_int_equal(btf__add_field(t->btf, m[i].name, type, 8 * m[i].offset, 0), 0);
    }
    return id;
}
#define STRUCTURE(t, name, size, ...)                                                                        \
    add_structure(t, name, size, (const struct member[]){__VA_ARGS__},                                       \
                  sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static struct kernel_types *types_end(struct types *t)
{
    uint32_t n;
    const void *data = btf__raw_data(t->btf, &n);
    struct kernel_types *k = kernel_types_of(data, n);
    assert_non_null(k);
    btf__free(t->btf);
    return k;
}

/* ---------------------------------------------------------------- tasks */

enum {
    T_STATE = 0,
    T_FLAGS = 4,
    T_TASKS = 0x10,
    T_NODE = 0x20,
    T_SIGNAL = 0x30,
    T_PID = 0x38,
    T_TGID = 0x3c,
    T_COMM = 0x40,
    T_MM = 0x50,
    T_THREAD = 0x60,
    PGD = 8,
    HEAD = 16
};

/* `state`: what the kernel calls the member. */
static struct kernel_types *task_types(const char *state)
{
    struct types t;
    types_begin(&t);
    const int thread = STRUCTURE(&t, "thread_struct", 8, {"sp", 0, 0});
    STRUCTURE(&t, "task_struct", 0x80, {state, T_STATE, -4}, {"flags", T_FLAGS, -4}, {"tasks", T_TASKS, 0},
              {"thread_node", T_NODE, 0}, {"signal", T_SIGNAL, 0}, {"pid", T_PID, -4}, {"tgid", T_TGID, -4},
              {"comm", T_COMM, -1}, {"mm", T_MM, 0}, {"thread", T_THREAD, thread});
    STRUCTURE(&t, "signal_struct", 64, {"thread_head", HEAD, 0});
    STRUCTURE(&t, "mm_struct", 64, {"pgd", PGD, 0});
    STRUCTURE(&t, "inactive_task_frame", 56, {"r15", 0, 0}, {"r14", 8, 0}, {"r13", 16, 0}, {"r12", 24, 0},
              {"bx", 32, 0}, {"bp", 40, 0}, {"ret_addr", 48, 0});
    return types_end(&t);
}

static uint64_t add_task(struct kernel *k, uint32_t pid, uint32_t tgid, const char *comm, uint32_t state)
{
    const uint64_t t = object(k);
    put(k, t + T_PID, pid, 4);
    put(k, t + T_TGID, tgid, 4);
    put(k, t + T_STATE, state, 4);
    put_text(k, t + T_COMM, comm);
    return t;
}

/* A process with a list of its threads, its first one in it. */
static void make_process(struct kernel *k, uint64_t leader, uint64_t thread)
{
    const uint64_t signal = object(k), head = signal + HEAD, first = leader + T_NODE;
    put_word(k, leader + T_SIGNAL, signal);
    put_word(k, head, first);
    put_word(k, first, thread ? thread + T_NODE : head);
    if (thread) {
        put_word(k, thread + T_SIGNAL, signal);
        put_word(k, thread + T_NODE, head);
    }
}

/* "PID STATE" of each. */
static void are(const struct view_task *t, size_t n, const char *want)
{
    char words[200] = "";
    for (size_t i = 0; i < n; i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%u %c", i ? ", " : "", t[i].pid,
                 t[i].state);
    assert_string_equal(words, want);
}

/* Two processes, one of them with two threads, and a kernel thread. The one that runs comes first, then the list, each process's threads
 * together. Of those that sleep the kernel has saved a frame; a process has tables of its own. */
static void test_tasks(void **state)
{
    struct kernel *k = kernel_new(8);
    const uint64_t init = add_task(k, 0, 0, "swapper/0", 0), sh = add_task(k, 1, 1, "sh", 1),
                   daemon = add_task(k, 7, 7, "daemon", 0x400 | 2), thread = add_task(k, 8, 7, "worker", 2),
                   dead = add_task(k, 9, 9, "dead", 0x20), mm = object(k), frame = object(k);
    const uint64_t list[] = {init, sh, daemon, dead};
    for (size_t i = 0; i < 4; i++)
        put_word(k, list[i] + T_TASKS, list[(i + 1) % 4] + T_TASKS);
    make_process(k, sh, 0);
    make_process(k, daemon, thread);
    make_process(k, dead, 0);
    put_word(k, sh + T_MM, mm);
    put_word(k, mm + PGD, k->base + 0x6000);
    put_word(k, daemon + T_THREAD, frame);
    put(k, frame + 40, 0x1234, 8);
    put(k, frame + 48, k->base + 0x1000, 8);
    variable(k, "init_task", init);
    variable(k, "current_task", k->base + 0x3000);
    kernel_begins(k);
    put_word(k, k->base + 0x3000, sh);
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES;
    struct kernel_types *types = task_types("__state"), *older = task_types("state"),
                        *other = task_types("status");
    struct view_task *tasks, one;
    struct error err;
    size_t n;
    assert_int_equal(view_tasks(look_at(k), types, k->symbols, &tasks, &n, &err), 0);
    are(tasks, n, "1 R, 0 R, 7 I, 8 D, 9 Z");
    assert_string_equal(tasks[0].name, "sh");
    assert_int_equal(tasks[0].cpu, 0);
    assert_true(tasks[0].has_memory);
    assert_int_equal(tasks[0].tables, 0x6000);
    assert_false(tasks[2].has_memory);
    assert_int_equal(tasks[2].tables, TABLES);
    assert_int_equal(tasks[2].reg[6], 0x1234);
    assert_int_equal(tasks[2].reg[7], frame + 56);
    assert_int_equal(tasks[2].reg[16], k->base + 0x1000);
    assert_true(view_task_has(3) && view_task_has(7) && view_task_has(16));
    assert_false(view_task_has(0));
    free(tasks);
    assert_true(view_task_on(look_at(k), older, k->symbols, 0, &one));
    assert_int_equal(one.pid, 1);
    assert_int_equal(view_tasks(look_at(k), other, k->symbols, &tasks, &n, &err), -1);
    assert_string_equal(
        err.text,
        "the kernel's types (BTF) have no struct task_struct with __state, so its tasks cannot be found");
    assert_int_equal(view_tasks(look_at(k), NULL, k->symbols, &tasks, &n, &err), -1);
    put_text(k, init + T_COMM, "?");
    assert_int_equal(view_tasks(look_at(k), types, k->symbols, &tasks, &n, &err), -1);
    assert_string_equal(err.text, "the kernel has not begun here: there are no tasks yet");
    kernel_types_free(types);
    kernel_types_free(older);
    kernel_types_free(other);
    kernel_free(k);
}

/* ---------------------------------------------------------------- the log */

enum { DESC = 24, INFO = 32, DESCS_BITS = 2, DATA_BITS = 7 };
#define FINAL ((uint64_t)2 << 62)

static struct kernel_types *log_types(void)
{
    struct types t;
    types_begin(&t);
    const int ring = STRUCTURE(&t, "prb_desc_ring", 40, {"count_bits", 0, -4}, {"descs", 8, 0},
                               {"infos", 16, 0}, {"head_id", 24, 0}, {"tail_id", 32, 0}),
              data = STRUCTURE(&t, "prb_data_ring", 16, {"size_bits", 0, -4}, {"data", 8, 0}),
              block = STRUCTURE(&t, "prb_data_blk_lpos", 16, {"begin", 0, 0}, {"next", 8, 0});
    STRUCTURE(&t, "printk_ringbuffer", 56, {"desc_ring", 0, ring}, {"text_data_ring", 40, data});
    STRUCTURE(&t, "prb_desc", DESC, {"state_var", 0, 0}, {"text_blk_lpos", 8, block});
    STRUCTURE(&t, "printk_info", INFO, {"seq", 0, 0}, {"ts_nsec", 8, 0}, {"text_len", 16, -2},
              {"facility", 18, -1});
    return types_end(&t);
}

struct log {
    struct kernel *k;
    uint64_t ring, descs, infos, data, next; /* next: where the next block goes */
    uint64_t id;
};

/* Adds a message in a block of its own, as the kernel places it: at the beginning if it does not fit before the end. */
static void add_message(struct log *l, const char *text, uint64_t time, unsigned level, uint64_t state)
{
    const uint64_t size = (uint64_t)1 << DATA_BITS, need = (8 + strlen(text) + 7) & ~(uint64_t)7,
                   begin = l->next, index = ++l->id & ((1 << DESCS_BITS) - 1), desc = l->descs + DESC * index,
                   info = l->infos + INFO * index;
    const bool fits = begin / size == (begin + need - 1) / size;
    const uint64_t at = fits ? begin % size : 0;
    l->next = fits ? begin + need : (begin / size + 1) * size + need;
    memcpy(kernel_place(l->k, l->data + at + 8, strlen(text)), text, strlen(text));
    put(l->k, desc, l->id | state, 8);
    put(l->k, desc + 8, begin, 8);
    put(l->k, desc + 16, l->next, 8);
    put(l->k, info + 8, time, 8);
    put(l->k, info + 16, strlen(text), 2);
    put(l->k, info + 19, level << 5, 1);
    put(l->k, l->ring + 24, l->id | FINAL, 8);
}

static void log_begin(struct log *l, struct kernel *k)
{
    *l = (struct log){k, object(k), object(k), object(k), object(k), 0, 100};
    put(k, l->ring, DESCS_BITS, 4);
    put_word(k, l->ring + 8, l->descs);
    put_word(k, l->ring + 16, l->infos);
    put(k, l->ring + 32, 101 | FINAL, 8);
    put(k, l->ring + 40, DATA_BITS, 4);
    put_word(k, l->ring + 48, l->data);
}

/* Messages in the order of their numbers; one whose block begins anew at the beginning of the data; one that is not whole yet. */
static void test_log(void **state)
{
    struct kernel *k = kernel_new(8);
    struct log l;
    struct view_message *list;
    struct error err;
    char line[VIEW_MESSAGE_LINE];
    size_t n, at = 0;
    log_begin(&l, k);
    variable(k, "prb", k->base + 0x3000);
    kernel_begins(k);
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES;
    struct kernel_types *types = log_types();
    assert_int_equal(view_dmesg(look_at(k), 0, types, k->symbols, 100, &list, &n, &err), -1);
    assert_string_equal(err.text, "the kernel's log has not begun here");
    put_word(k, k->base + 0x3000, l.ring);
    add_message(&l, "Linux version 6.1.0 (gcc 12), which will be forgotten soon", 0, 5, FINAL);
    put(k, l.ring + 32, 102 | FINAL, 8);
    add_message(&l, "first\nsecond \x1b[1m", 10678000, 6, FINAL);
    add_message(&l, "this one does not fit before the end", 1500000000, 3, FINAL);
    add_message(&l, "wr", 2000000000, 6, 0);
    assert_int_equal(view_dmesg(look_at(k), 0, types, k->symbols, 100, &list, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_true(view_message_line(&list[0], &at, line));
    assert_string_equal(line, "[    0.010678] first");
    assert_true(view_message_line(&list[0], &at, line));
    assert_string_equal(line, "[    0.010678] second ?[1m");
    assert_false(view_message_line(&list[0], &at, line));
    assert_int_equal(list[1].level, 3);
    assert_string_equal(list[1].text, "this one does not fit before the end");
    free(list);
    assert_int_equal(view_dmesg(look_at(k), 0, types, k->symbols, 1, &list, &n, &err), 0);
    assert_int_equal(n, 1); /* the last */
    assert_int_equal(list[0].level, 3);
    free(list);
    assert_int_equal(view_dmesg(look_at(k), 0, NULL, k->symbols, 1, &list, &n, &err), -1);
    kernel_types_free(types);
    kernel_free(k);
}

/* ---------------------------------------------------------------- tables for unwinding */

enum { ORC_IP = 0x8000, ORC_ROWS = 0x9000 };

static void put_row(struct kernel *k, unsigned i, uint64_t pc, int16_t sp, unsigned reg, unsigned type)
{
    const uint64_t at = k->base + ORC_IP + 4 * i, row = k->base + ORC_ROWS + 6 * i;
    put(k, at, (uint32_t)(pc - at), 4);
    put(k, row, (uint16_t)sp, 2);
    put(k, row + 4, reg, 1); /* sp_reg:4, bp_reg:4 */
    put(k, row + 5, type, 1);
}

/* Registers and types have had other numbers: which, most of the rows show. `call`, `sp`: the numbers of a call and of the stack pointer. */
static void unwind(unsigned call, unsigned sp)
{
    struct kernel *k = kernel_new(8);
    struct orc_row row;
    variable(k, "__start_orc_unwind_ip", k->base + ORC_IP);
    variable(k, "__stop_orc_unwind_ip", k->base + ORC_IP + 4 * 4);
    variable(k, "__start_orc_unwind", k->base + ORC_ROWS);
    kernel_begins(k);
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES;
    put_row(k, 0, k->base + 0x1000, 8, sp, call);
    put_row(k, 1, k->base + 0x1010, 24, sp, call);
    put_row(k, 2, k->base + 0x1020, 0, 0, 0);
    put_row(k, 3, k->base + 0x2000, 8, sp, call);
    const struct orc_guest g = {look_at(k), 0, k->symbols, k->lx->base.space},
                           none = {look_at(k), 0, NULL, 0};
    struct view_orc *o = view_orc_new();
    assert_int_equal(view_orc_row(o, &none, k->base + 0x1000, &row), ORC_NO_TABLES);
    assert_int_equal(view_orc_row(o, &g, k->base + 0x1018, &row), ORC_ROW);
    assert_int_equal(row.type, ORC_CALL);
    assert_int_equal(row.sp_reg, ORC_SP);
    assert_int_equal(row.sp_offset, 24);
    assert_int_equal(view_orc_row(o, &g, k->base + 0x1024, &row), ORC_ROW);
    assert_true(row.type == ORC_NOTHING || row.type == ORC_END);
    assert_int_equal(view_orc_row(o, &g, k->base + 0xfff, &row), ORC_NO_ROW);
    assert_int_equal(view_orc_row(o, &g, k->base + 0x2000, &row),
                     ORC_NO_ROW); /* the last row ends the code */
    view_orc_free(o);
    kernel_free(k);
}

static void test_orc(void **state)
{
    unwind(0, 5);
    unwind(2, 5);
    unwind(2, 3);
}

/* A module has a table of its own, which its struct module names at a place that differs from kernel to kernel: what only looks like it is
 * not taken for it. */
static void test_orc_of_module(void **state)
{
    enum { CODE = 0x38000, IPS = 0xa000, ROWS = 0xb000, WRONG = 0x40, RIGHT = 0xa8 };
    struct kernel *k = kernel_new(8);
    struct orc_row row;
    variable(k, "__start_orc_unwind_ip", k->base + ORC_IP);
    variable(k, "__stop_orc_unwind_ip", k->base + ORC_IP + 2 * 4);
    variable(k, "__start_orc_unwind", k->base + ORC_ROWS);
    kernel_begins(k);
    const uint64_t self = object(k), ips = k->base + IPS, rows = k->base + ROWS;
    struct symbol_table *t = symbol_table_begin(k->symbols, "dummy", "module");
    symbol_table_add(t, "probe", k->base + CODE, 0x40, 't', SYMBOL_SIZED);
    symbol_table_add(t, "__this_module", self, 0x200, 'd', SYMBOL_SIZED);
    symbols_map(k->symbols,
                &(struct symbol_mapping){.table = symbol_table_end(t), .space = k->lx->base.space});
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES;
    put_row(k, 0, k->base + 0x1000, 8, 5, 0);
    put_row(k, 1, k->base + 0x2000, 8, 5, 0);
    for (unsigned i = 0; i < 2; i++) {
        put(k, ips + 4 * i, CODE + 0x20 * i - (IPS + 4 * i), 4);
        put(k, rows + 6 * i, 16, 2);
        put(k, rows + 6 * i + 4, ORC_SP, 1);
    }
    put(k, self + WRONG, 2, 4);
    put_word(k, self + WRONG + 8, k->base + ORC_IP); /* rows of the kernel's */
    put_word(k, self + WRONG + 16, rows);
    const struct orc_guest g = {look_at(k), 0, k->symbols, k->lx->base.space};
    struct view_orc *o = view_orc_new();
    assert_int_equal(view_orc_row(o, &g, k->base + CODE + 4, &row), ORC_NO_ROW);
    put(k, self + RIGHT, 2, 4);
    put_word(k, self + RIGHT + 8, ips);
    put_word(k, self + RIGHT + 16, rows);
    for (unsigned i = 0; i < 2; i++) { /* the table is kept */
        assert_int_equal(view_orc_row(o, &g, k->base + CODE + 4, &row), ORC_ROW);
        assert_int_equal(row.sp_offset, 16);
    }
    assert_int_equal(view_orc_row(o, &g, k->base + 0x39000, &row), ORC_NO_ROW);
    view_orc_free(o);
    kernel_free(k);
}

/* A table that the kernel has not sorted yet says nothing. */
static void test_orc_unsorted(void **state)
{
    struct kernel *k = kernel_new(8);
    struct orc_row row;
    variable(k, "__start_orc_unwind_ip", k->base + ORC_IP);
    variable(k, "__stop_orc_unwind_ip", k->base + ORC_IP + 2 * 4);
    variable(k, "__start_orc_unwind", k->base + ORC_ROWS);
    kernel_begins(k);
    map_kernel(k, TABLES);
    k->fake.reg[K_CR3] = TABLES;
    put_row(k, 0, k->base + 0x1010, 8, 5, 0);
    put_row(k, 1, k->base + 0x1000, 8, 5, 0);
    const struct orc_guest g = {look_at(k), 0, k->symbols, k->lx->base.space};
    struct view_orc *o = view_orc_new();
    assert_int_equal(view_orc_row(o, &g, k->base + 0x1010, &row), ORC_NO_TABLES);
    put_row(k, 0, k->base + 0x0f00, 8, 5, 0);
    assert_int_equal(view_orc_row(o, &g, k->base + 0x0f10, &row), ORC_ROW);
    view_orc_free(o);
    kernel_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),        cmocka_unit_test(test_isolated),
        cmocka_unit_test(test_tasks),         cmocka_unit_test(test_log),
        cmocka_unit_test(test_orc),           cmocka_unit_test(test_orc_unsorted),
        cmocka_unit_test(test_orc_of_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
