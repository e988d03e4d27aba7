/* event_code.h - events as bytes: the payload of an event frame. Private to traces/. */
#ifndef BOOTREEL_TRACES_EVENT_CODE_H
#define BOOTREEL_TRACES_EVENT_CODE_H

#include "traces/bytes.h"
#include "traces/trace.h"

/* Texts of events repeat, so the last text in each of these slots can be referred to by the slot's number. */
enum { TEXT_SLOTS = 64, TEXT_SLOT_MAX = 64 };
/* In place of a slot's number: the data are those of an input. */
enum { INPUT_DATA = TEXT_SLOTS + 1 };

/* The fields of the kinds in a trace: fields may have been added to a row since it was written. */
struct event_layout {
    unsigned nkinds;
    uint8_t nfields[EV_COUNT];
    bool has_data[EV_COUNT];
};

/* Makes the encoder use the layout of a trace, without fields that the trace does not have. */
void event_encoder_layout(struct event_encoder *e, const struct event_layout *layout);

/* The trace lists only the first `n` kinds. */
void event_encoder_kinds(struct event_encoder *e, unsigned n);

/* Tells the encoder of input `number`, to whose data events before and after it may refer. Numbers only grow. */
void event_encoder_input(struct event_encoder *e, uint64_t number, const void *data, uint32_t len);

/* Where in an input the data of an event are. */
struct event_ref {
    uint64_t input;
    uint32_t offset;
};

/* An unpacked event frame. The events' data point into `raw`, or are NULL, although there are some, if they are
 * those of an input. */
struct event_frame {
    uint8_t *raw;
    struct event *ev;
    uint32_t n, room;      /* events at `ev`, and how many fit there */
    struct event_ref *ref; /* by event; NULL: none refers to an input */
};

static inline bool event_refers(const struct event *ev)
{
    return ev->len && !ev->data;
}

/* Decodes `count` events from n bytes at `raw`, of which it takes ownership (also on error); they may refer to
 * inputs with numbers below `inputs`. *f is empty, or holds another frame, whose memory is used again: it can be 3 MB, and
 * to use new memory for the first time can take longer than to decode. Returns NULL, or what is wrong. Free with event_frame_free, also on error. */
const char *event_frame_decode(struct event_frame *f, uint8_t *raw, size_t n, uint32_t count,
                               uint64_t step_ns, const struct event_layout *layout, uint64_t inputs);
void event_frame_free(struct event_frame *f);

#endif
