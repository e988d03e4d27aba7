/* session_impl.h - what the session's files share. Private to them. */
#ifndef BOOTREEL_TUI_SESSION_IMPL_H
#define BOOTREEL_TUI_SESSION_IMPL_H

#include "tui/session.h"

/* Each of these sets the message that says how a move ended, and reads the state at the new position. */
enum move session_fail(struct session *s, const struct error *err);
enum move session_stopped(struct session *s, const struct timeline_stopped *st, bool jump);

#endif
