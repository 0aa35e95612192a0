#!/bin/bash
# SPDX-License-Identifier: MIT
# gpu-death.sh with a hundred deaths.
# desktop: weston
# timeout: 1800
# full
KILLS=100 exec bash "$(dirname "$0")/gpu-death.sh"
