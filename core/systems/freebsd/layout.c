/* layout.c - where members are in the kernel's structures: from the constants that it has for debuggers, from objects
 * whose contents are known, and from the code of functions that return a member. See impl.h. */
#include "core/systems/freebsd/private/impl.h"

enum { OBJECT_MAX = 4096, THREAD0_TID = 100000, ACCESSOR = 32 };

/* ---------------------------------------------------------------- constants */

void fb_layout_constants(struct fb_guest *fb)
{
    struct fb_layout *l = &fb->layout;
    const struct {
        const char *name;
        int *to;
    } constants[] = {{"proc_off_p_list", &l->p_list},       {"proc_off_p_pid", &l->p_pid},
                     {"proc_off_p_comm", &l->p_comm},       {"proc_off_p_threads", &l->p_threads},
                     {"thread_off_td_tid", &l->td_tid},     {"thread_off_td_name", &l->td_name},
                     {"thread_off_td_plist", &l->td_plist}, {"kld_off_filename", &l->kld_filename},
                     {"kld_off_address", &l->kld_address}};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        uint64_t at = fb_symbol(fb, constants[i].name);
        uint32_t v = at ? fb_u32(fb, at) : OBJECT_MAX;
        if (v < OBJECT_MAX)
            *constants[i].to = (int)v;
    }
}

/* ---------------------------------------------------------------- objects */

/* An object whose size is not known, as far as it can be read. */
struct object {
    uint64_t address;
    uint8_t bytes[OBJECT_MAX];
    size_t size;
};

static void read_object(const struct fb_guest *fb, uint64_t address, struct object *o)
{
    enum { PART = 64 };
    o->address = address;
    for (o->size = 0; address && o->size < OBJECT_MAX; o->size += PART)
        if (!fb_read(fb, address + o->size, o->bytes + o->size, PART))
            return;
}

static uint64_t word_in(const struct fb_guest *fb, const struct object *o, size_t at)
{
    uint64_t v = 0;
    memcpy(&v, o->bytes + at, fb->base.word);
    return v;
}

/* The offset of the first word of that value from `from` on, or -1. */
static int find_word(const struct fb_guest *fb, const struct object *o, size_t from, uint64_t value)
{
    for (size_t at = from; value && at + fb->base.word <= o->size; at += fb->base.word)
        if (word_in(fb, o, at) == value)
            return (int)at;
    return -1;
}

static int find_u32(const struct object *o, uint32_t value)
{
    uint32_t v;
    for (size_t at = 0; at + sizeof v <= o->size; at += sizeof v) {
        memcpy(&v, o->bytes + at, sizeof v);
        if (v == value)
            return (int)at;
    }
    return -1;
}

static int find_text(const struct object *o, const char *const *texts)
{
    for (; *texts; texts++) {
        const uint8_t *p = memmem(o->bytes, o->size, *texts, strlen(*texts) + 1);
        if (p)
            return (int)(p - o->bytes);
    }
    return -1;
}

static void derive(int *to, int offset)
{
    if (*to < 0)
        *to = offset;
}

/* A process's list of threads is a tail queue: its first thread, and the address of the last one's link. */
static void derive_threads(struct fb_guest *fb, const struct object *proc0, const struct object *thread0)
{
    struct fb_layout *l = &fb->layout;
    for (int at = find_word(fb, proc0, 0, thread0->address); at >= 0;
         at = find_word(fb, proc0, (size_t)at + fb->base.word, thread0->address)) {
        uint64_t last = (size_t)at + 2 * fb->base.word <= proc0->size
                            ? word_in(fb, proc0, (size_t)at + fb->base.word)
                            : 0;
        if (last - thread0->address < thread0->size) {
            derive(&l->p_threads, at);
            derive(&l->td_plist, (int)(last - thread0->address));
            return;
        }
    }
}

/* ---------------------------------------------------------------- code */

struct accessor {
    uint64_t offset;
    bool found;
};

/* The first member that is loaded; a load relative to the frame is that of an argument. */
static void first_member(void *ctx, const struct code_site *site)
{
    struct accessor *a = ctx;
    if (site->kind != CODE_MEMBER || a->found || strstr(site->reg, "bp") || strstr(site->reg, "sp"))
        return;
    *a = (struct accessor){site->target, true};
}

/* The member that a function returns, which is a parameter's; -1 if not known. */
static int accessor(const struct fb_guest *fb, const char *name)
{
    struct symbol f;
    struct accessor a = {0};
    if (!base_function(&fb->base, name, &f))
        return -1;
    f.size = f.size && f.size < ACCESSOR ? f.size : ACCESSOR;
    hooks_sites(fb->base.hooks, fb->base.cpu, &f, NULL, first_member, &a);
    return a.found && a.offset < OBJECT_MAX ? (int)a.offset : -1;
}

/* getpid: the second member on its way is p_pid, after td_proc. */
struct pid_search {
    int td_proc, p_pid;
};

static void pid_member(void *ctx, const struct code_site *site)
{
    struct pid_search *s = ctx;
    if (site->kind != CODE_MEMBER || strstr(site->reg, "bp") || strstr(site->reg, "sp") || s->p_pid >= 0)
        return;
    if (site->target == (uint64_t)s->td_proc)
        s->p_pid = -2; /* the next one */
    else if (s->p_pid == -2 && site->target < OBJECT_MAX)
        s->p_pid = (int)site->target;
}

static int pid_of_getpid(const struct fb_guest *fb)
{
    struct symbol f;
    struct pid_search s = {fb->layout.td_proc, -1};
    if ((!base_function(&fb->base, "sys_getpid", &f) && !base_function(&fb->base, "getpid", &f)) ||
        s.td_proc < 0)
        return -1;
    hooks_sites(fb->base.hooks, fb->base.cpu, &f, NULL, pid_member, &s);
    return s.p_pid < 0 ? -1 : s.p_pid;
}

/* ---------------------------------------------------------------- together */

static uint64_t either(const struct fb_guest *fb, const char *a, const char *b)
{
    uint64_t at = fb_symbol(fb, a);
    return at ? at : fb_symbol(fb, b);
}

static void need(struct fb_guest *fb, int offset, const char *name)
{
    if (offset < 0)
        base_missing(&fb->base, name);
}

void fb_layout_derive(struct fb_guest *fb)
{
    struct fb_layout *l = &fb->layout;
    struct object proc0, thread0;
    read_object(fb, fb_symbol(fb, "proc0"), &proc0);
    read_object(fb, either(fb, "thread0_st", "thread0"), &thread0);
    derive(&l->td_proc, find_word(fb, &thread0, 0, proc0.address));
    derive_threads(fb, &proc0, &thread0);
    derive(&l->p_pid, pid_of_getpid(fb));
    derive(&l->dev_nameunit, accessor(fb, "device_get_nameunit"));
    derive(&l->dev_desc, accessor(fb, "device_get_desc"));
    derive(&l->dev_parent, accessor(fb, "device_get_parent"));
    need(fb, l->td_proc, "td_proc");
    need(fb, l->p_pid, "p_pid");
    need(fb, l->p_threads, "p_threads");
}

void fb_layout_named(struct fb_guest *fb)
{
    /* What is read may be more than the object: the text that it should have comes first. */
    static const char *const names[] = {"kernel", "swapper", NULL}, *const td_names[] = {"swapper", "kernel",
                                                                                         NULL};
    struct fb_layout *l = &fb->layout;
    struct object proc0, thread0;
    read_object(fb, fb_symbol(fb, "proc0"), &proc0);
    read_object(fb, either(fb, "thread0_st", "thread0"), &thread0);
    derive(&l->p_comm, find_text(&proc0, names));
    derive(&l->td_tid, find_u32(&thread0, THREAD0_TID));
    derive(&l->td_name, find_text(&thread0, td_names));
    need(fb, l->p_comm, "p_comm");
    need(fb, l->td_tid, "td_tid");
    need(fb, l->td_name, "td_name");
}

void fb_layout_frame(struct fb_guest *fb, uint64_t td, uint64_t frame)
{
    struct object thread;
    if (fb->layout.td_frame >= 0)
        return;
    read_object(fb, td, &thread);
    fb->layout.td_frame = find_word(fb, &thread, 0, frame);
}

/* A process's table of system calls leads to their names: the members are those that do so for a process of
 * the kernel's own kind. */
void fb_layout_sysent(struct fb_guest *fb, uint64_t proc)
{
    enum { VECTOR_MAX = 512 };
    struct fb_layout *l = &fb->layout;
    struct object p;
    uint64_t names = fb_symbol(fb, "syscallnames");
    if (l->p_sysent >= 0 || !names)
        return;
    read_object(fb, proc, &p);
    for (size_t at = 0; at + fb->base.word <= p.size; at += fb->base.word) {
        uint64_t vector = word_in(fb, &p, at);
        if (vector < fb->image.base || vector >= fb->image.end)
            continue;
        for (int in = 0; in < VECTOR_MAX; in += (int)fb->base.word)
            if (fb_word(fb, vector + (unsigned)in) == names) {
                l->p_sysent = (int)at;
                l->sv_names = in;
                return;
            }
    }
}

/* A path, whose last part the word before it points to; a number and the address follow. */
void fb_layout_kld(struct fb_guest *fb, uint64_t file)
{
    enum { NAME = 256 };
    struct fb_layout *l = &fb->layout;
    struct object o;
    char name[NAME], path[NAME];
    if (l->kld_filename >= 0 && l->kld_address >= 0)
        return;
    read_object(fb, file, &o);
    for (size_t at = 0; at + 4 * fb->base.word <= o.size; at += fb->base.word) {
        if (!fb_is_kernel(fb, word_in(fb, &o, at)) ||
            !fb_string(fb, word_in(fb, &o, at), name, sizeof name) ||
            !fb_string(fb, word_in(fb, &o, at + fb->base.word), path, sizeof path))
            continue;
        const char *slash = strrchr(path, '/');
        if (strcmp(slash ? slash + 1 : path, name))
            continue;
        derive(&l->kld_filename, (int)at);
        derive(&l->kld_address, (int)(at + 3 * fb->base.word));
        return;
    }
}
