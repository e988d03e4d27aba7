/* root.c - Linux without a root file system: no disk, no driver, no initrd, or one that cannot be used. The texts are those of the kernel
 * (init/do_mounts.c, init/initramfs.c). */
#include <ctype.h>
#include <inttypes.h>

#include "core/systems/linux/why/private/linux.h"

void linux_disk_lines(struct why_case *c, struct finding *f)
{
    struct text modules = {0};
    find_drives_of_machine(f, c);
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_MODULE_LOAD && modules.n < 200) {
            char name[60];
            text_add(&modules, "%s%s", modules.n ? ", " : "", fact_text(&c->now.event[i], name, sizeof name));
        }
    find_note(f, "modules that were loaded: %s", modules.n ? modules.s : "none");
    free(modules.s);
    /* Devices that wait for another one's driver: drivers/base/dd.c. */
    linux_line(c, f, "deferred probe", c->now.begin);
}

/* The modules of Linux that drive the disks' interfaces, and how it names such disks (Documentation/admin-guide/devices.txt). */
static const struct {
    const char *interface, *module, *node;
} drivers[] = {{"ide", "ata_piix", "sd"},      {"ahci", "ahci", "sd"},       {"nvme", "nvme", "nvme"},
               {"virtio", "virtio_blk", "vd"}, {"usb", "usb_storage", "sd"}, {"scsi", "virtio_scsi", "sd"}};
enum { DRIVERS = sizeof drivers / sizeof drivers[0] };

/* The row of a drive that is a disk, or DRIVERS. */
static size_t driver_of(struct trace *t, const struct trace_image *image)
{
    char key[60];
    size_t k = 0;
    if (!image_is_drive(image) || image_is_cd(image))
        return DRIVERS;
    snprintf(key, sizeof key, "%.30s-interface", image->role);
    const char *interface = trace_setting(t, key), *machine = trace_setting(t, "machine");
    if (!interface)
        interface = machine && !strcmp(machine, "q35") ? "ahci" : "ide"; /* the board's own */
    while (k < DRIVERS && strcmp(drivers[k].interface, interface))
        k++;
    return k;
}

bool linux_root_elsewhere(struct why_case *c, const char *root, struct text *why)
{
    const struct trace_config *cfg = trace_config(c->t);
    size_t named = 0, first = DRIVERS, image = 0;
    while (named < DRIVERS &&
           (strncmp(root, "/dev/", 5) || strncmp(root + 5, drivers[named].node, strlen(drivers[named].node))))
        named++;
    for (size_t i = cfg->nimages; i-- && named < DRIVERS;) {
        const size_t k = driver_of(c->t, &cfg->images[i]);
        if (k == DRIVERS)
            continue;
        if (!strcmp(drivers[k].node, drivers[named].node))
            return false;
        first = k;
        image = i;
    }
    if (named == DRIVERS || first == DRIVERS)
        return false;
    text_add(why, "there is no %s: %s is %s, which Linux names /dev/%s…", root, cfg->images[image].role,
             drivers[first].interface, drivers[first].node);
    return true;
}

static bool was_loaded(const struct facts *f, const char *module)
{
    char name[60];
    for (size_t i = 0; i < f->n; i++)
        if (f->event[i].kind == EV_MODULE_LOAD) {
            fact_text(&f->event[i], name, sizeof name);
            name[strcspn(name, " ")] = 0;
            if (!strcmp(name, module))
                return true;
        }
    return false;
}

/* The driver of the machine's first disk that was not loaded as a module, to follow "no driver": "disk0 is virtio, whose driver is virtio_blk, and the
 * initrd does not have it". False if it was loaded, or is not known. */
bool linux_driver_lacks(struct why_case *c, struct text *why)
{
    const struct trace_config *cfg = trace_config(c->t);
    const struct event *found = facts_last(&c->now, EV_KERNEL_FOUND),
                       *read = facts_last(&c->now, EV_DISK_READ);
    if (found && read && read->icount > found->icount)
        return false; /* a driver, built in or not, has read its partitions */
    static const char *const words[] = {"", ": the initrd has it, and it was not loaded",
                                        ", which the initrd does not have"};
    for (size_t i = 0; i < cfg->nimages; i++) {
        const size_t k = driver_of(c->t, &cfg->images[i]);
        if (k == DRIVERS)
            continue;
        if (was_loaded(&c->now, drivers[k].module))
            return false;
        /* What kexec has started was not given the initrd of the kernel before it. */
        text_add(
            why, "%s (%s) needs %s%s", cfg->images[i].role, drivers[k].interface, drivers[k].module,
            words[facts_last(&c->now, EV_INITRD) ? initrd_has_module(c, drivers[k].module) : INITRD_UNKNOWN]);
        return true;
    }
    return false;
}

static bool has_disk(const struct trace_config *cfg)
{
    for (size_t i = 0; i < cfg->nimages; i++)
        if (image_is_drive(&cfg->images[i]))
            return true;
    return false;
}

/* Partitions that the kernel lists before it gives up: "0800  1024 sda". */
static const struct event *partition_list(struct why_case *c)
{
    const struct event *ev = facts_line(&c->now, "List of all partitions:", c->now.begin);
    return ev ? ev : facts_line(&c->now, "here are the available partitions:", c->now.begin);
}

static size_t partition_lines(struct why_case *c, struct finding *f, const struct event *panic)
{
    const struct event *list = partition_list(c),
                       *end = facts_line(&c->now, "No filesystem could mount root", c->now.begin);
    char words[200];
    size_t n = 0;
    if (!list)
        return 0;
    for (const struct event *ev = list + 1;
         ev < c->now.event + c->now.n && (!end || ev < end) && ev->icount <= panic->icount; ev++)
        if (ev->kind == EV_CONSOLE_LINE && EVF(ev, CONSOLE_LINE, device) == EVF(list, CONSOLE_LINE, device) &&
            n < 6) {
            find_line(f, ev->icount, NULL, "the kernel knows this block device: %s",
                      linux_said(ev, words, sizeof words));
            n++;
        }
    return n;
}

static bool lists_partitions(struct why_case *c, const struct event *panic)
{
    struct finding ignored = {0};
    const size_t n = partition_lines(c, &ignored, panic);
    for (size_t i = 0; i < ignored.n; i++) {
        free(ignored.line[i].text);
        free(ignored.line[i].place);
    }
    return n;
}

/* Whether root= names a block device. Others, such as a network file system, need no disk. */
static bool on_disk(const char *root)
{
    static const char *const begins[] = {
        "/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "/dev/mapper/"};
    if (!strcmp(root, "/dev/nfs") || !strcmp(root, "/dev/cifs") || !strcmp(root, "/dev/root"))
        return false;
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (!strncmp(root, begins[i], strlen(begins[i])))
            return true;
    return isxdigit((unsigned char)*root) && strspn(root, "0123456789abcdefABCDEF:") == strlen(root);
}

/* What is known of a root file system that cannot be mounted. */
struct root {
    struct why_case *c;
    struct finding *f;
    const struct event *panic;
    bool asked; /* there is a root= */
    char root[200], type[40], init[200];
    const struct event *initrd, *unpacking; /* … that failed */
    const struct event *tried;              /* init of the initrd */
    int64_t error;                          /* … that it ended with */
    const char *why;                        /* … in words */
    const struct event *complaint;
};

static bool initrd_not_unpacked(struct root *r)
{
    char words[300];
    if (!r->unpacking)
        return false;
    find_verdict(r->f, WHY_LINUX_INITRD, r->unpacking->icount,
                 "Linux has no root file system: its initrd could not be unpacked (%s)",
                 linux_said(r->unpacking, words, sizeof words));
    return true;
}

static bool initrd_without_init(struct root *r)
{
    if (!r->initrd || !r->why)
        return false;
    find_verdict(r->f, WHY_LINUX_NO_ROOT, r->tried->icount,
                 "Linux cannot execute %s of its initrd (%s), and %s%s%s", r->init, r->why,
                 r->asked ? "root=" : "was not given a root= either", r->root,
                 r->asked ? " cannot be mounted" : "");
    return true;
}

static bool nothing_given(struct root *r)
{
    if (r->asked || r->initrd || !linux_command_line(&r->c->now))
        return false;
    find_verdict(
        r->f, WHY_LINUX_NO_ROOT, r->panic->icount,
        "Linux has no root file system: there is no root= in its command line, and it was given no initrd");
    return true;
}

static bool not_on_disk(struct root *r)
{
    char words[300];
    if (on_disk(r->root))
        return false;
    find_verdict(r->f, WHY_LINUX_NO_ROOT, r->panic->icount, "Linux cannot mount %s%s%s%s: %s",
                 r->asked ? "root=" : "its root file system", r->root, *r->type ? " as " : "", r->type,
                 linux_said(r->complaint, words, sizeof words));
    return true;
}

static bool no_disk(struct root *r)
{
    if (has_disk(trace_config(r->c->t)))
        return false;
    find_verdict(r->f, WHY_LINUX_NO_ROOT, r->panic->icount,
                 "Linux cannot mount root=%s: the machine has no disk%s", r->root,
                 r->initrd ? "" : ", and the kernel was given no initrd");
    return true;
}

static bool no_driver(struct root *r)
{
    struct text lacks = {0};
    if (!partition_list(r->c) || lists_partitions(r->c, r->panic))
        return false;
    const bool known = linux_driver_lacks(r->c, &lacks);
    find_verdict(r->f, WHY_LINUX_NO_ROOT, r->panic->icount,
                 "Linux cannot mount root=%s: no driver for the machine's disk was loaded%s", r->root,
                 r->initrd ? "" : ", and no initrd was given");
    if (known)
        find_line(r->f, r->panic->icount, NULL, "the kernel knows no disk: %s", lacks.s);
    free(lacks.s);
    return true;
}

static bool not_mounted(struct root *r)
{
    char words[300];
    find_verdict(r->f, WHY_LINUX_NO_ROOT, r->panic->icount, "Linux cannot mount root=%s: %s", r->root,
                 fact_text(r->panic, words, sizeof words));
    return true;
}

static void root_lines(struct root *r)
{
    char words[300];
    const struct event *line = linux_command_line(&r->c->now);
    find_event(r->f, r->c, r->panic, NULL);
    if (r->unpacking)
        find_line(r->f, r->unpacking->icount, NULL, "console: %s",
                  linux_said(r->unpacking, words, sizeof words));
    if (r->initrd && r->why)
        find_line(r->f, r->tried->icount, NULL, "the kernel looks for %s: error %d (%s)", r->init,
                  (int)r->error, r->why);
    if (line)
        find_event(r->f, r->c, line, NULL);
    if (r->initrd)
        find_event(r->f, r->c, r->initrd, NULL);
    else
        find_note(r->f, "the kernel was given no initrd");
    linux_disk_lines(r->c, r->f);
    if (partition_list(r->c) && !partition_lines(r->c, r->f, r->panic))
        find_note(r->f, "the kernel lists no partition: it has no driver for a disk, or there is none");
    linux_line(r->c, r->f, "VFS: Cannot open root device", r->c->now.begin);
    linux_line(r->c, r->f, " TYPO", r->c->now.begin); /* user-mode Linux on "udb" for "ubd" */
    find_callers_at(r->f, r->c, r->panic);
}

/* The first row that applies: what comes first leads to what comes later. */
void linux_no_root(struct why_case *c, struct finding *f, const struct event *panic)
{
    static bool (*const rows[])(struct root *) = {
        initrd_not_unpacked, initrd_without_init, nothing_given, not_on_disk, no_disk,
        no_driver,           not_mounted};
    const uint64_t begin = c->now.begin;
    const struct event *opened = facts_line(&c->now, "VFS: Cannot open root device", begin);
    struct root r = {.c = c, .f = f, .panic = panic, .complaint = opened ? opened : panic};
    r.asked = linux_parameter(&c->now, "root", r.root, sizeof r.root);
    linux_parameter(&c->now, "rootfstype", r.type, sizeof r.type);
    if (!linux_parameter(&c->now, "rdinit", r.init, sizeof r.init))
        snprintf(r.init, sizeof r.init, "/init");
    r.initrd = facts_last(&c->now, EV_INITRD);
    r.unpacking = facts_line(&c->now, "Initramfs unpacking failed", begin);
    if (!r.unpacking)
        r.unpacking = facts_line(&c->now, "rootfs image is not initramfs", begin);
    r.tried = facts_last(&c->now, EV_KERNEL_RETURN);
    r.error = r.tried ? (int32_t)EVF(r.tried, KERNEL_RETURN, result) : 0;
    r.why = linux_error_words(r.error);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !rows[i](&r); i++)
        ;
    root_lines(&r);
}
