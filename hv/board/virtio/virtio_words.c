/* virtio_words.c - virtio devices in words: the common structure, notifications, the legacy I/O BAR. Source: VIRTIO 1.2, 4.1. What a
 * request is, is told by its event: it is in memory, which events do not show. */
#include "hv/board/virtio/virtio.h"
#include "hv/board/words/words.h"

static const char manual[] = "VIRTIO 1.2";

static const struct word_bits status_bits[] = {{VIRTIO_ACKNOWLEDGE, "ACKNOWLEDGE", "reset", NULL},
                                               {VIRTIO_DRIVER, "DRIVER", NULL, NULL},
                                               {VIRTIO_FEATURES_OK, "FEATURES_OK", NULL, NULL},
                                               {VIRTIO_DRIVER_OK, "DRIVER_OK", NULL, NULL},
                                               {VIRTIO_NEEDS_RESET, "DEVICE_NEEDS_RESET", NULL, NULL},
                                               {VIRTIO_FAILED, "FAILED", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits isr_bits[] = {
    {1, "queue", NULL, NULL}, {2, "configuration", NULL, NULL}, {0, NULL, NULL, NULL}};

static const struct word_reg common[] = {
    {0, WORD_BOTH, "select half of the device's features", NULL, "4.1.4.3", SHOW_DECIMAL},
    {4, WORD_BOTH, "device's features", NULL, "4.1.4.3", SHOW_VALUE},
    {8, WORD_BOTH, "select half of the driver's features", NULL, "4.1.4.3", SHOW_DECIMAL},
    {12, WORD_BOTH, "driver's features", NULL, "4.1.4.3", SHOW_VALUE},
    {16, WORD_BOTH, "MSI-X vector of the configuration", NULL, "4.1.4.3", SHOW_VALUE},
    {18, WORD_BOTH, "number of queues", NULL, "4.1.4.3", SHOW_DECIMAL},
    {20, WORD_BOTH, "status", status_bits, "2.1 Device Status Field", SHOW_VALUE},
    {21, WORD_BOTH, "configuration generation", NULL, "4.1.4.3", SHOW_DECIMAL},
    {22, WORD_BOTH, "select queue", NULL, "4.1.4.3", SHOW_DECIMAL},
    {24, WORD_BOTH, "queue size", NULL, "4.1.4.3", SHOW_DECIMAL},
    {26, WORD_BOTH, "MSI-X vector of the queue", NULL, "4.1.4.3", SHOW_VALUE},
    {28, WORD_BOTH, "queue enabled", NULL, "4.1.4.3", SHOW_DECIMAL},
    {30, WORD_BOTH, "queue's place of notification", NULL, "4.1.4.3", SHOW_DECIMAL},
    {32, WORD_BOTH, "queue's descriptors at", NULL, "4.1.4.3", SHOW_VALUE},
    {36, WORD_BOTH, "queue's descriptors at, high half", NULL, "4.1.4.3", SHOW_VALUE},
    {40, WORD_BOTH, "queue's driver area at", NULL, "4.1.4.3", SHOW_VALUE},
    {44, WORD_BOTH, "queue's driver area at, high half", NULL, "4.1.4.3", SHOW_VALUE},
    {48, WORD_BOTH, "queue's device area at", NULL, "4.1.4.3", SHOW_VALUE},
    {52, WORD_BOTH, "queue's device area at, high half", NULL, "4.1.4.3", SHOW_VALUE},
};
static const struct word_reg legacy[] = {
    {0, WORD_BOTH, "device's features", NULL, "4.1.4.8", SHOW_VALUE},
    {4, WORD_BOTH, "driver's features", NULL, "4.1.4.8", SHOW_VALUE},
    {8, WORD_BOTH, "queue's first page", NULL, "4.1.4.8", SHOW_VALUE},
    {12, WORD_BOTH, "queue size", NULL, "4.1.4.8", SHOW_DECIMAL},
    {14, WORD_BOTH, "select queue", NULL, "4.1.4.8", SHOW_DECIMAL},
    {16, WORD_BOTH, "notify queue", NULL, "4.1.4.8", SHOW_DECIMAL},
    {18, WORD_BOTH, "status", status_bits, "2.1 Device Status Field", SHOW_VALUE},
    {19, WORD_BOTH, "interrupt status", isr_bits, "4.1.4.5", SHOW_VALUE},
};

bool virtio_words(struct board_seen *s, const struct access *a, struct words *w)
{
    switch (a->at & ~0xfffull) {
    case VIRTIO_COMMON:
        return words_register(w, "virtio", manual, WORD_ROWS(common), a->at, a);
    case VIRTIO_ISR:
        words_begin(w, "virtio", manual);
        w->source = "4.1.4.5 ISR status";
        words_add(w, "interrupt status");
        words_bits(w, isr_bits, a->value, a->size);
        return true;
    case VIRTIO_DEVICE:
        words_begin(w, "virtio", manual);
        w->source = "4.1.4.6 Device-specific configuration";
        words_add(w, "configuration byte %u: %0*llXh", (unsigned)a->at & 0xfff, a->size * 2,
                  (unsigned long long)a->value);
        return true;
    default:
        words_begin(w, "virtio", manual);
        w->source = "4.1.5.2 Available Buffer Notifications";
        words_add(w, "queue %u notified", (unsigned)(a->at - VIRTIO_NOTIFY) / VIRTIO_NOTIFY_STEP);
        if (a->count > 1)
            words_add(w, ", %llu times", (unsigned long long)a->count);
        return true;
    }
}

/* The device's own configuration begins behind the registers; where, depends on MSI-X, of which nothing is known here. */
bool virtio_legacy_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (words_register(w, "virtio", manual, WORD_ROWS(legacy), a->at, a))
        return true;
    words_begin(w, "virtio", manual);
    w->source = "4.1.4.8 Legacy Interfaces: A Note on PCI Device Layout";
    words_add(w, "register %02llXh: %0*llXh", (unsigned long long)a->at, a->size * 2,
              (unsigned long long)a->value);
    return true;
}

bool virtio_msix_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return msix_words(a, 0, VIRTIO_MSIX_PENDING, w);
}

void virtio_blk_status_words(struct words *w, uint32_t status)
{
    static const char *const names[] = {"success", "I/O error", "unsupported"};
    words_add(w, ": %s", status < 3 ? names[status] : "unknown status");
}
