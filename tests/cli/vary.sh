#!/bin/bash
# vary.sh - record --vary and --schedule: a seed always gives the same trace, compiled or not; the trace verifies; nothing is varied before from=.
. "$(dirname "$0")/../lib.sh"
. "$top/tests/race.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
race_kernel race.elf
machine=(--kernel race.elf --append abba --cpus 2 --memory 16M --until 5M -q)

for kinds in turns turns=priorities wakeups,turns timers=max:1ms irq=max:2us,timers memory rtc,tsc disk,turns; do
    expect 0,1 first "$BOOTREEL" record "${machine[@]}" --vary $kinds --seed 7 -o first.reel
    expect 0,1 second "$BOOTREEL" record "${machine[@]}" --vary $kinds --seed 7 --no-compile -o second.reel
    cmp first.reel second.reel || fail "$kinds: a seed gives one trace, compiled or interpreted"
    expect 0 verify "$BOOTREEL" replay --verify --jobs 1 first.reel
done
expect 0 drive "$BOOTREEL" record -q --cpus 2 --vary disk,timers,irq,memory --seed 5 -o drive.reel && expect 0 drive-verify "$BOOTREEL" replay --verify drive.reel
expect 0 plain "$BOOTREEL" record "${machine[@]}" -o plain.reel
expect 0,1 other "$BOOTREEL" record "${machine[@]}" --vary turns --seed 8 -o other.reel
# What a trace says besides its configuration.
run_of() { "$BOOTREEL" events --format json "$1"; }
same <(run_of plain.reel) <(expect 0 empty "$BOOTREEL" record "${machine[@]}" --schedule /dev/null -o empty.reel && run_of empty.reel) "an empty schedule is the plain run"
same <(run_of plain.reel) <(expect 0 later "$BOOTREEL" record "${machine[@]}" --vary turns,irq,from=1G -o later.reel && run_of later.reel) "nothing varies before from="
cmp -s <(run_of plain.reel) <(run_of other.reel) && fail "another seed, the same run"
expect 0,1 late "$BOOTREEL" record "${machine[@]}" --vary turns,from=10s --seed 8 -o late.reel && same <(run_of plain.reel) <(run_of late.reel) "nothing varies before a guest time"
expect 0,1 time "$BOOTREEL" record "${machine[@]}" --vary turns,from=2.18ms --seed 1 -o time.reel
expect 0,1 time2 "$BOOTREEL" record "${machine[@]}" --vary turns,from=2.18ms --seed 1 --no-compile -o time2.reel
cmp time.reel time2.reel || fail "from=TIME: compiled or interpreted"
cmp -s <(run_of plain.reel) <(run_of time.reel) && fail "from=2.18ms varies nothing"
expect 0 time-verify "$BOOTREEL" replay --verify --jobs 1 time.reel
printf 'from 2.18ms\nturns 0:5000 1\n' >late.schedule
expect 0,1 from "$BOOTREEL" record "${machine[@]}" --schedule late.schedule -o from.reel
printf '# a comment\nturns 0:5000 1\nirq 0 400\n' >some.schedule
expect 0,1 some "$BOOTREEL" record "${machine[@]}" --schedule some.schedule -o some.reel && expect 0 some-verify "$BOOTREEL" replay --verify some.reel

holds <("$BOOTREEL" why other.reel) 'varied: turns, seed 8' "why says what was varied"
holds <("$BOOTREEL" why later.reel) '^ +[1-9][0-9]*  varied: turns,irq, seed 0' "why: from an icount"
holds <("$BOOTREEL" why time.reel) '^ +[1-9][0-9]*  varied: turns, seed 1' "why: where that guest time is"
holds <("$BOOTREEL" why some.reel) 'varied: 2 listed choices: turns 0:5000 1; irq 0 400' "why says which choices were listed"
"$BOOTREEL" why plain.reel | grep varied && fail "why: nothing was varied"

# Devices on USB that are connected late: each boot of a seed is the same.
for run in "" --no-compile; do
    expect 0 usb$run "$BOOTREEL" record "${machine[@]}" --usb tablet --usb keyboard --vary usb=max:1us --seed 2 $run -o usb$run.reel
done
cmp usb.reel usb--no-compile.reel || fail "usb: compiled or interpreted"
expect 0 usb-verify "$BOOTREEL" replay --verify --seeks usb.reel

# A call that returns at once: the trace replays without symbols, compiled or not.
expect 0,1 call "$BOOTREEL" record "${machine[@]}" --vary errors=call,a_then_b,n=1,value=-7,turns --seed 3 -o call.reel
expect 0,1 call2 "$BOOTREEL" record "${machine[@]}" --vary errors=call,a_then_b,n=1,value=-7,turns --seed 3 --no-compile -o call2.reel
cmp call.reel call2.reel || fail "errors=call: compiled or interpreted"
holds <("$BOOTREEL" events --class cpu call.reel) 'cpu.returns +a_then_b returns 0xfffffff9|a_then_b returns 0xfffffffffffffff9 at once' "errors=call: its event"
expect 0 call-verify "$BOOTREEL" replay --verify --seeks call.reel
lacks() { # CALL TEXT
    expect 1 lacks "$BOOTREEL" record "${machine[@]}" --vary "errors=call,$1" -o lacks.reel && holds lacks.err "$2" "$1"
}
lacks no_such,n=1 'errors=call,no_such: no function of that name was found'
lacks a_then_b,n=5 'errors=call,a_then_b,n=5: it was called 1 time$'
lacks a_then_b,n=5,from=100 'errors=call,a_then_b,n=5: it was called 1 time from there on$'
lacks a_then_b,n=1,from=4M 'errors=call,a_then_b: it was not called from there on$'
lacks publish,n=1 'errors=call,publish: it was never called; the compiler'
# A stack that is no memory: where the caller is cannot be read.
cat >stackless.S <<'END'
        .section .boot, "ax"
        .balign 4
        .long 0x1BADB002, 3, -(0x1BADB002 + 3)
        .text
        .globl _start
_start: mov     $0xd0000000, %esp
        jmp     stackless
        .type   stackless, @function
stackless:
        cli
        hlt
        .size   stackless, . - stackless
END
gcc -m32 -c stackless.S -o stackless.o && ld -m elf_i386 -n --no-warn-rwx-segments --defsym=BASE=0 -T "$top/tests/guests/hobby/kernel.ld" -o stackless.elf stackless.o ||
    fail "the kernel without a stack is not built"
expect 1 stackless "$BOOTREEL" record --kernel stackless.elf --memory 16M -q --vary errors=call,stackless,n=1 -o stackless.reel
holds stackless.err 'errors=call,stackless,n=1: it could not be made to return' "a call whose caller cannot be read"
expect 2 hunted "$BOOTREEL" hunt "${machine[@]:0:6}" --vary errors=call,lock,n=1 --runs 2 -o hunted && holds hunted.err 'trials know no functions' "errors=call in a hunt"

expect 2 hunted "$BOOTREEL" hunt "${machine[@]:0:6}" --vary errors=net,percent=5 --runs 2 -o hunted && holds hunted.err 'trials with a network are not implemented' "errors=net in a hunt"

# Turns that end at a function: the trace has where it was entered, and replays without symbols, compiled or not.
expect 0,1 at "$BOOTREEL" record "${machine[@]}" --vary turns=at:a_then_b,at:b_then_a --seed 3 -o at.reel
expect 0,1 at2 "$BOOTREEL" record "${machine[@]}" --vary turns=at:a_then_b,at:b_then_a --seed 3 --no-compile -o at2.reel
cmp at.reel at2.reel || fail "turns=at: compiled or interpreted"
holds <("$BOOTREEL" info at.reel) '^inputs +2 ' "turns=at: the inputs"
expect 0 at-verify "$BOOTREEL" replay --verify --seeks at.reel
expect 1 at-lacks "$BOOTREEL" record "${machine[@]}" --vary turns=at:no_such -o at2.reel && holds at-lacks.err 'turns=at:no_such: no function of that name was found' "turns=at: a name that is not there"
same <(run_of plain.reel) <(run_of at2.reel) "turns vary at a function only"
expect 1 at-uncalled "$BOOTREEL" record "${machine[@]}" --vary turns=at:publish -o at2.reel && holds at-uncalled.err 'turns=at:publish: it was never called' "turns=at: a function that is not called"

# Frames that are damaged: what --net's mangle= is.
record_net() { "$BOOTREEL" record -q --flat "$work/loop.bin@0x1000" --until 100k --nic virtio "$@"; }
printf '\xeb\xfe' >loop.bin
expect 0,1 net record_net --vary errors=net,percent=5 --seed 9 -o net.reel
expect 0,1 mangle record_net --net user,mangle=9:5 -o mangle.reel
cmp net.reel mangle.reel || fail "errors=net is not mangle="
expect 0,1 net2 record_net --vary irq,errors=net,mangle=9:5,timers --seed 3 -o net2.reel && holds <("$BOOTREEL" info net2.reel) 'vary = irq,timers$' "errors=net among kinds"
expect 0,1 named "$BOOTREEL" record "${machine[@]:0:4}" --until 5M -q --vary errors=call,turns,n=9 -o named.reel; holds named.err 'no function of that name' "a function that is named as a kind"

refused() { # TEXT OPTION…
    local text=$1
    shift
    expect 2 refused "$BOOTREEL" record -q "$@" -o refused.reel && holds refused.err "$text" "$*"
}
refused 'net: this kind of variation is not implemented' --vary turns,net
refused 'the machine has no device on USB' --vary usb
refused 'varies at power-on only' --usb tablet --vary usb,from=5M
echo 'usb 1 1000000' >one.schedule
refused 'there is no device 1 on USB: the machine has 1, counted from 0' --usb tablet --schedule one.schedule
refused 'say which call of which function' --vary errors=call,start_kernel
refused 'write it as errors=call,FUNCTION,n=3,value=-12' --vary errors=call,start_kernel,n=1,value=x
refused 'errors=net: the machine has no network card' --vary errors=net,percent=5
refused 'say how many frames: errors=net,percent=5' --vary errors=net --nic virtio
refused 'no card is connected to a network' --vary errors=net,percent=5 --nic virtio --net none
for words in percent=0 percent=-1 percent=101 mangle=:5 mangle=-1:5 mangle=1: mangle=1:5x mangle=99999999999999999999:5 count=2 percent=5,count=2; do
    refused 'write it as percent=5' --vary "errors=net,$words" --nic virtio
done
refused '"count=2": write it as percent=5' --disk "$BOOTREEL" --vary errors=disk,lba=0,errors=net,percent=5,count=2 --nic virtio
refused 'mangle=-1:5: write it as SEED:PERCENT' --nic virtio --net user,mangle=-1:5
refused '"foo" is neither a kind of variation nor a word of turns' --vary turns,foo
refused 'write it as at:FUNCTION' --vary turns=at: --cpus 2
refused 'does not go with at:FUNCTION' --vary turns=at:f,priorities --cpus 2
refused 'write it as max:500' --vary irq=max:0
refused 'a stage is not known while recording: give an icount or a guest time' --vary turns,from=stage:kernel
refused 'a part of a recorded run is not known while recording' --vary turns,from=50%
refused 'a text on the console is not known' --vary from=console:a,b
refused '"here" is not a position' --vary turns,from=here
refused '--seed: goes with --vary' --seed 1
refused 'varies at power-on only' --vary memory,from=5M
refused 'is no choice' --schedule "$BOOTREEL"
refused 'turns=max:20us.: a count of steps has no unit' --vary turns=max:20us
refused 'irq=max:3.: a time needs a unit' --vary irq=max:3
refused 'the machine has one processor: add --cpus 2' --vary turns
refused 'give a number from 0 to 18446744073709551615' --vary irq --seed 18446744073709551616
schedule_refused() { # TEXT LINES
    printf "$2" >bad.schedule
    refused "$1" --cpus 2 --schedule bad.schedule
}
schedule_refused 'there is no processor 5' 'turns 5:10 0\n'
schedule_refused 'there is no processor 7' 'turns 0:10 7\n'
schedule_refused 'a number is negative, or too large' 'irq 3 -5\n'
schedule_refused 'a number is negative, or too large' 'irq 99999999999999999999 5\n'
schedule_refused 'comes after a later one' 'irq 5 5\nirq 3 5\n'
schedule_refused 'is there already' 'irq 5 5\nirq 5 5\n'
finish
