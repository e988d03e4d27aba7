/* test_machine_guests.c - guests that are hypervisors or domains of one (hv/x86/virt, hv/xen, core/systems/virt): what they print of the machine, and what
 * is said of them. tests/guests/virt and guests/hvm are the guests; tests/cli compares all that they print. */
#include "tests/unit/command.h"

static char *guests;

/* What a guest prints on its debug port or Xen's console; its recording is guest.reel. */
static char *prints(const char *options, const char *name)
{
    struct said s = bootreel("record -q %s%s/%s%s -o guest.reel", options, guests, name,
                             strchr(name, '.') && !strcmp(strchr(name, '.'), ".bin") ? "@0x100000" : "");
    if (s.status)
        fail_msg("%s: %s", name, s.err);
    free(s.err);
    return s.out;
}

static void holds(const char *text, const char *const *part, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strstr(text, part[i]))
            fail_msg("\"%s\" is not in:\n%.3000s", part[i], text);
}
#define HOLDS(text, ...)                                                                                     \
    holds(text, (const char *const[]){__VA_ARGS__},                                                          \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_amd_hypervisor(void **state)
{
    char *out = prints("--cpu x86-64-v2,+svm --memory 64M --console=debug --flat ", "svm.bin");
    HOLDS(out, "CPUID 8000000Ah 1 ASIDs 8000", "== instructions", "read of CR0: exit 0",
          "without: ran, rax 0");
    free(out);
    COMMANDS(
        PRINTS("exits by reason", "exits guest.reel", 0, "reason"),
        PRINTS("exits of each stage", "exits guest.reel --by-stage --format json", 0, "["),
        PRINTS("entries and exits are events", "events guest.reel --class virt", 0, "virt.enter", "virt.exit",
               "out to port 80h, 8 bits", "which the nested tables forbid", "virt.refused"),
        PRINTS("in words", "events guest.reel --class virt --explain", 0,
               "VMRUN: the hypervisor's state is put aside"),
        PRINTS("at any position the same", "replay guest.reel --verify --seeks=3 --console none", 0, NULL));
}

static void test_intel_hypervisor(void **state)
{
    char *out = prints("--cpu intel-v2,+vmx --memory 64M --console=debug --flat ", "vmx.bin");
    HOLDS(out, "==");
    free(out);
    COMMANDS(
        PRINTS("exits by reason", "exits guest.reel", 0, "reason"),
        PRINTS("entries and exits are events", "events guest.reel --class virt", 0, "virt.enter", "virt.exit",
               "out to port 80h, 8 bits", "which is not mapped"),
        PRINTS("in words", "events guest.reel --class virt --explain", 0, "VMCS"),
        PRINTS("interpreted the same", "replay guest.reel --verify --no-compile --console none", 0, NULL));
}

static void test_domain_of_xen(void **state)
{
    char *out = prints("--memory 64M --bios none --console=xen --hvmloader ", "hvm/hello.elf");
    HOLDS(out, "Xen 4.17 at work", "memory at 0x", "xenstore's ring at page", "hypercall 63 answers -38");
    free(out);
    COMMANDS(PRINTS("hypercalls are events", "events guest.reel --class hypercall", 0, "hypercall"),
             PRINTS("the domain shuts itself down", "why guest.reel", 0, "nothing went wrong"),
             PRINTS("at any position the same", "replay guest.reel --verify --console none", 0, NULL));
}

/* A kernel's functions are its stages, and what it was given are events. */
static void is_a_kernel(const char *options, const char *kernel)
{
    struct said s =
        bootreel("record -q -o kernel.reel --memory 32M %s --kernel %s/%s", options, guests, kernel);
    if (s.status)
        fail_msg("%s %s: %s", kernel, options, s.err);
    said_free(&s);
    COMMANDS(PRINTS("its functions are stages", "stages kernel.reel", 0, "kernel (", "kernel.kmain",
                    "kernel.memory_init", "kernel.drivers_init", "kernel.timer_init"),
             PRINTS("what it printed", "events kernel.reel --class console", 0, "hobby kernel: ready"),
             PRINTS("it ended well", "why kernel.reel", 0, "nothing went wrong"),
             PRINTS("its symbols", "symbols kernel.reel kmain", 0, "kmain"));
}

static void test_kernels_by_multiboot(void **state)
{
    is_a_kernel("", "hobby32.elf");
    is_a_kernel("--protocol multiboot2", "hobby32.elf");
    is_a_kernel("", "hobby64.elf");
}

static void test_kernels_by_pvh(void **state)
{
    command_write_text("module", "a module's bytes");
    is_a_kernel("--protocol pvh --append 'one=1 two' --initrd module", "hobby32.elf");
    COMMANDS(PRINTS("what it was given", "events kernel.reel --class kernel,loader", 0, "one=1 two",
                    "loader.module"));
    is_a_kernel("--protocol pvh", "hobby64.elf");
}

static int setup(void **state)
{
    guests = command_guests();
    return command_folder(state);
}
static int teardown(void **state)
{
    free(guests);
    return command_cleanup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amd_hypervisor), cmocka_unit_test(test_intel_hypervisor),
        cmocka_unit_test(test_domain_of_xen),  cmocka_unit_test(test_kernels_by_multiboot),
        cmocka_unit_test(test_kernels_by_pvh),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
