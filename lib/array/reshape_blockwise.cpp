// Arrays whose chunks are reshaped each by itself.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "array/reading.hpp"
#include "array/reshape.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/detail/array/given_chunks.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Chunks of a box, whose elements are those of the chunks that have their numbers.
struct renamed_plan {
  grid chunks;
  weft::shape first = {}, counts = {};
  element of = {};
};
void weft_encode(encoder& e, const renamed_plan& p) {
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.of);
}
renamed_plan weft_decode(decoder& d, std::type_identity<renamed_plan>) {
  renamed_plan p{weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.of = weft::decode<element>(d);
  if (!is_possible(p.of)) d.fail("an array's chunks", "their elements have an impossible size");
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail("an array's chunks", "their box is not in the array");
  return p;
}

struct reshape_chunk_task {
  shared<renamed_plan> what;

  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(what->chunks, what->first, what->counts, j, what->of.item);
  }
  block operator()(std::size_t j, const values<block>& in) const {
    const weft::shape extents = what->chunks.chunk(place_in_box(j, what->first, what->counts));
    demand_given(in.size() == 1 && in[0].of().item == what->of.item && in[0].extents().count() == extents.count(),
                 "another chunk than that which has its number");
    if (block* own = in.take(0)) return std::move(*own).with_extents(extents);
    return copy_of(what->of, extents, in[0].bytes().data());
  }
  std::string task_name() const { return "reshape"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

/// The number of a group's chunk, among those that the group has.
std::int64_t number_along(const grid& g, std::uint32_t first, std::uint32_t count, const coordinates& at) noexcept {
  std::int64_t n = 0;
  for (std::uint32_t a = first; a < first + count; ++a) n = n * g.axes[a].count() + at[a];
  return n;
}
/// And back.
void place_along(const grid& g, std::uint32_t first, std::uint32_t count, std::int64_t n, coordinates& at) noexcept {
  for (std::uint32_t a = first + count; a-- > first;) {
    at[a] = n % g.axes[a].count();
    n /= g.axes[a].count();
  }
}
/// How many elements each of a group's chunks has, by their numbers.
std::vector<std::int64_t> sizes_along(const grid& g, std::uint32_t first, std::uint32_t count) {
  std::vector<std::int64_t> sizes{1};
  for (std::uint32_t a = first; a < first + count; ++a) {
    std::vector<std::int64_t> with;
    for (const std::int64_t before : sizes)
      for (std::int64_t i = 0; i < g.axes[a].count(); ++i) with.push_back(before * g.axes[a].size(i));
    sizes = std::move(with);
  }
  return sizes;
}

struct renamed_node final : layered_node {
  renamed_node(client c, element e, const grid& g, operand o, std::vector<axis_group> all)
      : layered_node(std::move(c), e, g, {std::move(o)}), groups(std::move(all)) {}

  bool spell(encoder& e) const override {
    weft::encode(e, groups);
    return true;
  }
  const grid& source() const noexcept { return operands.front().node->chunks; }
  coordinates source_of(const coordinates& at) const noexcept {
    coordinates from{};
    for (const axis_group& g : groups)
      place_along(source(), g.from, g.from_count, number_along(chunks, g.to, g.to_count, at), from);
    return from;
  }
  /// Behind the first axis of a group along which both ends differ, chunks of all numbers may be between them.
  box reads(std::size_t, const box& tasks) const override {
    coordinates first{}, last{};
    for (std::size_t a = 0; a < chunks.rank; ++a) {
      first[a] = tasks.first[a];
      last[a] = tasks.first[a] + tasks.counts[a] - 1;
    }
    const coordinates begin = source_of(first), end = source_of(last);
    box b = box::all_of(source());
    for (const axis_group& g : groups)
      for (std::uint32_t a = g.from; a < g.from + g.from_count; ++a) {
        b.first[a] = begin[a];
        b.counts[a] = end[a] - begin[a] + 1;
        if (begin[a] != end[a]) break;
      }
    return b;
  }
  layer<block> lay(const box& tasks, std::span<const layer<block>> in, std::span<const box> from) const override {
    needs_table table;
    for (std::size_t j = 0; j < tasks.tasks(); ++j) {
      const coordinates at = source_of(place_in_box(j, tasks.first, tasks.counts));
      chunk_lists lists;
      for (std::size_t a = 0; a < source().rank; ++a) lists.push_back({at[a]});
      table.add(lists, from[0]);
    }
    const shared<renamed_plan> plan(renamed_plan{chunks, tasks.first, tasks.counts, of});
    return layer_of(tasks.tasks(), reshape_chunk_task{plan},
                    weft::from(in[0], needs{shared<needs_table>(std::move(table))}));
  }

  const std::vector<axis_group> groups;
};

/// `axis 1`, or `axes 1 to 3`
std::string axes_text(std::uint32_t first, std::uint32_t count) {
  return count == 1 ? "axis " + std::to_string(first)
                    : "axes " + std::to_string(first) + " to " + std::to_string(first + count - 1);
}

array_ref renamed(array_ref x, const grid& chunks, std::vector<axis_group> groups) {
  const grid own = x->chunks;
  for (const axis_group& g : groups) {
    const std::vector<std::int64_t> before = sizes_along(own, g.from, g.from_count),
                                    after = sizes_along(chunks, g.to, g.to_count);
    if (before == after) continue;
    std::string why = std::to_string(after.size()) + " chunks in place of " + std::to_string(before.size());
    if (before.size() == after.size()) {
      const auto at = std::mismatch(before.begin(), before.end(), after.begin());
      why = std::to_string(*at.second) + " elements in chunk " + std::to_string(at.first - before.begin()) +
            " in place of " + std::to_string(*at.first);
    }
    throw misuse("weft: an array of shape " + to_string(own) +
                 " whose chunks are reshaped to those of one of shape " + to_string(chunks) + ": " +
                 axes_text(g.from, g.from_count) + " would have " + why +
                 ": give chunks of as many elements, or rechunk it");
  }
  client c = x->owner;
  const element e = x->of;
  operand o{in_chunks(std::move(x), own), identity_map(own.rank)};
  return std::make_shared<const renamed_node>(std::move(c), e, chunks, std::move(o), std::move(groups));
}

}  // namespace

array_ref reshaped_by_chunks(array_ref x, const weft::shape& wanted) {
  const grid own = x->chunks;
  const weft::shape from = own.whole(), to = completed(from, wanted);
  if (from == to) return x;
  if (from.count() == 0) return reshaped(std::move(x), to);
  std::vector<axis_group> groups = groups_of(from, to);
  grid chunks;
  chunks.rank = static_cast<std::uint32_t>(to.size());
  for (const axis_group& g : groups) {
    std::uint32_t long_axes = 0, at = g.to;
    for (std::uint32_t a = g.to; a < g.to + g.to_count; ++a) {
      chunks.axes[a] = one_chunk(1);
      if (to[a] == 1) continue;
      ++long_axes;
      at = a;
    }
    if (long_axes > 1)
      throw misuse("weft: an array of shape " + to_string(own) + " whose chunks are reshaped to " +
                   weft::to_string(to) + ": how " + axes_text(g.to, g.to_count) +
                   " are cut is not known: give chunk_sizes in place of the shape");
    if (g.to_count != 0) chunks.axes[at] = cut_into_sizes(sizes_along(own, g.from, g.from_count));
  }
  return renamed(std::move(x), chunks, std::move(groups));
}

array_ref reshaped_by_chunks(array_ref x, const grid& chunks) {
  const weft::shape from = x->chunks.whole(), to = completed(from, chunks.whole());
  if (x->chunks == chunks) return x;
  if (from.count() == 0) return renamed(std::move(x), chunks, {});
  return renamed(std::move(x), chunks, groups_of(from, to));
}

}  // namespace weft::detail::arrays
