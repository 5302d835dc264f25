#!/bin/sh
# Installs weft from a build, and builds and runs the README's first program with it: package.sh ROOT BUILD CXX SANITIZE
set -eu
root=$1 build=$2 compiler=$3 sanitize=$4
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

cmake --install "$build" --prefix "$here/prefix" >/dev/null
cp "$root"/tests/package/consumer/* "$here"
# The first C++ block of the README, to the letter.
awk '/^```cpp/ {inside = 1; next} /^```/ {if (inside) exit} inside' "$root/README.md" >"$here/first.cpp"
grep -q 'int main' "$here/first.cpp" || { echo "the README's first block is no program" >&2; exit 1; }
cmake -S "$here" -B "$here/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$here/prefix" >"$here/log" || { cat "$here/log"; exit 1; }
cmake --build "$here/build" >"$here/log" || { cat "$here/log"; exit 1; }
expected=$(sed -n 's/^prints: `\(.*\)`$/\1/p' "$root/README.md" | head -n 1)
got=$("$here/build/first")
[ "$got" = "$expected" ] || { echo "the first program printed '$got', and the README says '$expected'"; exit 1; }
if [ -x "$here/build/with_asio" ]; then
  [ "$("$here/build/with_asio")" = "42" ] || { echo "the program with Asio printed something else"; exit 1; }
else
  echo "Asio is not installed: the consumer that uses it is not built"
fi

if [ -x "$here/build/with_array" ]; then
  [ "$("$here/build/with_array")" = "42" ] || { echo "the program with arrays printed something else"; exit 1; }
else
  echo "arrays are not installed: the consumer that uses them is not built"
fi

if [ -n "$sanitize" ]; then
  echo "the .deb is not made from a sanitizer's build"
elif command -v dpkg-deb >/dev/null; then
  (cd "$build" && cpack -G DEB -B "$here/deb" >/dev/null)
  deb=$(echo "$here"/deb/*.deb)
  for file in include/weft/weft.hpp include/weft/detail/asio_bridge.ipp libweft_core.a weft-config.cmake; do
    dpkg-deb --contents "$deb" | grep -q "$file" || { echo "$deb has no $file"; exit 1; }
  done
  dpkg-deb --field "$deb" Depends | grep -q liburing-dev || { echo "the .deb does not depend on liburing-dev"; exit 1; }
else
  echo "this is no Debian: the .deb is not looked at"
fi
