#include "weft/detail/array/block.hpp"

#include <new>

#include "weft/detail/unwritten.hpp"

namespace weft {

std::string to_string(dtype t) {
  static constexpr const char* names[] = {"bool",    "int8",      "int16",      "int32",  "int64",
                                          "uint8",   "uint16",    "uint32",     "uint64", "float32",
                                          "float64", "complex64", "complex128", "other"};
  return names[static_cast<std::size_t>(t)];
}

}  // namespace weft

namespace weft::detail::arrays {

namespace {
constexpr std::align_val_t alignment{64};
constexpr std::uint64_t most_item = 4096;
}  // namespace

block::block(element of, const weft::shape& extents) : extents_(extents), of_(of) {
  std::size_t n = of.item;
  for (const std::int64_t x : extents)
    if (__builtin_mul_overflow(n, static_cast<std::size_t>(x), &n)) throw std::bad_array_new_length();
  buffer_.reset(static_cast<std::byte*>(::operator new(n != 0 ? n : 1, alignment)));
  size_ = n;
  expect_writes({buffer_.get(), n});
}

void block::release::operator()(std::byte* p) const noexcept { ::operator delete(p, alignment); }

void weft_encode(encoder& e, const block& b) {
  weft::encode(e, b.of().type);
  e.put_count(b.of().item);
  weft::encode(e, b.extents());
  e.attach(b.bytes());
}

/// The size is proven before memory is had: attachment_size() has it from the message, or within the limits.
block weft_decode(decoder& d, std::type_identity<block>) {
  const auto type = weft::decode<dtype>(d);
  const std::uint64_t item = d.take_count("an element's size");
  const auto extents = weft::decode<weft::shape>(d);
  if (type > dtype::other) d.fail("a chunk", "its element type is unknown");
  if (item == 0 || item > most_item) d.fail("a chunk", "its elements have an impossible size");
  std::uint64_t expected = item;
  for (const std::int64_t x : extents)
    if (__builtin_mul_overflow(expected, static_cast<std::uint64_t>(x), &expected))
      d.fail("a chunk", "its extents are too large");
  if (d.attachment_size("a chunk") != expected) d.fail("a chunk", "its buffer has another size than its extents");
  block b({type, static_cast<std::uint32_t>(item)}, extents);
  d.attachment(b.bytes());
  return b;
}

}  // namespace weft::detail::arrays
