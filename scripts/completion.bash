# Bash completion of bootreel: source it, or copy it into the folder of completions as "bootreel".

_bootreel_options() {
    case $1 in
    record) echo --bios --vgabios --memory --cpus --cpu --rtc --vga --disk --cdrom --floppy --boot --kernel --initrd --append \
        --flat --output --until --stop-on-reset --max-size --events --inspect --profile --probe --symbols --checkpoint-every --interactive --vga-console --tui --console --quiet --help -o -i -q ;;
    replay) echo --verify --console --quiet --help -q ;;
    info) echo --check --help ;;
    stages) echo --profile --depth --all --critical-chain --format --help ;;
    annotate) echo --probe --profile --symbols --events --quiet --help -o -q ;;
    gdb) echo --stdio --listen --once --child --at --symbols --memory --help ;;
    tui) echo --at --script --dump --size --mono --ascii --keys --settings --memory --help ;;
    events) echo --class --from --to --stage --pid --grep --explain --format --help ;;
    screen) echo --at --png --help ;;
    symbols) echo --at --pid --all --help ;;
    processes) echo --at --all --format --help ;;
    esac
}

# The values of an option; nothing where it takes a file or free text.
_bootreel_values() {
    case $1 in
    --bios) echo builtin seabios ;;
    --cpu) echo x86-64-v2 x86-64 max i686 ;;
    --vga) echo std none ;;
    --inspect) echo linux all none ;;
    --boot) echo c d a menu ;;
    --memory) echo 128M 256M 512M 1G ;;
    --format) echo text json ;;
    --console) echo serial0 serial1 serial2 serial3 screen debug auto none ;;
    --events | --class) echo all default none cpu exception irq pio mmio disk firmware loader kernel process sched syscall hypercall \
        console power unhandled ;;
    --until | --from | --to | --at) echo console: mark: stage: ;;
    esac
}

_bootreel() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} values
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'record replay info stages events annotate symbols processes screen tui gdb --help --version' -- "$word")
        return
    fi
    [ "$before" = '=' ] && before=${COMP_WORDS[COMP_CWORD - 2]}
    values=$(_bootreel_values "$before")
    if [ -n "$values" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$values" -- "${word#=}")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_bootreel_options "$command")" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}

complete -o filenames -F _bootreel bootreel
