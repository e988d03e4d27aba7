/* infer.c - kernels without type information (BTF) or without data symbols: uses layout.h on the kernel's
 * objects as they are seen. See impl.h.
 */
#include "core/systems/linux/private/impl.h"
#include "core/systems/linux/private/initcall_tables.h"

static bool read_guest(void *ctx, uint64_t address, void *buf, size_t n)
{
    return lx_read(ctx, address, buf, n);
}

static struct layout_memory memory(struct linux_guest *lx)
{
    struct layout_memory m = {.word = lx->base.word, .la57 = lx_la57(lx), .ctx = lx, .read = read_guest};
    if (lx->hosted.is) {
        m.begin = lx->hosted.begin;
        m.end = lx->hosted.end;
        m.tables = lx_hosted_tables;
    }
    return m;
}

/* ---------------------------------------------------------------- in the image */

static uint64_t image_word(const struct linux_guest *lx, size_t at)
{
    uint64_t v = 0;
    memcpy(&v, lx->image.bytes + at, lx->base.word);
    return v;
}

/* The first task is in the image: it is its own parent and nobody's sibling, and, unless this is later in the run, it has no
 * children. 0 if it is not found. */
static uint64_t find_init_task(struct linux_guest *lx, struct layout_task *t)
{
    const struct layout_memory m = memory(lx);
    size_t w = lx->base.word;
    for (size_t at = 0; at + 7 * w <= lx->image.size; at += w) {
        uint64_t here = lx->image.base + at, task = image_word(lx, at);
        if (task >= here || here - task > 16384 || image_word(lx, at + w) != task ||
            image_word(lx, at + 4 * w) != here + 4 * w || image_word(lx, at + 6 * w) != task)
            continue;
        if (layout_task(&m, task, !lx->resumed, t))
            return task;
    }
    return 0;
}

static bool is_function(void *ctx, uint64_t address)
{
    const struct linux_guest *lx = ctx;
    struct symbol sym;
    uint64_t offset;
    return address - lx->image.base < lx->image.size &&
           symbols_at(lx->base.o.symbols, lx->base.space, address, SYMBOLS_NOW, &sym, &offset) && !offset &&
           (sym.type == 't' || sym.type == 'T');
}

void lx_infer_initcalls(struct linux_guest *lx, const struct initcall_reader *r)
{
    const struct layout_image im = {lx->image.bytes, lx->image.size, lx->image.base, lx->base.word, lx,
                                    is_function};
    initcall_infer(&im, r);
}

/* ---------------------------------------------------------------- in objects */

void lx_infer_tasks(struct linux_guest *lx)
{
    struct layout_task t;
    lx->init_task = find_init_task(lx, &t);
    if (!lx->init_task)
        return;
    lx->types.task_comm = t.comm;
    lx->types.task_real_parent = t.real_parent;
    lx->types.task_flags = t.flags;
    /* The order of clone3: flags, three pointers, exit_signal. */
    lx->types.clone_flags = 0;
    lx->types.clone_exit_signal = 8 + 3 * (int)lx->base.word;
    lx->types.module_name = 3 * (int)lx->base.word;
}

static bool lacks_pids(const struct linux_guest *lx)
{
    return lx->inferring && lx->types.task_pid < 0 && lx->init_task;
}

/* The first task that is created has pid 1. */
void lx_infer_created(struct linux_guest *lx, uint64_t task)
{
    int at;
    if (!lacks_pids(lx))
        return;
    const struct layout_memory m = memory(lx);
    if (!layout_pid(&m, task, lx->types.task_real_parent, 1, &at)) {
        base_note_once(&lx->base, LX_NOTE_PIDS,
                       "numbers of processes are not found in task_struct: all are told as 0");
        return;
    }
    lx->types.task_pid = at;
    lx->types.task_tgid = at + 4;
}

void lx_infer_pids(struct linux_guest *lx)
{
    if (!lx->resumed || !lacks_pids(lx))
        return;
    const struct layout_memory m = memory(lx);
    const uint64_t first = layout_first_child(&m, lx->init_task, lx->types.task_real_parent);
    if (first)
        lx_infer_created(lx, first);
}

void lx_infer_executed(struct linux_guest *lx, uint64_t task, uint64_t binprm)
{
    const struct layout_memory m = memory(lx);
    struct layout_exec x;
    struct layout_binprm b;
    if (!lx->inferring || lx->types.binprm_filename >= 0 || !lx->init_task)
        return;
    bool found = layout_exec(&m, task, lx->init_task, &x) && layout_binprm(&m, binprm, &x, &b);
    lx->hosted.tables = 0; /* from now on those of the current task */
    if (!found) {
        base_note_once(&lx->base, LX_NOTE_EXEC,
                       "a program's name and arguments are not found in linux_binprm and mm_struct");
        return;
    }
    lx->types.task_mm = x.task_mm;
    lx->types.mm_tables = x.tables;
    lx->types.mm_start_code = x.start_code;
    lx->types.mm_arg_start = x.arg_start;
    lx->types.mm_arg_end = x.arg_end;
    lx->types.binprm_filename = b.filename;
    lx->types.binprm_interp = b.interp;
    lx->types.binprm_exec = b.exec;
}

void lx_infer_module(struct linux_guest *lx, uint64_t module)
{
    const struct layout_memory m = memory(lx);
    struct layout_module l;
    struct linux_types *t = &lx->types;
    if (!lx->inferring || t->module_core_base >= 0)
        return;
    if (!layout_module(&m, module, &l) || l.base < 0) {
        base_note_once(&lx->base, LX_NOTE_MODULE, "where a module lies is not found in struct module");
        return;
    }
    t->module_core_base = l.base;
    t->module_core_size = l.size;
    t->module_kallsyms = l.kallsyms;
    t->ksyms_symtab = l.symtab;
    t->ksyms_num = l.num_symtab;
    t->ksyms_strtab = l.strtab;
    t->module_sect_attrs = l.sect_attrs;
    t->sects_count = l.count;
    t->sects_attrs = l.attrs;
    t->sect_stride = l.stride;
    t->sect_name = l.sect_name;
    t->sect_address = l.address;
}

void lx_infer_console(struct linux_guest *lx, uint64_t console)
{
    const struct layout_memory m = memory(lx);
    int at;
    if (!lx->inferring || lx->types.console_flags >= 0 || !layout_console(&m, console, &at))
        return;
    lx->types.console_name = 0;
    lx->types.console_flags = at;
    lx->types.console_index = at + 2;
}
