/* fake_engine.h - a small deterministic machine behind core/engine/engine.h, for tests of the recorder and the
 * replay.
 *
 * It counts, scribbles on its RAM, reads its disk, prints, waits for timers, and, with the setting "shell",
 * reads lines from its serial port after a prompt and answers them. It switches itself off after "steps"
 * steps.
 */
#ifndef BOOTREEL_TESTS_FAKE_ENGINE_H
#define BOOTREEL_TESTS_FAKE_ENGINE_H

#include "core/engine/engines.h"

extern const struct engine_kind fake_kind;
/* fake_kind with another behaviour version. */
extern const struct engine_kind fake_kind_newer;
/* Each of these goes wrong at icount FAKE_FLIP, in a bit of register 2, a byte of RAM page 5, the value of an
 * event, or a power-off. */
#define FAKE_FLIP 123456
extern const struct engine_kind fake_flip_register, fake_flip_page, fake_flip_event, fake_stops_early;

#endif
