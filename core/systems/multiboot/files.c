/* files.c - kernels' files that a loader reads from a drive. See impl.h.
 *
 * A loader may enter a kernel without an event of the processor's and without the protocol's number in its code: on 64-bit UEFI it stays
 * in long mode, and it may have the number in a variable. But it has read the file, whose first bytes say where it is entered. There the
 * number in EAX decides.
 *
 * A drive's data come some time after its command. So they are looked for at each event until the drive's next command: software sees
 * the end of a command in a register of the drive's, or by an interrupt.
 */
#include <elf.h>

#include "core/systems/multiboot/private/impl.h"

/* Recordings of 1.0.0, whose story is of revision 1, do not report such kernels. */
enum { SECTOR = 512, READ_MOST = 1 << 20, LOOKS_MOST = 256, STORY_OF_FILES = 2 };

void mb_files_free(struct mb_guest *mg)
{
    for (unsigned i = 0; i < MB_ENTRIES; i++) {
        if (mg->file_entry[i].probe)
            probe_remove(mg->base.o.probes, mg->file_entry[i].probe);
        mg->file_entry[i].probe = 0;
    }
    mg->reading = 0;
}

static void on_file_entry(void *ctx, const struct probe_hit *hit)
{
    struct mb_guest *mg = ctx;
    if (!base_here(&mg->base, hit) || mg->entered)
        return;
    const unsigned version = mb_version_of((uint32_t)mb_reg(mg, GUEST_RAX));
    if (version)
        mb_entered(mg, version, hit->address, (uint32_t)mb_reg(mg, GUEST_RBX));
}

/* The latest files count: a loader may look into several. */
static bool add_entry(struct mb_guest *mg, uint64_t address)
{
    for (unsigned i = 0; i < MB_ENTRIES; i++)
        if (mg->file_entry[i].probe && mg->file_entry[i].address == address)
            return false;
    struct mb_file_entry *e = &mg->file_entry[mg->nfile_entries++ % MB_ENTRIES];
    if (e->probe)
        probe_remove(mg->base.o.probes, e->probe);
    *e = (struct mb_file_entry){address,
                                probe_add(mg->base.o.probes, PROBE_LINEAR, address, on_file_entry, mg)};
    return true;
}

/* Whether it is a file of multiboot's. */
static bool file_at(struct mb_guest *mg, uint64_t address, size_t n)
{
    struct kernel_entries e;
    bool any = false;
    uint8_t *file = mem_zero(1, n);
    base_peek_physical(&mg->base, address, file, n);
    const bool is = kernel_head_entries(file, n, &e) && e.multiboot;
    for (unsigned i = 0; is && i < e.n; i++)
        any |= add_entry(mg, e.address[i]);
    if (any)
        probes_apply(mg->base.o.probes);
    free(file);
    return is;
}

/* What lies in memory where the drive puts what was read: files begin at sectors. It is enough to have found one; and the data come soon. */
static void look(struct mb_guest *mg)
{
    bool found = ++mg->looks == LOOKS_MOST;
    for (uint64_t at = 0; at < mg->reading; at += SECTOR) {
        uint8_t magic[SELFMAG];
        if (base_peek_physical(&mg->base, mg->read_to + at, magic, SELFMAG) != SELFMAG)
            break;
        const uint64_t n = mg->reading - at;
        if (!memcmp(magic, ELFMAG, SELFMAG))
            found |= file_at(mg, mg->read_to + at, n < KERNEL_HEAD ? n : KERNEL_HEAD);
    }
    if (found)
        mg->reading = 0;
}

/* Of a command of SCSI's the drive may be a CD; of a disk this is too much, and some of it old data. */
static uint64_t bytes_of(const struct event *ev)
{
    enum { READ_10 = 0x28, READ_12 = 0xa8, CD_SECTOR = 2048 };
    const uint64_t command = EVF(ev, DISK_READ, command), count = EVF(ev, DISK_READ, count);
    const bool scsi = command == READ_10 || command == READ_12;
    return count < READ_MOST / CD_SECTOR ? count * (scsi ? CD_SECTOR : SECTOR) : READ_MOST;
}

void mb_look_for_files(struct mb_guest *mg, const struct event *ev)
{
    if (mg->users || mg->base.guest.parent || mg->base.o.story < STORY_OF_FILES)
        return;
    mg->users = mb_reg(mg, GUEST_CPL) == 3;
    if (mg->users) { /* the addresses are programs' from now on */
        mb_files_free(mg);
        probes_apply(mg->base.o.probes);
        return;
    }
    if (mg->reading)
        look(mg);
    if (ev->kind == EV_DISK_READ || ev->kind == EV_DISK_WRITE)
        mg->reading = 0;
    if (ev->kind == EV_DISK_READ && EVF(ev, DISK_READ, address)) {
        mg->read_to = EVF(ev, DISK_READ, address);
        mg->reading = bytes_of(ev);
        mg->looks = 0;
    }
}
