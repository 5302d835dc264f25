# Debian packages for the scripts that source this.

# as_root COMMAND...: runs it as root, through sudo where needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "weft: '$*' needs root, and there is no sudo: run it as root, then run this again." >&2
    return 1
  fi
}

# refresh_packages: brings the package lists up to date; goes on with the old ones without a network.
refresh_packages() {
  as_root apt-get update -qq || echo "apt-get update failed: going on with what is known" >&2
}

# install_packages NAME...: installs those that are missing.
install_packages() {
  missing=
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "weft needs:$missing. This is no Debian (apt-get is missing): install them by other means." >&2
    return 1
  fi
  echo "installing:$missing"
  refresh_packages
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
