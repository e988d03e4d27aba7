/* test_linux_parts.c - what a Linux kernel's functions tell of its parts (core/systems/linux): initcalls, modules, the initramfs, drivers
 * and devices; and where it says that members of its structures are. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "core/systems/linux/initcalls.h"
#include "tests/unit/fake_kernel.h"

/* A function that calls another through RBX or RAX: call *%rbx; ret. The call is its first instruction but one. */
#define CALLS_RBX "\x90\xff\xd3\xc3"
#define CALLS_RAX "\x90\xff\xd0\xc3"

static uint64_t to_the_call(struct kernel *k, const char *name)
{
    return address_of(k, name) + 1;
}

/* From that function something is called through a register, deeper on the stack, and returns. */
static void calls_through(struct kernel *k, const char *name, unsigned reg, uint64_t target, uint64_t result)
{
    const uint64_t at = to_the_call(k, name), sp = k->fake.reg[K_RSP];
    k->fake.reg[K_RSP] = sp - 0x20;
    k->fake.reg[reg] = target;
    executes(k, at);
    k->fake.reg[K_RAX] = result;
    executes(k, at + 2);
    k->fake.reg[K_RSP] = sp;
}

/* ---------------------------------------------------------------- initcalls */

/* The initcall is the argument; what is called through the register may be something else. Its level is that of the kernel's table; a
 * module's is in no table, and a console's is called from another place. */
static void test_initcalls(void **state)
{
    struct kernel *k = kernel_new(8);
    const uint64_t table = k->base + 0x3000;
    FUNCTION(k, "do_one_initcall", CALLS_RBX);
    FUNCTION(k, "console_init", CALLS_RAX);
    const uint64_t acpi = FUNCTION(k, "acpi_init", RETURNS), con = FUNCTION(k, "con_init", RETURNS),
                   other = FUNCTION(k, "trace_it", RETURNS);
    const int32_t entry = (int32_t)(acpi - table);
    put(k, table, (uint32_t)entry, 4);
    variable(k, "__initcall4_start", table);
    variable(k, "__initcall_end", table + 4);
    kernel_begins(k);
    lx_initcall_setup(k->lx);
    ENTERS(k, "do_one_initcall", acpi);
    calls_through(k, "do_one_initcall", K_RBX, other, 0);
    calls_through(k, "do_one_initcall", K_RBX, acpi, (uint32_t)-19);
    leaves(k, "do_one_initcall", 0);
    ENTERS(k, "do_one_initcall", other);
    calls_through(k, "do_one_initcall", K_RBX, other, 0);
    leaves(k, "do_one_initcall", 0);
    calls_through(k, "console_init", K_RAX, con, 0);
    tells(k, "initcall acpi_init, level 4\n"
             "initcall acpi_init, level 4, returned -19 after 1000 ns\n"
             "initcall trace_it, level 12\n"
             "initcall trace_it, level 12, returned 0 after 1000 ns\n"
             "initcall con_init, level 10\n"
             "initcall con_init, level 10, returned 0 after 1000 ns\n");
    assert_string_equal(linux_initcall_level(12), "other");
    assert_string_equal(linux_initcall_level(10), "console");
    kernel_free(k);
}

static void test_no_initcalls(void **state)
{
    struct kernel *k = kernel_new(8);
    FUNCTION(k, "do_one_initcall", RETURNS);
    kernel_begins(k);
    lx_initcall_setup(k->lx);
    base_say_notes(&k->lx->base);
    assert_non_null(strstr(k->events, "no indirect call found in this kernel's do_one_initcall"));
    kernel_free(k);
}

/* ---------------------------------------------------------------- modules */

enum {
    NAME = 0x18,
    CORE_BASE = 0x60,
    CORE_SIZE = 0x68,
    SECTIONS = 0x70,
    KALLSYMS = 0x78,
    MEM = 0x80,
    STRIDE = 0x20,
    LOADED = 0x30000
};

static const char *const module_functions[] = {"do_init_module", "free_module", NULL};

/* struct mod_kallsyms, with a function, a variable, a section's symbol (none to report) and one that is outside its memory. */
static uint64_t make_symbols(struct kernel *k, const struct linux_types *t, uint64_t base)
{
    const uint64_t ksyms = object(k), symtab = object(k), strtab = object(k);
    const Elf64_Sym list[] = {
        {0},
        {.st_name = 1,
         .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
         .st_shndx = 1,
         .st_value = base + 0x10,
         .st_size = 8},
        {.st_name = 7,
         .st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT),
         .st_shndx = 2,
         .st_value = base + 0x80,
         .st_size = 4},
        {.st_name = 1, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION), .st_shndx = 1, .st_value = base},
        {.st_name = 7, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT), .st_shndx = 2, .st_value = 5}};
    memcpy(kernel_place(k, symtab, sizeof list), list, sizeof list);
    memcpy(kernel_place(k, strtab, 16), "\0probe\0count", 13);
    put_word(k, ksyms + (unsigned)t->ksyms_symtab, symtab);
    put_word(k, ksyms + (unsigned)t->ksyms_strtab, strtab);
    put(k, ksyms + (unsigned)t->ksyms_num, sizeof list / sizeof list[0], 4);
    return ksyms;
}

static void set_module_types(struct linux_types *t)
{
    t->module_name = NAME;
    t->module_sect_attrs = SECTIONS;
    t->module_kallsyms = KALLSYMS;
    t->ksyms_symtab = 0;
    t->ksyms_num = 8;
    t->ksyms_strtab = 16;
}

/* Up to 6.3 a module is one block of memory, and its sections are an array. */
static void test_module(void **state)
{
    struct kernel *k = kernel_new(8);
    struct linux_types *t = &k->lx->types;
    set_module_types(t);
    t->module_core_base = CORE_BASE;
    t->module_core_size = CORE_SIZE;
    t->sects_count = 0;
    t->sects_attrs = 8;
    t->sect_stride = 24;
    t->sect_name = 0;
    t->sect_address = 8;
    functions(k, module_functions);
    kernel_begins(k);
    lx_module_setup(k->lx);
    const uint64_t mod = object(k), sections = object(k), base = k->base + LOADED;
    struct symbol s;
    put_text(k, mod + NAME, "dummy");
    put_word(k, mod + CORE_BASE, base);
    put(k, mod + CORE_SIZE, 0x3000, 4);
    put_word(k, mod + SECTIONS, sections);
    put_word(k, mod + KALLSYMS, make_symbols(k, t, base));
    put(k, sections, 2, 4);
    put_word(k, sections + 8, text_object(k, ".text"));
    put_word(k, sections + 16, base);
    put_word(k, sections + 32, text_object(k, ".data"));
    put_word(k, sections + 40, base + 0x80);
    ENTERS(k, "do_init_module", mod);
    assert_true(symbols_find_in(k->symbols, k->lx->base.space, "dummy:probe", SYMBOLS_NOW, &s));
    assert_int_equal(s.address, base + 0x10);
    ENTERS(k, "free_module", mod);
    assert_false(symbols_find_in(k->symbols, k->lx->base.space, "dummy:probe", SYMBOLS_NOW, &s));
    tells(k, "module dummy at 0xffffffff81030000, 12288 bytes, 2 sections\n"
             "section dummy .text at 0xffffffff81030000\n"
             "section dummy .data at 0xffffffff81030080\n"
             "module dummy removed\n");
    kernel_free(k);
}

/* Since 6.4 it has a block for each use, whose init parts are freed later; since 6.14 its sections are a group of files. */
static void test_module_in_parts(void **state)
{
    struct kernel *k = kernel_new(8);
    struct linux_types *t = &k->lx->types;
    set_module_types(t);
    t->module_mem = MEM;
    t->mem_stride = STRIDE;
    t->mem_count = 7;
    t->mem_base = 0;
    t->mem_size = 8;
    t->sects_group_bin = 0;
    t->bin_name = 0;
    t->bin_private = 8;
    functions(k, module_functions);
    kernel_begins(k);
    lx_module_setup(k->lx);
    const uint64_t mod = object(k), group = object(k), list = object(k), file = object(k),
                   base = k->base + LOADED;
    struct symbol s;
    put_text(k, mod + NAME, "dummy");
    for (unsigned i = 0; i < 7; i++) {
        put_word(k, mod + MEM + i * STRIDE, base + i * 0x1000);
        put(k, mod + MEM + i * STRIDE + 8, 0x100, 4);
    }
    put_word(k, mod + SECTIONS, group);
    put_word(k, mod + KALLSYMS, make_symbols(k, t, base));
    put_word(k, group, list);
    put_word(k, list, file);
    put_word(k, file, text_object(k, ".text"));
    put_word(k, file + 8, base);
    ENTERS(k, "do_init_module", mod);
    assert_true(symbols_find_in(k->symbols, k->lx->base.space, "dummy:count", SYMBOLS_NOW, &s));
    assert_int_equal(s.address, base + 0x80); /* not the one that is a plain number */
    tells(k, "module dummy at 0xffffffff81030000, 1024 bytes, 1 sections\n"
             "section dummy .text at 0xffffffff81030000\n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- a module's file, the initramfs */

/* An ELF file with .modinfo, and perhaps a signature. Returns its size. */
static size_t make_file(struct kernel *k, uint64_t at, const char *modinfo, size_t n, bool is_signed)
{
    static const char names[] = "\0.modinfo\0.shstrtab", marker[] = "~Module signature appended~\n";
    Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                    .e_type = ET_REL,
                    .e_machine = EM_X86_64,
                    .e_version = EV_CURRENT,
                    .e_shoff = 0x100,
                    .e_ehsize = sizeof h,
                    .e_shentsize = sizeof(Elf64_Shdr),
                    .e_shnum = 3,
                    .e_shstrndx = 2};
    const Elf64_Shdr sections[] = {
        {0},
        {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 0x40, .sh_size = n},
        {.sh_name = 10, .sh_type = SHT_STRTAB, .sh_offset = 0x80, .sh_size = sizeof names}};
    memcpy(kernel_place(k, at, sizeof h), &h, sizeof h);
    memcpy(kernel_place(k, at + 0x40, n), modinfo, n);
    memcpy(kernel_place(k, at + 0x80, sizeof names), names, sizeof names);
    memcpy(kernel_place(k, at + 0x100, sizeof sections), sections, sizeof sections);
    const size_t size = 0x100 + sizeof sections;
    if (!is_signed)
        return size;
    put_text(k, at + size, marker);
    return size + sizeof marker - 1;
}

static void test_module_files(void **state)
{
    static const char *const names[] = {"kernel_read_file", "load_module", "mod_verify_sig", NULL};
    static const char modinfo[] = "license=GPL\0name=dummy";
    struct kernel *k = kernel_new(8);
    struct linux_types *t = &k->lx->types;
    t->file_dentry = 0;
    t->dentry_parent = 0;
    t->dentry_name = 8;
    functions(k, names);
    kernel_begins(k);
    lx_loading_setup(k->lx);
    const uint64_t file = object(k), root = object(k), dentry = object(k), info = object(k),
                   bytes = object(k);
    put_word(k, file, dentry);
    put_word(k, dentry, root);
    put_word(k, dentry + 8, text_object(k, "dummy.ko"));
    put_word(k, root, root);
    put_word(k, info + 16, bytes); /* after a name and a pointer to the module, in most versions */
    put_word(k, info + 24, make_file(k, bytes, modinfo, sizeof modinfo, true));
    ENTERS(k, "kernel_read_file", file);
    CALLS(k, "load_module", 0, info); /* its signature is not looked at */
    ENTERS(k, "load_module", info);
    k->fake.reg[K_RSP] -= 0x100;
    CALLS(k, "mod_verify_sig", (uint32_t)-126, 0);
    k->fake.reg[K_RSP] += 0x100;
    leaves(k, "load_module", (uint32_t)-129);
    put_word(k, info + 24, make_file(k, bytes, "x=y", 4, false));
    CALLS(k, "load_module", (uint32_t)-8, info);
    put_word(k, info + 16, 0); /* no file at all */
    CALLS(k, "load_module", (uint32_t)-8, info);
    tells(k, "loads module dummy /dummy.ko, 476 bytes\n"
             "module dummy: 0 after 1000 ns, signature 2\n"
             "loads module dummy, 476 bytes\n"
             "module dummy: -129 after 3000 ns, signature -126\n"
             "loads module ?, 448 bytes\n"
             "module ?: -8 after 1000 ns, signature 1\n"
             "loads module ?, 0 bytes\n"
             "module ?: -8 after 1000 ns, signature 1\n");
    kernel_free(k);
}

static void test_initramfs(void **state)
{
    static const char *const names[] = {"unpack_to_rootfs", NULL};
    struct kernel *k = kernel_new(8);
    const uint64_t inside = k->base + 0x3000;
    functions(k, names);
    variable(k, "__initramfs_start", inside);
    kernel_begins(k);
    lx_loading_setup(k->lx);
    CALLS(k, "unpack_to_rootfs", 0, inside, 512);
    CALLS(k, "unpack_to_rootfs", text_object(k, "broken padding"), k->base + 0x5000, 100000);
    tells(k, "unpacks initramfs (built-in), 512 bytes at 0xffffffff81003000\n"
             "initramfs (built-in) unpacked after 1000 ns\n"
             "unpacks initramfs (initrd), 100000 bytes at 0xffffffff81005000\n"
             "initramfs (initrd: broken padding) unpacked after 1000 ns\n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- drivers and devices */

enum {
    DEV_KOBJ = 0,
    KOBJ_NAME = 0,
    KOBJ_PARENT = 0x18,
    DEV_INIT_NAME = 0x50,
    DEV_DRIVER = 0x68,
    DRV_NAME = 0,
    DRV_BUS = 8,
    DRV_PROBE = 0x40,
    BUS_PROBE = 0x20
};

static void set_device_types(struct linux_types *t)
{
    t->device_kobj = DEV_KOBJ;
    t->device_init_name = DEV_INIT_NAME;
    t->device_driver = DEV_DRIVER;
    t->kobject_name = KOBJ_NAME;
    t->kobject_parent = KOBJ_PARENT;
    t->driver_name = DRV_NAME;
    t->driver_bus = DRV_BUS;
    t->driver_probe = DRV_PROBE;
    t->bus_probe = BUS_PROBE;
}

static uint64_t make_device(struct kernel *k, const char *name, uint64_t parent)
{
    const uint64_t d = object(k);
    put_word(k, d + KOBJ_NAME, text_object(k, name));
    put_word(k, d + KOBJ_PARENT, parent);
    return d;
}

/* Its bus has a probe function, or it has one of its own. */
static uint64_t make_driver(struct kernel *k, const char *name, uint64_t own, uint64_t of_bus)
{
    const uint64_t d = object(k), bus = object(k);
    put_word(k, d + DRV_NAME, text_object(k, name));
    put_word(k, d + DRV_BUS, bus);
    put_word(k, d + DRV_PROBE, own);
    put_word(k, bus + BUS_PROBE, of_bus);
    return d;
}

/* The result is what the driver's own function returned, whatever else was called, and whatever really_probe makes of it. */
static void test_probes(void **state)
{
    struct kernel *k = kernel_new(8);
    set_device_types(&k->lx->types);
    FUNCTION(k, "really_probe", CALLS_RAX);
    FUNCTION(k, "driver_deferred_probe_add", RETURNS);
    const uint64_t pci = FUNCTION(k, "pci_device_probe", RETURNS), own = FUNCTION(k, "vga_probe", RETURNS);
    kernel_begins(k);
    lx_device_setup(k->lx);
    const uint64_t card = make_device(k, "0000:00:03.0", 0), e1000 = make_driver(k, "e1000", 0, pci),
                   screen = make_device(k, "vga.0", 0), vga = make_driver(k, "vga", own, 0);
    ENTERS(k, "really_probe", card, e1000);
    calls_through(k, "really_probe", K_RAX, own, 5); /* another's: of a device below it, say */
    calls_through(k, "really_probe", K_RAX, pci, 0);
    put_word(k, card + DEV_DRIVER, e1000);
    leaves(k, "really_probe", 1); /* up to 5.14 */
    ENTERS(k, "really_probe", screen, vga);
    calls_through(k, "really_probe", K_RAX, own, (uint32_t)-517);
    leaves(k, "really_probe", 517); /* since 5.15 */
    ENTERS(k, "driver_deferred_probe_add", screen);
    CALLS(k, "really_probe", (uint32_t)-16, screen, vga); /* not even tried */
    CALLS(k, "really_probe", 0, screen, vga);
    tells(k, "probes e1000 0000:00:03.0\n"
             "probed e1000 0000:00:03.0: 0 after 5000 ns\n"
             "probes vga vga.0\n"
             "probed vga vga.0: -517 after 3000 ns\n"
             "deferred vga.0\n"
             "probes vga vga.0\n"
             "probed vga vga.0: -16 after 1000 ns\n"
             "probes vga vga.0\n"
             "probed vga vga.0: 1 after 1000 ns\n");
    kernel_free(k);
}

/* Through a thunk against speculation: call __x86_indirect_thunk_rax. */
static void test_probe_by_thunk(void **state)
{
    struct kernel *k = kernel_new(8);
    set_device_types(&k->lx->types);
    const uint64_t thunk = FUNCTION(k, "__x86_indirect_thunk_rax", RETURNS),
                   at = FUNCTION(k, "really_probe", "\x90\xe8\xba\xff\xff\xff\x90\xc3");
    assert_int_equal(at + 6 - 0x46, thunk);
    const uint64_t own = FUNCTION(k, "vga_probe", RETURNS);
    kernel_begins(k);
    lx_device_setup(k->lx);
    const uint64_t screen = make_device(k, "vga.0", 0), vga = make_driver(k, "vga", own, 0);
    ENTERS(k, "really_probe", screen, vga);
    k->fake.reg[K_RAX] = own;
    executes(k, at + 1);
    k->fake.reg[K_RAX] = (uint32_t)-19;
    executes(k, at + 6);
    leaves(k, "really_probe", 19);
    tells(k, "probes vga vga.0\n"
             "probed vga vga.0: -19 after 3000 ns\n");
    kernel_free(k);
}

/* One that is filtered gets no number. Without the kernel's count, the number is seen where it becomes a variable of the event. */
static void test_uevents(void **state)
{
    static const char *const names[] = {"really_probe", "kobject_uevent_env", "add_uevent_var", NULL};
    for (unsigned counted = 0; counted < 2; counted++) {
        struct kernel *k = kernel_new(8);
        const uint64_t count = k->base + 0x3000;
        set_device_types(&k->lx->types);
        functions(k, names);
        if (counted)
            variable(k, "uevent_seqnum", count);
        kernel_begins(k);
        lx_device_setup(k->lx);
        const uint64_t tty =
            make_device(k, "ttyS0", make_device(k, "platform", make_device(k, "devices", 0)));
        put(k, count, 41, 8);
        CALLS(k, "kobject_uevent_env", 0, tty, 2);
        ENTERS(k, "kobject_uevent_env", tty, 0);
        put(k, count, 42, 8);
        k->fake.reg[K_RSP] -= 0x40;
        ENTERS(k, "add_uevent_var", 0, text_object(k, "ACTION=%s"), 7);
        ENTERS(k, "add_uevent_var", 0, text_object(k, "SEQNUM=%llu"), 42);
        k->fake.reg[K_RSP] += 0x40;
        leaves(k, "kobject_uevent_env", 0);
        tells(k, "add /devices/platform/ttyS0, number 42\n");
        kernel_free(k);
    }
}

static void test_firmware_files(void **state)
{
    static const char *const names[] = {"really_probe", "_request_firmware", "kernel_read_file", NULL};
    struct kernel *k = kernel_new(8);
    struct linux_types *t = &k->lx->types;
    set_device_types(t);
    t->file_dentry = 0;
    t->dentry_parent = 0;
    t->dentry_name = 8;
    functions(k, names);
    kernel_begins(k);
    lx_loading_setup(k->lx);
    lx_device_setup(k->lx);
    const uint64_t name = text_object(k, "regulatory.db"), device = make_device(k, "", 0), file = object(k),
                   root = object(k), dentry = object(k);
    put_word(k, device + DEV_INIT_NAME, text_object(k, "regulatory.0"));
    put_word(k, file, dentry);
    put_word(k, dentry, root);
    put_word(k, dentry + 8, text_object(k, "reg.db"));
    put_word(k, root, root);
    ENTERS(k, "_request_firmware", 0, name, device);
    ENTERS(k, "kernel_read_file", file);
    leaves(k, "_request_firmware", 0);
    CALLS(k, "_request_firmware", (uint32_t)-2, 0, name, 0);
    tells(k, "firmware regulatory.db for regulatory.0 from /reg.db: 0 after 2000 ns\n"
             "firmware regulatory.db: -2 after 1000 ns\n");
    kernel_free(k);
}

/* Without type information, the members that have been at the same places since 2.6. */
static void test_devices_without_types(void **state)
{
    static const char *const names[] = {"really_probe", NULL};
    struct kernel *k = kernel_new(8);
    k->lx->types.count = 0;
    functions(k, names);
    kernel_begins(k);
    lx_device_setup(k->lx);
    const uint64_t old = object(k), kobj = old + 16, drv = make_driver(k, "vga", 0, 0);
    put_word(k, old, 1); /* two pointers before the kobject: up to 5.1 */
    put_word(k, kobj, text_object(k, "vga.0"));
    CALLS(k, "really_probe", 0, old, drv);
    tells(k, "probes vga vga.0\n"
             "probed vga vga.0: 1 after 1000 ns\n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- types */

/* Type information with a task, a module whose memory is in parts, and enough of other types to be a kernel's. */
static struct btf *make_types(void)
{
    struct btf *b = btf__new_empty();
    const int number = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
    char name[40];
    assert_non_null(b);
    assert_true(btf__add_struct(b, "task_struct", 64) > 0);
    assert_int_equal(btf__add_field(b, "flags", number, 0, 0), 0);
    assert_int_equal(btf__add_field(b, "pid", number, 8 * 24, 0), 0);
    const int memory = btf__add_struct(b, "module_memory", 32);
    assert_int_equal(btf__add_field(b, "base", number, 0, 0), 0);
    assert_int_equal(btf__add_field(b, "size", number, 8 * 8, 0), 0);
    const int array = btf__add_array(b, number, memory, 7);
    assert_true(btf__add_struct(b, "module", 512) > 0);
    assert_int_equal(btf__add_field(b, "mem", array, 8 * 128, 0), 0);
    for (unsigned i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "some_other_structure_%u", i);
        assert_true(btf__add_struct(b, name, 4) > 0);
    }
    return b;
}

static void test_types(void **state)
{
    for (unsigned named = 0; named < 2; named++) {
        struct kernel *k = kernel_new(8);
        struct btf *b = make_types();
        uint32_t n;
        const void *data = btf__raw_data(b, &n);
        const uint64_t at = k->base + 0x8000;
        memcpy(kernel_place(k, at, n), data, n);
        if (named)
            variable(k, "__start_BTF", at);
        kernel_begins(k);
        lx_types_load(k->lx, k->memory, sizeof k->memory, k->base);
        const struct linux_types *t = &k->lx->types;
        assert_int_equal(t->count, btf__type_cnt(b) - 1);
        assert_int_equal(t->task_flags, 0);
        assert_int_equal(t->task_pid, 24);
        assert_int_equal(t->module_mem, 128);
        assert_int_equal(t->mem_stride, 32);
        assert_int_equal(t->mem_count, 7);
        assert_int_equal(t->mem_size, 8);
        assert_int_equal(t->task_comm, -1);
        assert_int_equal(t->console_name, -1);
        assert_false(k->lx->inferring);
        btf__free(b);
        kernel_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initcalls),
        cmocka_unit_test(test_no_initcalls),
        cmocka_unit_test(test_module),
        cmocka_unit_test(test_module_in_parts),
        cmocka_unit_test(test_module_files),
        cmocka_unit_test(test_initramfs),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_probe_by_thunk),
        cmocka_unit_test(test_uevents),
        cmocka_unit_test(test_firmware_files),
        cmocka_unit_test(test_devices_without_types),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
