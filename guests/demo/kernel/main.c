/* main.c - the kernel's start: initialization step by step, until the first program runs. */
#include "guests/demo/kernel/kernel.h"

static void say_what_is_there(const struct boot_info *info)
{
    static const char *const types[] = {"?", "usable", "reserved", "ACPI data", "ACPI NVS"};
    print("demo kernel: started from BIOS drive %x\n", info->drive);
    for (u32 i = 0; i < info->ranges; i++) {
        const struct memory_range *r = &info->range[i];
        u64 last = r->address + r->length - 1;
        print("kernel: memory %08x%08x-%08x%08x %s\n", (u32)(r->address >> 32), (u32)r->address,
              (u32)(last >> 32), (u32)last, types[r->type < COUNT(types) ? r->type : 0]);
    }
}

/* start.S calls it. */
NORETURN void kernel_main(const struct boot_info *info)
{
    console_init();
    say_what_is_there(info);
    interrupts_init();
    memory_init(info);
    paging_init();
    print("kernel: paging is on, %u KiB of memory are free\n", memory_free_kib());
    acpi_init();
    timer_init();
    keyboard_init();
    disk_init();
    int pid = process_spawn("init", "");
    if (pid < 0)
        panic("no program \"init\" on the disk (%d)", pid);
    print("kernel: process %d is init\n", pid);
    process_run();
}
