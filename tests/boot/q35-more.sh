#!/bin/bash
# q35-more.sh - q35.sh with the boots that `make test` leaves out.
more=1
. "$(dirname "$0")/q35.sh"
