#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian mirror that this system installs from, as apt knows it, whichever file format names it;
# nothing where there is none.
apt_mirror() {
	local uri
	# shellcheck disable=SC2016 # apt substitutes these
	uri=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's|^\([^ ]*/debian/\{0,1\}\) main$|\1|p' | head -n 1) || true
	echo "${uri%/}"
}
