/* nvme_io.c - commands of the NVM command set, and the memory that a command describes.
 *
 * Source: NVM Express Base Specification 1.4, 4.3 (physical region pages) and chapter 6. */
#include "base/memory.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/nvme.h"

#include <string.h>

enum { FLUSH = 0x00, WRITE = 0x01, READ = 0x02, COMPARE = 0x05, WRITE_ZEROES = 0x08, DATASET = 0x09 };

/* Guest times in ns. A fast modern drive answers a read of 4 KiB from its memory in about 10 us, and moves about 3 GB/s
 * (Intel Optane P5800X product brief: 6 us, 7.2 GB/s; typical consumer drives: 10 us from the cache). They are short, since firmware that
 * polls spends steps on them. */
enum { NS_ADMIN = 10000, NS_COMMAND = 8000, NS_SECTOR = 170, NS_FLUSH = 20000 };

/* ---------------------------------------------------------------- memory */

/* Where the pages of a command's data are. */
struct pages {
    struct nvme *n;
    uint64_t size;    /* of a page */
    uint64_t next;    /* the second page, or where the next entry of the list is */
    bool listed;      /* `next` is in a list */
    uint64_t address; /* of what comes next */
    uint64_t left;    /* bytes in this page */
};

static bool memory_at(struct nvme *n, uint64_t address, uint64_t size)
{
    return physmem_mapped(board_mem(n->board), address, size) == size;
}

/* The entry at `next`. The last entry of a page of entries is the address of the next such page, if more than one page of data is
 * left. */
static uint16_t list_entry(struct pages *p, uint64_t data_left, uint64_t *entry)
{
    for (;;) {
        if (!memory_at(p->n, p->next, sizeof *entry))
            return NVME_TRANSFER_ERROR;
        physmem_read(board_mem(p->n->board), p->next, entry, sizeof *entry);
        p->next += sizeof *entry;
        if (p->next % p->size || data_left <= p->size)
            return NVME_OK;
        if (*entry % p->size)
            return NVME_PRP_OFFSET | NVME_DO_NOT_RETRY;
        p->next = *entry;
    }
}

static uint16_t next_page(struct pages *p, uint64_t data_left)
{
    uint64_t entry = p->next;
    if (!p->listed && data_left > p->size) {
        p->listed = true;
        if (entry & 7)
            return NVME_PRP_OFFSET | NVME_DO_NOT_RETRY;
    }
    uint16_t status = p->listed ? list_entry(p, data_left, &entry) : NVME_OK;
    if (status)
        return status;
    if (entry % p->size)
        return NVME_PRP_OFFSET | NVME_DO_NOT_RETRY;
    p->address = entry;
    p->left = p->size;
    return NVME_OK;
}

uint16_t nvme_copy(struct nvme *n, const struct nvme_command *c, void *data, size_t size, bool to_memory)
{
    struct pages p = {.n = n, .size = 4096ull << (n->cc >> 7 & 15), .next = c->prp2, .address = c->prp1};
    uint8_t *at = data;
    if (c->flags & 0xc0) /* SGLs */
        return NVME_INVALID_FIELD | NVME_DO_NOT_RETRY;
    if (c->prp1 & 3)
        return NVME_PRP_OFFSET | NVME_DO_NOT_RETRY;
    p.left = p.size - c->prp1 % p.size;
    while (size) {
        uint16_t status = p.left ? NVME_OK : next_page(&p, size);
        size_t part = size < p.left ? size : p.left;
        if (status)
            return status;
        if (!memory_at(n, p.address, part))
            return NVME_TRANSFER_ERROR;
        if (to_memory)
            physmem_write(board_mem(n->board), p.address, at, part);
        else
            physmem_read(board_mem(n->board), p.address, at, part);
        p.address += part;
        p.left -= part;
        at += part;
        size -= part;
    }
    return NVME_OK;
}

/* ---------------------------------------------------------------- commands */

static uint64_t first_lba(const struct nvme_command *c)
{
    return (uint64_t)c->cdw11 << 32 | c->cdw10;
}

static uint32_t blocks(const struct nvme_command *c)
{
    return (c->cdw12 & 0xffff) + 1;
}

static void report_range(struct nvme *n, const struct nvme_command *c, struct drive_place place, bool write,
                         uint64_t lba, uint32_t count, uint64_t address)
{
    drive_report(n->board, &(struct drive_transfer){.drive = nvme_drive(n),
                                                    .write = write,
                                                    .command = c->opcode,
                                                    .name = nvme_command_name(c->opcode, false),
                                                    .lba = lba,
                                                    .count = count,
                                                    .address = address,
                                                    .place = place});
}

static void report(struct nvme *n, const struct nvme_command *c, struct drive_place place, bool write,
                   uint64_t address)
{
    report_range(n, c, place, write, first_lba(c), blocks(c), address);
}

/* FUA, bit 30 of CDW12 of a write; or without a volatile write cache (feature 06h). */
static void hold(struct nvme *n, const struct nvme_command *c)
{
    enum { FUA = 1u << 30 };
    if (c->cdw12 & FUA || !(n->feature[FEATURE_WRITE_CACHE] & 1))
        disk_through(n->disk, first_lba(c) * DRIVE_SECTOR, (uint64_t)blocks(c) * DRIVE_SECTOR);
}

static bool in_range(const struct nvme *n, uint64_t lba, uint64_t count)
{
    return lba <= n->drive.sectors && count <= n->drive.sectors - lba;
}

static uint16_t read_blocks(struct nvme *n, const struct nvme_command *c, struct drive_place place,
                            uint8_t *data, size_t size)
{
    report(n, c, place, false, c->prp1);
    if (disk_read(n->disk, first_lba(c) * DRIVE_SECTOR, data, size))
        return NVME_UNREADABLE;
    n->reads++;
    n->blocks_read += blocks(c);
    return nvme_copy(n, c, data, size, true);
}

static uint16_t write_blocks(struct nvme *n, const struct nvme_command *c, struct drive_place place,
                             uint8_t *data, size_t size)
{
    uint16_t status = nvme_copy(n, c, data, size, false);
    if (status)
        return status;
    report(n, c, place, true, c->prp1);
    n->writes++;
    n->blocks_written += blocks(c);
    if (disk_write(n->disk, first_lba(c) * DRIVE_SECTOR, data, size))
        return NVME_TRANSFER_ERROR;
    hold(n, c);
    return NVME_OK;
}

static uint16_t compare_blocks(struct nvme *n, const struct nvme_command *c, struct drive_place place,
                               uint8_t *data, size_t size)
{
    uint8_t *there = mem_alloc(size);
    uint16_t status = nvme_copy(n, c, data, size, false);
    if (!status)
        report(n, c, place, false, UINT64_MAX);
    if (!status && disk_read(n->disk, first_lba(c) * DRIVE_SECTOR, there, size))
        status = NVME_UNREADABLE;
    if (!status && memcmp(there, data, size))
        status = NVME_COMPARE_FAILED | NVME_DO_NOT_RETRY;
    free(there);
    return status;
}

/* Commands that move blocks. */
static uint16_t transfer(struct nvme *n, const struct nvme_command *c, struct drive_place place)
{
    size_t size = (size_t)blocks(c) * DRIVE_SECTOR;
    if (size > 4096u << NVME_TRANSFER)
        return NVME_INVALID_FIELD | NVME_DO_NOT_RETRY;
    if (!in_range(n, first_lba(c), blocks(c)))
        return NVME_LBA_RANGE | NVME_DO_NOT_RETRY;
    uint8_t *data = mem_alloc(size);
    uint16_t status = c->opcode == READ    ? read_blocks(n, c, place, data, size)
                      : c->opcode == WRITE ? write_blocks(n, c, place, data, size)
                                           : compare_blocks(n, c, place, data, size);
    free(data);
    return status;
}

static uint16_t make_zeros(struct nvme *n, const struct nvme_command *c, struct drive_place place,
                           uint64_t lba, uint32_t count)
{
    report_range(n, c, place, true, lba, count, UINT64_MAX);
    return disk_zero(n->disk, lba * DRIVE_SECTOR, (uint64_t)count * DRIVE_SECTOR) ? NVME_TRANSFER_ERROR
                                                                                  : NVME_OK;
}

static uint16_t write_zeroes(struct nvme *n, const struct nvme_command *c, struct drive_place place)
{
    if (!in_range(n, first_lba(c), blocks(c)))
        return NVME_LBA_RANGE | NVME_DO_NOT_RETRY;
    const uint16_t status = make_zeros(n, c, place, first_lba(c), blocks(c));
    if (!status)
        hold(n, c);
    return status;
}

/* 6.7: deallocated blocks are zeros, as DLFEAT says. */
static uint16_t dataset(struct nvme *n, const struct nvme_command *c, struct drive_place place)
{
    enum { DEALLOCATE = 4 };
    struct {
        uint32_t attributes, count;
        uint64_t lba;
    } range[256];
    unsigned many = (c->cdw10 & 0xff) + 1;
    uint16_t status = nvme_copy(n, c, range, many * sizeof range[0], false);
    for (unsigned i = 0; i < many && !status; i++)
        if (!in_range(n, range[i].lba, range[i].count))
            status = NVME_LBA_RANGE | NVME_DO_NOT_RETRY;
    if (!(c->cdw11 & DEALLOCATE))
        return status;
    for (unsigned i = 0; i < many && !status; i++)
        status = range[i].count ? make_zeros(n, c, place, range[i].lba, range[i].count) : NVME_OK;
    return status;
}

static uint16_t run(struct nvme *n, const struct nvme_command *c, struct drive_place place)
{
    if (c->nsid != 1 && (c->opcode != FLUSH || c->nsid != UINT32_MAX))
        return NVME_INVALID_NAMESPACE | NVME_DO_NOT_RETRY;
    if (c->flags & 3) /* fused */
        return NVME_INVALID_FIELD | NVME_DO_NOT_RETRY;
    switch (c->opcode) {
    case READ:
    case WRITE:
    case COMPARE:
        return transfer(n, c, place);
    case WRITE_ZEROES:
        return write_zeroes(n, c, place);
    case DATASET:
        return dataset(n, c, place);
    case FLUSH:
        disk_flush_all(n->disk);
        return NVME_OK;
    default:
        board_unhandled(n->board, "nvme command", c->opcode, true, c->cdw10);
        return NVME_INVALID_OPCODE | NVME_DO_NOT_RETRY;
    }
}

uint16_t nvme_io(struct nvme *n, const struct nvme_command *c, struct drive_place place)
{
    uint16_t status = run(n, c, place);
    bool moves = c->opcode == READ || c->opcode == WRITE || c->opcode == COMPARE || c->opcode == WRITE_ZEROES;
    if (!moves || status)
        drive_report_command(n->board, nvme_drive(n), c->opcode, nvme_command_name(c->opcode, false), status,
                             place);
    return status;
}

uint64_t nvme_duration(const struct nvme_command *c, bool admin)
{
    if (admin)
        return NS_ADMIN;
    if (c->opcode == FLUSH)
        return NS_FLUSH;
    return NS_COMMAND + (uint64_t)(c->opcode == DATASET ? 1 : blocks(c)) * NS_SECTOR;
}
