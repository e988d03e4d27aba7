/* test_options.c - options of commands (cli/): help, completions and the manual from the tables; values that make no sense are refused by one line that
 * names the option; a machine is recorded as it was asked for. */
#include "tests/unit/command.h"

static void test_each_command_has_help(void **state)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct said s = bootreel("%s --help", c->name);
        char usage[80];
        snprintf(usage, sizeof usage, "usage: bootreel %s", c->name);
        if (s.status || !strstr(s.out, usage) || !strstr(s.out, "--help"))
            fail_msg("%s --help: %s%s", c->name, s.out, s.err);
        for (const char *line = s.out; *line;) { /* of a terminal's width */
            const size_t n = strcspn(line, "\n");
            assert_true(n <= 90);
            line += n + (line[n] == '\n');
        }
        said_free(&s);
        s = bootreel("%s --no-such-option", c->name);
        if (s.status < EXIT_TROUBLE || !strstr(s.err, "no-such-option"))
            fail_msg("%s --no-such-option: status %d, %s", c->name, s.status, s.err);
        said_free(&s);
    }
}

static void test_completions_and_manual(void **state)
{
    COMMANDS(PRINTS("for bash", "completion bash", 0, "bootreel", "record", "complete "),
             PRINTS("for zsh", "completion zsh", 0, "#compdef bootreel", "record"),
             PRINTS("for fish", "completion fish", 0, "complete -c bootreel", "record"),
             WARNS("for no other shell", "completion tcsh", 2, "tcsh"),
             PRINTS("a table of all options", "manual table", 0, "record\t"),
             PRINTS("a page of a command", "manual why.1", 0, ".TH BOOTREEL", ".SH SYNOPSIS"),
             WARNS("a page that is none", "manual nonsense.1", 2, "nonsense"));
}

static void test_values_that_make_no_sense(void **state)
{
    command_write_text("empty.img", "");
    command_write_text("small.img", "no boot sector");
    COMMANDS(
        WARNS("no size", "record -o n.reel --memory lots", 2, "--memory"),
        WARNS("too little memory", "record -o n.reel --memory 1", 2, "--memory"),
        WARNS("no number", "record -o n.reel --cpus many", 2, "--cpus"),
        WARNS("too many processors", "record -o n.reel --cpus 65", 2, "--cpus"),
        WARNS("no model", "record -o n.reel --cpu 8086", 2, "8086"),
        WARNS("no feature", "record -o n.reel --cpu x86-64-v2,+nonsense", 2, "nonsense"),
        WARNS("a feature of another vendor", "record -o n.reel --cpu intel-v2,+svm", 2, "AMD"),
        WARNS("no time", "record -o n.reel --rtc yesterday", 2, "--rtc"),
        WARNS("no machine", "record -o n.reel --machine mac", 2, "--machine"),
        WARNS("no adapter", "record -o n.reel --vga cga", 2, "--vga"),
        WARNS("no boot order", "record -o n.reel --boot x", 2, "--boot"),
        WARNS("no system", "record -o n.reel --inspect windows", 2, "windows"),
        WARNS("no card", "record -o n.reel --nic ne2000", 2, "ne2000"),
        WARNS("no address", "record -o n.reel --nic virtio,mac=12", 2, "mac"),
        WARNS("no network", "record -o n.reel --nic virtio --net nonsense", 2, "nonsense"),
        WARNS("a device that USB has not", "record -o n.reel --usb disk", 2, "--usb"),
        WARNS("a device that virtio has not", "record -o n.reel --virtio gpu", 2, "--virtio"),
        WARNS("a disk that is not there", "record -o n.reel --disk none.img", 2, "none.img"),
        WARNS("a disk of nothing", "record -o n.reel --disk empty.img", 2, "empty.img"),
        WARNS("an interface that is none", "record -o n.reel --disk small.img,interface=mfm", 2, "mfm"),
        WARNS("a key that is none", "record -o n.reel --disk small.img,colour=red", 2, "colour"),
        WARNS("a kernel that is none", "record -o n.reel --kernel small.img", 2, "small.img"),
        WARNS("a protocol that is none", "record -o n.reel --kernel small.img --protocol nonsense", 2,
              "--protocol"),
        WARNS("an initrd without a kernel", "record -o n.reel --initrd small.img", 2, "initrd"),
        WARNS("a command line without a kernel", "record -o n.reel --append quiet", 2, "append"),
        WARNS("an address that is none", "record -o n.reel --flat small.img@here", 2, "--flat"),
        WARNS("a flat image has no firmware", "record -o n.reel --flat small.img@0x8000 --bios seabios", 2,
              "--bios"),
        WARNS("two kernels", "record -o n.reel --kernel small.img --uml small.img", 2, "--uml"),
        WARNS("a variation that is none", "record -o n.reel --vary nonsense", 2, "nonsense"),
        WARNS("an end that is none", "record -o n.reel --until never", 2, "never"),
        WARNS("events that are none", "record -o n.reel --events nonsense", 2, "nonsense"),
        WARNS("steps that are none", "record -o n.reel --checkpoint-every never", 2, "--checkpoint-every"),
        WARNS("a console that is none", "record -o n.reel --console=tape", 2, "tape"),
        WARNS("a profile that is not there", "record -o n.reel --profile none.profile", 2, "none.profile"),
        WARNS("a name is needed", "record -o ''", 2, "-o: the file's name is empty"),
        WARNS("a folder that is not there", "record -o no/such.reel", 2, "no/such.reel"),
        WARNS("not over what is read", "record -o small.img --disk small.img", 2, "small.img"),
        WARNS("a word that is no option", "record -o n.reel word", 2, "word"));
    assert_int_not_equal(access("n.reel", F_OK), 0); /* nothing was begun */
}

static void test_a_machine_as_asked_for(void **state)
{
    static char disk[512 * 64];
    disk[510] = 0x55, disk[511] = (char)0xaa;
    memcpy(disk, "\xfa\xf4", 2); /* CLI, HLT */
    command_write("disk.img", disk, sizeof disk);
    COMMANDS(
        PRINTS(
            "a q35 with many devices",
            "record -q -o q35.reel --machine q35 --memory 64M --cpus 2 --cpu max --disk disk.img,interface=ahci,serial=ONE --disk disk.img,interface=nvme "
            "--disk disk.img,interface=virtio --disk disk.img,interface=scsi --disk disk.img,interface=usb --nic e1000e,mac=52:54:00:00:00:01 --nic virtio "
            "--net none --usb tablet --virtio rng --virtio console --rtc 2001-02-03T04:05:06",
            1, NULL),
        PRINTS("… is what info says", "info q35.reel", 0, "machine = q35", "cpus = 2", "cpu = max",
               "rtc = 2001-02-03T04:05:06"),
        PRINTS("… with all its drives", "info q35.reel --format json", 0, "\"disk0\"", "\"disk4\""),
        PRINTS("… and is verified", "replay q35.reel --verify --console none", 0, NULL),
        PRINTS("its halt is what went wrong", "why q35.reel", 1, "halted for good"),
        PRINTS("a pc with a floppy",
               "record -q -o floppy.reel --memory 16M --floppy disk.img --boot a --vga none", 1, NULL),
        PRINTS("its firmware read it", "events floppy.reel --class loader,disk", 0, "0x7c00"),
        PRINTS("up to a text", "record -q -o until.reel --memory 16M --until console:usable", 0, NULL),
        PRINTS("… which is its end", "info until.reel", 0, "usable"),
        PRINTS("with a limit", "record -q -o short.reel --memory 16M --until 100k", 0, NULL),
        PRINTS("what varies by a seed", "record -q -o varied.reel --memory 16M --vary memory,timers --seed 7",
               0, NULL),
        PRINTS("… is verified as well", "replay varied.reel --verify --console none", 0, NULL));
}

static void test_answers_type(void **state)
{
    command_write_text("typed.answers", "expect press a key\nsend x\n");
    struct said s = bootreel("record -q -o typed.reel --memory 16M --answers typed.answers");
    if (s.status == EXIT_TROUBLE)
        assert_non_null(strstr(s.err, "answers"));
    said_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_command_has_help),
        cmocka_unit_test(test_completions_and_manual),
        cmocka_unit_test(test_values_that_make_no_sense),
        cmocka_unit_test(test_a_machine_as_asked_for),
        cmocka_unit_test(test_answers_type),
    };
    return cmocka_run_group_tests(tests, command_folder, command_cleanup);
}
