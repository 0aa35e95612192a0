# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# recipe.sh RECIPE FOLDER: runs a recipe of tools/images/, with the shared functions at hand.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=/dev/null
. "$@"
