# bootreel.gdb - for a gdb without Python: the architecture follows the processor's mode, boot-seek and friends.
#
#   (gdb) source scripts/gdb/bootreel.gdb
#   (gdb) target remote | bootreel gdb TRACE --stdio
#
# bootreel.py, for a gdb with Python (Debian's has it), does the same and more: source one of the two.

# Addresses of a 64-bit kernel are whole also while the processor is in real mode.
set remoteaddresssize 64
# The guest's file may be marked for a system that this gdb does not know (FreeBSD's, in Debian's gdb): it would then take addresses for 32
# bits wide. There is no system below a machine.
set osabi none
set $boot_bits = 0
set $boot_icount = 0

# Before a stop is shown: fetch the target description again if the mode has changed since.
define hook-stop
  if $_isvoid($code_bits) == 0
    if $code_bits != $boot_bits
      set $boot_bits = $code_bits
      unset tdesc filename
    end
    set $boot_icount = $icount
    if $code_bits == 16
      printf "[%04x:%04x]\n", $cs, ($eip - $cs_base) & 0xffff
    end
  end
end

define boot-refresh
  maintenance flush register-cache
  maintenance flush dcache
  set $boot_bits = $code_bits
  unset tdesc filename
  set $boot_icount = $icount
  frame
end
document boot-refresh
Make gdb forget what it knew of the target: after a monitor command that moved it.
end

define boot-seek
  monitor seek $arg0
  boot-refresh
end
document boot-seek
boot-seek POSITION
Go to a position: ICOUNT, 1.5s, NN%, #EVENT, stage:NAME, console:TEXT, mark:NAME, +N, -N.
A text with blanks needs `monitor seek`, then `boot-refresh`.
end

define boot-undo
  monitor undo
  boot-refresh
end
document boot-undo
Leave a diversion: back to the recorded run, where it was left.
end

define boot-when
  monitor when
end
document boot-when
The position: icount, guest time, mode, stage.
end

define boot-stages
  monitor stages
end
document boot-stages
The stages of the boot.
end

define boot-events
  if $argc == 0
    monitor events
  end
  if $argc == 1
    monitor events $arg0
  end
  if $argc == 2
    monitor events $arg0 $arg1
  end
  if $argc == 3
    monitor events $arg0 $arg1 $arg2
  end
end
document boot-events
boot-events [[-]N] [EVENT]
Recorded events from here on, or the N before here.
end

define boot-explain
  if $argc == 0
    monitor explain
  end
  if $argc == 1
    monitor explain $arg0
  end
  if $argc == 2
    monitor explain $arg0 $arg1
  end
end
document boot-explain
boot-explain [NUMBER|EVENT]
What an event means, in words: that one, or the next such one.
end

define boot-domains
  monitor domains
end
document boot-domains
The domains of a hypervisor at this position, by the record.
end

define boot-firmware
  if $argc == 0
    monitor firmware
  else
    monitor firmware $arg0
  end
end
document boot-firmware
boot-firmware [LIST]
What UEFI firmware has at this position: handles, drivers, images, map, tables or variables.
end

define boot-handles
  monitor firmware handles
end
document boot-handles
The handles of UEFI firmware at this position, with their protocols.
end

define boot-processes
  monitor processes
end
document boot-processes
The processes at this position, by the record.
end
