// Windows over elements: those that slide, and those that lie side by side.
#include "weft/detail/array/windows.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/copy.hpp"
#include "array/layered.hpp"
#include "array/mapped.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Copies each window, of which each begins one element on.
class slide final : public block_function {
 public:
  /// The last axes of the result go along these of the source.
  slide(std::uint32_t item, std::vector<std::uint32_t> along) : item_(item), along_(std::move(along)) {}

  bool takes(std::span<const chunk_kind> in, std::span<const std::uint32_t> out) const noexcept override {
    return in.size() == 1 && in[0].item == item_ && out.size() == 1 && out[0] == item_ &&
           std::all_of(along_.begin(), along_.end(), [&](std::uint32_t a) { return a < in[0].rank; });
  }
  void run(const block_call& c) const override {
    const weft::shape &box = c.in[0].extents, &windows = c.out[0].extents;
    const std::size_t rank = box.size(), all = windows.size();
    coordinates read{};
    for (std::size_t a = 0; a < std::min(rank, all); ++a) read[a] = windows[a];
    for (std::size_t k = 0; all == rank + along_.size() && k < along_.size(); ++k)
      read[along_[k]] += windows[rank + k] - 1;
    for (std::size_t a = 0; a < rank; ++a)
      if (all != rank + along_.size() || read[a] != box[a])
        throw std::logic_error("weft: windows of an array were given another chunk than they slide over");
    std::array<std::size_t, most_axes> extents{};
    std::array<std::ptrdiff_t, most_axes> to{}, from{};
    std::ptrdiff_t step = item_;
    for (std::size_t a = all; a-- > 0;) {
      extents[a] = static_cast<std::size_t>(windows[a]);
      to[a] = step;
      step *= windows[a];
    }
    std::byte* const result = place_for(c.out[0]);
    if (step == 0) return;
    step = item_;
    for (std::size_t a = rank; a-- > 0;) {
      from[a] = step;
      step *= box[a];
    }
    for (std::size_t k = 0; k < along_.size(); ++k) from[rank + k] = from[along_[k]];
    copy_box(result, {to.data(), all}, c.in[0].data, {from.data(), all}, {extents.data(), all}, item_);
  }
  void encode(encoder& e) const override {
    weft::encode(e, item_);
    weft::encode(e, along_);
  }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("windows"); }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    const auto item = weft::decode<std::uint32_t>(d);
    return std::make_shared<const slide>(item, weft::decode<std::vector<std::uint32_t>>(d));
  }
  static inline const code_entry entry_{&slide::make};

  const std::uint32_t item_;
  const std::vector<std::uint32_t> along_;
};

/// The chunks of windows: those of the tasks, and windows in whole. Where they would have more than the array's own
/// and more than weft makes, in smaller ones.
grid chunks_of_windows(const grid& tasks, const weft::shape& windows, std::int64_t most, std::size_t item) {
  grid g = tasks;
  weft::shape chunk = weft::shape::of_rank(tasks.rank + windows.size());
  for (std::size_t k = 0; k < windows.size(); ++k) {
    chunk[tasks.rank + k] = -1;
    g.axes[g.rank++] = one_chunk(windows[k]);
  }
  return within(g, most, item) == g ? g : make_grid(g.whole(), chunk, most, item);
}

/// Of an axis in whole windows, chunks as long as before, to the next window.
cut in_whole_windows(const cut& c, std::int64_t window) {
  const std::int64_t extent = c.extent / window * window;
  if (!c.table && c.chunk % window == 0 && c.lead % window == 0 && extent > c.lead) return {extent, c.chunk, c.lead};
  const std::int64_t chunk = std::max<std::int64_t>((c.chunk + window / 2) / window, 1) * window;
  return extent > chunk ? cut{extent, chunk, chunk} : one_chunk(extent);
}

}  // namespace

array_ref windows_of(array_ref x, const weft::shape& windows, std::span<const std::int64_t> axes) {
  const grid whole = x->chunks;
  const std::string where =
      "windows of " + weft::to_string(windows) + " elements over an array of shape " + weft::to_string(whole.whole());
  if (windows.size() != axes.size())
    throw misuse("weft: " + where + " along " + std::to_string(axes.size()) + (axes.size() == 1 ? " axis" : " axes") +
                 ": give an extent for each");
  if (whole.rank + windows.size() > most_axes) throw misuse("weft: " + where + " would have more than 8 axes");
  std::vector<std::uint32_t> along;
  coordinates after{};
  for (std::size_t k = 0; k < windows.size(); ++k) {
    const std::size_t a = checked_axis(axes[k], whole);
    const std::int64_t left = whole.axes[a].extent - after[a];
    if (windows[k] < 1 || windows[k] > left)
      throw misuse("weft: " + where + ": along axis " + std::to_string(a) + " they have 1 to " +
                   std::to_string(left));
    after[a] += windows[k] - 1;
    along.push_back(static_cast<std::uint32_t>(a));
  }
  const std::uint32_t item = x->of.item;
  grid tasks = whole;
  for (std::uint32_t a = 0; a < whole.rank; ++a) {
    cut& c = tasks.axes[a];
    c = part_of(c, 0, 1, c.extent - after[a]);
  }
  client c = x->owner;
  const element e = x->of;
  operand o = settled(std::move(x), identity_map(whole.rank));
  reading r = reading_of(o.map, o.node->chunks, item, whole);
  for (std::uint32_t a = 0; a < whole.rank; ++a) r.windows[a].after = after[a];
  std::int64_t most = automatic_chunk_bytes;
  if (within(whole, most, item) != whole && within(whole, most_chunk_bytes, item) == whole)
    most = whole.largest().count() * item;
  mapped_plan plan;
  plan.chunks = chunks_of_windows(tasks, windows, most, item);
  plan.tasks = plan.chunks;
  plan.tasks.rank = whole.rank;
  for (std::size_t a = whole.rank; a < most_axes; ++a) plan.tasks.axes[a] = {};
  plan.what.push_back(std::move(r));
  plan.function = any_code<block_function>(std::make_shared<const slide>(item, std::move(along)));
  plan.of = e;
  return make_mapped(std::move(c), {std::move(o)}, std::move(plan));
}

array_ref coarsened(array_ref x, element e, const weft::shape& windows, bool trim, any_code<block_function> f) {
  const grid whole = x->chunks;
  const std::string where = "windows of " + weft::to_string(windows) +
                            " elements side by side in an array of shape " + weft::to_string(whole.whole());
  if (windows.size() != whole.rank) throw misuse("weft: " + where + ": give an extent for each axis");
  mapped_plan plan{whole};
  plan.chunks = whole;
  for (std::uint32_t a = 0; a < whole.rank; ++a) {
    const std::int64_t n = whole.axes[a].extent, window = windows[a];
    if (window < 1) throw misuse("weft: " + where + ": they have 1 element or more along each axis");
    if (n % window != 0 && !trim)
      throw misuse("weft: " + where + ": axis " + std::to_string(a) + " has " + std::to_string(n % window) +
                   (n % window == 1 ? " element" : " elements") +
                   " more than whole windows; set trim to leave them out");
    cut& own = plan.tasks.axes[a];
    own = in_whole_windows(whole.axes[a], window);
    plan.chunks.axes[a] =
        own.extent == 0 ? one_chunk(0) : cut{own.extent / window, own.chunk / window, own.lead / window};
  }
  check_chunks(plan.tasks, x->of.item);
  client c = x->owner;
  operand o = settled(std::move(x), identity_map(whole.rank));
  plan.what.push_back(reading_of(o.map, o.node->chunks, o.node->of.item, whole));
  plan.function = std::move(f);
  plan.of = e;
  return make_mapped(std::move(c), {std::move(o)}, std::move(plan));
}

void check_windows(const weft::shape& chunk, const weft::shape& windows) {
  bool whole = chunk.size() == windows.size();
  for (std::size_t a = 0; whole && a < chunk.size(); ++a) whole = windows[a] > 0 && chunk[a] % windows[a] == 0;
  if (!whole) throw std::logic_error("weft: windows of an array were given a chunk that is not made of them");
}

}  // namespace weft::detail::arrays
