#!/bin/sh
# Installs what the tests against real mail servers (npm run test:mta) and the benchmark need on Debian or Ubuntu.
# Needs root. Does nothing, at once, where everything is there; says nothing unless it fails.
set -eu

# postfix                             the mail server under which the tests run the filters
# procps                              ps and pgrep, to look at a run that hangs
# gcc, libc6-dev, libmilter-dev       the filter in C that the benchmark compares with
packages='postfix procps gcc libc6-dev libmilter-dev'

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for package in $packages; do
  installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "install.sh: must be run by root to install$missing" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log

# Keeps the packaged mail server from being started now: the tests start instances of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -rf "$work" $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod 755 $policy
fi

quietly() {
  "$@" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

echo 'postfix postfix/main_mailer_type select No configuration' > "$work/answers"
quietly debconf-set-selections "$work/answers"
quietly apt-get update -qq
# shellcheck disable=SC2086 # a list of words
quietly apt-get install -y -qq --no-install-recommends $missing
