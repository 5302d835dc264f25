// Indices of all kinds: what an ellipsis stands for, and lists among slices.
#include <algorithm>
#include <string>
#include <utility>

#include "array/nodes.hpp"
#include "weft/array/choices.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/arrangements.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

using kind = index_item::kind;

/// NumPy's rule: numbers and the list are one group, unless something else stands among them (an ellipsis does, even
/// for no axis).
bool list_is_first(std::span<const index_item> indices) {
  const auto chooses = [](const index_item& i) { return i.what == kind::number || i.what == kind::list; };
  if (std::none_of(indices.begin(), indices.end(), [](const index_item& i) { return i.what == kind::list; }))
    return false;
  const auto first = std::find_if(indices.begin(), indices.end(), chooses);
  const auto behind = std::find_if_not(first, indices.end(), chooses);
  return std::any_of(behind, indices.end(), chooses);
}

}  // namespace

void throw_large_index(std::uint64_t at) {
  throw misuse("weft: index " + std::to_string(at) +
               ": no axis is so long; one that counts from the end is a negative number of a signed type");
}
void throw_choice(std::int64_t at, std::size_t count) {
  throw misuse("weft: choice " + std::to_string(at) + " of " + std::to_string(count) +
               ", which are numbered from 0: outside::wrap or outside::clip before them says what becomes of others");
}
void check_list(std::size_t axes) {
  if (axes != 1)
    throw misuse("weft: a list or a mask of " + std::to_string(axes) +
                 " axes as an index: give one of one axis. By a mask of the array's shape, there is compress to take "
                 "elements, and to assign where(mask, value, x); point by point there is vindex");
}
void check_point_list(std::size_t axes) {
  if (axes > most_axes)
    throw misuse("weft: a list of " + std::to_string(axes) + " axes as an index: an array has up to 8");
}
void check_point_mask(std::size_t axes) {
  if (axes != 1)
    throw misuse("weft: a mask of " + std::to_string(axes) +
                 " axes as an index of vindex: give one of one axis for each axis; by a mask of the array's shape, "
                 "there is compress");
}

void check_mask(const index_item& i, std::size_t axis, const grid& g) {
  if (i.mask >= 0 && i.mask != g.axes[axis].extent)
    throw misuse("weft: a mask of " + std::to_string(i.mask) + " elements for axis " + std::to_string(axis) +
                 " of an array of shape " + weft::to_string(g.whole()) + ": give one of as many as it has");
}

spelled_indices spell_out(std::span<const index_item> indices, const grid& g) {
  const auto used = static_cast<std::size_t>(std::count_if(indices.begin(), indices.end(), [](const index_item& i) {
    return i.what != kind::newaxis && i.what != kind::ellipsis;
  }));
  if (used > g.rank)
    throw misuse("weft: more indices than axes, for an array of shape " + weft::to_string(g.whole()));
  spelled_indices found;
  found.list_first = list_is_first(indices);
  std::size_t a = 0;
  for (const index_item& i : indices) {
    if (i.what == kind::ellipsis) {
      for (std::size_t n = g.rank - used; n > 0; --n, ++a) found.items.emplace_back();
      continue;
    }
    index_item& item = found.items.emplace_back(i);
    if (i.what == kind::newaxis) continue;
    if (i.what == kind::number) item.at = checked_index(i.at, a, g);
    check_mask(i, a, g);
    for (std::int64_t& at : item.list) at = checked_index(at, a, g);
    ++a;
  }
  for (; a < g.rank; ++a) found.items.emplace_back();
  return found;
}

array_ref indexed(array_ref x, std::span<const index_item> indices) {
  spelled_indices all = spell_out(indices, x->chunks);
  const auto list =
      std::find_if(all.items.begin(), all.items.end(), [](const index_item& i) { return i.what == kind::list; });
  if (list == all.items.end()) return slice_view(std::move(x), all.items);
  list->what = kind::slice;  // of the whole axis, of which elements are taken then
  const std::int64_t axis =
      std::count_if(all.items.begin(), list, [](const index_item& i) { return i.what != kind::number; });
  if (list->later) {
    const auto behind =
        std::count_if(all.items.begin(), list, [](const index_item& i) { return i.what != kind::newaxis; });
    const whole_axis of{x->chunks.whole(), static_cast<std::uint32_t>(behind)};
    x = taken_by(slice_view(std::move(x), all.items), std::move(list->later), axis, &of);
  } else {
    x = taken(slice_view(std::move(x), all.items), std::move(list->list), axis);
  }
  return all.list_first ? moved_view(std::move(x), axis, 0) : x;
}

}  // namespace weft::detail::arrays
