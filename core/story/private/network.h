/* network.h - transfers of a network, put together from the frames that cards send and take: DHCP, TFTP,
 * HTTP, DNS. Private to core/story. */
#ifndef BOOTREEL_CORE_STORY_NETWORK_H
#define BOOTREEL_CORE_STORY_NETWORK_H

#include "traces/event.h"

struct network;

/* `emit` gets the events net.begin, net.resent, net.dhcp, net.tftp, net.http and net.dns, each at the frame
 * from which it is known. */
struct network *network_new(void (*emit)(void *ctx, const struct event *ev), void *ctx);
void network_free(struct network *); /* NULL is allowed */
/* Takes each event of the engine, in order; only frames and resets count. A transfer that nothing ends has a
 * net.begin and no more: so has what a reset cuts off. Cost: about a microsecond a frame. */
void network_event(struct network *, const struct event *ev);

#endif
