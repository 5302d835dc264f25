#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/task.hpp"

namespace weft {

/// What stands beside an array that is padded. Of 1 2 3, two on each side: constant 0 0 1 2 3 0 0; edge 1 1 1 2 3 3
/// 3; reflect 3 2 1 2 3 2 1; symmetric 2 1 1 2 3 3 2; wrap 2 3 1 2 3 1 2.
enum class pad_mode : std::uint8_t { constant, edge, reflect, symmetric, wrap };

/// So many elements before and after those along an axis; `{1}` is as many on both sides.
struct pad_width {
  std::int64_t before = 0, after = before;
};
/// Widths for up to eight axes: `{{1, 1}, {0, 2}}`, or as NumPy has it `{{1}, {0, 2}}`; or one for all axes, `{{1,
/// 2}}`, and for all sides, `1` or `{{1}}`. (g++ 12 refuses arrays and lists in a co_await expression.)
class padding {
  using w = pad_width;
  static constexpr w unset{std::numeric_limits<std::int64_t>::min()};

 public:
  // A template, so that `{{1}}` is a width, and no number in braces.
  template <std::integral I>
  constexpr padding(I all) : padding(w{static_cast<std::int64_t>(all)}) {}  // NOLINT: `pad(x, 1)`
  constexpr padding(w a, w b = unset, w c = unset, w d = unset, w e = unset, w f = unset, w g = unset,  // NOLINT
                    w h = unset)
      : widths_{a, b, c, d, e, f, g, h} {
    while (count_ < most_axes && (count_ == 0 || widths_[count_].before != unset.before)) ++count_;
  }
  std::span<const pad_width> widths() const noexcept { return {widths_.data(), count_}; }
  /// One for each of so many axes, where there is one for all.
  constexpr padding for_axes(std::size_t rank) const {
    padding each = *this;
    if (count_ != 1) return each;
    each.widths_.fill(widths_[0]);
    each.count_ = rank;
    return each;
  }

 private:
  std::array<pad_width, most_axes> widths_;
  std::size_t count_ = 0;
};

namespace detail::arrays {

struct index_item;

// Arrays that are put together from pieces of others, whose arguments are checked: they throw misuse. lib/array.
/// How chunks are found: of the extents that are named; whole ones of x's put together; or of one length, no longer
/// than those that are named.
enum class rechunking : std::uint8_t { cut, merge, balance };
array_ref rechunked(array_ref x, const weft::shape& chunk, std::int64_t bytes, rechunking how = rechunking::cut);
/// Into chunks of these sizes along each axis; as they are where there are none.
array_ref rechunked(array_ref x, std::span<const std::vector<std::int64_t>> sizes);
array_ref copied(array_ref x);
array_ref concatenated(std::vector<array_ref> all, std::int64_t axis);
array_ref stacked(std::vector<array_ref> all, std::int64_t axis);
/// An extent of -1 is what the others leave.
array_ref reshaped(array_ref x, const weft::shape& to);
/// Each chunk by itself; in these chunks, or where there are none, in those that axes which become one have together.
array_ref reshaped_by_chunks(array_ref x, const weft::shape& to);
array_ref reshaped_by_chunks(array_ref x, const grid& chunks);
array_ref rolled(array_ref x, std::int64_t shift, std::int64_t axis);
/// By one shift for all axes, or one for each.
array_ref rolled(array_ref x, const weft::shape& shifts, std::span<const std::int64_t> axes);
/// `values`: of a constant, one element for all sides, two, or two for each axis.
array_ref padded(array_ref x, std::span<const pad_width> widths, pad_mode how, std::span<const std::byte> values);
/// Throws misuse for widths that do not fit, and where an axis has no element to pad it with.
void check_padding(const grid& x, std::span<const pad_width> widths, pad_mode how);
/// Throws misuse for pairs of values that are neither one nor one for each axis.
void check_pad_values(const grid& x, std::size_t pairs);
/// With arrays before and after it along an axis, which broadcast to their sides.
array_ref padded_along(array_ref x, std::size_t axis, const pad_width& w, array_ref before, array_ref after);
array_ref tiled(array_ref x, const weft::shape& times);
array_ref repeated(array_ref x, std::int64_t times, std::int64_t axis);
/// By a number for each element along the axis.
array_ref repeated(array_ref x, std::span<const std::int64_t> times, std::int64_t axis);
array_ref taken(array_ref x, std::vector<std::int64_t> indices, std::int64_t axis);
/// By an array of indices of one axis. `of`: what errors speak of, where x is a part of it.
struct whole_axis {
  weft::shape whole = {};
  std::uint32_t axis = 0;
};
array_ref taken_by(array_ref x, array_ref indices, std::int64_t axis, const whole_axis* of = nullptr);
/// Of each line along an axis by its own.
array_ref taken_along(array_ref x, array_ref indices, std::int64_t axis);
array_ref shuffled(array_ref x, std::span<const std::vector<std::int64_t>> groups, std::int64_t axis);
/// Point by point, of indices of which one at least is a list, and none a new axis. The lists have these shapes.
array_ref pointed(array_ref x, std::span<const index_item> indices, std::span<const weft::shape> lists);
/// The elements of an array of one axis whose mask is true. Awaits how many there are.
task<array_ref> compressed_list(array_ref x, array_ref mask);
/// The numbers of the elements of a mask of one axis that are true, in chunks that have no more than weft chooses
/// where `each` bytes are made of a number: a chunk of a mask has eight times as many as one of numbers. Awaits how
/// many there are.
task<array_ref> numbers_of_trues(array_ref mask, std::size_t each = sizeof(std::int64_t));
array_ref assigned(array_ref x, std::span<const index_item> where, array_ref value);
array_ref inserted(array_ref x, const index_item& before, array_ref values, std::int64_t axis);
array_ref erased(array_ref x, const index_item& which, std::int64_t axis);
/// Throws misuse when a mask has not the array's shape, or that of the axis.
void check_mask(const grid& x, const grid& mask);
void check_mask(const grid& x, const grid& mask, std::int64_t axis);
/// A mask in the array's shape. Throws misuse where it does not broadcast to it.
array_ref mask_view(array_ref mask, const grid& x);

}  // namespace detail::arrays
}  // namespace weft
