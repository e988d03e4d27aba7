/* event_code.h - events as bytes: the payload of an event frame. Inside of traces/ only. */
#ifndef BOOTREEL_TRACES_EVENT_CODE_H
#define BOOTREEL_TRACES_EVENT_CODE_H

#include "traces/bytes.h"
#include "traces/trace.h"

/* Texts of events repeat: the last text of each of these slots can be referred to by its slot. */
enum { TEXT_SLOTS = 64, TEXT_SLOT_MAX = 64 };

unsigned text_slot(const void *data, size_t n);

/* How the kinds of a trace look: fields may have been added to a row since it was written. */
struct event_layout {
    unsigned nkinds;
    uint8_t nfields[EV_COUNT];
    bool has_data[EV_COUNT];
};

void event_layout_own(struct event_layout *l);
/* Codes as the kinds of that trace are: without fields that it does not have. */
void event_encoder_layout(struct event_encoder *e, const struct event_layout *layout);

/* An unpacked event frame. The events' data point into `raw`. */
struct event_frame {
    uint8_t *raw;
    struct event *ev;
    uint32_t n;
};

/* Decodes `count` events from n bytes at `raw`, of which it takes ownership (also on error). NULL, or what is
 * wrong. Free with event_frame_free, also on error. */
const char *event_frame_decode(struct event_frame *f, uint8_t *raw, size_t n, uint32_t count,
                               uint64_t step_ns, const struct event_layout *layout);
void event_frame_free(struct event_frame *f);

#endif
