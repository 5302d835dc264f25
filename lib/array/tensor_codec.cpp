// xtensor's containers in messages.
#include "weft/array/xtensor.hpp"

#include "weft/detail/array/tensor_codec.hpp"

namespace weft::detail::arrays {

void check_tensor(decoder& d, const weft::shape& extents, std::size_t rank, std::size_t item, std::size_t bytes) {
  constexpr const char* what = "a tensor";
  if (rank != dynamic_rank && extents.size() != rank) d.fail(what, "it has another number of axes");
  std::uint64_t expected = item;
  for (const std::int64_t x : extents)
    if (__builtin_mul_overflow(expected, static_cast<std::uint64_t>(x), &expected))
      d.fail(what, "its extents are too large");
  if (expected != bytes) d.fail(what, "its elements take other bytes than its extents say");
}
void fail_tensor_rank(std::size_t rank) {
  encoder::fail("a tensor", "it has " + std::to_string(rank) + " axes, and those with up to 8 travel");
}
void make_bools(std::span<std::byte> bytes) noexcept {
  for (std::byte& x : bytes) x = static_cast<std::byte>(x != std::byte{0});
}

}  // namespace weft::detail::arrays
