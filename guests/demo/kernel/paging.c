/* paging.c - address spaces (Intel SDM volume 3, 4.3: 32-bit paging).
 *
 * Each process has a page directory. Its upper quarter is the same in all: the kernel sees physical memory
 * there, in pages of 4 MiB. Below is the program, in pages of 4 KiB. After a fork both processes have the
 * same pages, read-only; the first write to one faults, and gets a copy.
 */
#include "guests/demo/kernel/kernel.h"

/* COPY is our own: writable after copying. */
enum { PRESENT = 1, WRITABLE = 2, USER = 4, BIG = 0x80, COPY = 0x200 };
enum { FAULT_PRESENT = 1, FAULT_WRITE = 2 };
enum { ENTRIES = 1024, KERNEL_FIRST = KERNEL_BASE >> 22, BIG_PAGE = 4 << 20 };

static u32 kernel_space;
static u32 space_in_use;

static entry *table_at(u32 physical)
{
    return direct(physical & ~(PAGE - 1));
}

static void forget(u32 address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void space_enter(u32 space)
{
    space_in_use = space;
    __asm__ volatile("mov %0, %%cr3" : : "r"(space) : "memory");
}

/* The kernel's own space: without the identity mapping that start.S needed. */
void paging_init(void)
{
    kernel_space = page_new();
    entry *directory = table_at(kernel_space);
    for (u32 at = 0; at < memory_top(); at += BIG_PAGE)
        directory[KERNEL_FIRST + at / BIG_PAGE] = at | BIG | WRITABLE | PRESENT;
    space_enter(kernel_space);
}

/* ---------------------------------------------------------------- entries */

/* The entry for a program's address, or NULL if it has no page table and none is made. */
static entry *entry_of(u32 space, u32 address, bool make)
{
    entry *directory = table_at(space), *d = &directory[address >> 22];
    if (!(*d & PRESENT)) {
        u32 table = make ? page_new() : NO_PAGE;
        if (table == NO_PAGE)
            return NULL;
        *d = table | USER | WRITABLE | PRESENT;
    }
    return &table_at(*d)[address >> 12 & (ENTRIES - 1)];
}

bool space_add(u32 space, u32 address, bool writable)
{
    entry *e = entry_of(space, address, true);
    u32 page = e ? page_new() : NO_PAGE;
    if (page == NO_PAGE)
        return false;
    *e = page | USER | PRESENT | (writable ? WRITABLE : 0);
    return true;
}

void space_write(u32 space, u32 address, const void *from, u32 n)
{
    const char *p = from;
    while (n) {
        u32 at = address % PAGE, part = PAGE - at < n ? PAGE - at : n;
        memcpy((char *)table_at(*entry_of(space, address, false)) + at, p, part);
        address += part;
        p += part;
        n -= part;
    }
}

/* ---------------------------------------------------------------- whole spaces */

u32 space_new(void)
{
    u32 space = page_new();
    if (space != NO_PAGE)
        memcpy(table_at(space) + KERNEL_FIRST, table_at(kernel_space) + KERNEL_FIRST,
               (ENTRIES - KERNEL_FIRST) * 4);
    return space;
}

/* The page belongs to both from now on. */
static bool share(u32 space, u32 address, entry *e)
{
    entry *other = entry_of(space, address, true);
    if (!other)
        return false;
    if (*e & WRITABLE)
        *e = (*e & ~WRITABLE) | COPY;
    *other = *e;
    page_share(*e & ~(PAGE - 1));
    return true;
}

u32 space_fork(u32 space)
{
    u32 child = space_new();
    entry *directory = table_at(space);
    if (child == NO_PAGE)
        return NO_PAGE;
    for (u32 i = 0; i < KERNEL_FIRST; i++)
        for (u32 k = 0; directory[i] & PRESENT && k < ENTRIES; k++) {
            entry *e = &table_at(directory[i])[k];
            if (*e & PRESENT && !share(child, i << 22 | k << 12, e)) {
                space_free(child);
                return NO_PAGE;
            }
        }
    space_enter(space_in_use); /* forget what may no longer be written */
    return child;
}

void space_free(u32 space)
{
    entry *directory = table_at(space);
    if (space == space_in_use)
        space_enter(kernel_space);
    for (u32 i = 0; i < KERNEL_FIRST; i++) {
        if (!(directory[i] & PRESENT))
            continue;
        for (u32 k = 0; k < ENTRIES; k++)
            if (table_at(directory[i])[k] & PRESENT)
                page_drop(table_at(directory[i])[k] & ~(PAGE - 1));
        page_drop(directory[i] & ~(PAGE - 1));
    }
    page_drop(space);
}

/* ---------------------------------------------------------------- what programs do */

bool user_range(u32 address, u32 n)
{
    u32 last = address + (n ? n - 1 : 0);
    if (last < address || last >= KERNEL_BASE)
        return false;
    for (u32 page = address / PAGE; page <= last / PAGE; page++) {
        entry *e = entry_of(space_in_use, page * PAGE, false);
        if (!e || !(*e & PRESENT))
            return false;
    }
    return true;
}

/* A write to a page that is to be copied first: by the program, or by the kernel on its behalf. */
bool paging_fault(u32 address, u32 error)
{
    if (address >= KERNEL_BASE || (error & (FAULT_PRESENT | FAULT_WRITE)) != (FAULT_PRESENT | FAULT_WRITE))
        return false;
    entry *e = entry_of(space_in_use, address, false);
    if (!e || !(*e & COPY))
        return false;
    u32 shared = *e & ~(PAGE - 1), own = shared;
    if (page_users(shared) > 1) {
        own = page_new();
        if (own == NO_PAGE)
            return false;
        memcpy(direct(own), direct(shared), PAGE);
        page_drop(shared);
    }
    *e = own | USER | WRITABLE | PRESENT;
    forget(address);
    return true;
}
