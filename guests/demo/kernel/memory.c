/* memory.c - pages of physical memory, with the number of users of each. A page without users is free. */
#include "guests/demo/kernel/kernel.h"

enum { PAGES = DIRECT_MAP_MAX / PAGE, NOT_MEMORY = 255 };

static u8 users[PAGES];
static u32 pages; /* below the end of memory */
static u32 hint;  /* there is no free page below */
static u32 free_pages;

extern char kernel_end[];

static void mark(u64 from, u64 to, u8 as)
{
    if (to > DIRECT_MAP_MAX)
        to = DIRECT_MAP_MAX;
    for (u64 page = from / PAGE; page < to / PAGE; page++)
        users[page] = as;
}

/* Whole pages of usable memory above the kernel are free; everything else is left alone. */
void memory_init(const struct boot_info *info)
{
    memset(users, NOT_MEMORY, sizeof users);
    for (u32 i = 0; i < info->ranges; i++) {
        const struct memory_range *r = &info->range[i];
        u64 from = (r->address + PAGE - 1) & ~(u64)(PAGE - 1),
            to = (r->address + r->length) & ~(u64)(PAGE - 1);
        if (r->type == 1 && to > from)
            mark(from, to, 0);
    }
    mark(0, (u32)kernel_end - KERNEL_BASE, NOT_MEMORY);
    for (u32 i = 0; i < PAGES; i++)
        if (!users[i]) {
            pages = i + 1;
            free_pages++;
        }
}

u32 page_new(void)
{
    while (hint < pages && users[hint])
        hint++;
    if (hint == pages)
        return NO_PAGE;
    users[hint] = 1;
    free_pages--;
    memset(direct(hint * PAGE), 0, PAGE);
    return hint * PAGE;
}

void page_share(u32 page)
{
    users[page / PAGE]++;
}

void page_drop(u32 page)
{
    if (--users[page / PAGE])
        return;
    free_pages++;
    if (page / PAGE < hint)
        hint = page / PAGE;
}

unsigned page_users(u32 page)
{
    return users[page / PAGE];
}

u32 memory_top(void)
{
    return pages * PAGE;
}

u32 memory_free_kib(void)
{
    return free_pages * (PAGE / 1024);
}
