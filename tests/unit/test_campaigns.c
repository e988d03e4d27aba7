/* test_campaigns.c - many boots of one machine: hunts for races, losses of power, matrices (cli/, core/hunt, core/powercut), with planted faults. */
#include "tests/unit/command.h"

static int links(void **state)
{
    char *guests = command_guests(), from[4200];
    static const char *const names[] = {"race.elf", "copies-right.img", "copies-wrong.img"};
    if (command_folder(state))
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(from, sizeof from, "%s/%s", guests, names[i]);
        if (symlink(from, names[i]))
            return -1;
    }
    free(guests);
    return 0;
}

#define RACE "--kernel race.elf --cpus 2 --memory 16M --until 2M -q"

static void test_hunt_finds_a_planted_race(void **state)
{
    COMMANDS(
        PRINTS("a bad trial is kept", "hunt " RACE " --append ram --vary memory --seed 3 --runs 2 -o ram", 1,
               "seed-3.reel: "),
        PRINTS("it goes on where it was", "hunt " RACE " --append ram --vary memory --seed 3 --runs 3 -o ram",
               1, "seed-3.reel: "),
        WARNS("another hunt does not", "hunt " RACE " --append ipi --vary turns --runs 2 -o ram", 2,
              "another hunt's results"),
        PRINTS("trials that are well",
               "hunt " RACE " --append ram --vary irq --runs 2 --bad 'no console:good before 10s' -o well", 0,
               "0 of 2"),
        PRINTS("a text that is bad",
               "hunt " RACE " --append ram --vary memory --seed 3 --runs 1 --bad 'console:not zero' -o text",
               1, NULL),
        PRINTS("the jobs of a hunt", "hunt " RACE " --append ram --vary memory --runs 60 --list", 0, "1\t",
               "2\t51\t60\n"),
        PRINTS("hunts are merged", "hunt --merge ram well", 1, "trials ended badly"),
        PRINTS("which choice made it fail", "hunt --explain ram/seed-3.reel -q -o schedule", 0, NULL),
        PRINTS("a machine that chooses as the schedule says fails as well",
               "record " RACE " --append ram --schedule schedule -o again.reel", 0, NULL));
}

static void test_hunt_refuses(void **state)
{
    COMMANDS(WARNS("what is varied must be said", "hunt " RACE " --append ram -o x", 2,
                   "say what is to be varied"),
             WARNS("a kind that is none", "hunt " RACE " --vary nonsense --runs 1 -o x", 2, "nonsense"),
             WARNS("a condition that is none", "hunt " RACE " --vary irq --runs 1 --bad nonsense -o x", 2,
                   "nonsense"),
             WARNS("a folder that is not there", "hunt --merge nosuchfolder", 2, "nosuchfolder"),
             WARNS("a folder without results", "hunt --merge .", 2, "has no results"),
             WARNS("no trials", "hunt " RACE " --vary irq --runs 0 -o x", 2, "--runs"));
}

static void test_powercut_knows_what_may_be_lost(void **state)
{
    COMMANDS(PRINTS("with flushes the record is as before, or as after",
                    "powercut --disk copies-right.img -q -o right", 0, "after writes 0 to 1: as before",
                    "after write 2: as after", "3 contents: 2 as before, 1 as after"),
             PRINTS("without a flush the copy may be lost", "powercut --disk copies-wrong.img -q -o wrong", 1,
                    "after write 2, without 1: dead", "write 1 (disk0, sector 17"),
             PRINTS("the same table again", "powercut --disk copies-wrong.img -q -o wrong", 1,
                    "after write 2, without 1: dead"),
             WARNS("another folder's results", "powercut --disk copies-right.img -q -o wrong", 2,
                   "another powercut's results"),
             PRINTS("its jobs", "powercut --disk copies-wrong.img -q -o listed --list", 0, "1\t0\t3\n"),
             PRINTS("one of them", "powercut --disk copies-wrong.img -q -o listed --run 1", 1, NULL),
             PRINTS("merged", "powercut --merge listed", 1, "dead"),
             PRINTS("a dead boot is explained", "hunt --explain wrong/dead.reel -q", 0, "sector 17"),
             PRINTS("a command looks at the images instead",
                    "powercut --disk copies-right.img -q --check true -o checked", 0, NULL),
             WARNS("a folder is needed", "powercut --disk copies-right.img", 2, "powercut"));
}

static void test_matrix_runs_each_combination(void **state)
{
    command_write_text("two.matrix",
                       "memory 16M   --memory 16M\nmemory 32M   --memory 32M\nends   power-off\n");
    command_write_text("bad.matrix", "memory 16M   --memory nonsense\n");
    command_write_text("ends.matrix", "memory 16M   --memory 16M --until 1M\nends   power-off\n");
    COMMANDS(
        PRINTS("the jobs", "matrix two.matrix --list", 0, "1\t16M", "2\t32M"),
        PRINTS("a job", "matrix two.matrix --run 1 -o results", 0, NULL),
        PRINTS("what was run, and what was not", "matrix two.matrix --merge results", 1, "16M"),
        PRINTS("another job, without its trace", "matrix two.matrix --run 2 -o results --drop-traces", 0,
               NULL),
        PRINTS("the table", "matrix two.matrix --merge results", 0, "16M", "32M", "2 jobs: 2 done, 0 failed"),
        PRINTS("the table as JSON", "matrix two.matrix --merge results --format json", 0, "32M"),
        PRINTS("against an earlier run", "matrix two.matrix --run 1 -o later --against results", 0, NULL),
        PRINTS("an end that is another one fails", "matrix ends.matrix --run 1 -o ends", 1, NULL),
        WARNS("a machine that is none", "matrix bad.matrix --run 1 -o bad", 2, NULL),
        WARNS("a file that is not there", "matrix none.matrix --list", 2, "none.matrix"),
        WARNS("a job that is none", "matrix two.matrix --run 7 -o results", 2, "7"));
}

int main(int argc, char **argv)
{
    const int status = command_main(argc, argv);
    if (status >= 0)
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hunt_finds_a_planted_race),
        cmocka_unit_test(test_hunt_refuses),
        cmocka_unit_test(test_powercut_knows_what_may_be_lost),
        cmocka_unit_test(test_matrix_runs_each_combination),
    };
    return cmocka_run_group_tests(tests, links, command_cleanup);
}
