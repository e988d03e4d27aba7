/* test_linux_programs.c - the symbols of a Linux kernel's programs, from the pages of their files that are in memory as they are executed
 * (core/systems/linux/program.c). */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_kernel.h"

enum {
    PID = 8,
    TGID = 12,
    MM = 0x10,
    EXE = 0x18,
    START = 0x20,
    INODE = 0,
    MAPPING = 8,
    SIZE = 0,
    HEAD = 0,
    SHIFT = 0,
    SLOTS = 16
};
enum { PAGE = 4096, FIRST = 0x10, CURRENT = 0x40, STRUCT_PAGE = 64, CODE = 0x100, AT = 0x555500000000 };
#define VMEMMAP 0xffffea0000000000

static void set_types(struct linux_types *t)
{
    t->task_pid = PID;
    t->task_tgid = TGID;
    t->task_comm = 0x30;
    t->task_mm = MM;
    t->mm_exe_file = EXE;
    t->mm_start_code = START;
    t->file_inode = INODE;
    t->file_mapping = MAPPING;
    t->inode_size = SIZE;
    t->mapping_head = HEAD;
    t->node_shift = SHIFT;
    t->node_slots = SLOTS;
    t->page_size = STRUCT_PAGE;
}

/* A program of two pages, in the machine's pages from `page` on: its headers and code, then a symbol of that name and its text. */
static void put_program(struct kernel *k, uint64_t page, const char *name)
{
    const uint64_t at = k->base + page * PAGE;
    char strings[64] = "\0.symtab\0.strtab\0", *text = strings + 17;
    const Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                          .e_type = ET_DYN,
                          .e_machine = EM_X86_64,
                          .e_version = EV_CURRENT,
                          .e_phoff = sizeof h,
                          .e_shoff = PAGE,
                          .e_ehsize = sizeof h,
                          .e_phentsize = sizeof(Elf64_Phdr),
                          .e_phnum = 1,
                          .e_shentsize = sizeof(Elf64_Shdr),
                          .e_shnum = 4,
                          .e_shstrndx = 2};
    const Elf64_Phdr load = {
        .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x200, .p_memsz = 0x200, .p_align = PAGE};
    const Elf64_Shdr sections[] = {
        {0},
        {.sh_name = 1,
         .sh_type = SHT_SYMTAB,
         .sh_offset = PAGE + 0x200,
         .sh_size = 2 * sizeof(Elf64_Sym),
         .sh_link = 2,
         .sh_entsize = sizeof(Elf64_Sym)},
        {.sh_name = 9, .sh_type = SHT_STRTAB, .sh_offset = PAGE + 0x300, .sh_size = sizeof strings},
        {.sh_type = SHT_PROGBITS,
         .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
         .sh_addr = CODE,
         .sh_offset = CODE,
         .sh_size = 0x100}};
    const Elf64_Sym symbols[] = {{0},
                                 {.st_name = 17,
                                  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                  .st_shndx = 3,
                                  .st_value = CODE,
                                  .st_size = 0x20}};
    snprintf(text, sizeof strings - 17, "%s", name);
    memcpy(kernel_place(k, at, sizeof h), &h, sizeof h);
    memcpy(kernel_place(k, at + sizeof h, sizeof load), &load, sizeof load);
    memcpy(kernel_place(k, at + PAGE, sizeof sections), sections, sizeof sections);
    memcpy(kernel_place(k, at + PAGE + 0x200, sizeof symbols), symbols, sizeof symbols);
    memcpy(kernel_place(k, at + PAGE + 0x300, sizeof strings), strings, sizeof strings);
}

/* Its file, of which the first page is in memory, and perhaps the second. */
static uint64_t make_file(struct kernel *k, uint64_t page, bool second)
{
    const uint64_t file = object(k), inode = object(k), mapping = object(k), node = object(k);
    put_word(k, file + INODE, inode);
    put_word(k, file + MAPPING, mapping);
    put(k, inode + SIZE, 2 * PAGE, 8);
    put_word(k, mapping + HEAD, node | 2);
    put_word(k, node + SLOTS, VMEMMAP + page * STRUCT_PAGE);
    if (second)
        put_word(k, node + SLOTS + 8, VMEMMAP + (page + 1) * STRUCT_PAGE);
    return file;
}

struct fixture {
    struct kernel *k;
    uint64_t mm;
};

/* A kernel whose current task is process 7. */
static struct fixture begin(void)
{
    struct fixture f = {.k = kernel_new(8)};
    const uint64_t task = object(f.k);
    set_types(&f.k->lx->types);
    variable(f.k, "current_task", CURRENT);
    variable(f.k, "vmemmap_base", f.k->base + 0x3000);
    kernel_begins(f.k);
    put_word(f.k, f.k->base + 0x3000, VMEMMAP);
    f.k->fake.reg[K_GS] = object(f.k);
    put_word(f.k, f.k->fake.reg[K_GS] + CURRENT, task);
    f.mm = object(f.k);
    put(f.k, task + PID, 7, 4);
    put(f.k, task + TGID, 7, 4);
    put_word(f.k, task + MM, f.mm);
    put_word(f.k, f.mm + START, AT);
    lx_task_setup(f.k->lx);
    put_program(f.k, FIRST, "main");
    put_program(f.k, FIRST + 2, "start");
    return f;
}

static void executes_file(const struct fixture *f, uint64_t file, const char *path)
{
    put_word(f->k, f->mm + EXE, file);
    lx_program_executed(f->k->lx, 0, path);
}

/* The symbol of a process's code; "" if it has none. */
static const char *code_of(const struct fixture *f, uint32_t pid, char buf[80])
{
    struct symbol s;
    const bool known = symbols_at_in(f->k->symbols, lx_space(f->k->lx, pid), AT + CODE + 4, SYMBOLS_NOW, &s);
    snprintf(buf, 80, "%s", known ? s.name : "");
    return buf;
}

static void test_life(void **state)
{
    struct fixture f = begin();
    char buf[80];
    executes_file(&f, make_file(f.k, FIRST, true), "/bin/one");
    assert_string_equal(code_of(&f, 7, buf), "main");
    lx_program_forked(f.k->lx, 7, 8);
    assert_string_equal(code_of(&f, 8, buf), "main");
    executes_file(&f, make_file(f.k, FIRST + 2, true), "/bin/two");
    assert_string_equal(code_of(&f, 7, buf), "start");
    assert_string_equal(code_of(&f, 8, buf), "main"); /* its copy is its own */
    lx_program_exited(f.k->lx, 7);
    assert_string_equal(code_of(&f, 7, buf), "");
    assert_string_equal(code_of(&f, 8, buf), "main");
    kernel_free(f.k);
}

/* A page that is not in memory has no symbols: neither its own nor those of the program that was read before. */
static void test_not_in_memory(void **state)
{
    struct fixture f = begin();
    char buf[80];
    executes_file(&f, make_file(f.k, FIRST, true), "/bin/one");
    executes_file(&f, make_file(f.k, FIRST + 2, false), "/bin/two");
    assert_string_equal(code_of(&f, 7, buf), "");
    executes_file(&f, make_file(f.k, FIRST + 2, true), "/bin/two");
    assert_string_equal(code_of(&f, 7, buf), "start");
    kernel_free(f.k);
}

/* Files that are none, too short to be a program, or larger than any. */
static void test_no_program(void **state)
{
    static const uint64_t sizes[] = {0, 63, (uint64_t)1 << 40};
    struct fixture f = begin();
    char buf[80];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint64_t file = make_file(f.k, FIRST, true);
        put(f.k, lx_word(f.k->lx, file + INODE) + SIZE, sizes[i], 8);
        executes_file(&f, file, "/bin/one");
        assert_string_equal(code_of(&f, 7, buf), "");
    }
    kernel_free(f.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_not_in_memory),
                                       cmocka_unit_test(test_no_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
