/* menu.c - the boot menu: Esc or F12, on keyboard or COM1. It waits for the key only if the machine's owner
 * wants it. */
#include "bios/disk.h"

enum { KEY_ESC = 0x1b, SCAN_F12 = 0x86, TICK_MS = 55 };

static bool is_menu_key(u16 key)
{
    return (u8)key == KEY_ESC || key >> 8 == SCAN_F12;
}

/* The line stays open meanwhile, so a script on the serial port sees a prompt. */
static bool asked_for(u32 ticks)
{
    u32 start = bda->ticks;
    bool yes = false;
    print("Esc or F12: boot menu ");
    while (!yes && bda->ticks - start < ticks) {
        cli();
        wait_for_interrupt();
        yes = is_menu_key(key_poll());
    }
    print("\n");
    return yes;
}

static bool wanted(void)
{
    if (keyboard_early_escape() || is_menu_key(key_poll()))
        return true;
    return shared.menu && asked_for(shared.menu_wait / TICK_MS);
}

static void list(void)
{
    char name[80];
    print("Boot from:\n");
    for (unsigned i = 0; i < boot_list.count; i++) {
        boot_entry_name(&boot_list.entry[i], name, sizeof name);
        print("  %u  %s\n", i + 1, name);
    }
    print("Number: ");
}

/* The number typed; Esc again keeps the order. */
static unsigned choose(void)
{
    while (key_poll()) /* the rest of an escape sequence */
        ;
    for (;;) {
        u8 c = (u8)key_poll();
        if (c >= '1' && c < '1' + boot_list.count)
            return c - '1';
        if (c == KEY_ESC)
            return 0;
        cli();
        wait_for_interrupt();
    }
}

/* The disk of that entry becomes 80h. */
static void swap_disks(unsigned chosen)
{
    u8 n = boot_list.entry[chosen].index;
    disk_make_first(n);
    for (unsigned i = 0; i < boot_list.count; i++)
        if (boot_list.entry[i].kind == BOOT_DISK && !boot_list.entry[i].index)
            boot_list.entry[i].index = n;
    boot_list.entry[chosen].index = 0;
}

void boot_menu(void)
{
    if (!boot_list.count || !wanted())
        return;
    list();
    unsigned chosen = choose();
    print("%u\n", chosen + 1);
    if (boot_list.entry[chosen].kind == BOOT_DISK)
        swap_disks(chosen);
    struct boot_entry first = boot_list.entry[chosen];
    for (; chosen; chosen--)
        boot_list.entry[chosen] = boot_list.entry[chosen - 1];
    boot_list.entry[0] = first;
}
