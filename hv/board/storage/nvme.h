/* nvme.h - interfaces between the parts of an NVMe controller. Private to nvme*.c.
 *
 * Source: NVM Express Base Specification, revision 1.4. A controller has one namespace. One command is
 * executed at a time: the first of the next submission queue that has any, in turn, when the time that it
 * takes has passed. So a queue's head moves as its commands are executed, and the order of completions
 * follows from the order of doorbells. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_NVME_H
#define BOOTREEL_HV_BOARD_STORAGE_NVME_H

#include "hv/board/pci/function.h"
#include "hv/board/cards.h"
#include "hv/board/pci/msix.h"

/* Controller registers (3.1). */
enum {
    NVME_CAP = 0x00,
    NVME_VS = 0x08,
    NVME_INTMS = 0x0c,
    NVME_INTMC = 0x10,
    NVME_CC = 0x14,
    NVME_CSTS = 0x1c,
    NVME_NSSR = 0x20,
    NVME_AQA = 0x24,
    NVME_ASQ = 0x28,
    NVME_ACQ = 0x30,
    NVME_REGISTERS = 0x40,
    NVME_DOORBELLS = 0x1000,
};
enum { CC_ENABLE = 1, CC_SHUTDOWN = 3 << 14 };
enum { CSTS_READY = 1, CSTS_FATAL = 2, CSTS_SHUTDOWN_DONE = 2 << 2 };

enum {
    NVME_QUEUES = 65, /* with the admin queues */
    NVME_QUEUE_MOST = 2048,
    NVME_VECTORS = 65,
    NVME_BAR = 0x4000,
    NVME_TABLE = 0x2000,
    NVME_PENDING = 0x3000,
    NVME_PAGE_MOST = 65536,
    NVME_TRANSFER = 7, /* MDTS: 2^7 pages of the smallest size at once */
    NVME_EVENTS = 4,   /* asynchronous event requests that may wait */
    NVME_FEATURES = 16,
};

/* Status of a completion: type << 8 | code (4.6.1). */
enum {
    NVME_OK = 0x000,
    NVME_INVALID_OPCODE = 0x001,
    NVME_INVALID_FIELD = 0x002,
    NVME_TRANSFER_ERROR = 0x004,
    NVME_INVALID_NAMESPACE = 0x00b,
    NVME_SEQUENCE = 0x00c,
    NVME_PRP_OFFSET = 0x013,
    NVME_LBA_RANGE = 0x080,
    NVME_INVALID_CQ = 0x100,
    NVME_INVALID_QUEUE = 0x101,
    NVME_INVALID_SIZE = 0x102,
    NVME_EVENT_LIMIT = 0x105,
    NVME_INVALID_SLOT = 0x106,
    NVME_INVALID_VECTOR = 0x108,
    NVME_INVALID_LOG = 0x109,
    NVME_INVALID_DELETION = 0x10c,
    NVME_NOT_SAVEABLE = 0x10d,
    NVME_NOT_CHANGEABLE = 0x10e,
    NVME_UNREADABLE = 0x281,
    NVME_COMPARE_FAILED = 0x285,
    NVME_DO_NOT_RETRY = 0x4000, /* in the completion's status field, as it stands there without the phase */
};

/* Features by identifier (5.21.1). */
enum {
    FEATURE_ARBITRATION = 1,
    FEATURE_POWER = 2,
    FEATURE_TEMPERATURE = 4,
    FEATURE_ERRORS = 5,
    FEATURE_WRITE_CACHE = 6,
    FEATURE_QUEUES = 7,
    FEATURE_COALESCING = 8,
    FEATURE_VECTOR = 9,
    FEATURE_ATOMICITY = 10,
    FEATURE_EVENTS = 11,
};

/* A command as in a submission queue (figure 105), little-endian as the host is. */
struct nvme_command {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid;
    uint32_t cdw2, cdw3;
    uint64_t metadata;
    uint64_t prp1, prp2;
    uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "as the specification has it");

struct nvme_sq {
    uint64_t base;
    uint16_t size; /* entries; 0: there is no such queue */
    uint16_t head, tail;
    uint16_t cq;
};
struct nvme_cq {
    uint64_t base;
    uint16_t size;
    uint16_t head, tail;
    uint16_t vector;
    uint8_t phase, interrupts;
};

struct nvme {
    struct board *board;
    struct pci_device pci;
    struct drive drive;
    struct disk *disk;
    unsigned index; /* among the NVMe controllers */
    char name[8];
    unsigned mmio;

    struct timer timer; /* runs while a command is being executed */
    uint32_t cc, csts, aqa, mask;
    uint64_t asq, acq;
    uint16_t turn; /* the submission queue that comes first in the next round */
    struct nvme_sq sq[NVME_QUEUES];
    struct nvme_cq cq[NVME_QUEUES];
    uint16_t waiting_event[NVME_EVENTS]; /* ids of the asynchronous event requests */
    uint8_t waiting_events;
    uint8_t event_pending; /* an error that was not yet reported: 1 + its number; 0: none */
    uint8_t event_masked;  /* until the error log is read */
    uint32_t feature[NVME_FEATURES];
    /* counters of the SMART log; units are 1,000 blocks */
    uint64_t blocks_read, blocks_written, reads, writes, power_cycles, unsafe_shutdowns;
    struct msix msix;
};

/* ---- nvme.c ---- */
static inline unsigned nvme_drive(const struct nvme *n)
{
    return DRIVE_NUMBER_NVME + n->index;
}
/* The interrupt pin follows the completion queues, if it is not MSI-X that is used. */
void nvme_update_pin(struct nvme *);
/* A command of any queue may wait to be executed: begin if none is. */
void nvme_begin(struct nvme *);

/* ---- nvme_admin.c, nvme_io.c: execute a command; the status, and in *result the completion's first word. The admin's
 * asynchronous event request sets *waits: it completes later. ---- */
uint16_t nvme_admin(struct nvme *, const struct nvme_command *, struct drive_place, uint32_t *result,
                    bool *waits);
uint16_t nvme_io(struct nvme *, const struct nvme_command *, struct drive_place);
/* Guest time that a command takes, in ns. */
uint64_t nvme_duration(const struct nvme_command *, bool admin);
const char *nvme_command_name(uint8_t opcode, bool admin);
/* Copies n bytes between `data` and the memory that the command's PRP entries describe. Returns a status. */
uint16_t nvme_copy(struct nvme *, const struct nvme_command *, void *data, size_t n, bool to_memory);

#endif
