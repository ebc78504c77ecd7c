#!/bin/sh
# Installs what the tests against real mail servers (npm run test:mta) and the benchmark need on Debian or Ubuntu.
# Needs root. Does nothing, at once, where everything is there; says nothing unless it fails.
#
# install.sh newer                    installs Postfix and Sendmail of Debian's next release as well, beside the others:
#                                     RXMILTER_MTA=newer has the tests take these
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

# The newer servers, with all their libraries, as the C library of this machine may be too old for them.
newer=/opt/rxmilter-mta/newer
suite=testing
newer_postfix=3.11
newer_sendmail=8.18

case "${1-}" in
  '' | newer) ;;
  *) echo "install.sh: '$1'? The only argument there is: newer" >&2; exit 2 ;;
esac

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for package in $packages; do
  installed "$package" || missing="$missing $package"
done
[ -e $sendmail/.complete ] || missing="$missing sendmail-bin sendmail-cf"
[ -z "${1-}" ] || [ -e $newer/.complete ] || missing="$missing postfix/$suite sendmail-bin/$suite"
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

[ -n "${1-}" ] && [ ! -e $newer/.complete ] || exit 0

# From the same mirror as everything else, but by lists of its own, that apt knows nothing of afterwards.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
  sed -n "s/^$codename main //p" | head -n 1)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
if [ -z "$mirror" ] || [ ! -e $keys ]; then
  echo "install.sh: the newer mail servers come from a mirror of Debian, and apt has none configured here" >&2
  exit 1
fi

chmod 755 "$work"
apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: > "$apt/status"
echo "deb [signed-by=$keys] $mirror $suite main" > "$apt/sources.list"
newer_apt() {
  "$@" -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Default-Release= \
    -o Dir::State::status="$apt/status" -o Dir::State::lists="$apt/lists" \
    -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives"
}
newer_apt apt-get update > "$log" 2>&1 || {
  cat "$log" >&2
  echo "install.sh: the mirror of Debian that apt uses has no suite '$suite', where the newer mail servers come from" >&2
  exit 1
}
# One by one, as they exclude each other. Nothing counts as installed, so all libraries come along.
for packages in 'postfix patchelf' 'sendmail-bin sendmail-cf'; do
  # shellcheck disable=SC2086 # a list of words
  newer_apt quietly apt-get install -y --no-install-recommends --download-only $packages
done

check() {
  version=$(dpkg-deb -f "$apt/archives/$1"_*.deb Version)
  dpkg --compare-versions "$version" ge "$2" || {
    echo "install.sh: the suite '$suite' of Debian's mirror has $1 $version, and the tests want $2 or later" >&2
    exit 1
  }
  echo "$1 $version"
}
versions=$(check postfix $newer_postfix && check sendmail-bin $newer_sendmail)
# Node itself comes from npm, as Debian's does not run from another place than /usr.
node=$(newer_apt apt-cache show --no-all-versions nodejs | sed -n 's/^Version: \([0-9]*\).*/\1/p')

rm -rf $newer
mkdir -p $newer/usr/lib
ln -s usr/lib $newer/lib
for file in "$apt"/archives/*.deb; do quietly dpkg-deb -x "$file" $newer; done

# Each program is told where its libraries and their loader are. It starts the others by itself, and clears their
# environment, so this is written into the files.
loader=$(readlink -f $newer/usr/lib*/ld-linux*.so.*)
libraries=$(dirname "$loader")
for file in $newer/usr/sbin/* $newer/usr/lib/postfix/*.so $newer/usr/lib/postfix/sbin/* $newer/usr/libexec/sendmail/*; do
  [ ! -L "$file" ] && [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
  case "$file" in *.so) interpreter= ;; *) interpreter="--set-interpreter $loader" ;; esac
  # shellcheck disable=SC2086 # two words or none
  quietly "$loader" --library-path "$libraries" $newer/usr/bin/patchelf $interpreter \
    --force-rpath --set-rpath "$libraries:$newer/usr/lib/postfix" "$file"
done
chmod g-s $newer/usr/libexec/sendmail/sendmail
printf '%s\nnode %s\n' "$versions" "$node" > $newer/.complete
