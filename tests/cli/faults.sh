#!/bin/bash
# faults.sh - some allocations and system calls fail, in commands that read and in commands that write (tests/faults/run; all: make faults).
FAULTS_COMMANDS='info|events|stages|query|digest|html' FAULTS_STEP=${FAULTS_STEP:-61} exec bash "$(dirname "$0")/../faults/run" 400
