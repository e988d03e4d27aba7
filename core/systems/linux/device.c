/* device.c - drivers and devices: probes with their results, deferred ones, uevents, firmware files that drivers ask for. See impl.h.
 *
 * What a driver's probe function returned is seen at the call itself, since really_probe's own result says it only since 5.15 (before, it is 0
 * or 1).
 *
 * Sources: Linux, drivers/base/{dd,core}.c, drivers/base/firmware_loader/main.c, lib/kobject_uevent.c.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/systems/linux/private/impl.h"

enum { NAME = 128, PATH_PARTS = 64 };

/* ---------------------------------------------------------------- names */

static bool is_name(const struct linux_guest *lx, uint64_t address)
{
    char name[NAME];
    size_t n = lx_string(lx, address, name, sizeof name);
    for (size_t i = 0; i < n; i++)
        if (name[i] < ' ' || name[i] > '~')
            return false;
    return n;
}

/* Without BTF: the kobject is a device's first member, or (up to 5.1) after two pointers. */
static void infer_kobject(struct linux_guest *lx, uint64_t device)
{
    if (lx->types.device_kobj < 0 && device)
        lx->types.device_kobj = is_name(lx, lx_word(lx, device)) ? 0 : 2 * (int)lx->base.word;
}

static void kobject_name(const struct linux_guest *lx, uint64_t kobj, char name[NAME])
{
    lx_string(lx, lx_member(lx, kobj, lx->types.kobject_name), name, NAME);
}

static void device_name(struct linux_guest *lx, uint64_t device, char name[NAME])
{
    infer_kobject(lx, device);
    lx_string(lx, lx_member(lx, device, lx->types.device_init_name), name, NAME);
    if (!name[0] && device)
        kobject_name(lx, device + (unsigned)lx->types.device_kobj, name);
}

/* "/devices/pci0000:00/0000:00:03.0": the names from the root down. */
static void add_path(const struct linux_guest *lx, struct text *out, uint64_t kobj)
{
    uint64_t part[PATH_PARTS];
    unsigned n = 0;
    for (; kobj && n < PATH_PARTS; kobj = lx_member(lx, kobj, lx->types.kobject_parent))
        part[n++] = kobj;
    while (n--) {
        char name[NAME];
        kobject_name(lx, part[n], name);
        text_add(out, "/%s", name);
    }
}

/* ---------------------------------------------------------------- probes */

enum { PROBE_DEVICE, PROBE_DRIVER, PROBE_CALLED, PROBE_RESULT }; /* values of a frame of really_probe */
enum { NOT_BOUND = 1 };

static void emit_probe(struct linux_guest *lx, const struct hook_frame *f, bool done, int64_t result)
{
    char device[NAME], driver[NAME], words[2 * NAME];
    device_name(lx, f->value[PROBE_DEVICE], device);
    lx_string(lx, lx_member(lx, f->value[PROBE_DRIVER], lx->types.driver_name), driver, sizeof driver);
    snprintf(words, sizeof words, "%s %s", driver, device);
    if (done)
        GUEST_EMIT(lx, EV_DEVICE_PROBE_DONE, words, (uint64_t)result, lx->base.time - f->time,
                   lx_current_pid(lx));
    else
        GUEST_EMIT(lx, EV_DEVICE_PROBE, words, lx_current_pid(lx));
}

static void probe_begins(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[PROBE_DEVICE] = lx_argument(lx, 0);
    f->value[PROBE_DRIVER] = lx_argument(lx, 1);
    emit_probe(lx, f, false, 0);
}

/* Up to 5.14 it returns 1 if the driver has the device, 0 if not, or an error if it was not even tried; since then 0, an error of
 * the probe as a positive number, or another error. So it is asked which driver the device has. */
static void probe_ends(struct linux_guest *lx, const struct hook_frame *f)
{
    const struct linux_types *t = &lx->types;
    const int64_t probe = (int64_t)f->value[PROBE_RESULT], all = (int32_t)lx_reg(lx, GUEST_RAX);
    bool called = f->value[PROBE_CALLED];
    bool bound = t->device_driver < 0
                     ? called && !probe
                     : lx_member(lx, f->value[PROBE_DEVICE], t->device_driver) == f->value[PROBE_DRIVER];
    int64_t result = bound ? 0 : called && probe ? probe : all ? -(all < 0 ? -all : all) : NOT_BOUND;
    emit_probe(lx, f, true, result);
}

/* An indirect call in the function that calls a driver's probe. */
struct probe_site {
    struct linux_guest *lx;
    const char *reg;
};

/* The driver's own function, or that of its bus, which calls the driver's. */
static bool is_probe(const struct linux_guest *lx, const struct hook_frame *f, uint64_t fn)
{
    const struct linux_types *t = &lx->types;
    uint64_t driver = f->value[PROBE_DRIVER], bus = lx_member(lx, driver, t->driver_bus);
    return fn && (fn == lx_member(lx, driver, t->driver_probe) || fn == lx_member(lx, bus, t->bus_probe));
}

static void call_begins(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct probe_site *site = h->ctx;
    uint64_t fn = 0, sp = lx_reg(site->lx, GUEST_RSP);
    const struct hook_frame *probe = hook_around(site->lx->device_probe, sp);
    if (probe && base_reg_by_name(&site->lx->base, site->reg, &fn) && is_probe(site->lx, probe, fn))
        hook_push(h, sp, hit->time);
}

static void call_returns(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    struct linux_guest *lx = ((const struct probe_site *)h->ctx)->lx;
    uint64_t sp = lx_reg(lx, GUEST_RSP);
    struct hook_frame *f = hook_find(h, sp);
    if (!f)
        return;
    hooks_drop(h->set, f);
    struct hook_frame *probe = hook_around(lx->device_probe, sp);
    if (!probe)
        return;
    probe->value[PROBE_CALLED] = true;
    probe->value[PROBE_RESULT] = (uint64_t)(int64_t)(int32_t)lx_reg(lx, GUEST_RAX);
}

static void indirect_call(void *ctx, const struct code_site *site)
{
    struct linux_guest *lx = ctx;
    const char *reg = site->kind == CODE_CALL_REGISTER ? site->reg
                      : site->kind == CODE_CALL        ? lx_thunk_register(lx, site->target)
                                                       : NULL;
    if (!reg)
        return;
    struct probe_site *s = mem_zero(1, sizeof *s);
    *s = (struct probe_site){lx, reg};
    struct hook *h = hook_keep(lx->base.hooks, s);
    hooks_probe(h->set, PROBE_LINEAR, site->address, call_begins, h);
    hooks_probe(h->set, PROBE_LINEAR, site->address + site->length, call_returns, h);
}

static void deferred(struct linux_guest *lx, struct hook_frame *f)
{
    char name[NAME];
    device_name(lx, lx_argument(lx, 0), name);
    GUEST_EMIT(lx, EV_DEVICE_DEFERRED, name, lx_current_pid(lx));
}

static void set_up_probes(struct linux_guest *lx)
{
    static const char *const callers[] = {"really_probe", "call_driver_probe"};
    struct symbol sym;
    lx->device_probe = lx_hook(lx, "really_probe", probe_begins, probe_ends);
    if (!lx->device_probe) {
        base_missing(&lx->base, "really_probe");
        return;
    }
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++)
        if (lx->types.driver_probe >= 0 && lx_function(lx, callers[i], &sym))
            base_sites(&lx->base, &sym, indirect_call, lx);
    /* Where the compiler has split it, really_probe calls the part that does it. */
    if (!lx_hook(lx, "driver_deferred_probe_add.part.0", deferred, NULL))
        lx_hook(lx, "driver_deferred_probe_add", deferred, NULL);
}

/* ---------------------------------------------------------------- uevents */

enum { UEVENT_OBJECT, UEVENT_ACTION, UEVENT_BEFORE, UEVENT_NUMBER }; /* values of a frame */

/* How many there were so far; 0 if there is no such symbol. */
static uint64_t uevents(const struct linux_guest *lx)
{
    uint64_t at = lx_symbol(lx, "uevent_seqnum");
    return at ? lx_u64(lx, at) : 0;
}

static void uevent_begins(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[UEVENT_OBJECT] = lx_argument(lx, 0);
    f->value[UEVENT_ACTION] = (uint32_t)lx_argument(lx, 1);
    f->value[UEVENT_BEFORE] = uevents(lx);
}

/* In a kernel without that symbol the number is seen where it becomes one of the event's variables. */
static void variable_added(struct linux_guest *lx, struct hook_frame *none)
{
    char format[16];
    lx_string(lx, lx_stack_argument(lx, 1), format, sizeof format);
    struct hook_frame *f =
        strcmp(format, "SEQNUM=%llu") ? NULL : hook_around(lx->device_uevent, lx_reg(lx, GUEST_RSP));
    if (!f)
        return;
    f->value[UEVENT_NUMBER] = lx_stack_argument(lx, 2);
    if (lx->base.word == 4)
        f->value[UEVENT_NUMBER] |= lx_stack_argument(lx, 3) << 32;
}

/* One that is filtered gets no number. */
static void uevent_ends(struct linux_guest *lx, const struct hook_frame *f)
{
    static const char *const actions[] = {"add",    "remove",  "change", "move",
                                          "online", "offline", "bind",   "unbind"};
    const uint64_t action = f->value[UEVENT_ACTION], now = uevents(lx);
    const uint64_t number = now != f->value[UEVENT_BEFORE] ? now : f->value[UEVENT_NUMBER];
    struct text words = {0};
    if (!number)
        return;
    text_add(&words, "%s ", action < sizeof actions / sizeof actions[0] ? actions[action] : "?");
    add_path(lx, &words, f->value[UEVENT_OBJECT]);
    GUEST_EMIT(lx, EV_DEVICE_UEVENT, words.s, number, lx_current_pid(lx));
    free(words.s);
}

static void set_up_uevents(struct linux_guest *lx)
{
    lx->device_uevent = lx_hook(lx, "kobject_uevent_env", uevent_begins, uevent_ends);
    if (lx->device_uevent && !lx_symbol(lx, "uevent_seqnum"))
        lx_hook(lx, "add_uevent_var", variable_added, NULL);
}

/* ---------------------------------------------------------------- firmware files */

static void firmware_asked(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[0] = lx_argument(lx, 1);
    f->value[1] = lx_argument(lx, 2);
    free(lx_take_read_file(lx));
}

static void firmware_got(struct linux_guest *lx, const struct hook_frame *f)
{
    char name[NAME], device[NAME] = "", *path = lx_take_read_file(lx);
    struct text words = {0};
    lx_string(lx, f->value[0], name, sizeof name);
    if (f->value[1])
        device_name(lx, f->value[1], device);
    text_add(&words, "%s%s%s%s%s", name, device[0] ? " for " : "", device, path ? " from " : "",
             path ? path : "");
    GUEST_EMIT(lx, EV_DEVICE_FIRMWARE, words.s, (uint64_t)(int64_t)(int32_t)lx_reg(lx, GUEST_RAX),
               lx->base.time - f->time, lx_current_pid(lx));
    free(words.s);
    free(path);
}

/* ---------------------------------------------------------------- setting up */

/* Members that have been at the same places since 2.6. */
static void old_places(struct linux_guest *lx)
{
    struct linux_types *t = &lx->types;
    const int word = (int)lx->base.word;
    if (t->count)
        return;
    t->kobject_name = t->driver_name = 0;
    t->kobject_parent = 3 * word;
    t->driver_bus = word;
}

void lx_device_setup(struct linux_guest *lx)
{
    if (!base_wants(&lx->base, EC_DEVICE))
        return;
    old_places(lx);
    set_up_probes(lx);
    set_up_uevents(lx);
    lx_hook(lx, "_request_firmware", firmware_asked, firmware_got);
}
