/* recording.h - making a trace of a small guest. */
#ifndef BOOTREEL_TESTS_RECORDING_H
#define BOOTREEL_TESTS_RECORDING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/recorder.h"

/* An image's `read`, if its `ctx` is an array. */
static inline int read_bytes(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    (void)err;
    memcpy(buf, (const char *)ctx + offset, n);
    return 0;
}

static inline struct record_result record(const struct record_options *o)
{
    struct error err = {""};
    struct record_result res = {0};
    struct recorder *r = recorder_create(o, &err);
    if (!r || recorder_run(r, &res, &err))
        fail_msg("%s", err.text);
    recorder_destroy(r);
    return res;
}

/* A PC with 4 MB, and bytes as an image: "flat" at 8000h or "bios". */
static inline void record_image(const char *path, const struct engine_kind *kind, const char *role,
                                const void *bytes, size_t n, uint64_t checkpoint_every)
{
    const struct setting settings[] = {{"memory", "4194304"}, {"flat-address", "0x8000"}};
    const struct image image = {
        .role = role, .name = "guest.bin", .size = n, .ctx = (void *)bytes, .read = read_bytes};
    const struct engine_config config = {
        .settings = settings, .nsettings = strcmp(role, "flat") ? 1 : 2, .images = &image, .nimages = 1};
    record(&(struct record_options){.path = path,
                                    .kind = kind,
                                    .config = &config,
                                    .classes = EVENT_CLASSES_DEFAULT,
                                    .checkpoint_every = checkpoint_every});
}

#endif
