/* test_types.c - a kernel's types as debug sections: BTF is made with libbpf, and the ELF file is read with libdw. That gdb is content with them is shown
 * in tests/boot/types.sh. */
#include <bpf/btf.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/symbols/private/kernel_types_impl.h"
#include "core/symbols/symbols.h"

#define TEXT 0xffffffff81000000u

/* endbr64; the NOP of tracing; push rbp; push r12; mov rbp, rsp; then something else. */
static const uint8_t code[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0,   0,
                               0x55, 0x41, 0x54, 0x48, 0x89, 0xe5, 0x31, 0xff};

static size_t read_code(void *ctx, uint64_t address, void *buf, size_t n)
{
    const uint64_t at = address - TEXT;
    if (at >= sizeof code)
        return 0;
    n = n < sizeof code - at ? n : (size_t)(sizeof code - at);
    memcpy(buf, code + at, n);
    return n;
}

/* struct list { struct list *next; }; struct task { int state; unsigned flag : 1; char comm[16]; struct list list; union { long a; char b; }; };
 * enum mode { OFF, ON = -1 }; typedef int pid_t; int wake(struct task *p, long n); static void stop(void); a variable `runq` of struct list. */
static struct btf *make_btf(void)
{
    struct btf *b = btf__new_empty();
    const int i = btf__add_int(b, "int", 4, BTF_INT_SIGNED),
              l = btf__add_int(b, "long int", 8, BTF_INT_SIGNED);
    const int c = btf__add_int(b, "char", 1, BTF_INT_SIGNED), u = btf__add_int(b, "unsigned int", 4, 0);
    const int text = btf__add_array(b, i, c, 16);
    const int list = btf__add_struct(b, "list", 8);
    btf__add_field(b, "next", list + 1, 0, 0);
    assert_int_equal(btf__add_ptr(b, list), list + 1);
    const int either = btf__add_union(b, NULL, 8);
    btf__add_field(b, "a", l, 0, 0);
    btf__add_field(b, "b", c, 0, 0);
    const int task = btf__add_struct(b, "task_struct", 40);
    btf__add_field(b, "state", i, 0, 0);
    btf__add_field(b, "flag", u, 32, 1);
    btf__add_field(b, "comm", text, 64, 0);
    btf__add_field(b, "list", list, 192, 0);
    btf__add_field(b, NULL, either, 256, 0);
    btf__add_enum(b, "mode", 4);
    btf__add_enum_value(b, "OFF", 0);
    btf__add_enum_value(b, "ON", -1);
    btf__add_typedef(b, "pid_t", i);
    const int p = btf__add_ptr(b, task);
    const int proto = btf__add_func_proto(b, i);
    btf__add_func_param(b, "p", p);
    btf__add_func_param(b, "n", l);
    btf__add_func(b, "wake", BTF_FUNC_GLOBAL, proto);
    btf__add_func(b, "stop", BTF_FUNC_STATIC, btf__add_func_proto(b, 0));
    btf__add_var(b, "runq", BTF_VAR_STATIC, list);
    return b;
}

struct fixture {
    struct symbols *s;
    void *file;
    size_t size;
    Elf *elf;
    Dwarf *dwarf;
};

static void *elf_with(struct fixture *f, const void *btf, size_t n)
{
    const struct symbol_types types = {"kernel", btf, n};
    const struct symbol_types_set set = {.list = &types, .n = 1, .space = SPACE_KERNEL, .read = read_code};
    return symbols_elf(f->s, SPACE_ANY, &set, &f->size);
}

static int setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    f->s = symbols_new();
    struct symbol_table *t = symbol_table_begin(f->s, "kernel", "kallsyms");
    symbol_table_add(t, "_stext", TEXT, 0, 'T', 0);
    symbol_table_add(t, "wake", TEXT, 64, 'T', SYMBOL_SIZED);
    symbol_table_add(t, "stop", TEXT + 64, 64, 't', SYMBOL_SIZED);
    symbol_table_add(t, "_etext", TEXT + 128, 0, 'T', 0);
    symbol_table_add(t, "init_task", TEXT + 0x1000, 64, 'T', SYMBOL_SIZED); /* as some kernels call data */
    symbol_table_add(t, "runq", TEXT + 0x2000, 8, 'd', SYMBOL_SIZED);
    symbol_table_add(t, "init_mm", TEXT + 0x3000, 8, 'D', SYMBOL_SIZED); /* its type is not in this kernel */
    t = symbol_table_end(t);
    symbols_map(f->s, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    dwarf_end(f->dwarf);
    elf_end(f->elf);
    free(f->file);
    symbols_free(f->s);
    free(f);
    return 0;
}

/* The first DIE of that name, tag and with or without DW_AT_declaration, in any unit. */
static bool find(struct fixture *f, int tag, const char *name, Dwarf_Die *found)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit, die;
    while (!dwarf_get_units(f->dwarf, cu, &cu, NULL, NULL, &unit, NULL)) {
        if (dwarf_child(&unit, &die))
            continue;
        do {
            const char *its = dwarf_diename(&die);
            if (dwarf_tag(&die) == tag && its && !strcmp(its, name) &&
                !dwarf_hasattr(&die, DW_AT_declaration)) {
                *found = die;
                return true;
            }
        } while (!dwarf_siblingof(&die, &die));
    }
    return false;
}

static Dwarf_Word number(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute a;
    Dwarf_Word v = UINT64_MAX;
    dwarf_formudata(dwarf_attr(die, attribute, &a), &v);
    return v;
}

static Dwarf_Die type_of(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    Dwarf_Die type;
    assert_non_null(dwarf_formref_die(dwarf_attr(die, DW_AT_type, &a), &type));
    return type;
}

static void structures(void **state)
{
    struct fixture *f = *state;
    Dwarf_Die task, m, type;
    assert_true(find(f, DW_TAG_structure_type, "task_struct", &task));
    assert_int_equal(number(&task, DW_AT_byte_size), 40);
    assert_int_equal(dwarf_child(&task, &m), 0);
    assert_string_equal(dwarf_diename(&m), "state");
    type = type_of(&m);
    assert_string_equal(dwarf_diename(&type), "int");
    assert_int_equal(number(&type, DW_AT_encoding), DW_ATE_signed);
    assert_int_equal(dwarf_siblingof(&m, &m), 0);
    assert_int_equal(number(&m, DW_AT_bit_size), 1);
    assert_int_equal(number(&m, DW_AT_data_bit_offset), 32);
    assert_int_equal(dwarf_siblingof(&m, &m), 0);
    assert_int_equal(number(&m, DW_AT_data_member_location), 8);
    type = type_of(&m);
    assert_int_equal(dwarf_tag(&type), DW_TAG_array_type);
    assert_int_equal(dwarf_siblingof(&m, &m), 0);
    assert_string_equal(dwarf_diename(&m), "list");
    assert_int_equal(dwarf_siblingof(&m, &m), 0);
    assert_null(dwarf_diename(&m));
    type = type_of(&m);
    assert_int_equal(dwarf_tag(&type), DW_TAG_union_type);
    assert_int_equal(dwarf_siblingof(&m, &m), 1);
    assert_true(find(f, DW_TAG_typedef, "pid_t", &type));
    assert_true(find(f, DW_TAG_enumeration_type, "mode", &type));
}

static void functions(void **state)
{
    struct fixture *f = *state;
    Dwarf_Die fn, p, type;
    Dwarf_Addr low, high, base, begin, end;
    Dwarf_Attribute a;
    Dwarf_Op *ops;
    size_t n;
    assert_true(find(f, DW_TAG_subprogram, "wake", &fn));
    assert_true(dwarf_hasattr(&fn, DW_AT_external));
    assert_int_equal(dwarf_lowpc(&fn, &low), 0);
    assert_int_equal(dwarf_highpc(&fn, &high), 0);
    assert_int_equal(low, TEXT);
    assert_int_equal(high, TEXT + 64);
    assert_int_equal(dwarf_child(&fn, &p), 0);
    assert_string_equal(dwarf_diename(&p), "p");
    type = type_of(&p);
    assert_int_equal(dwarf_tag(&type), DW_TAG_pointer_type);
    type = type_of(&type);
    assert_string_equal(dwarf_diename(&type), "task_struct"); /* declared here, with members elsewhere */
    assert_true(dwarf_hasattr(&type, DW_AT_declaration));
    /* In rdi, up to the first instruction that is not of the prologue. */
    assert_true(dwarf_getlocations(dwarf_attr(&p, DW_AT_location, &a), 0, &base, &begin, &end, &ops, &n) > 0);
    assert_int_equal(n, 1);
    assert_int_equal(ops[0].atom, DW_OP_reg5);
    assert_int_equal(begin, TEXT);
    assert_int_equal(end, TEXT + 16);
    assert_int_equal(dwarf_siblingof(&p, &p), 0);
    assert_true(dwarf_getlocations(dwarf_attr(&p, DW_AT_location, &a), 0, &base, &begin, &end, &ops, &n) > 0);
    assert_int_equal(ops[0].atom, DW_OP_reg4);
    assert_true(find(f, DW_TAG_subprogram, "stop", &fn));
    assert_false(dwarf_hasattr(&fn, DW_AT_type));
    assert_false(dwarf_hasattr(&fn, DW_AT_external));
}

static void variables(void **state)
{
    static const struct {
        const char *name, *type;
        uint64_t address;
    } rows[] = {{"runq", "list", TEXT + 0x2000}, {"init_task", "task_struct", TEXT + 0x1000}};
    struct fixture *f = *state;
    Dwarf_Die v, type;
    for (size_t i = 0; i < 2; i++) {
        Dwarf_Attribute a;
        Dwarf_Op *ops;
        size_t n;
        assert_true(find(f, DW_TAG_variable, rows[i].name, &v));
        type = type_of(&v);
        assert_string_equal(dwarf_diename(&type), rows[i].type);
        assert_int_equal(dwarf_getlocation(dwarf_attr(&v, DW_AT_location, &a), &ops, &n), 0);
        assert_int_equal(ops[0].atom, DW_OP_addr);
        assert_int_equal(ops[0].number, rows[i].address);
    }
    assert_false(find(f, DW_TAG_variable, "init_mm", &v));
}

/* ---------------------------------------------------------------- words */

/* 1000h: a text; 2000h: a task_struct, whose comm is "sh". */
static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    static const uint8_t text[64] = "/dev/\"sda\"", task[40] = {[8] = 's', 'h'};
    const uint8_t *from = address >= 0x2000 ? task : text;
    const size_t at = address & 0xfff, size = address >= 0x2000 ? sizeof task : sizeof text;
    if (address < 0x1000 || address >= 0x3000 || at >= size)
        return 0;
    n = n < size - at ? n : size - at;
    memcpy(buf, from + at, n);
    return n;
}

static void words(void **state)
{
    struct fixture *f = *state;
    struct btf *btf = make_btf();
    uint32_t size;
    const void *raw = btf__raw_data(btf, &size);
    struct kernel_types *k = kernel_types_of(raw, size);
    const struct types_memory m = {NULL, read_memory};
    struct types_function fn;
    struct types_place p;
    struct error err;
    char text[200];
    assert_non_null(k);
    assert_false(kernel_types_function(k, "sleep", &fn));
    assert_true(kernel_types_function(k, "wake", &fn));
    kernel_types_arguments(k, &fn, (uint64_t[6]){0x2000, (uint64_t)-5}, &m, text, sizeof text);
    assert_string_equal(text, "(p=0x2000 \"sh\", n=-5)");
    kernel_types_arguments(k, &fn, (uint64_t[6]){0, 1}, &m, text, sizeof text);
    assert_string_equal(text, "(p=NULL, n=1)");
    assert_int_equal(kernel_types_arguments(k, &fn, (uint64_t[6]){0x5000, 1}, &m, text, 4),
                     strlen("(p=0x5000, n=1)"));

    assert_int_equal(kernel_types_place(k, f->s, "init_task.comm", &p, &err), 1);
    assert_int_equal(p.address, TEXT + 0x1000 + 8);
    assert_int_equal(p.size, 16);
    assert_true(kernel_types_value(k, &p, "sh\0x", 4, text, sizeof text) > 0);
    assert_string_equal(text, "\"sh\"");
    assert_int_equal(
        kernel_types_place(k, f->s, " ( ( struct task_struct * ) 0x100 ) -> comm [ 3 ]", &p, &err), 1);
    assert_int_equal(p.address, 0x100 + 8 + 3);
    assert_int_equal(kernel_types_place(k, f->s, "init_task.b", &p, &err),
                     1); /* of the union without a name */
    assert_int_equal(p.address, TEXT + 0x1000 + 32);
    assert_int_equal(kernel_types_place(k, f->s, "init_task.state", &p, &err), 1);
    assert_int_equal(kernel_types_value(k, &p, "\xfe\xff\xff\xff", 4, text, sizeof text), 2);
    assert_string_equal(text, "-2");
    static const char *const none[] = {
        "", "nobody", "runq2.next", "(", "(struct nobody *)1", "(struct list)1", "(struct list *)x"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(kernel_types_place(k, f->s, none[i], &p, &err), 0);
    static const char *const wrong[] = {
        "init_task.",       "init_task.nobody", "init_task.flag",  "init_task.comm[16]", "init_task.comm[x]",
        "init_task.comm[1", "init_task[0]",     "runq.next->next", "init_task+1",        "init_task.state.x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (kernel_types_place(k, f->s, wrong[i], &p, &err) != -1)
            fail_msg("%s is accepted", wrong[i]);
    kernel_types_free(k);
    btf__free(btf);
}

static int setup_types(void **state)
{
    uint32_t n;
    setup(state);
    struct fixture *f = *state;
    struct btf *btf = make_btf();
    const void *raw = btf__raw_data(btf, &n);
    f->file = elf_with(f, raw, n);
    btf__free(btf);
    elf_version(EV_CURRENT);
    f->elf = elf_memory(f->file, f->size);
    f->dwarf = dwarf_begin_elf(f->elf, DWARF_C_READ, NULL);
    return f->dwarf ? 0 : -1;
}

/* Damaged in each byte, or cut off: there are other types or none, but nothing worse. */
static void damaged(void **state)
{
    struct fixture *f = *state;
    struct btf *btf = make_btf();
    uint32_t n;
    const uint8_t *raw = btf__raw_data(btf, &n);
    uint8_t *copy = mem_alloc(n);
    for (uint32_t i = 0; i < n; i++)
        for (unsigned k = 0; k < 4; k++) {
            memcpy(copy, raw, n);
            copy[i] ^= (uint8_t)(k < 3 ? 1u << (3 * k) : 0xff);
            free(elf_with(f, copy, n));
            f->file = NULL;
        }
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *part = mem_alloc(i + 1);
        memcpy(part, raw, i);
        free(elf_with(f, part, i));
        free(part);
    }
    free(copy);
    btf__free(btf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(structures, setup_types, teardown),
        cmocka_unit_test_setup_teardown(functions, setup_types, teardown),
        cmocka_unit_test_setup_teardown(variables, setup_types, teardown),
        cmocka_unit_test_setup_teardown(words, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
    };
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
