/* disk.c - reads the first IDE disk, word by word (ATA-5: IDENTIFY DEVICE, READ SECTORS), and finds files on
 * it. */
#include "guests/demo/kernel/kernel.h"

enum { IDE = 0x1f0, DATA = 0, SECTORS = 2, LBA_LOW = 3, LBA_MID = 4, LBA_HIGH = 5, DEVICE = 6 };
enum { STATUS = 7, COMMAND = 7 };
enum { CONTROL = 0x3f6, NO_INTERRUPTS = 2 };
enum { DEVICE_LBA = 0xe0, ERROR = 1, WANTS_DATA = 8, BUSY = 0x80, NOTHING = 0xff };
enum { READ_SECTORS = 0x20, IDENTIFY = 0xec };

/* Waits until the disk has a sector for us. */
static bool wait_for_data(void)
{
    u8 status;
    do {
        status = in8(IDE + STATUS);
        if (status == NOTHING)
            return false;
    } while (status & BUSY);
    return !(status & ERROR) && status & WANTS_DATA;
}

static void command(u8 code, u32 lba, u32 count)
{
    out8(CONTROL, NO_INTERRUPTS);
    out8(IDE + DEVICE, (u8)(DEVICE_LBA | (lba >> 24 & 15)));
    out8(IDE + SECTORS, (u8)count);
    out8(IDE + LBA_LOW, (u8)lba);
    out8(IDE + LBA_MID, (u8)(lba >> 8));
    out8(IDE + LBA_HIGH, (u8)(lba >> 16));
    out8(IDE + COMMAND, code);
}

bool disk_read(u32 lba, u32 count, void *to)
{
    enum { MOST = 128 };
    while (count) {
        u32 part = count < MOST ? count : MOST;
        command(READ_SECTORS, lba, part);
        for (u32 i = 0; i < part; i++) {
            if (!wait_for_data())
                return false;
            in16_many(IDE + DATA, to, SECTOR / 2);
            to = (char *)to + SECTOR;
        }
        lba += part;
        count -= part;
    }
    return true;
}

const struct file *file_find(const char *name)
{
    static struct file directory[DIRECTORY_FILES];
    if (!disk_read(DIRECTORY_LBA, 1, directory))
        return NULL;
    for (u32 i = 0; i < DIRECTORY_FILES && directory[i].name[0]; i++)
        if (same_text(directory[i].name, name))
            return &directory[i];
    return NULL;
}

/* IDENTIFY DEVICE: words 27-46 are the model, two characters a word, the first in the upper byte; 60-61 the
 * sectors. */
void disk_init(void)
{
    u16 id[256];
    char model[41];
    command(IDENTIFY, 0, 0);
    if (!wait_for_data())
        panic("the first IDE disk does not answer");
    in16_many(IDE + DATA, id, 256);
    for (unsigned i = 0; i < 40; i += 2) {
        model[i] = (char)(id[27 + i / 2] >> 8);
        model[i + 1] = (char)id[27 + i / 2];
    }
    unsigned n = 40;
    while (n && model[n - 1] == ' ')
        n--;
    model[n] = 0;
    print("kernel: disk \"%s\", %u KiB\n", model, (id[60] | (u32)id[61] << 16) / 2);
}
