/* host_inet.c - IPv4 sockets over the loopback interface, in lines that are the same on every host (tests/cli/program.sh). Port
 * numbers are the host's choice: only whether they agree is told. */
#include <arpa/inet.h>
#include <netinet/tcp.h>

#include "host_rest.h"

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int port_of(int s)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    return getsockname(s, (void *)&a, &n) ? -1 : ntohs(a.sin_port);
}

static void streams(void)
{
    struct sockaddr_in name = loopback(0), got = {0};
    socklen_t n = sizeof got;
    int value = 1, s = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    char buf[50];
    TRY(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value));
    TRY(getsockname(s, (void *)&got, &n));
    SAY("not bound: %d bytes, family %d, %s:%d", n, got.sin_family, inet_ntoa(got.sin_addr), ntohs(got.sin_port));
    name.sin_addr.s_addr = 0;
    TRY(bind(s, (void *)&name, sizeof name));
    TRY(bind(s, (void *)&name, sizeof name));
    name = loopback(port_of(s));
    SAY("a port of its own: %d", port_of(s) > 1024);
    TRY(bind(other, (void *)&name, 7));
    TRY(connect(other, (void *)&name, sizeof name));
    TRY(listen(s, 5));
    TRY(connect(other, (void *)&name, sizeof name));
    TRY(connect(other, (void *)&name, sizeof name));
    n = sizeof got;
    int c = accept(s, (void *)&got, &n);
    SAY("accepted from %s, its port: %d", inet_ntoa(got.sin_addr), ntohs(got.sin_port) == port_of(other));
    n = sizeof got;
    TRY(getpeername(other, (void *)&got, &n));
    SAY("connected to %s, that port: %d", inet_ntoa(got.sin_addr), got.sin_port == name.sin_port);
    n = sizeof got;
    TRY(getsockname(c, (void *)&got, &n));
    SAY("here %s, that port: %d", inet_ntoa(got.sin_addr), got.sin_port == name.sin_port);
    TRY(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
    n = sizeof value;
    TRY(getsockopt(c, SOL_SOCKET, SO_PROTOCOL, &value, &n));
    SAY("protocol %d", value);
    TRY(getsockopt(c, SOL_SOCKET, SO_DOMAIN, &value, &n));
    SAY("domain %d", value);
    TRY(send(other, "from here", 9, 0));
    TRY(sendto(c, "back", 4, 0, (void *)&name, sizeof name)); /* whereto is of no account */
    n = 77;
    TRY(recvfrom(c, buf, 4, 0, (void *)&got, &n));
    SAY("%.4s, sender %d bytes", buf, n);
    TRY(recv(c, buf, 50, 0));
    TRY(recv(c, buf, 50, MSG_DONTWAIT));
    TRY(read(other, buf, 50));
    TRY(shutdown(other, SHUT_WR));
    TRY(recv(c, buf, 50, 0));
    TRY(send(other, "more", 4, MSG_NOSIGNAL));
    close(c);
    TRY(read(other, buf, 50));
    close(s);
    int late = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    TRY(connect(late, (void *)&name, sizeof name));
    TRY(send(late, "?", 1, MSG_NOSIGNAL));
}

static void datagrams(void)
{
    struct sockaddr_in a, b, got = {0};
    socklen_t n = sizeof got;
    int s = socket(AF_INET, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP), u = socket(AF_INET, SOCK_DGRAM, 0);
    char buf[50];
    a = loopback(0);
    TRY(bind(s, (void *)&a, sizeof a));
    a = loopback(port_of(s));
    TRY(bind(t, (void *)&a, sizeof a));
    TRY(send(t, "nobody", 6, 0));
    TRY(sendto(t, "hello", 5, 0, (void *)&a, sizeof a));
    TRY(recvfrom(s, buf, 50, 0, (void *)&got, &n));
    SAY("%.5s from %s, its port: %d", buf, inet_ntoa(got.sin_addr), ntohs(got.sin_port) == port_of(t));
    b = got;
    TRY(connect(s, (void *)&b, sizeof b));
    TRY(send(s, "back", 4, 0));
    TRY(recv(t, buf, 50, MSG_DONTWAIT));
    TRY(sendto(u, "stranger", 8, 0, (void *)&a, sizeof a)); /* which a connected one does not take */
    TRY(recv(s, buf, 50, MSG_DONTWAIT));
    close(t);
    TRY(sendto(u, "gone", 4, 0, (void *)&b, sizeof b));
}

void inet(void)
{
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0xc0000201)}};
    int s = socket(AF_INET, SOCK_STREAM, 0), pair[2];
    TRY(bind(s, (void *)&far, sizeof far));
    TRY(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    TRY(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    TRY(socket(AF_INET, SOCK_SEQPACKET, 0));
    streams();
    datagrams();
}
