#!/usr/bin/env bash
# Installs what is missing to build bgremove and, when called as `./setup.sh test`, to test it. Where nothing is missing it
# asks apt nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH=$PATH:/usr/local/go/bin:$PWD/.setup/go/bin # where Go's own archive is unpacked, by its manual and below

have() { command -v "$1" >/dev/null 2>&1; }
go_works() { go list -m; } # fails without Go, and with one older than go.mod wants that cannot fetch a newer one
die() {
	printf 'setup: %s\n' "$@" >&2
	exit 1
}

missing=() # Debian packages
for program in make gcc g++ pkg-config; do
	have "$program" || missing+=("$program")
done
pkg-config --exists opencv4 >/dev/null 2>&1 || missing+=(libopencv-dev)
stop_redis=false # set where the package brings the service: one that is there already is somebody's
if [[ ${1:-} == test ]] && ! have redis-server; then
	missing+=(redis-server)
	[[ -e /etc/init.d/redis-server ]] || systemctl cat redis-server >/dev/null 2>&1 || stop_redis=true
fi
# For the tests of the page, which are skipped without a browser. Ubuntu's package of that name is a snap, which needs more.
if [[ ${1:-} == test ]] && ! have chromium && ! have google-chrome && grep -qs '^ID=debian' /etc/os-release; then
	missing+=(chromium)
fi
go_works >/dev/null 2>&1 || missing+=(golang-go ca-certificates)
((${#missing[@]})) || exit 0

fetch_go=false # set where apt has none that is new enough
go_version=$(sed -n 's/^go //p' go.mod)
advice="Missing, by the names of Debian's packages: ${missing[*]}. OpenCV must be 4.6 or newer, Go $go_version or newer (https://go.dev/dl/)."
have apt-get || die "$advice" "There is no apt-get here: install them, then run this again."
sudo=()
if (($(id -u) != 0)); then
	have sudo || die "$advice" "Neither root nor sudo: install them, then run this again."
	sudo=(sudo)
fi
apt_get() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

printf 'setup: installing %s\n' "${missing[*]}" >&2
apt_get update || echo 'setup: going on with the package lists that are here' >&2
if [[ " ${missing[*]} " == *" golang-go "* ]]; then
	# From 1.21 on, Go fetches the version that go.mod names by itself.
	offered=$(apt-cache policy golang-go | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p')
	if ! printf '%s\n' 1.21 "${offered:-0}" | sort -V -C; then
		missing=("${missing[@]/golang-go/curl}")
		fetch_go=true
	fi
fi
apt_get install -y --no-install-recommends "${missing[@]}"
if $fetch_go; then
	echo "setup: apt offers Go ${offered:-none}; fetching $go_version from go.dev into .setup" >&2
	rm -rf .setup/go
	mkdir -p .setup
	curl -fsSL --retry 3 "https://go.dev/dl/go$go_version.linux-$(dpkg --print-architecture).tar.gz" | tar -xz -C .setup ||
		die "Go $go_version could not be fetched: install it from https://go.dev/dl/, then run this again."
fi
go_works >/dev/null || die "Go $go_version or newer is missing (see above): install it from https://go.dev/dl/, then run this again."

if $stop_redis; then
	# The package starts a server and has it start with the machine. The tests start their own.
	if [[ -d /run/systemd/system ]]; then
		"${sudo[@]}" systemctl disable --now redis-server || true
	elif have service; then
		"${sudo[@]}" service redis-server stop || true
	fi
fi
