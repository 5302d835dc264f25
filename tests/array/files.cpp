#include "array/files.hpp"

#include <complex>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace weft::test {

namespace {
template <class T>
std::vector<std::byte> bytes(T value) {
  std::vector<std::byte> b(sizeof(T));
  std::memcpy(b.data(), &value, sizeof(T));
  return b;
}
}  // namespace

std::vector<std::byte> reference_element(std::size_t k, const weft::detail::arrays::item_type& t) {
  using kind = weft::detail::arrays::item_type::kind;
  const auto n = static_cast<int>(k % 251);
  const float x = static_cast<float>(n);
  switch (t.of) {
    case kind::boolean:
      return bytes(n % 2 == 1);
    case kind::integer:
      if (t.size == 1) return bytes(static_cast<std::int8_t>(n - 125));
      [[fallthrough]];
    case kind::natural:
      if (t.size == 1) return bytes(static_cast<std::uint8_t>(n));
      if (t.size == 2) return bytes(static_cast<std::int16_t>(n));
      if (t.size == 4) return bytes(static_cast<std::int32_t>(n));
      return bytes(static_cast<std::int64_t>(n));
    case kind::real:
      if (t.size == 4) return bytes(x);
      if (t.size == 8) return bytes(static_cast<double>(x));
      break;
    case kind::complex:
      if (t.size == 8) return bytes(std::complex<float>(x, 0 - x));
      if (t.size == 16) return bytes(std::complex<double>(n, -n));
      break;
  }
  throw std::logic_error("the reference arrays have no elements of this type");
}

}  // namespace weft::test
