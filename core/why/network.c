/* network.c - a boot from the network that ends there: nobody answers DHCP, or the file to boot cannot be fetched.
 *
 * Transfers that fail are no fault by themselves: a loader asks for its configuration under several names, and the firmware goes on with the
 * next device. So it is looked at only if no system came afterwards, and the last transfer counts. */
#include <inttypes.h>
#include <string.h>

#include "core/packets/packet.h"
#include "core/why/private/explainers.h"

enum { HTTP_FAILED = 400, LINES = 12, NO_ANSWER = 2 /* result of net.dhcp */ };

static bool is_end(const struct event *ev)
{
    return ev->kind == EV_NET_DHCP || ev->kind == EV_NET_TFTP || ev->kind == EV_NET_HTTP;
}

static bool is_traffic(const struct event *ev)
{
    return is_end(ev) || ev->kind == EV_NET_BEGIN || ev->kind == EV_NET_DNS || ev->kind == EV_NET_RESENT ||
           ev->kind == EV_NET_MANGLED;
}

/* A system got control after it, or the guest was switched off. */
static bool went_on(struct why_case *c, const struct event *ev)
{
    static const unsigned kinds[] = {EV_KERNEL_ENTRY,    EV_KERNEL_FOUND,      EV_XEN_FOUND,
                                     EV_KERNEL_HANDOVER, EV_BOOT_SECTOR_ENTER, EV_BOOT_SECTOR_READ,
                                     EV_POWER_OFF};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct event *k = facts_last(&c->now, kinds[i]);
        if (k && k->icount > ev->icount)
            return true;
    }
    return false;
}

/* The end of the transfer that began there, or NULL. */
static const struct event *end_of(struct why_case *c, const struct event *begin)
{
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (is_end(ev) && EVF(ev, NET_DHCP, id) == EVF(begin, NET_BEGIN, id) && ev->icount >= begin->icount)
            return ev;
    }
    return NULL;
}

bool network_refused(struct why_case *c, uint64_t to, struct text *why)
{
    const uint64_t lately = 5000000000;
    const struct event *last = NULL;
    struct packet p;
    char server[60];
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= to; i++)
        if (c->now.event[i].kind == EV_NET_IN &&
            packet_parse(c->now.event[i].data, c->now.event[i].len, &p) && p.flags & TCP_RST)
            last = &c->now.event[i];
    const struct event *end = NULL;
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= to; i++)
        end = &c->now.event[i];
    if (!last || end->time - last->time > lately || !packet_parse(last->data, last->len, &p))
        return false;
    packet_address(p.source, server, sizeof server);
    text_add(why, "%s:%u refuses a TCP connection", server, p.source_port);
    return true;
}

/* What happened in the network, up to there: the last of it. */
static void lines(struct why_case *c, struct finding *f)
{
    size_t n = 0, from = c->now.n;
    for (; from > 0 && n < LINES; from--)
        n += is_traffic(&c->now.event[from - 1]);
    for (size_t i = from; i < c->now.n; i++)
        if (is_traffic(&c->now.event[i]))
            find_event(f, c, &c->now.event[i], NULL);
    find_console(f, c, c->now.begin, c->at, 4);
}

/* ---------------------------------------------------------------- nothing came back */

static bool is_dhcp6(const struct event *begin)
{
    return begin->len == 5 && !memcmp(begin->data, "dhcp6", 5);
}

/* How often the client asked, and until when. */
static uint64_t asked(struct why_case *c, const struct event *begin, uint64_t *until)
{
    uint64_t n = 1;
    *until = begin->time;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_NET_RESENT && EVF(ev, NET_RESENT, id) == EVF(begin, NET_BEGIN, id)) {
            n = EVF(ev, NET_RESENT, count) + 1;
            *until = ev->time;
        }
    }
    return n;
}

/* Whether it was given up: more than a client waits for one answer has passed. */
static bool given_up(struct why_case *c, const struct event *begin, uint64_t times, uint64_t until)
{
    const uint64_t patience = 5000000000u; /* ns */
    return times > 1 || c->now.end_time - begin->time >= patience || c->now.end_time - until >= patience;
}

/* The last frame of that kind, an offer or a request for what was offered, in the transfer; or NULL. */
static const struct event *bargain_of(struct why_case *c, const struct event *begin, unsigned kind)
{
    const struct event *last = NULL;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        struct packet p;
        struct net_dhcp d;
        if (ev->kind == kind && ev->icount >= begin->icount &&
            EVF(ev, NET_IN, card) == EVF(begin, NET_BEGIN, card) && packet_parse(ev->data, ev->len, &p) &&
            packet_dhcp(&p, &d) != is_dhcp6(begin))
            last = ev;
    }
    return last;
}

/* An offer came: the server does not confirm it, or the client asks on and on for others. False if none came. */
static bool no_bargain(struct why_case *c, struct finding *f, const struct event *begin, uint64_t times)
{
    const struct event *offer = bargain_of(c, begin, EV_NET_IN), *request = bargain_of(c, begin, EV_NET_OUT);
    const char *protocol = is_dhcp6(begin) ? "DHCPv6" : "DHCP", *noun = times == 1 ? "request" : "requests";
    struct packet p;
    struct net_dhcp d;
    if (!offer)
        return false;
    packet_parse(offer->data, offer->len, &p);
    const bool nothing = packet_dhcp(&p, &d) && !d.file.n;
    if (request)
        find_verdict(f, WHY_NET_DHCP_NO_ACK, begin->icount,
                     "the %s server does not acknowledge the address that it offered: %" PRIu64 " %s",
                     protocol, times, noun);
    else
        find_verdict(f, WHY_NET_DHCP_OFFER, begin->icount,
                     "the guest does not take what the %s server offers%s: %" PRIu64 " %s", protocol,
                     nothing ? ", which has no boot file" : "", times, noun);
    find_event(f, c, offer, NULL);
    if (request)
        find_event(f, c, request, NULL);
    return true;
}

static bool no_answer(struct why_case *c, struct finding *f, const struct event *begin)
{
    uint64_t until;
    const uint64_t times = asked(c, begin, &until), seconds = (c->now.end_time - begin->time) / 1000000000u;
    char what[300];
    fact_text(begin, what, sizeof what);
    const char *text = strstr(what, "begins: ") ? strstr(what, "begins: ") + strlen("begins: ") : what;
    if (!given_up(c, begin, times, until))
        return false;
    if (strncmp(text, "dhcp", 4))
        find_verdict(f, WHY_NET_SILENT, begin->icount,
                     "the network does not answer: %s: %" PRIu64 " sent again, %" PRIu64 " s", text,
                     times - 1, seconds);
    else if (!no_bargain(c, f, begin, times))
        find_verdict(f, WHY_NET_NO_DHCP, begin->icount,
                     "no %s server answered: %" PRIu64 " %s in %" PRIu64 " s",
                     text[4] == '6' ? "DHCPv6" : "DHCP", times, times == 1 ? "request" : "requests", seconds);
    lines(c, f);
    return true;
}

/* ---------------------------------------------------------------- an answer that is an error */

/* An end of DHCP or DHCPv6 after which nothing can be booted. */
static bool no_boot(struct why_case *c, struct finding *f, const struct event *begin, const struct event *ev,
                    const char *text)
{
    const char *protocol = is_dhcp6(begin) ? "DHCPv6" : "DHCP";
    if (EVF(ev, NET_DHCP, result) == NO_ANSWER)
        find_verdict(f, WHY_NET_NO_DHCP, ev->icount, "no %s server answered: %" PRIu64 " %s in %" PRIu64 " s",
                     protocol, EVF(ev, NET_DHCP, requests),
                     EVF(ev, NET_DHCP, requests) == 1 ? "request" : "requests",
                     EVF(ev, NET_DHCP, duration) / 1000000000u);
    else if (EVF(ev, NET_DHCP, result))
        find_verdict(f, WHY_NET_DHCP_REFUSED, ev->icount, "the %s server refuses the address: %s", protocol,
                     text);
    else if (!strstr(text, " boot file ") && !facts_last(&c->now, EV_NET_TFTP) &&
             !facts_last(&c->now, EV_NET_HTTP))
        find_verdict(f, WHY_NET_DHCP_NO_FILE, ev->icount, "the %s server names no boot file: %s", protocol,
                     text);
    else
        return false;
    return true;
}

static bool failed(struct why_case *c, struct finding *f, const struct event *begin, const struct event *ev)
{
    char text[600];
    fact_text(ev, text, sizeof text);
    const bool unanswered = ev->kind == EV_NET_DHCP && EVF(ev, NET_DHCP, result) == NO_ANSWER;
    if (ev->kind == EV_NET_DHCP) {
        if (!(unanswered && no_bargain(c, f, begin, EVF(ev, NET_DHCP, requests))) &&
            !no_boot(c, f, begin, ev, text))
            return false;
    } else if (ev->kind == EV_NET_TFTP && EVF(ev, NET_TFTP, error) &&
               !strstr(text, "stopped by the client")) {
        find_verdict(f, WHY_NET_TFTP, ev->icount, "TFTP: %s", text);
    } else if (ev->kind == EV_NET_HTTP &&
               (EVF(ev, NET_HTTP, status) >= HTTP_FAILED || !EVF(ev, NET_HTTP, status))) {
        find_verdict(f, WHY_NET_HTTP, ev->icount, "HTTP: %s: %s%" PRIu64, text,
                     EVF(ev, NET_HTTP, status) ? "status " : "no answer, ", EVF(ev, NET_HTTP, status));
    } else {
        return false;
    }
    lines(c, f);
    return true;
}

/* The last that was heard of the network: a name that cannot be fetched. */
static bool no_name(struct why_case *c, struct finding *f, const struct event *end)
{
    const struct event *dns = facts_last(&c->now, EV_NET_DNS);
    char text[600];
    if (!dns || dns->icount < end->icount || !EVF(dns, NET_DNS, code))
        return false;
    fact_text(dns, text, sizeof text);
    find_verdict(f, WHY_NET_DNS, dns->icount, "DNS: %s", text);
    lines(c, f);
    return true;
}

/* The transfer that counts: the last. Most networks have no DHCPv6: one that nobody answers counts only if there is no other. */
static const struct event *last_transfer(struct why_case *c)
{
    const struct event *last = NULL;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_NET_BEGIN)
            continue;
        const struct event *end = last && is_dhcp6(ev) ? end_of(c, ev) : ev;
        if (!last || (end && !(end->kind == EV_NET_DHCP && EVF(end, NET_DHCP, result) == NO_ANSWER)))
            last = ev;
    }
    return last;
}

bool network_no_dhcp(struct why_case *c, uint64_t to, struct text *why)
{
    enum { TIMES = 3 };
    const struct event *last = last_transfer(c), *end = last ? end_of(c, last) : NULL;
    uint64_t until;
    if (!last || last->icount > to || last->len < strlen("dhcp") ||
        memcmp(last->data, "dhcp", strlen("dhcp")) != 0 || (end && EVF(end, NET_DHCP, result) != NO_ANSWER) ||
        bargain_of(c, last, EV_NET_IN))
        return false;
    const uint64_t times = asked(c, last, &until);
    if (times < TIMES)
        return false;
    text_add(why, "no %s server answers (%" PRIu64 " requests)", is_dhcp6(last) ? "DHCPv6" : "DHCP", times);
    return true;
}

void explain_network(struct why_case *c, struct finding *f)
{
    const struct event *last = last_transfer(c);
    /* A kernel's own transfers are no boot from the network. */
    if (!last || went_on(c, last) || facts_last(&c->now, EV_KERNEL_FOUND) ||
        facts_last(&c->now, EV_KERNEL_ENTRY))
        return;
    const struct event *end = end_of(c, last);
    if (end)
        (void)(no_name(c, f, end) || failed(c, f, last, end));
    else
        no_answer(c, f, last);
}
