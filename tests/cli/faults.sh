#!/bin/bash
# faults.sh - some allocations and system calls fail, in each of thirteen commands (tests/faults/run; all of them: make faults).
FAULTS_STEP=${FAULTS_STEP:-61} exec bash "$(dirname "$0")/../faults/run" 400
