/* test_host_programs.c - what programs see of the deterministic Linux host (uml/) is what they see of this computer's Linux: the same lines from
 * the same programs (tests/guests/host_*.c), natively and in a recording. */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/command.h"

enum { NATIVE_SECONDS = 20 };

/* The folder in which the Makefile puts the programs: beside the one of this test. */
static char *programs;

/* Runs a program natively, with nothing but its output open and no groups besides its own; returns what it printed. Only as root. */
static char *natively(const char *program)
{
    if (getuid())
        skip(); /* recorded programs are root's */
    const int out = memfd_create("native", 0);
    const pid_t pid = fork();
    assert_true(out >= 0 && pid >= 0);
    if (!pid) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(out, 1);
        dup2(out, 2);
        for (int fd = 3; fd < 100; fd++)
            close(fd);
        setgroups(0, NULL);
        signal(SIGPIPE, SIG_DFL);
        setpgid(0, 0);
        umask(022); /* as on the recorded host */
        execl(program, program, NULL);
        _exit(127);
    }
    int status = 0;
    pid_t ended = 0;
    for (unsigned i = 0; i < NATIVE_SECONDS * 100 && !ended;
         i++) { /* no alarm(): the programs have timers of their own */
        usleep(10000);
        ended = waitpid(pid, &status, WNOHANG);
    }
    kill(-pid, SIGKILL); /* and what it has started */
    if (!ended) {
        waitpid(pid, &status, 0);
        fail_msg("%s does not end natively", program);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
        fail_msg("%s does not run natively: status %x", program, (unsigned)status);
    return command_read(out);
}

/* A terminal's lines end with CR LF. */
static void without_returns(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++)
        if (*p != '\r')
            *to++ = *p;
    *to = 0;
}

/* The first line in which two texts differ is what a message shows. */
static void same_lines(const char *program, const char *native, const char *recorded)
{
    size_t line = 1;
    while (*native && *recorded) {
        const size_t n = strcspn(native, "\n"), m = strcspn(recorded, "\n");
        if (n != m || memcmp(native, recorded, n))
            fail_msg("%s, line %zu: \"%.*s\" natively, \"%.*s\" recorded", program, line, (int)n, native,
                     (int)m, recorded);
        native += n + (native[n] == '\n');
        recorded += m + (recorded[m] == '\n');
        line++;
    }
    if (*native || *recorded)
        fail_msg("%s: one has more lines than the other, from line %zu on: \"%.100s\"", program, line,
                 *native ? native : recorded);
}

static void sees_the_same(const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", programs, name);
    char *native = natively(path);
    struct said s = bootreel("record -q --console -o %s.reel --program %s", name, path);
    if (s.status)
        fail_msg("%s", s.err);
    without_returns(s.out);
    same_lines(name, native, s.out);
    free(native);
    said_free(&s);
    s = bootreel("replay --verify --jobs 2 --console none %s.reel", name);
    if (s.status)
        fail_msg("%s: %s%s", name, s.out, s.err);
    said_free(&s);
}

static void test_calls_answer_as_linux_does(void **state)
{
    sees_the_same("host_calls");
}
static void test_the_rest_of_the_calls_and_their_errors(void **state)
{
    sees_the_same("host_rest");
}
static void test_folders_of_many_entries(void **state)
{
    sees_the_same("host_folders");
}

static void test_calls_are_events(void **state)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/host_calls", programs);
    struct said s = bootreel("record -q --events all -o all.reel --program %s", path);
    assert_int_equal(s.status, 0);
    said_free(&s);
    COMMANDS(PRINTS("calls with their arguments", "events all.reel --class host", 0, "host.exec", "host.call",
                    "mkdir(\"/tmp/host-calls", "host.result"),
             PRINTS("a summary by call", "info all.reel", 0, "engine       linux", "mkdir", "EEXIST"),
             PRINTS("a program that ended is healthy", "why all.reel", 0, "nothing went wrong"),
             PRINTS("its symbols", "symbols all.reel --all", 0, NULL),
             PRINTS("where its steps went", "profile all.reel -q", 0, "samples"),
             PRINTS("events as JSON", "events all.reel --class host --format json --to 1%", 0,
                    "\"kind\":\"host.exec\""));
}

static void test_a_program_with_arguments(void **state)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/host_more", programs);
    COMMANDS(WARNS("a program that is not there", "record -q -o no.reel --program /no/such/program", 2,
                   "/no/such/program"),
             WARNS("a file that is no program", "record -q -o no.reel --program /etc/passwd", 2,
                   "/etc/passwd: is no program"));
    struct said s = bootreel("record -q --console --until 10s -o more.reel --program %s", path);
    assert_int_equal(s.status, 0);
    assert_non_null(strstr(s.out, "an interrupted one: -1, Interrupted system call"));
    assert_non_null(strstr(s.out, "vsyscalls: 0 1 0"));
    assert_non_null(strstr(s.out, "exit 3"));
    said_free(&s);
}

static int setup(void **state)
{
    programs = command_guests();
    return command_folder(state);
}
static int teardown(void **state)
{
    free(programs);
    return command_cleanup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_answer_as_linux_does),
        cmocka_unit_test(test_the_rest_of_the_calls_and_their_errors),
        cmocka_unit_test(test_folders_of_many_entries),
        cmocka_unit_test(test_calls_are_events),
        cmocka_unit_test(test_a_program_with_arguments),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
