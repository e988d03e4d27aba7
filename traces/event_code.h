/* event_code.h - events as bytes: the payload of an event frame. Private to traces/. */
#ifndef BOOTREEL_TRACES_EVENT_CODE_H
#define BOOTREEL_TRACES_EVENT_CODE_H

#include "traces/bytes.h"
#include "traces/trace.h"

/* Texts of events repeat, so the last text in each of these slots can be referred to by the slot's number. */
enum { TEXT_SLOTS = 64, TEXT_SLOT_MAX = 64 };

/* The fields of the kinds in a trace: fields may have been added to a row since it was written. */
struct event_layout {
    unsigned nkinds;
    uint8_t nfields[EV_COUNT];
    bool has_data[EV_COUNT];
};

/* Makes the encoder use the layout of a trace, without fields that the trace does not have. */
void event_encoder_layout(struct event_encoder *e, const struct event_layout *layout);

/* An unpacked event frame. The events' data point into `raw`. */
struct event_frame {
    uint8_t *raw;
    struct event *ev;
    uint32_t n;
};

/* Decodes `count` events from n bytes at `raw`, of which it takes ownership (also on error). Returns NULL, or
 * what is wrong. Free with event_frame_free, also on error. */
const char *event_frame_decode(struct event_frame *f, uint8_t *raw, size_t n, uint32_t count,
                               uint64_t step_ns, const struct event_layout *layout);
void event_frame_free(struct event_frame *f);

#endif
