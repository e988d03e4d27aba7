/* nvme_words.c - NVMe in words. Source: NVM Express Base Specification 1.4. What a command is, is told by its event: the queue entry is
 * in memory, which events do not show. */
#include "hv/board/storage/nvme.h"
#include "hv/board/words/words.h"

static const char manual[] = "NVM Express Base Specification 1.4";

static const struct word_value page_sizes[] = {{0, "pages of 4 KiB"},  {1, "pages of 8 KiB"},
                                               {2, "pages of 16 KiB"}, {3, "pages of 32 KiB"},
                                               {4, "pages of 64 KiB"}, {0, NULL}};
static const struct word_value shutdowns[] = {
    {0, ""}, {1, "normal shutdown"}, {2, "abrupt shutdown"}, {0, NULL}};
static const struct word_value shutdown_states[] = {
    {0, ""}, {1, "shutting down"}, {2, "shutdown complete"}, {0, NULL}};
static const struct word_bits cc_bits[] = {
    {CC_ENABLE, "enabled", "disabled", NULL}, {0xf << 7, "MPS", NULL, page_sizes},
    {CC_SHUTDOWN, "SHN", NULL, shutdowns},    {0xf << 16, "IOSQES 2^", NULL, NULL},
    {0xf << 20, "IOCQES 2^", NULL, NULL},     {0, NULL, NULL, NULL}};
static const struct word_bits csts_bits[] = {{CSTS_READY, "ready", "not ready", NULL},
                                             {CSTS_FATAL, "controller fatal status", NULL, NULL},
                                             {3 << 2, "SHST", NULL, shutdown_states},
                                             {0, NULL, NULL, NULL}};
static const struct word_bits aqa_bits[] = {{0xfff, "submission queue entries less 1:", NULL, NULL},
                                            {0xfff << 16, "completion queue entries less 1:", NULL, NULL},
                                            {0, NULL, NULL, NULL}};

static const struct word_reg registers[] = {
    {NVME_CAP, WORD_BOTH, "capabilities", NULL, "3.1.1 CAP", SHOW_VALUE},
    {NVME_CAP + 4, WORD_BOTH, "capabilities, high half", NULL, "3.1.1 CAP", SHOW_VALUE},
    {NVME_VS, WORD_BOTH, "version", NULL, "3.1.2 VS", SHOW_VALUE},
    {NVME_INTMS, WORD_BOTH, "interrupt mask set", NULL, "3.1.3 INTMS", SHOW_VALUE},
    {NVME_INTMC, WORD_BOTH, "interrupt mask clear", NULL, "3.1.4 INTMC", SHOW_VALUE},
    {NVME_CC, WORD_BOTH, "configuration", cc_bits, "3.1.5 CC", SHOW_VALUE},
    {NVME_CSTS, WORD_BOTH, "status", csts_bits, "3.1.6 CSTS", SHOW_VALUE},
    {NVME_NSSR, WORD_BOTH, "subsystem reset", NULL, "3.1.7 NSSR", SHOW_VALUE},
    {NVME_AQA, WORD_BOTH, "admin queue attributes", aqa_bits, "3.1.8 AQA", SHOW_VALUE},
    {NVME_ASQ, WORD_BOTH, "admin submission queue's address", NULL, "3.1.9 ASQ", SHOW_VALUE},
    {NVME_ASQ + 4, WORD_BOTH, "admin submission queue's address, high half", NULL, "3.1.9 ASQ", SHOW_VALUE},
    {NVME_ACQ, WORD_BOTH, "admin completion queue's address", NULL, "3.1.10 ACQ", SHOW_VALUE},
    {NVME_ACQ + 4, WORD_BOTH, "admin completion queue's address, high half", NULL, "3.1.10 ACQ", SHOW_VALUE},
};

static bool doorbell_words(const struct access *a, struct words *w)
{
    unsigned bell = (unsigned)(a->at - NVME_DOORBELLS) / 4;
    if (bell / 2 >= NVME_QUEUES)
        return false;
    words_begin(w, "NVMe", manual);
    w->source = bell & 1 ? "3.1.25 CQyHDBL" : "3.1.24 SQyTDBL";
    if (bell & 1)
        words_add(w, "doorbell: completion queue %u is read up to entry %llu", bell / 2,
                  (unsigned long long)a->value);
    else
        words_add(w, "doorbell: submission queue %u is filled up to entry %llu", bell / 2,
                  (unsigned long long)a->value);
    return true;
}

bool nvme_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at >= NVME_TABLE)
        return msix_words(a, NVME_TABLE, NVME_PENDING, w);
    if (a->at >= NVME_DOORBELLS)
        return a->write && doorbell_words(a, w);
    return words_register(w, "NVMe", manual, WORD_ROWS(registers), a->at, a);
}

/* Codes of 4.6.1 and 4.7 that this controller gives. */
static const struct word_value statuses[] = {
    {NVME_INVALID_OPCODE, "invalid opcode"},
    {NVME_INVALID_FIELD, "invalid field"},
    {NVME_TRANSFER_ERROR, "data transfer error"},
    {NVME_INVALID_NAMESPACE, "invalid namespace"},
    {NVME_SEQUENCE, "command sequence error"},
    {NVME_PRP_OFFSET, "PRP offset invalid"},
    {NVME_LBA_RANGE, "LBA out of range"},
    {NVME_INVALID_CQ, "completion queue invalid"},
    {NVME_INVALID_QUEUE, "invalid queue identifier"},
    {NVME_INVALID_SIZE, "invalid queue size"},
    {NVME_EVENT_LIMIT, "too many asynchronous event requests"},
    {NVME_INVALID_VECTOR, "invalid interrupt vector"},
    {NVME_INVALID_LOG, "invalid log page"},
    {NVME_INVALID_DELETION, "invalid queue deletion"},
    {NVME_NOT_SAVEABLE, "feature not saveable"},
    {NVME_NOT_CHANGEABLE, "feature not changeable"},
    {NVME_UNREADABLE, "unrecovered read error"},
    {NVME_COMPARE_FAILED, "compare failure"},
    {0, NULL},
};

void nvme_status_words(struct words *w, uint32_t status)
{
    const char *name = words_value(statuses, status & 0x7ff);
    if (!status)
        words_add(w, ": success");
    else if (name)
        words_add(w, ": %s", name);
    else
        words_add(w, ": status %03Xh", status & 0x7ff);
}
