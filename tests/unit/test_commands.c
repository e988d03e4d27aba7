/* test_commands.c - what commands say of a recorded boot (cli/), of the demo guest. */
#include "tests/unit/command.h"

static void test_info(void **state)
{
    COMMANDS(PRINTS("info names the machine, the images, the end", "info demo.reel", 0, "engine       pc",
                    "machine = pc", "disk0    demo", "checkpoints", "power-off"),
             PRINTS("info as JSON has the verdict", "info demo.reel --format json", 0, "\"state\": \"whole\"",
                    "\"damage\": null", "\"why\"", "\"ok.power-off\""),
             PRINTS("info checks every frame if asked", "info demo.reel --check", 0, "engine"),
             WARNS("a file that is no trace is trouble", "info none.reel", 2, "bootreel: none.reel: "),
             WARNS("one trace is needed", "info", 2, "bootreel: info: "),
             WARNS("an unknown option is named", "info demo.reel --nonsense", 2, "\"--nonsense\" is unknown"),
             WARNS("an option that is nearly right is proposed", "info demo.reel --chekc", 2, "--check"));
}

static void test_events(void **state)
{
    COMMANDS(
        PRINTS("events of a class only", "events demo.reel --class disk", 0, "disk.read",
               "READ DMA drive 0 lba 0", "!console"),
        PRINTS("a class may be taken out", "events demo.reel --class cpu,-cpu,power", 0, "power off by ACPI",
               "!cpu.cr"),
        PRINTS("a part of the run", "events demo.reel --class power --to 50%", 0, "!power.off"),
        PRINTS("only what holds a text", "events demo.reel --class console --grep 'power off'", 0,
               "kernel: power off", "!hello"),
        PRINTS("only of a stage", "events demo.reel --class disk --stage bios", 0, "IDENTIFY DEVICE",
               "!SECTORS"),
        PRINTS("JSON has fields by name", "events demo.reel --class power --format json", 0,
               "\"kind\":\"power.off\"", "\"class\":\"power\"", "\"text\":\"power off by ACPI\""),
        PRINTS("with what each event means", "events demo.reel --class firmware --explain", 0,
               "POST code 0x1", "stage bios.post.reset begins"),
        WARNS("a class that is none", "events demo.reel --class nonsense", 2, "nonsense"),
        WARNS("a class that was not recorded is said", "events demo.reel --class syscall", 0, "not recorded"),
        WARNS("a stage that is not there", "events demo.reel --stage nonsense", 2, "nonsense"),
        WARNS("a position that is none", "events demo.reel --from 12monkeys", 2, "12monkeys"),
        WARNS("a range must not end before it begins", "events demo.reel --from 50% --to 10%", 2,
              "bootreel: "));
}

static void test_stages(void **state)
{
    COMMANDS(PRINTS("stages are a tree", "stages demo.reel", 0, "icount", "  bios\n", "    bios.post\n",
                    "      bios.post.reset\n"),
             PRINTS("only the outer levels", "stages demo.reel --depth 1", 0, "bios\n", "!bios.post"),
             PRINTS("as JSON with the parent", "stages demo.reel --format json", 0,
                    "\"name\":\"bios\",\"parent\":null", "\"name\":\"bios.post\",\"parent\":\"bios\""),
             WARNS("no chain where no stage waits for another", "stages demo.reel --critical-chain", 2,
                   "wait for each other"),
             WARNS("a profile that is not there", "stages demo.reel --profile nothing.profile", 2,
                   "nothing.profile"));
}

static void test_other_profile(void **state)
{
    command_write_text(
        "own.profile",
        "stage greeting\n    open console \"demo kernel: started\"\n    close console \"that was all\"\n");
    struct said s = bootreel("stages demo.reel --profile own.profile");
    assert_int_equal(s.status, 0);
    assert_non_null(strstr(s.out, "greeting"));
    said_free(&s);
}

static void test_why(void **state)
{
    COMMANDS(
        PRINTS("a boot that switched itself off is healthy", "why demo.reel", 0,
               "nothing went wrong: the guest switched the machine off", "console: kernel: power off",
               "power off by ACPI"),
        PRINTS("as JSON, with commands", "why demo.reel --format json", 0, "\"answer\": \"nothing\"",
               "\"code\": \"ok.power-off\"", "\"evidence\"", "\"command\""),
        PRINTS("up to a position, before the end", "why demo.reel --at 50%", 0, "!switched the machine off"),
        WARNS("a position that is none", "why demo.reel --at nowhere", 2, "nowhere"));
}

static void test_symbols(void **state)
{
    COMMANDS(PRINTS("where symbols are from", "symbols demo.reel", 0, "bios", "loader", "kernel"),
             PRINTS("a name has its address", "symbols demo.reel memory_init", 0, "memory_init"),
             PRINTS("a pattern", "symbols demo.reel 'mem*'", 0, "memory_init [kernel]", "memcmp [bios]",
                    "!load_kernel"),
             PRINTS("a module's name", "symbols demo.reel kernel:memset", 0, "memset", "kernel"),
             WARNS("what is not there", "symbols demo.reel no_such_thing", 1, "no such symbol"),
             PRINTS("all of them", "symbols demo.reel --all", 0, "memory_init"));
}

static void test_no_processes(void **state)
{
    COMMANDS(
        WARNS("a kernel that is not known has no processes", "processes demo.reel", 0, "no processes"),
        WARNS("… and so no files", "files demo.reel", 0, "no process opened a file"),
        WARNS("a process that is none is said", "find demo.reel --exec memset --process init", 1, "init"));
}

static void test_firmware(void **state)
{
    COMMANDS(
        PRINTS("ACPI tables with their checksums", "firmware demo.reel acpi", 0, "RSDP", "RSDT", "FACP", "ok",
               "DSDT"),
        PRINTS("SMBIOS structures", "firmware demo.reel smbios", 0, "BIOS information", "System information",
               "Processor information"),
        PRINTS("MTRRs", "firmware demo.reel mtrr", 0, "default", "fixed", "UC"),
        PRINTS("the MultiProcessor table", "firmware demo.reel mptable", 0, "table", "processor", "bus",
               "PCI", "ISA"),
        PRINTS("JSON is an array of objects", "firmware demo.reel acpi --format json", 0, "[", "\"RSDP\""),
        PRINTS("the memory map that the BIOS gave", "firmware demo.reel e820", 0, "INT 15h", "usable",
               "reserved"),
        WARNS("there are no handles without UEFI", "firmware demo.reel handles", 1, "no UEFI firmware"),
        WARNS("a list that is none", "firmware demo.reel nonsense", 2, "nonsense"),
        WARNS("a list is needed", "firmware demo.reel", 2, "firmware"),
        PRINTS("tables as files", "firmware demo.reel acpi -o tables", 0, NULL));
    size_t n;
    char *dsdt = command_file("tables/dsdt.dat", &n);
    assert_true(n > 36);
    assert_memory_equal(dsdt, "DSDT", 4);
    free(dsdt);
}

static void test_screen(void **state)
{
    size_t n;
    COMMANDS(PRINTS("the text screen at the end", "screen demo.reel", 0, "that was all", "kernel: power off"),
             PRINTS("the screen at a position", "screen demo.reel --at stage:bios.boot", 0, "!that was all"),
             PRINTS("as a picture", "screen demo.reel --png shot.png", 0, NULL),
             WARNS("a picture has a name", "screen demo.reel --png ''", 2, "--png"));
    char *png = command_file("shot.png", &n);
    assert_memory_equal(png, "\x89PNG", 4);
    free(png);
}

static void test_dump(void **state)
{
    size_t n;
    COMMANDS(WARNS("memory as an ELF core", "dump demo.reel --format elf -o core.elf", 0, "1 processor"),
             PRINTS("memory as it is", "dump demo.reel --at 10% --format raw -o memory.raw", 0, NULL),
             WARNS("no vmcore without a Linux", "dump demo.reel -o vmcore", 2, "bootreel: "),
             WARNS("not over its own trace", "dump demo.reel --format raw -o demo.reel", 2, "demo.reel"));
    char *core = command_file("core.elf", &n);
    assert_memory_equal(core,
                        "\x7f"
                        "ELF",
                        4);
    free(core);
    unlink("core.elf");
    char *raw = command_file("memory.raw", &n);
    assert_int_equal((uint8_t)raw[0x7c00 + 510], 0x55); /* the boot sector */
    assert_int_equal((uint8_t)raw[0x7c00 + 511], 0xaa);
    free(raw);
    unlink("memory.raw");
}

static void test_find(void **state)
{
    COMMANDS(
        PRINTS("when code runs", "find demo.reel --exec memory_init --first", 0, "memory_init"),
        PRINTS("how often", "find demo.reel --exec memory_init --count", 0, "1"),
        PRINTS("who writes memory", "find demo.reel --write 0x413,2 --first", 0, "[bios]"),
        PRINTS("a write by a device is no processor's", "find demo.reel --write 0x7c00,2 --to 20%", 1, NULL),
        PRINTS("events by their fields", "find demo.reel --event 'disk.read drive=0' --first", 0,
               "READ DMA drive 0 lba 0"),
        PRINTS("the last of them", "find demo.reel --event disk.read --last", 0, "READ SECTORS"),
        PRINTS("as JSON", "find demo.reel --event power.off --format json", 0, "power off by ACPI"),
        PRINTS("nothing is found", "find demo.reel --event 'disk.write'", 1, NULL),
        WARNS("a symbol that is none", "find demo.reel --exec nonsense", 2, "no address and no symbol"),
        WARNS("something to find is needed", "find demo.reel", 2, "bootreel: find"),
        WARNS("a kind that is none", "find demo.reel --event nonsense.kind", 2, "nonsense.kind"),
        PRINTS("on several processors the same", "find demo.reel --exec memset --count --jobs 3", 0, NULL));
}

/* Parts of a search add up to the whole. */
static void test_find_parts(void **state)
{
    struct said whole = bootreel("find demo.reel --exec memset --count"),
                first = bootreel("find demo.reel --exec memset --count --part 1/2"),
                second = bootreel("find demo.reel --exec memset --count --part 2/2");
    assert_true(atoi(whole.out) > 1);
    assert_int_equal(atoi(first.out) + atoi(second.out), atoi(whole.out));
    said_free(&whole);
    said_free(&first);
    said_free(&second);
}

static void test_profile(void **state)
{
    COMMANDS(
        PRINTS("where the steps went", "profile demo.reel", 0, "samples", "self", "memory_init [kernel]"),
        PRINTS("a few symbols only", "profile demo.reel --symbols 2 --chains 1", 0, "samples"),
        PRINTS("of a stage", "profile demo.reel --stage bios --every 100", 0, "[bios]"),
        PRINTS("as JSON", "profile demo.reel --format json", 0, "memory_init"),
        PRINTS("a part", "profile demo.reel --part 1/2", 0, "samples"),
        WARNS("steps are a number", "profile demo.reel --every nonsense", 2, "--every"));
}

static void test_calls(void **state)
{
    COMMANDS(PRINTS("the calls of a function", "calls demo.reel --function memory_init", 0, "memory_init"),
             PRINTS("as JSON", "calls demo.reel --function memory_init --format json", 0, "memory_init"),
             PRINTS("folded", "calls demo.reel --function memory_init --format folded", 0, "memory_init"),
             PRINTS("for Perfetto, into a file",
                    "calls demo.reel --function memory_init --format perfetto -o calls.pftrace", 0, NULL),
             PRINTS("without arguments", "calls demo.reel --function memory_init --no-arguments --depth 1", 0,
                    "memory_init"),
             PRINTS("none that takes so long", "calls demo.reel --function memset --min-time 10s", 1, NULL),
             PRINTS("no such function", "calls demo.reel --function nonsense", 1, NULL));
}

static void test_coverage(void **state)
{
    COMMANDS(PRINTS("what a boot executed", "coverage demo.reel", 0, "functions", "bios", "kernel", "loader"),
             PRINTS("functions that never ran", "coverage demo.reel --all", 0, "kernel"),
             PRINTS("as lcov", "coverage demo.reel --format lcov", 0, "SF:", "DA:", "end_of_record"),
             PRINTS("as a page", "coverage demo.reel --format html", 0, "<html", "</html>"),
             PRINTS("as drcov", "coverage demo.reel --format drcov -o cov.drcov", 0, NULL),
             PRINTS("less itself, nothing", "coverage demo.reel --minus demo.reel", 0, "functions"),
             PRINTS("added to itself, the same", "coverage demo.reel demo.reel", 0, "functions"));
}

static void test_used(void **state)
{
    COMMANDS(PRINTS("what was read of each image", "used demo.reel", 0, "bios  builtin", "disk0  demo",
                    "nobody looked at"),
             PRINTS("of one image", "used demo.reel --image bios", 0, "bios  builtin", "!disk0"),
             PRINTS("as JSON", "used demo.reel --format json", 0, "\"disk0\""),
             WARNS("an image that is none", "used demo.reel --image cdrom", 2, "cdrom"),
             WARNS("there is no initramfs to make slim", "used demo.reel --slim slim.cpio", 2, "bootreel: "),
             WARNS("no exits without virtualization", "exits demo.reel", 2, "no hardware virtualization"));
}

static void test_origin(void **state)
{
    COMMANDS(
        PRINTS("a byte of the boot sector is the disk's",
               "origin demo.reel --memory 0x7c00,2 --at stage:loader", 0, "disk0"),
        PRINTS("a register", "origin demo.reel --register rax", 0, NULL),
        PRINTS("a register as JSON", "origin demo.reel --register rbx --format json", 0, "["),
        PRINTS("what the screen shows", "origin demo.reel --screen 0,0", 0, NULL),
        PRINTS("flip the source to check it", "origin demo.reel --memory 0x7c00 --at stage:loader --check", 0,
               NULL),
        PRINTS("all operands", "origin demo.reel --register rax --all --links 20", 0, NULL),
        WARNS("a register that is none", "origin demo.reel --register nonsense", 2, "nonsense"),
        WARNS("something to ask for is needed", "origin demo.reel", 2, "origin"),
        WARNS("a text that was not printed", "origin demo.reel --console 'no such text'", 2, "no such text"));
}

static void test_replay(void **state)
{
    COMMANDS(
        PRINTS("the guest's console", "replay demo.reel", 0, "bootreel BIOS", "hello, world!"),
        PRINTS("verified", "replay demo.reel --verify --console none", 0, "!hello"),
        PRINTS("a part of it", "replay demo.reel --verify --part 1/2 --console none", 0, NULL),
        PRINTS("by parts at once", "replay demo.reel --verify --jobs 2 -q --console none", 0, NULL),
        PRINTS("at positions in any order", "replay demo.reel --verify --seeks=3 --console none", 0, NULL),
        PRINTS("interpreted", "replay demo.reel --no-compile --console screen -q", 0, "that was all"),
        WARNS("lock step compares by itself", "replay demo.reel --lockstep=5M --verify", 2,
              "--lockstep goes with neither"),
        WARNS("a console that is none", "replay demo.reel --console nonsense", 2, "nonsense"));
}

static void test_query(void **state)
{
    COMMANDS(
        PRINTS("events are rows",
               "query demo.reel \"SELECT count(*) AS n FROM events WHERE kind = 'power.off'\" --format csv",
               0, "n\n1\n"),
        PRINTS("a kind is a view", "query demo.reel 'SELECT lba, count FROM disk_read LIMIT 2'", 0,
               "lba  count\n  0      1\n"),
        PRINTS("tables by name", "query demo.reel 'SELECT name FROM stages WHERE parent IS NULL'", 0, "bios"),
        PRINTS("as CSV", "query demo.reel 'SELECT 1 AS one, 2 AS two' --format csv", 0, "one,two\n1,2\n"),
        PRINTS("as JSON", "query demo.reel 'SELECT 1 AS one' --format json", 0, "\"one\""),
        PRINTS("the schema", "query demo.reel --schema", 0, "stages(", "events("),
        PRINTS("two boots", "query demo.reel demo.reel 'SELECT count(*) AS n FROM boots'", 0, "2"),
        PRINTS(
            "samples",
            "query demo.reel 'SELECT sum(samples) > 500 AS many FROM samples' --samples=10000 -q --format csv",
            0, "many\n1\n"),
        WARNS("only reading", "query demo.reel 'DELETE FROM events'", 2, "bootreel: "),
        WARNS("no SQL", "query demo.reel 'SELEC'", 2, "syntax error"));
}

static void test_trace(void **state)
{
    COMMANDS(
        PRINTS("a program counts calls", "trace demo.reel 'kprobe:memset { @n = count(); }'", 0, "@n: "),
        PRINTS("print with positions",
               "trace demo.reel 'kprobe:memory_init { printf(\"here\\n\"); }' --positions", 0, "here"),
        PRINTS("as JSON", "trace demo.reel 'event:power.off { @off = count(); }' --format json", 0, "@off"),
        PRINTS("the probes there are", "trace demo.reel --list 'kprobe:mem*'", 0, "kprobe:memset"),
        WARNS("a wrong program is shown where", "trace demo.reel 'exec main { }'", 2, "is no kind of probe",
              "^~~~"),
        WARNS("a program is needed", "trace demo.reel", 2, "bootreel: trace"));
}

static void test_digest(void **state)
{
    COMMANDS(
        PRINTS("the boot as text", "digest demo.reel", 0, "bootreel-digest 2", "setting \"machine\" \"pc\"",
               "ended"),
        PRINTS("into a file", "digest demo.reel -o demo.digest", 0, "!bootreel-digest"),
        PRINTS("a digest is the same as its trace", "diff demo.digest demo.reel", 0, "same"),
        PRINTS("a trace is the same as itself", "diff demo.reel demo.reel", 0, "same"),
        PRINTS("as JSON", "diff demo.reel demo.reel --format json", 0, "{"),
        PRINTS("as JUnit", "diff demo.reel demo.reel --format junit", 0, "<testsuite"),
        PRINTS("as a page", "diff demo.reel demo.reel --format html", 0, "<html"),
        PRINTS("numbers only", "diff demo.reel demo.reel --stat", 0, "same"),
        WARNS("two boots are needed", "diff demo.reel", 2, "bootreel: diff"),
        WARNS("a rule that is none", "diff demo.reel demo.reel --ignore 'nonsense of=it'", 2, "nonsense"));
}

/* The same guest with less memory: another boot, in its words. */
static void test_diff(void **state)
{
    COMMANDS(
        PRINTS("another machine is recorded", "record -o small.reel -q --memory 16M", 0, NULL),
        PRINTS("boots differ in what they print", "diff demo.reel small.reel", 1, "memory", "console"),
        PRINTS("differences as JSON", "diff demo.reel small.reel --format json", 1, "\"memory\""),
        PRINTS("differences as JUnit", "diff demo.reel small.reel --format junit", 1, "<failure"),
        PRINTS("differences as a page", "diff demo.reel small.reel --format html", 1, "<html"),
        PRINTS("all that differs", "diff demo.reel small.reel --all", 1, "memory"),
        PRINTS("how many of each stage", "diff demo.reel small.reel --stat", 1, NULL),
        PRINTS("why they differ", "diff demo.reel small.reel --explain", 1, NULL),
        PRINTS("with rules nothing differs", "diff demo.reel small.reel --ignore all", 0, "same"),
        PRINTS("coverage less another boot", "coverage demo.reel --minus small.reel", 0, "functions"),
        PRINTS(
            "boots beside each other",
            "query demo.reel small.reel \"SELECT boot, value FROM settings WHERE key = 'memory'\" --format csv",
            0, "1,33554432\n2,16777216\n"));
}

static void test_annotate(void **state)
{
    COMMANDS(
        PRINTS("another trace of the same run", "annotate demo.reel -o all.reel --events +iflag -q", 0, NULL),
        PRINTS("it has what was not recorded", "events all.reel --class iflag --to 10%", 0, "cpu.cli",
               "IF was 0"),
        PRINTS("calls of a function", "annotate demo.reel -o probed.reel --probe memory_init -q", 0, NULL),
        PRINTS("… as events", "events probed.reel --grep memory_init", 0, "memory_init"),
        PRINTS("without a class", "annotate demo.reel -o few.reel --events -pio -q", 0, NULL),
        PRINTS("a share of it", "annotate demo.reel -o one.share --events -pio --part 1/2 -q", 0, NULL),
        PRINTS("another share of it", "annotate demo.reel -o two.share --events -pio --part 2/2 -q", 0, NULL),
        PRINTS("merged, in any order", "annotate demo.reel -o merged.reel --merge two.share one.share -q", 0,
               NULL),
        WARNS("iflag is put in order from the beginning on, so it has no shares",
              "annotate demo.reel -o no.share --events +iflag --part 1/2 -q", 2, "has the class iflag"),
        WARNS("a share is lacking", "annotate demo.reel -o lacking.reel --merge one.share -q", 2,
              "bootreel: "),
        WARNS("a name is needed", "annotate demo.reel", 2, "bootreel: annotate"),
        WARNS("not over itself", "annotate demo.reel -o demo.reel", 2, "demo.reel"));
    size_t n, m;
    char *all = command_file("few.reel", &n), *merged = command_file("merged.reel", &m);
    assert_int_equal(n, m);
    assert_memory_equal(all, merged, n);
    free(all);
    free(merged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),         cmocka_unit_test(test_events),
        cmocka_unit_test(test_stages),       cmocka_unit_test(test_other_profile),
        cmocka_unit_test(test_why),          cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_no_processes), cmocka_unit_test(test_firmware),
        cmocka_unit_test(test_screen),       cmocka_unit_test(test_dump),
        cmocka_unit_test(test_find),         cmocka_unit_test(test_find_parts),
        cmocka_unit_test(test_profile),      cmocka_unit_test(test_calls),
        cmocka_unit_test(test_coverage),     cmocka_unit_test(test_used),
        cmocka_unit_test(test_origin),       cmocka_unit_test(test_replay),
        cmocka_unit_test(test_query),        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_digest),       cmocka_unit_test(test_diff),
        cmocka_unit_test(test_annotate)};
    return cmocka_run_group_tests(tests, command_recorded, command_cleanup);
}
