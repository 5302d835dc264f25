// Arrays of which a part is another.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "array/copy_items.hpp"
#include "array/gather.hpp"
#include "array/layered.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/arrangements.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Throws misuse where the value does not broadcast to the region.
void check_value(const grid& value, const grid& region, const grid& whole) {
  bool fits = value.rank <= region.rank;
  for (std::uint32_t a = 0; fits && a < value.rank; ++a) {
    const std::int64_t n = value.axes[a].extent;
    fits = n == 1 || n == region.axes[a + region.rank - value.rank].extent;
  }
  if (!fits)
    throw misuse("weft: a value of shape " + to_string(value) + " for a part of shape " +
                 weft::to_string(region.whole()) + " of an array of shape " + to_string(whole) +
                 ": give one that broadcasts to the part");
}

/// The element of the second operand where the third says so, by a number that is not below 0 or by a bool, and else
/// that of the first.
class assign_kernel final : public kernel {
 public:
  assign_kernel(std::uint32_t item, bool by_mask) : item_(item), by_mask_(by_mask) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return items.size() == 3 && items[0] == item_ && items[1] == item_ && out == item_ &&
           items[2] == (by_mask_ ? sizeof(bool) : sizeof(std::int64_t));
  }
  void run(const strip& s) const override {
    if (by_mask_)
      copy(s, reinterpret_cast<const std::uint8_t*>(s.in[2]), [](std::uint8_t b) { return b != 0; });
    else
      copy(s, reinterpret_cast<const std::int64_t*>(s.in[2]), [](std::int64_t i) { return i >= 0; });
  }
  void encode(encoder& e) const override {
    weft::encode(e, item_);
    weft::encode(e, by_mask_);
  }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("assign"); }

 private:
  template <class I, class Set>
  void copy(const strip& s, const I* which, Set set) const {
    with_copy(item_, [&](auto copy_item) {
      for (std::size_t i = 0, at = 0; i < s.count; ++i, at += item_) {
        const std::byte* const from = (set(which[i]) ? s.in[1] : s.in[0]) + at;
        if (from != s.out + at) copy_item(s.out + at, from);  // it may be one of the two
      }
    });
  }
  static std::shared_ptr<const code> make(decoder& d) {
    const auto item = weft::decode<std::uint32_t>(d);
    return std::make_shared<const assign_kernel>(item, weft::decode<bool>(d));
  }
  static inline const code_entry entry_{&assign_kernel::make};

  const std::uint32_t item_;
  const bool by_mask_;
};

/// To indices of which one is an array. Where the others leave out anything, a part is changed, and put in then.
array_ref assigned_by(array_ref x, spelled_indices where, array_ref value) {
  const grid whole = x->chunks;
  const auto later =
      std::find_if(where.items.begin(), where.items.end(), [](const index_item& i) { return i.later != nullptr; });
  const auto axis = static_cast<std::size_t>(later - where.items.begin());
  array_ref which = std::move(later->later);
  *later = index_item{};  // all of the axis
  const bool by_mask = which->of.type == dtype::boolean;
  if (by_mask)
    check_mask(whole, which->chunks, static_cast<std::int64_t>(axis));
  else if (which->chunks.rank != 1)
    throw misuse("weft: indices of shape " + to_string(which->chunks) + " along axis " + std::to_string(axis) +
                 " of an array of shape " + to_string(whole) + ": an assignment takes an array of one axis");
  const client c = common_client(common_client(x->owner, value->owner), which->owner);

  const auto before = std::count_if(where.items.begin(), later,
                                    [](const index_item& i) { return i.what != index_item::kind::number; });
  const std::size_t own = where.list_first ? 0 : static_cast<std::size_t>(before);  // the axis of the part
  std::size_t a = 0;
  const bool all = std::all_of(where.items.begin(), where.items.end(), [&](const index_item& i) {
    const std::int64_t extent = whole.axes[a++].extent;
    if (i.what == index_item::kind::number) return false;
    const found_slice s = find_slice(i.range, extent);
    return s.step == 1 && s.count == extent;
  });
  array_ref part = all ? x : slice_view(x, where.items);
  if (where.list_first) part = axis_moved(std::move(part), static_cast<std::size_t>(before), 0);

  const std::uint32_t rank = part->chunks.rank, of_value = value->chunks.rank;
  const std::int64_t n = which->chunks.axes[0].extent;
  const bool along = own + of_value >= rank;  // the value has the axis, as its own of this number:
  const std::size_t axis_of_value = own + of_value - rank;
  const bool spread = along && value->chunks.axes[axis_of_value].extent != 1;
  if (by_mask && spread)
    throw misuse("weft: a value of shape " + to_string(value->chunks) + " for what a mask takes along axis " +
                 std::to_string(axis) + " of an array of shape " + to_string(whole) +
                 ": how many that is nobody knows before it is computed: give one element there, or indices in the "
                 "place of the mask, co_await flatnonzero(mask)");
  grid region = part->chunks;
  region.axes[own] = one_chunk(by_mask ? 1 : n);
  check_value(value->chunks, region, whole);
  if (!by_mask) {
    if (n == 0) return x;
    which = last_indices(std::move(which), whole, axis);
    if (spread) value = taken_by(std::move(value), which, static_cast<std::int64_t>(axis_of_value));
  }
  for (std::int64_t behind = 1; own + static_cast<std::size_t>(behind) < rank; ++behind)
    which = expand_view(std::move(which), behind);
  const element e = x->of;
  const grid chunks = in_possible_chunks(part->chunks, e.item);
  array_ref made = make_elementwise(c, e, chunks, {std::move(part), std::move(value), std::move(which)},
                                    any_code<kernel>(std::make_shared<const assign_kernel>(e.item, by_mask)));
  if (all) return made;
  if (where.list_first) made = axis_moved(std::move(made), 0, static_cast<std::size_t>(before));
  return assigned(std::move(x), where.items, std::move(made));
}

}  // namespace

array_ref assigned(array_ref x, std::span<const index_item> where, array_ref value) {
  const grid whole = x->chunks;
  spelled_indices indices = spell_out(where, whole);
  for (const index_item& i : indices.items)
    if (i.what == index_item::kind::newaxis) throw misuse("weft: an assignment has no new axes");
  if (std::any_of(indices.items.begin(), indices.items.end(), [](const index_item& i) { return i.later != nullptr; }))
    return assigned_by(std::move(x), std::move(indices), std::move(value));
  grid region;
  std::array<std::int32_t, most_axes> axis_of{};  // of the whole array, for each axis of the region
  std::vector<std::vector<segment>> axes;
  std::uint32_t list_at = 0;
  for (const index_item& i : indices.items) {
    const std::size_t a = axes.size();
    std::vector<segment>& along = axes.emplace_back();
    if (i.what == index_item::kind::number) {
      along.push_back({i.at, 1, 1, 0, 1});
      continue;
    }
    axis_of[region.rank] = static_cast<std::int32_t>(a);
    cut& own = region.axes[region.rank++];
    if (i.what == index_item::kind::list) {
      list_at = region.rank - 1;
      own = one_chunk(static_cast<std::int64_t>(i.list.size()));
      along = segments_to(i.list);
      continue;
    }
    const found_slice s = find_slice(i.range, whole.axes[a].extent);
    own = one_chunk(s.count);
    if (s.count == 0) continue;
    if (s.step > 0)
      along.push_back({s.first, s.step, s.count, 0, 1});
    else
      along.push_back({s.first + s.step * (s.count - 1), -s.step, s.count, s.count - 1, -1});
  }
  if (indices.list_first) {
    std::rotate(axis_of.begin(), axis_of.begin() + list_at, axis_of.begin() + list_at + 1);
    std::rotate(region.axes.begin(), region.axes.begin() + list_at, region.axes.begin() + list_at + 1);
  }
  check_value(value->chunks, region, whole);
  common_client(x->owner, value->owner);
  view_map map = broadcast_map(value->chunks, region);
  for (std::uint32_t s = 0; s < map.rank; ++s)
    if (map.axes[s].axis >= 0) map.axes[s].axis = axis_of[static_cast<std::size_t>(map.axes[s].axis)];
  client c = x->owner;
  const element e = x->of;
  operand base = settled(std::move(x), identity_map(whole.rank)), part = settled(std::move(value), map);
  reading under = reading_of(base, whole), over = reading_of(part, whole);
  over.axes = std::move(axes);
  return make_gather(gathering::assign, std::move(c), e, whole, {std::move(base), std::move(part)},
                     {std::move(under), std::move(over)});
}

}  // namespace weft::detail::arrays
