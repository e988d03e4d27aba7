/* hosted.c - user-mode Linux: a kernel that is a process of a Linux host (core/systems/uml finds it there). What is different
 * there from a kernel on a machine: where it and its memory are, how the current task is known, how programs' memory
 * is reached, and which of the host's processes run them. See impl.h.
 *
 * Sources: Linux, arch/um/kernel/{physmem.c, um_arch.c, process.c, skas/mmu.c, skas/syscall.c},
 * arch/um/include/asm/{page.h, pgtable.h, pgtable-3level.h, pgtable-4level.h, thread_info.h, mmu.h}.
 */
#include <elf.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/linux/private/impl.h"

enum { PAGE = 4096, IMAGE_MAX = 256 << 20 };
/* The kernel's physical memory and what it maps are above its image; a program's are far below or above. */
#define KERNEL_REACH ((uint64_t)64 << 30)

/* ---------------------------------------------------------------- where it is */

static bool mapped(const struct linux_guest *lx, uint64_t address)
{
    uint8_t byte;
    return lx->base.o.engine->ops->peek(lx->base.o.engine, lx->base.cpu, address, &byte, 1) == 1;
}

bool lx_hosted_entered(const struct linux_guest *lx, uint64_t ip)
{
    return guest_shares(&lx->base.guest) && lx_reg(lx, GUEST_CPL) == 3 && ip >> 47 == 0;
}

void *lx_hosted_image(struct linux_guest *lx, uint64_t ip, uint64_t *begin, size_t *size)
{
    const struct engine *e = lx->base.o.engine;
    uint64_t first = ip & ~(uint64_t)(PAGE - 1), end = first + PAGE;
    while (end - first < IMAGE_MAX && first >= PAGE && mapped(lx, first - PAGE))
        first -= PAGE;
    while (end - first < IMAGE_MAX && mapped(lx, end))
        end += PAGE;
    uint8_t *image = mem_zero(1, end - first);
    e->ops->peek(e, lx->base.cpu, first, image, end - first);
    /* The kernel's physical memory begins with its image. */
    lx->hosted = (struct lx_hosted){
        .is = true, .space = lx_reg(lx, GUEST_CR3), .begin = first, .end = first + KERNEL_REACH, .levels = 3};
    *begin = first;
    *size = end - first;
    return image;
}

/* The kernel's process, as a task of the engine. */
static unsigned own_task(const struct linux_guest *lx)
{
    return ENGINE_TASK | (unsigned)lx->base.guest.domain;
}

/* Where the image ends, as its ELF header says; 0 if there is none. What is mapped behind it is the kernel's physical memory. */
static uint64_t image_end(const struct linux_guest *lx, uint64_t begin)
{
    enum { HEADERS_MAX = 64 };
    Elf64_Ehdr elf;
    Elf64_Phdr segment[HEADERS_MAX];
    uint64_t first = UINT64_MAX, end = 0;
    if (!lx_read(lx, begin, &elf, sizeof elf) || memcmp(elf.e_ident, ELFMAG, SELFMAG) ||
        elf.e_phnum > HEADERS_MAX ||
        !lx_read(lx, begin + elf.e_phoff, segment, elf.e_phnum * sizeof *segment))
        return 0;
    for (unsigned i = 0; i < elf.e_phnum; i++)
        if (segment[i].p_type == PT_LOAD) {
            const uint64_t from = segment[i].p_vaddr, to = from + segment[i].p_memsz;
            first = from < first ? from : first;
            end = to > end ? to : end;
        }
    return end > first ? begin + (end - first) : 0;
}

bool lx_hosted_resume(struct linux_guest *lx, uint64_t *end)
{
    const struct guest *host = lx->base.guest.parent;
    if (!host || !host->system->host)
        return false;
    const uint64_t begin = lx->text - lx->text_physical;
    lx->base.cpu = own_task(lx);
    lx->hosted = (struct lx_hosted){
        .is = true, .space = lx_reg(lx, GUEST_CR3), .begin = begin, .end = begin + KERNEL_REACH, .levels = 3};
    *end = image_end(lx, begin);
    return true;
}

bool lx_kernel_runs(const struct linux_guest *lx)
{
    struct guest *host = lx->base.guest.parent;
    struct guest_task t;
    if (!lx->hosted.is || lx->base.cpu == own_task(lx))
        return true;
    return lx_reg(lx, GUEST_CR3) == lx->hosted.space && host->system->task(host, lx->base.cpu, &t) &&
           t.pid == lx->base.guest.domain;
}

/* ---------------------------------------------------------------- memory */

size_t lx_hosted_physical(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = lx->base.o.engine;
    return lx_kernel_runs(lx) ? e->ops->peek(e, lx->base.cpu, lx->hosted.begin + address, buf, n) : 0;
}

/* A program's address by the kernel's page tables: entries are physical addresses and flags. */
static bool walk(const struct linux_guest *lx, uint64_t table, uint64_t address, uint64_t *at)
{
    enum { PRESENT = 1, PROTNONE = 0x10, FLAGS = PAGE - 1, ENTRIES = 511 };
    const struct engine *e = lx->base.o.engine;
    for (unsigned shift = 12 + 9 * (lx->hosted.levels - 1); shift >= 12; shift -= 9) {
        uint64_t entry = 0;
        if (e->ops->peek(e, lx->base.cpu, table + (address >> shift & ENTRIES) * 8, &entry, 8) != 8 ||
            !(entry & (PRESENT | PROTNONE)))
            return false;
        table = lx->hosted.begin + (entry & ~(uint64_t)FLAGS);
    }
    *at = table + (address & FLAGS);
    return table < lx->hosted.end;
}

/* The page tables of the program that the current task belongs to; 0 if it is a kernel thread, or not known. */
static uint64_t tables_now(const struct linux_guest *lx)
{
    const struct linux_types *t = &lx->types;
    if (lx->hosted.tables)
        return lx->hosted.tables;
    return t->mm_tables < 0 ? 0 : lx_member(lx, lx_member(lx, lx_current(lx), t->task_mm), t->mm_tables);
}

size_t lx_hosted_read(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = lx->base.o.engine;
    const bool own = address >= lx->hosted.begin && address < lx->hosted.end;
    uint64_t tables = own || !lx_kernel_runs(lx) ? 0 : tables_now(lx), at;
    if (!tables)
        return e->ops->peek(e, lx->base.cpu, address, buf, n);
    size_t done = 0;
    while (done < n && walk(lx, tables, address + done, &at)) {
        size_t part = PAGE - at % PAGE < n - done ? PAGE - at % PAGE : n - done;
        if (e->ops->peek(e, lx->base.cpu, at, (char *)buf + done, part) != part)
            break;
        done += part;
    }
    return done;
}

void lx_hosted_tables(void *ctx, uint64_t tables, unsigned levels)
{
    struct linux_guest *lx = ctx;
    lx->hosted.tables = tables;
    lx->hosted.levels = levels;
}

/* ---------------------------------------------------------------- the current task */

struct search {
    uint64_t load;
    uint64_t mask;
};

static void look_at_site(void *ctx, const struct code_site *site)
{
    struct search *s = ctx;
    if (site->kind == CODE_MASK && !s->mask)
        s->mask = site->target;
    if (site->kind == CODE_LOAD && !s->load)
        s->load = site->target;
}

/* What a function that only returns the task's number reads first: the task's pointer is at the beginning of its stack,
 * or (since 6.13) in a variable. */
void lx_hosted_find_current(struct linux_guest *lx)
{
    static const char *const askers[] = {"__x64_sys_gettid", "sys_gettid", "__se_sys_gettid"};
    struct symbol sym;
    struct search s = {0};
    for (size_t i = 0; i < sizeof askers / sizeof askers[0] && !s.mask && !s.load; i++)
        if (lx_function(lx, askers[i], &sym))
            base_sites(&lx->base, &sym, look_at_site, &s);
    lx->hosted.stack = s.mask ? -s.mask : 0;
    lx->hosted.current = s.mask ? 0 : s.load;
}

uint64_t lx_hosted_current(const struct linux_guest *lx)
{
    const struct lx_hosted *h = &lx->hosted;
    if (!lx_kernel_runs(lx) || (!h->stack && !h->current))
        return 0;
    uint64_t task = lx_u64(lx, h->stack ? lx_reg(lx, GUEST_RSP) & -h->stack : h->current);
    return task >= h->begin && task < h->end ? task : 0;
}

/* No switch was seen of a kernel that was taken up later. But while a program runs, the kernel's process waits, and its current task is that
 * program's. */
static void find_switched(struct linux_guest *lx)
{
    const unsigned cpu = lx->base.cpu;
    lx->base.cpu = own_task(lx);
    const uint64_t task = lx_current(lx);
    if (task)
        lx_infer_pids(lx);
    lx->hosted.pid = lx_pid(lx, task);
    lx->hosted.tgid = lx_tgid(lx, task);
    lx->base.cpu = cpu;
}

/* While a process of the host runs a program for it, the current task is the one that was switched to last. */
bool lx_hosted_task(struct linux_guest *lx, struct guest_task *t)
{
    if (lx_kernel_runs(lx) || lx_reg(lx, GUEST_CR3) == lx->hosted.space)
        return false;
    if (lx->resumed)
        find_switched(lx);
    if (!lx->hosted.pid)
        return false;
    *t = (struct guest_task){
        .pid = lx->hosted.pid, .tgid = lx->hosted.tgid, .space = lx_space(lx, lx->hosted.tgid)};
    return true;
}

static void switched(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t next = lx_argument(lx, 1);
    lx->hosted.pid = lx_pid(lx, next);
    lx->hosted.tgid = lx_tgid(lx, next);
}

/* ---------------------------------------------------------------- the host's processes */

static struct lx_stub *stub_of(struct linux_guest *lx, uint64_t mm)
{
    struct lx_hosted *h = &lx->hosted;
    for (size_t i = 0; i < h->nstubs; i++)
        if (h->stubs[i].mm == mm)
            return &h->stubs[i];
    MEM_MORE(h->stubs, h->nstubs);
    h->stubs[h->nstubs] = (struct lx_stub){.mm = mm};
    return &h->stubs[h->nstubs++];
}

static void remember(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[0] = lx_argument(lx, 0);
    f->value[1] = lx_argument(lx, 1);
}

/* A process of the host was made: its number is the result, or (since 6.13) in the structure that was given. */
static void stub_made(struct linux_guest *lx, const struct hook_frame *f)
{
    int32_t result = (int32_t)lx_reg(lx, GUEST_RAX);
    lx->hosted.made = result > 0 ? (uint32_t)result : result ? 0 : lx_u32(lx, f->value[0]);
}

static void context_made(struct linux_guest *lx, const struct hook_frame *f)
{
    if (!(int32_t)lx_reg(lx, GUEST_RAX) && f->value[1])
        *stub_of(lx, f->value[1]) = (struct lx_stub){.mm = f->value[1], .pid = lx->hosted.made};
}

static void context_gone(struct linux_guest *lx, struct hook_frame *f)
{
    struct lx_hosted *h = &lx->hosted;
    uint64_t mm = lx_argument(lx, 0);
    for (size_t i = 0; i < h->nstubs; i++)
        if (h->stubs[i].mm == mm)
            h->stubs[i--] = h->stubs[--h->nstubs];
    if (lx_current(lx))
        lx_hosted_runs_in(lx, lx_current(lx));
}

void lx_hosted_runs_in(struct linux_guest *lx, uint64_t task)
{
    uint64_t mm = lx->hosted.is ? lx_member(lx, task, lx->types.task_mm) : 0;
    struct lx_stub *stub = mm ? stub_of(lx, mm) : NULL;
    uint32_t pid = lx_pid(lx, task);
    if (!stub || !stub->pid || stub->said == pid)
        return;
    stub->said = pid;
    GUEST_EMIT(lx, EV_PROCESS_HOST, NULL, pid, lx_tgid(lx, task), stub->pid);
}

/* An address space loses its owner: execve() has given it another one, or it exits and has none. */
static void left(struct linux_guest *lx, struct hook_frame *f)
{
    lx_hosted_runs_in(lx, lx_current(lx));
}

void lx_hosted_setup(struct linux_guest *lx)
{
    if (!lx->hosted.is)
        return;
    lx_hook(lx, "__switch_to", switched, NULL);
    if (!base_wants(&lx->base, EC_PROCESS))
        return;
    lx_hook(lx, "start_userspace", remember, stub_made);
    lx_hook(lx, "copy_context_skas0", remember, stub_made);
    lx_hook(lx, "destroy_context", context_gone, NULL);
    lx_hook(lx, "mm_update_next_owner", left, NULL);
    if (!lx_hook(lx, "init_new_context", remember, context_made))
        base_missing(&lx->base, "init_new_context");
}

void lx_hosted_free(struct linux_guest *lx)
{
    free(lx->hosted.stubs);
}
