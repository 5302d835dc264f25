#!/bin/sh
# Installs weft from a build, and builds and runs the README's first program with it, and other consumers; then the same
# from the .deb: package.sh ROOT BUILD CXX SANITIZE
set -eu
root=$1 build=$2 compiler=$3 sanitize=$4
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
fail() {
  echo "$1" >&2
  exit 1
}

cp "$root"/tests/package/consumer/* "$here"
# The first C++ block of the README, to the letter.
awk '/^```cpp/ {inside = 1; next} /^```/ {if (inside) exit} inside' "$root/README.md" >"$here/first.cpp"
grep -q 'int main' "$here/first.cpp" || fail "the README's first block is no program"

# Builds and runs the consumers with the weft that is installed in a folder.
consume() {
  rm -rf "$here/build"
  cmake -S "$here" -B "$here/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$1" >"$here/log" || { cat "$here/log"; exit 1; }
  cmake --build "$here/build" >"$here/log" || { cat "$here/log"; exit 1; }
  expected=$(sed -n 's/^prints: `\(.*\)`$/\1/p' "$root/README.md" | head -n 1)
  got=$("$here/build/first")
  [ "$got" = "$expected" ] || fail "the first program printed '$got', and the README says '$expected'"
  [ "$("$here/build/with_shared")" = "$expected" ] || fail "the program with weft as a shared library printed something else"
  if [ -x "$here/build/with_asio" ]; then
    [ "$("$here/build/with_asio")" = "42" ] || fail "the program with Asio printed something else"
  else
    echo "Asio is not installed: the consumer that uses it is not built"
  fi
  if [ -x "$here/build/with_array" ]; then
    [ "$("$here/build/with_array")" = "42" ] || fail "the program with arrays printed something else"
  else
    echo "arrays are not installed: the consumer that uses them is not built"
  fi
}

cmake --install "$build" --prefix "$here/prefix" >/dev/null
consume "$here/prefix"

# A program may use an Asio of any version: the libraries bring no symbols of its name.
for library in $(find "$here/prefix" -name 'libweft_*.a'); do
  symbols=$(nm -C --defined-only "$library" 2>/dev/null | grep -E ' asio::' | head -n 3)
  [ -z "$symbols" ] || fail "$library defines symbols of Asio: $symbols"
done

if [ -n "$sanitize" ]; then
  echo "the .deb is not made from a sanitizer's build"
elif command -v dpkg-deb >/dev/null; then
  (cd "$build" && cpack -G DEB -B "$here/deb" >/dev/null)
  deb=$(echo "$here"/deb/*.deb)
  dpkg-deb --field "$deb" Depends | grep -q liburing-dev || fail "the .deb does not depend on liburing-dev"
  if command -v dpkg-shlibdeps >/dev/null; then
    dpkg-deb --field "$deb" Depends | grep -q 'libc6' || fail "the .deb does not depend on what its command needs"
  fi
  dpkg-deb --extract "$deb" "$here/unpacked"
  consume "$here/unpacked/usr"
else
  echo "this is no Debian: the .deb is not looked at"
fi
