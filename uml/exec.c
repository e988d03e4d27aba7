/* exec.c - loading programs: ELF files and scripts. execve(2), elf(5); the layout of the first stack page is
 * that of the System V ABI for AMD64, 3.4.1. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum {
    HWCAP2_FSGSBASE = 2, /* of Linux's asm/hwcap2.h; bit 0, MWAIT in ring 3, no model has */
    MAX_SEGMENTS = 64,
    SCRIPT_HEAD = 256,
    STACK_PAGES = 33,
    STRINGS_MAX = 1 << 21,
    STRING_MAX = 32 * 4096 /* MAX_ARG_STRLEN */,
    MAX_STRINGS = 65536
};
#define STACK_TOP 0x7ffffffff000ull
#define PIE_BASE  0x555555554000ull
#define DOWN(a)   ((a) & ~(uint64_t)(PAGE - 1))
#define UP(a)     DOWN((a) + PAGE - 1)

struct program {
    Elf64_Ehdr head;
    Elf64_Phdr seg[MAX_SEGMENTS];
    ref inode;
    uint64_t bias, first, end; /* first, end: of the code; end of all is `brk` */
    uint64_t brk, phdr;
};

static int read_program(struct host *h, ref inode, struct program *p)
{
    struct inode *i = INODE(inode);
    p->inode = inode;
    if (inode_read(h, i, 0, &p->head, sizeof p->head) != sizeof p->head ||
        memcmp(p->head.e_ident, ELFMAG, SELFMAG))
        return -ENOEXEC;
    const Elf64_Ehdr *e = &p->head;
    if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64) {
        report_missing(h, "program that is not of 64 bits", e->e_machine, 0);
        return -ENOEXEC;
    }
    if ((e->e_type != ET_EXEC && e->e_type != ET_DYN) || e->e_phentsize != sizeof(Elf64_Phdr) ||
        !e->e_phnum || e->e_phnum > MAX_SEGMENTS)
        return -ENOEXEC;
    size_t n = e->e_phnum * sizeof(Elf64_Phdr);
    return inode_read(h, i, e->e_phoff, p->seg, n) == (int64_t)n ? 0 : -ENOEXEC;
}

static uint32_t prot_of(const Elf64_Phdr *s)
{
    return (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
           (s->p_flags & PF_X ? PROT_EXEC : 0);
}

/* The range of addresses of the segments, before the bias. */
static int extent(const struct program *p, uint64_t *start, uint64_t *end)
{
    *start = UINT64_MAX;
    *end = 0;
    for (unsigned i = 0; i < p->head.e_phnum; i++) {
        const Elf64_Phdr *s = &p->seg[i];
        if (s->p_type != PT_LOAD)
            continue;
        if (s->p_vaddr > USER_END || s->p_memsz > USER_END - s->p_vaddr || s->p_filesz > s->p_memsz ||
            (s->p_vaddr ^ s->p_offset) % PAGE)
            return -ENOEXEC;
        *start = DOWN(s->p_vaddr) < *start ? DOWN(s->p_vaddr) : *start;
        *end = UP(s->p_vaddr + s->p_memsz) > *end ? UP(s->p_vaddr + s->p_memsz) : *end;
    }
    return *start < *end ? 0 : -ENOEXEC;
}

/* Zeros from the end of a segment's file part to the end of that page, and whole pages after it. */
static int clear_rest(struct host *h, struct mm *m, const Elf64_Phdr *s, uint64_t bias)
{
    static const uint8_t zero[PAGE];
    uint64_t from = bias + s->p_vaddr + s->p_filesz, end = UP(bias + s->p_vaddr + s->p_memsz);
    uint64_t page = s->p_filesz ? UP(from) : DOWN(from);
    if (s->p_memsz == s->p_filesz)
        return 0;
    if (s->p_filesz && from < page && s->p_flags & PF_W &&
        user_poke(h, m, from, zero, page - from) != page - from)
        return -EFAULT;
    return page < end ? area_map(h, m, page, end, prot_of(s), 0, 0, 0) : 0;
}

static int map_segment(struct host *h, struct mm *m, struct program *p, const Elf64_Phdr *s)
{
    uint64_t start = DOWN(p->bias + s->p_vaddr), end = UP(p->bias + s->p_vaddr + s->p_filesz);
    if (end > USER_END || area_unmap(h, m, start, UP(p->bias + s->p_vaddr + s->p_memsz)))
        return -ENOMEM;
    if (s->p_filesz && area_map(h, m, start, end, prot_of(s), 0, p->inode, DOWN(s->p_offset)))
        return -ENOMEM;
    if (s->p_flags & PF_X) {
        p->first = p->first && p->first < start ? p->first : start;
        p->end = p->end > end ? p->end : end;
    }
    uint64_t stop = p->bias + s->p_vaddr + s->p_memsz;
    p->brk = stop > p->brk ? stop : p->brk;
    if (p->head.e_phoff >= s->p_offset && p->head.e_phoff < s->p_offset + s->p_filesz)
        p->phdr = p->bias + s->p_vaddr + (p->head.e_phoff - s->p_offset);
    return clear_rest(h, m, s, p->bias);
}

static int map_program(struct host *h, struct mm *m, struct program *p, bool interpreter)
{
    uint64_t start, end;
    int rc = extent(p, &start, &end);
    if (rc)
        return rc;
    if (p->head.e_type == ET_DYN && interpreter) {
        p->bias = space_place(h, m, end - start) - start;
        if (p->bias + start == 0)
            return -ENOMEM;
    } else if (p->head.e_type == ET_DYN) {
        p->bias = PIE_BASE - start;
    }
    for (unsigned i = 0; i < p->head.e_phnum && !rc; i++)
        if (p->seg[i].p_type == PT_LOAD)
            rc = map_segment(h, m, p, &p->seg[i]);
    return rc;
}

/* ---------------------------------------------------------------- the first stack page */

struct stack {
    struct host *h;
    struct mm *m;
    uint64_t sp;
    int rc;
};

static uint64_t push(struct stack *s, const void *p, size_t n)
{
    s->sp -= n;
    if (!s->rc)
        s->rc = user_write(s->h, s->m, s->sp, p, n);
    return s->sp;
}

static size_t count(char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

/* Pushes the strings, the last first; their addresses go to `addresses`. */
static void push_strings(struct stack *s, char *const *list, uint64_t *addresses)
{
    for (size_t i = count(list); i-- > 0;)
        addresses[i] = push(s, list[i], strlen(list[i]) + 1);
}

static void set_auxv(struct host *h, struct mm *m, const struct program *p, const struct program *interp,
                     uint64_t execfn, uint64_t platform, uint64_t random)
{
    const uint64_t v[][2] = {{AT_SYSINFO_EHDR, 0}, /* known when it is mapped */
                             {AT_HWCAP, x86_user_features(h->cpu)},
                             {AT_PAGESZ, PAGE},
                             {AT_CLKTCK, 100},
                             {AT_PHDR, p->phdr},
                             {AT_PHENT, sizeof(Elf64_Phdr)},
                             {AT_PHNUM, p->head.e_phnum},
                             {AT_BASE, interp ? interp->bias : 0},
                             {AT_FLAGS, 0},
                             {AT_ENTRY, p->bias + p->head.e_entry},
                             {AT_UID, 0},
                             {AT_EUID, 0},
                             {AT_GID, 0},
                             {AT_EGID, 0},
                             {AT_SECURE, 0},
                             {AT_RANDOM, random},
                             {AT_HWCAP2, x86_user_fsgsbase(h->cpu) ? HWCAP2_FSGSBASE : 0},
                             {AT_EXECFN, execfn},
                             {AT_PLATFORM, platform},
                             {AT_NULL, 0}};
    unsigned from = h->r.vdso ? 0 : 1; /* which is AT_SYSINFO_EHDR */
    m->nauxv = sizeof v / sizeof(uint64_t) - 2 * from;
    memcpy(m->auxv, v[from], m->nauxv * sizeof(uint64_t));
}

static int make_stack(struct host *h, struct mm *m, const struct program *p, const struct program *interp,
                      const char *path, char *const *argv, char *const *envp, bool exec_stack, uint64_t *sp)
{
    struct stack s = {h, m, STACK_TOP - 8, 0};
    size_t argc = count(argv), envc = count(envp);
    uint64_t *addresses = mem_zero(argc + envc + 4, sizeof *addresses), random[2];
    uint64_t size = (uint64_t)STACK_PAGES * PAGE;
    for (size_t i = 0; i < argc; i++)
        size += strlen(argv[i]) + 9;
    for (size_t i = 0; i < envc; i++)
        size += strlen(envp[i]) + 9;
    uint32_t prot = PROT_READ | PROT_WRITE | (exec_stack ? PROT_EXEC : 0);
    s.rc = area_none(h, m, STACK_TOP - UP(size), STACK_TOP)
               ? area_map(h, m, STACK_TOP - UP(size), STACK_TOP, prot, AREA_GROWS | AREA_STACK, 0, 0)
               : -ENOMEM; /* a segment is there */
    uint64_t execfn = push(&s, path, strlen(path) + 1);
    m->env_end = execfn;
    push_strings(&s, envp, addresses + argc + 2);
    m->env_start = m->arg_end = s.sp;
    push_strings(&s, argv, addresses + 1);
    m->arg_start = s.sp;
    uint64_t platform = push(&s, "x86_64", 7);
    random[0] = random_next(h);
    random[1] = random_next(h);
    uint64_t rnd = push(&s, random, sizeof random);
    set_auxv(h, m, p, interp, execfn, platform, rnd);
    addresses[0] = argc;
    size_t words = argc + envc + 3 + m->nauxv;
    s.sp = (s.sp & ~15ull) - (words % 2 ? 8 : 0);
    push(&s, m->auxv, m->nauxv * 8);
    push(&s, addresses, (argc + envc + 3) * 8);
    free(addresses);
    *sp = s.sp;
    m->stack_top = s.sp;
    return s.rc;
}

/* ---------------------------------------------------------------- the new program */

static int find_interpreter(struct host *h, struct task *t, const struct program *p, struct program *in,
                            bool *has)
{
    char path[4096];
    *has = false;
    for (unsigned i = 0; i < p->head.e_phnum; i++) {
        const Elf64_Phdr *s = &p->seg[i];
        if (s->p_type != PT_INTERP)
            continue;
        if (s->p_filesz < 2 || s->p_filesz > sizeof path ||
            inode_read(h, INODE(p->inode), s->p_offset, path, s->p_filesz) != (int64_t)s->p_filesz ||
            path[s->p_filesz - 1])
            return -ENOEXEC;
        int64_t inode = path_walk(h, t, AT_FDCWD, path, 0, NULL);
        if (inode < 0)
            return (int)inode;
        *has = true;
        int rc = read_program(h, (ref)inode, in);
        return rc == -ENOEXEC ? -ELIBBAD : rc;
    }
    return 0;
}

static bool wants_exec_stack(const struct program *p)
{
    for (unsigned i = 0; i < p->head.e_phnum; i++)
        if (p->seg[i].p_type == PT_GNU_STACK)
            return p->seg[i].p_flags & PF_X;
    return true;
}

/* Handlers become defaults; what was ignored stays so. */
static void reset_actions(struct host *h, struct task *t)
{
    struct actions *old = at(h, t->actions);
    if (old->refs > 1) {
        ref r = arena_new(h, sizeof *old);
        if (r) {
            *(struct actions *)at(h, r) = *old;
            ((struct actions *)at(h, r))->refs = 1;
            old->refs--;
            t->actions = r;
        }
    }
    struct actions *new = at(h, t->actions);
    for (unsigned i = 0; i < NSIG_HOST; i++) {
        bool ignore = new->a[i].handler == (uint64_t)(uintptr_t)SIG_IGN;
        new->a[i] = (struct action){.handler = ignore ? 1 : 0};
    }
}

static void become(struct host *h, struct task *t, ref mm, uint64_t entry, uint64_t sp, const char *path)
{
    static const uint8_t fx[X86_FX_SIZE] = {0x7f, 3, [24] = 0x80, 0x1f};
    ref old = t->mm;
    if (old)
        futex_exit(h, t);
    vfork_done(h, t);
    t->mm = mm;
    mm_drop(h, old);
    t->u = (struct x86_user){.rip = entry, .cs = 0x33, .ss = 0x2b, .rflags = 0x202};
    t->u.gpr[4] = sp;
    memcpy(t->fx, fx, sizeof fx);
    memset(t->ymm, 0, sizeof t->ymm);
    if (h->r.current == ref_of(h, t))
        task_float_set(h, t);
    t->clear_tid = t->robust = 0;
    t->alt_base = t->alt_size = 0;
    reset_actions(h, t);
    for (struct group *g = GROUP(t->group); g->timers;)
        timer_free(h, TIMER(g->timers));
    GROUP(t->group)->exec_done = 1;
    const char *name = strrchr(path, '/');
    snprintf(t->name, sizeof t->name, "%s", name ? name + 1 : path);
    memset(t->debug, 0, sizeof t->debug);
}

/* The entry is the program's own, not its interpreter's. */
void exec_report(struct host *h, const struct task *t, const char *path)
{
    struct event ev = {.kind = EV_HOST_EXEC, .data = path, .len = (uint32_t)strlen(path)};
    const struct mm *m = MM(t->mm);
    uint64_t entry = 0;
    for (unsigned i = 0; i + 1 < m->nauxv; i += 2)
        entry = m->auxv[i] == AT_ENTRY ? m->auxv[i + 1] : entry;
    ev.f[EVF_HOST_EXEC_pid] = (uint32_t)t->pid;
    ev.f[EVF_HOST_EXEC_entry] = entry;
    report(h, &ev);
}

/* Sets a value that was not known when the stack was made; `at`: the vector there. */
static int set_auxiliary(struct host *h, struct mm *m, uint64_t at, uint64_t type, uint64_t value)
{
    unsigned i = 0;
    while (m->auxv[i] != type)
        i += 2;
    m->auxv[i + 1] = value;
    return user_write(h, m, at + 8 * (i + 1), &value, sizeof value);
}

/* The program can run, but the other threads of the process have to go first: then the call is made again. */
enum { EXEC_WAITS = 1 };

static int load_elf(struct host *h, struct task *t, struct program *p, const char *path, char *const *argv,
                    char *const *envp)
{
    struct program in = {.bias = 0};
    bool has;
    int rc = find_interpreter(h, t, p, &in, &has);
    ref mm = rc ? 0 : mm_new(h);
    uint64_t sp = 0;
    if (!rc && !mm)
        rc = -ENOMEM;
    if (!rc)
        rc = map_program(h, MM(mm), p, false);
    if (!rc)
        rc = make_stack(h, MM(mm), p, &in, path, argv, envp, wants_exec_stack(p), &sp);
    uint64_t auxv = sp + 8 * (count(argv) + count(envp) + 3);
    if (!rc && has) {
        rc = map_program(h, MM(mm), &in, true);
        rc = rc ? rc : set_auxiliary(h, MM(mm), auxv, AT_BASE, in.bias);
    }
    if (!rc && h->r.vdso) {
        uint64_t vdso = vdso_map(h, MM(mm));
        rc = vdso ? set_auxiliary(h, MM(mm), auxv, AT_SYSINFO_EHDR, vdso) : -ENOMEM;
    }
    if (in.inode)
        inode_drop(h, in.inode);
    if (!rc && !group_single(h, t))
        rc = EXEC_WAITS;
    if (rc) {
        mm_drop(h, mm);
        return rc;
    }
    struct mm *m = MM(mm);
    m->brk = m->brk_start = UP(p->brk);
    m->code_start = p->first;
    m->code_end = p->end;
    m->program = p->inode;
    inode_hold(h, p->inode);
    uint64_t entry = has ? in.bias + in.head.e_entry : p->bias + p->head.e_entry;
    files_close_exec(h, t);
    become(h, t, mm, entry, sp, path);
    exec_report(h, t, path);
    return 0;
}

/* A script: "#! interpreter argument". */
static int run_script(struct host *h, struct task *t, ref inode, const char *path, char *const *argv,
                      char *const *envp, unsigned depth);

static int run_inode(struct host *h, struct task *t, ref inode, const char *path, char *const *argv,
                     char *const *envp, unsigned depth)
{
    struct program p = {.bias = 0};
    char magic[2] = "";
    const struct inode *i = INODE(inode);
    if (!S_ISREG(i->mode) || !(i->mode & 0111))
        return -EACCES;
    inode_read(h, INODE(inode), 0, magic, 2);
    if (!memcmp(magic, "#!", 2))
        return depth > 4 ? -ELOOP : run_script(h, t, inode, path, argv, envp, depth);
    int rc = read_program(h, inode, &p);
    return rc ? rc : load_elf(h, t, &p, path, argv, envp);
}

static int run_script(struct host *h, struct task *t, ref inode, const char *path, char *const *argv,
                      char *const *envp, unsigned depth)
{
    char line[SCRIPT_HEAD] = "";
    size_t argc = count(argv), n = 0;
    inode_read(h, INODE(inode), 2, line, sizeof line - 1);
    char *end = strchr(line, '\n'), *name = line + strspn(line, " \t");
    if (!end)
        return -ENOEXEC;
    while (end > name && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    char *arg = name + strcspn(name, " \t");
    if (*arg) {
        *arg++ = 0;
        arg += strspn(arg, " \t");
    }
    if (!*name)
        return -ENOEXEC;
    int64_t in = path_walk(h, t, AT_FDCWD, name, 0, NULL);
    if (in < 0)
        return (int)in;
    char **list = mem_zero(argc + 4, sizeof *list);
    list[n++] = name;
    if (*arg)
        list[n++] = arg;
    list[n++] = (char *)path;
    for (size_t k = 1; k < argc; k++)
        list[n++] = argv[k];
    int rc = run_inode(h, t, (ref)in, name, list, envp, depth + 1);
    inode_drop(h, (ref)in);
    free(list);
    return rc;
}

int exec_program(struct host *h, struct task *t, const char *path, char *const *argv, char *const *envp,
                 int dirfd, unsigned flags)
{
    struct file *f = !*path && flags & AT_EMPTY_PATH ? fd_file(h, t, dirfd) : NULL;
    int64_t inode =
        f ? f->inode : path_walk(h, t, dirfd, path, flags & AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0, NULL);
    if (inode < 0)
        return (int)inode;
    if (f)
        inode_hold(h, (ref)inode);
    char named[sizeof "/dev/fd//" + 12 + 4096];
    if (dirfd != AT_FDCWD && *path != '/') { /* alloc_bprm() in fs/exec.c of Linux */
        snprintf(named, sizeof named, "/dev/fd/%d%s%s", dirfd, *path ? "/" : "", path);
        path = named;
    }
    int rc = run_inode(h, t, (ref)inode, path, argv, envp, 0);
    inode_drop(h, (ref)inode);
    return rc;
}

/* ---------------------------------------------------------------- the calls */

/* A program's list of strings, copied; NULL with *rc. */
static char **take_strings(struct host *h, struct task *t, uint64_t from, size_t *left, int *rc)
{
    size_t n = 0, cap = 16;
    char **list = mem_zero(cap, sizeof *list), *buf = mem_alloc(STRING_MAX);
    for (uint64_t p; from && !*rc; from += 8) {
        *rc = get_user(h, t, from, &p, 8);
        if (*rc || !p)
            break;
        int len = user_string(h, MM(t->mm), p, buf, STRING_MAX);
        if (len < 0 || (size_t)len + 9 > *left || n >= MAX_STRINGS) {
            *rc = len == -EFAULT ? -EFAULT : -E2BIG;
            break;
        }
        *left -= (size_t)len + 9;
        list = mem_grow(list, &cap, n + 2, sizeof *list);
        list[n++] = mem_string(buf);
        list[n] = NULL;
    }
    free(buf);
    return list;
}

static void free_strings(char **list)
{
    for (char **p = list; *p; p++)
        free(*p);
    free(list);
}

static int64_t execute(struct host *h, struct task *t, int dirfd, uint64_t path_at, uint64_t args,
                       uint64_t env, unsigned flags)
{
    char path[4096];
    size_t left = STRINGS_MAX;
    int rc = user_string(h, MM(t->mm), path_at, path, sizeof path);
    if (rc < 0)
        return rc;
    rc = 0;
    char **argv = take_strings(h, t, args, &left, &rc), **envp = take_strings(h, t, env, &left, &rc);
    static char *const empty[] = {"", NULL};
    if (!rc)
        rc = exec_program(h, t, path, *argv ? argv : empty, envp, dirfd, flags);
    free_strings(argv);
    free_strings(envp);
    if (rc == EXEC_WAITS)
        return wait_for(t, KEY_OBJECT(t->group), UINT64_MAX);
    if (rc)
        return rc;
    if (t->tracer && t->trace_options & 1u << 4) /* PTRACE_O_TRACEEXEC */
        trace_event(h, t, 4, (uint64_t)t->pid);
    else if (t->tracer && !t->trace_seized)
        signal_kernel(h, t, SIGTRAP);
    return 0;
}

int64_t call_execve(struct host *h, struct task *t, const uint64_t *a)
{
    return execute(h, t, AT_FDCWD, a[0], a[1], a[2], 0);
}
int64_t call_execveat(struct host *h, struct task *t, const uint64_t *a)
{
    return execute(h, t, (int)a[0], a[1], a[2], a[3], (unsigned)a[4]);
}
