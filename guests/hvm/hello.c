/* hello.c - an HVM domain's first code in a page: finds Xen, prints by the hypercall console what the domain is, and powers
 * it off. The numbers are those of xen/include/public.
 *
 *   make test-guests && ./bootreel record --hvmloader build/release/tests/guests/hvm/hello.elf --bios none --console=xen */
#include <stdint.h>

enum { MEMORY_OP = 12, XEN_VERSION = 17, CONSOLE_IO = 18, SCHED_OP = 29, HVM_OP = 34 };
enum { SELF = 0x7ff0, START_MAGIC = 0x336ec578 };

struct start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t map_entries, reserved;
};

extern char hypercall_page[];
int32_t hypercall(uint32_t number, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t a4);

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

/* ---------------------------------------------------------------- printing */

static void print(const char *text)
{
    uint32_t n = 0;
    while (text[n])
        n++;
    hypercall(CONSOLE_IO, 0, n, (uint32_t)text, 0, 0);
}

static void print_number(const char *before, uint32_t value, unsigned base, const char *after)
{
    char digits[12], *p = digits + sizeof digits - 1;
    *p = 0;
    do
        *--p = "0123456789abcdef"[value % base];
    while (value /= base);
    print(before);
    print(p);
    print(after);
}

/* ---------------------------------------------------------------- what the domain is */

static void set_up_hypercalls(uint32_t leaves)
{
    uint32_t r[4];
    cpuid(leaves + 2, r);
    __asm__ volatile("wrmsr" : : "c"(r[1]), "a"(hypercall_page), "d"(0));
}

static void show_version(uint32_t leaves)
{
    uint32_t r[4], version = (uint32_t)hypercall(XEN_VERSION, 0, 0, 0, 0, 0);
    char extra[16];
    cpuid(leaves + 1, r);
    print_number("Xen ", version >> 16, 10, ".");
    print_number("", version & 0xffff, 10, "");
    hypercall(XEN_VERSION, 1, (uint32_t)extra, 0, 0, 0);
    print(r[0] == version && extra[0] ? " at work\n" : " disagrees with its CPUID\n");
}

static void show_start(const struct start_info *s)
{
    print_number(s->magic == START_MAGIC ? "start information with " : "no start information, ",
                 s->nr_modules, 10, " modules\n");
}

static void show_memory(void)
{
    struct {
        uint64_t address, size;
        uint32_t type;
    } __attribute__((packed)) map[4];
    struct {
        uint32_t entries, buffer;
    } ask = {4, (uint32_t)map};
    hypercall(MEMORY_OP, 9, (uint32_t)&ask, 0, 0, 0);
    for (uint32_t i = 0; i < ask.entries; i++) {
        print_number("memory at 0x", (uint32_t)map[i].address, 16, ", ");
        print_number("", (uint32_t)(map[i].size >> 10), 10, " KiB\n");
    }
}

static void show_parameter(void)
{
    struct {
        uint16_t domain, pad;
        uint32_t index;
        uint64_t value;
    } store = {SELF, 0, 1, 0};
    hypercall(HVM_OP, 1, (uint32_t)&store, 0, 0, 0);
    print_number("xenstore's ring at page 0x", (uint32_t)store.value, 16, "\n");
}

int main(const struct start_info *start)
{
    uint32_t r[4], leaves = 0x40000000, power_off = 0;
    cpuid(leaves, r);
    if (r[1] != 0x566e6558) /* "XenV" */
        return 1;
    set_up_hypercalls(leaves);
    show_version(leaves);
    show_start(start);
    show_memory();
    show_parameter();
    print_number("hypercall 63 answers -", (uint32_t)-hypercall(63, 1, 2, 3, 4, 5), 10, "\n");
    hypercall(SCHED_OP, 2, (uint32_t)&power_off, 0, 0, 0);
    return 0;
}
