/* memory.h - the programs' memory: address spaces, areas, and copies from and to them. Private to uml/. */
#ifndef BOOTREEL_UML_MEMORY_H
#define BOOTREEL_UML_MEMORY_H

#include "uml/host.h"

/* ---- space.c: address spaces ---- */
enum access { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_EXEC = 4, ACCESS_FORCE = 8 };
#define USER_END 0x7ffffffff000ull
#define VSYSCALL 0xffffffffff600000ull
ref mm_new(struct host *h);
ref mm_copy(struct host *h, struct mm *from);
void mm_drop(struct host *h, ref mm);

/* ---- areas.c ---- */
/* The first area that ends above `addr`, or NULL. */
struct area *area_find(struct host *h, const struct mm *m, uint64_t addr);
/* The area that contains `addr`, or NULL. */
struct area *area_at(struct host *h, const struct mm *m, uint64_t addr);
/* Whether nothing is mapped in that range. Does not mark the areas' pages as used, so the next save is the
 * same. */
bool area_none(struct host *h, const struct mm *m, uint64_t start, uint64_t end);
int area_map(struct host *h, struct mm *m, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags,
             ref inode, uint64_t offset);
int area_unmap(struct host *h, struct mm *m, uint64_t start, uint64_t end);
int area_protect(struct host *h, struct mm *m, uint64_t start, uint64_t end, uint32_t prot);
/* A free range of that size below the stack; 0 if there is none. */
uint64_t space_place(struct host *h, const struct mm *m, uint64_t size);
/* Drops what is kept about the areas of an address space, or of all, because the list has changed. */
void areas_forget(struct host *h, ref mm);
void areas_forget_all(struct host *h);
/* After a save: no area counts as used any more. */
void areas_unused(struct host *h);

/* ---- vdso.c ---- */
/* Makes the shared object that the kernel gives programs. */
int vdso_create(struct host *h);
/* Maps the shared object. Returns its address, for AT_SYSINFO_EHDR; 0 if there is none or no room. */
uint64_t vdso_map(struct host *h, struct mm *m);

/* ---- space.c ---- */
/* Gives the pages of an area that are present its protection. */
void space_protect(struct host *h, struct mm *m, struct area *v);
/* Gives the pages of a range back; they are made anew when they are used. */
void space_zap(struct host *h, struct mm *m, uint64_t start, uint64_t end);
/* The pages of a file from `first` on are gone: no address space has them any more. */
void space_zap_inode(struct host *h, ref inode, uint64_t first, uint64_t end);
/* Makes the page at `addr` present for that access. 0, or a signal, with *code. */
int space_fault(struct host *h, struct mm *m, uint64_t addr, unsigned access, int *code);
/* mmap.c: an inode with that many bytes of zeros and no name, held once; or an error. */
int64_t unnamed_memory(struct host *h, uint64_t size);
/* Moves page table entries (mremap). */
int space_move(struct host *h, struct mm *m, uint64_t from, uint64_t to, uint64_t size);
/* Copies to and from a program's memory; -EFAULT. */
int user_read(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n);
int user_write(struct host *h, struct mm *m, uint64_t addr, const void *buf, size_t n);
/* Copy whatever the protection is (ptrace); return the number of bytes that could be. */
size_t user_peek(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n);
size_t user_poke(struct host *h, struct mm *m, uint64_t addr, const void *buf, size_t n);
/* The length of the string, or -EFAULT, or -ENAMETOOLONG if it does not fit. */
int user_string(struct host *h, struct mm *m, uint64_t addr, char *buf, size_t size);
static inline int get_user(struct host *h, struct task *t, uint64_t addr, void *buf, size_t n)
{
    return user_read(h, MM(t->mm), addr, buf, n);
}
static inline int put_user(struct host *h, struct task *t, uint64_t addr, const void *buf, size_t n)
{
    return user_write(h, MM(t->mm), addr, buf, n);
}
/* The physical address behind a linear one, without side effects; false if there is none. */
bool space_lookup(const struct host *h, uint64_t root, uint64_t addr, uint64_t *pa);

#endif
