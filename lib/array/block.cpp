#include "weft/detail/array/block.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <utility>

#include "array/depot.hpp"
#include "env/machine_memory.hpp"
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

constexpr std::uint64_t most_item = 4096;

/// Two of the chunks of 128 MB that arrays are cut into, where that is little of the memory that there is.
std::size_t most_kept(std::uint64_t memory) {
  return static_cast<std::size_t>(std::clamp(memory / 64, std::uint64_t{64} << 20, std::uint64_t{256} << 20));
}

/// Never destroyed: blocks may outlive what is.
depot& let_go() {
  static auto* const all = [] {
    auto* const made = new depot(most_kept(limit_of_keepers()));
    static memory_keeper keeper{[]() noexcept { let_go().give_back(); },
                                [](std::uint64_t bytes) noexcept { let_go().keep_at_most(most_kept(bytes)); }};
    add_keeper(keeper);
    return made;
  }();
  return *all;
}

}  // namespace

std::size_t bytes_kept_for_blocks() noexcept { return let_go().bytes(); }

bool is_number(element e) noexcept {
  constexpr std::uint32_t sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16};  // in the order of dtype
  return e.type < dtype::other && e.item == sizes[static_cast<std::size_t>(e.type)];
}
bool is_possible(element e) noexcept {
  return e.type == dtype::other ? e.item >= 1 && e.item <= most_item : is_number(e);
}

std::byte* take_buffer(std::size_t size) {
  std::byte* buffer = size < least_kept_buffer ? nullptr : let_go().take(size);
  if (buffer) return buffer;
  buffer = static_cast<std::byte*>(::operator new(size != 0 ? size : 1, depot::alignment));
  expect_writes({buffer, size});
  return buffer;
}
void let_buffer_go(std::byte* p, std::size_t size) noexcept {
  if (size < least_kept_buffer)
    ::operator delete(p, depot::alignment);
  else
    let_go().give(p, size);
}

block::block(element of, const weft::shape& extents) : extents_(extents), of_(of) {
  std::size_t n = of.item;
  for (const std::int64_t x : extents)
    if (__builtin_mul_overflow(n, static_cast<std::size_t>(x), &n)) throw std::bad_array_new_length();
  buffer_ = std::unique_ptr<std::byte, buffer_release>(take_buffer(n), buffer_release{n});
}

block block::with_extents(const weft::shape& extents) && {
  if (extents.count() != extents_.count())
    throw std::logic_error("weft: a chunk is seen as one of more or less elements");
  block same = std::move(*this);
  same.extents_ = extents;
  return same;
}

void buffer_release::operator()(std::byte* p) const noexcept {
  if (owner)
    delete owner;
  else
    let_buffer_go(p, size);
}

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
  if (item > most_item || !is_possible({type, static_cast<std::uint32_t>(item)}))
    d.fail("a chunk", "its elements have an unknown type, or an impossible size");
  std::uint64_t expected = item;
  for (const std::int64_t x : extents)
    if (__builtin_mul_overflow(expected, static_cast<std::uint64_t>(x), &expected))
      d.fail("a chunk", "its extents are too large");
  if (d.attachment_size("a chunk") != expected) d.fail("a chunk", "its buffer has another size than its extents");
  block b({type, static_cast<std::uint32_t>(item)}, extents);
  const bool here = d.attachment_data() != nullptr;
  d.attachment(b.bytes());
  if (here) weft_received(b);  // else it is told when they have come
  return b;
}
void weft_received(block& b) noexcept {
  if (b.of().type != dtype::boolean) return;
  for (std::byte& x : b.bytes()) x = static_cast<std::byte>(x != std::byte{0});
}

}  // namespace weft::detail::arrays
