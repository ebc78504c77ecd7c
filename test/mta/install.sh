#!/bin/sh
# Installs what the tests against real mail servers (npm run test:mta) and the benchmark need on Debian or Ubuntu.
# Needs root. Does nothing, at once, where everything is there; says nothing unless it fails.
set -eu

# postfix                             a mail server under which the tests run the filters
# opendkim, opendkim-tools            a milter that others have written, behind which ours must make no difference
# miltertest                          plays a mail server without being one: OpenDKIM's test tool
# procps                              ps and pgrep, to look at a run that hangs
# m4                                  makes Sendmail's configuration
# gcc, libc6-dev, libmilter-dev       the filters in C that tests and benchmark compare with
# redis-server                        what several filters share, on one machine or on several
# nats-server                         a stream from elsewhere
# haproxy                             stands between a mail server and several filters
# rspamd                              a milter that is not on libmilter
# clamav-milter, clamav-daemon        a milter on libmilter, and the scanner that it asks
# python3-milter                      filters in Python (pymilter)
packages='postfix opendkim opendkim-tools miltertest procps m4 gcc libc6-dev libmilter-dev
  redis-server nats-server haproxy rspamd clamav-milter clamav-daemon python3-milter'

# As packages Sendmail and Postfix exclude each other, so Sendmail is only unpacked, where nothing else is.
sendmail=/opt/rxmilter-mta/sendmail

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for package in $packages; do
  installed "$package" || missing="$missing $package"
done
[ -e $sendmail/.complete ] || missing="$missing sendmail-bin sendmail-cf"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "install.sh: must be run by root to install$missing" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log

# Keeps the packaged servers from being started now: the tests start instances of their own.
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
quietly apt-get install -y -qq --no-install-recommends $packages

if [ ! -e $sendmail/.complete ]; then
  chmod 755 "$work"
  cd "$work"
  quietly apt-get download -qq sendmail-bin sendmail-cf
  # Of what the package depends on only the libraries are needed.
  libraries=$(dpkg-deb -f sendmail-bin_*.deb Depends | tr ',' '\n' | grep -E '^ *lib' | paste -sd, -)
  quietly apt-get satisfy -y -qq --no-install-recommends "$libraries"
  rm -rf $sendmail
  mkdir -p $sendmail
  for file in sendmail-*.deb; do quietly dpkg-deb -x "$file" $sendmail; done
  # Set-gid, for a group that only the package's own scripts would make.
  chmod g-s $sendmail/usr/libexec/sendmail/sendmail
  : > $sendmail/.complete
fi
