# install_packages NAME...: installs Debian packages that are missing. Sourced by the scripts that need it.
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
  as_root=
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "weft needs:$missing. Install them as root (apt-get install$missing), then run this again." >&2
      return 1
    fi
    as_root=sudo
  fi
  echo "installing:$missing"
  $as_root apt-get update -qq || echo "apt-get update failed: trying with what is known" >&2
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
