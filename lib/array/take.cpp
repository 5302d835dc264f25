// Elements by lists of indices.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Lists of so few runs are part of the tasks; others are blocks of their own, of which a task is given its part.
constexpr std::size_t most_runs = 64;

struct take_node final : layered_node {
  take_node(client c, element e, const grid& g, operand o, reading w, std::size_t a, std::vector<future<block>> l)
      : layered_node(std::move(c), e, g, {std::move(o)}), what(std::move(w)), axis(a), lists(std::move(l)) {}

  box reads(std::size_t, const box& tasks) const override { return box_read(what, chunks, tasks); }
  bool spell(encoder& e) const override {
    if (!lists.empty()) return false;  // they are values that somebody has
    weft::encode(e, what);
    weft::encode(e, axis);
    return true;
  }
  layer<block> lay(const box& tasks, std::span<const layer<block>> in, std::span<const box> from) const override {
    reading read = what;
    read.axes[axis] = {};
    const shared<gather_plan> plan(gather_plan{chunks,
                                               tasks.first,
                                               tasks.counts,
                                               {std::move(read)},
                                               {},
                                               of,
                                               static_cast<std::int32_t>(axis),
                                               gathering::take});
    needs_table own;
    coordinates counts{};
    for (std::size_t a = 0; a < chunks.rank; ++a) counts[a] = tasks.counts[a];
    const box all{weft::shape(0), weft::shape(lists.size())};
    for (std::size_t j = 0; j < tasks.tasks(); ++j)
      own.add({{tasks.first[axis] + place_of(j, counts, chunks.rank)[axis]}}, all);
    return layer_of(tasks.tasks(), gather_task{plan}, weft::from(in[0], needs_of(what, chunks, tasks, from[0])),
                    weft::from(layer_of(lists), needs{shared<needs_table>(std::move(own))}));
  }

  const reading what;
  const std::size_t axis;
  const std::vector<future<block>> lists;
};

}  // namespace

namespace {

/// In these chunks of the result, whose extent along the axis is the number of indices.
array_ref taken_in(array_ref x, std::span<const std::int64_t> indices, std::size_t axis, const grid& chunks) {
  client c = x->owner;
  const element e = x->of;
  operand o = settled(std::move(x), identity_map(chunks.rank));
  reading r = reading_of(o, chunks);
  r.axes[axis] = segments_of(indices);
  if (r.axes[axis].size() <= most_runs)
    return make_gather(gathering::take, std::move(c), e, chunks, {std::move(o)}, {std::move(r)});
  std::vector<future<block>> lists;
  for (std::int64_t i = 0; i < chunks.axes[axis].count(); ++i) {
    block list(element_of<std::int64_t>, {chunks.axes[axis].size(i)});
    std::copy_n(indices.begin() + chunks.axes[axis].first(i), list.count(), list.data<std::int64_t>());
    lists.push_back(c.scatter(std::move(list)));
  }
  return std::make_shared<const take_node>(std::move(c), e, chunks, std::move(o), std::move(r), axis,
                                           std::move(lists));
}

/// So many elements more than before a chunk may have.
constexpr double tolerance = 1.25;

/// Whole groups together, as many elements as chunks of the axis have on average.
cut cut_by_groups(std::span<const std::vector<std::int64_t>> groups, const cut& before) {
  const double average = static_cast<double>(before.extent) / static_cast<double>(before.count());
  std::vector<std::int64_t> sizes;
  std::int64_t own = 0;
  const auto end_chunk = [&] {
    if (own != 0) sizes.push_back(own);
    own = 0;
  };
  for (const std::vector<std::int64_t>& g : groups) {
    const auto n = static_cast<std::int64_t>(g.size());
    if (static_cast<double>(own + n) > std::floor(average * tolerance)) end_chunk();
    own += n;
    if (static_cast<double>(own) > average) end_chunk();
  }
  end_chunk();
  return cut_into_sizes(sizes);
}

/// Other axes are cut finer where groups are so long that chunks would have many more bytes than before.
grid cut_beside(grid g, std::size_t axis, const grid& before, std::size_t item) {
  const auto bytes = [&](const grid& of) {
    double n = static_cast<double>(item);
    for (const std::int64_t extent : of.largest()) n *= static_cast<double>(extent);
    return n;
  };
  const double most = std::max(bytes(before) * tolerance, static_cast<double>(automatic_chunk_bytes));
  while (bytes(g) > most) {
    std::size_t longest = axis;
    for (std::size_t a = 0; a < g.rank; ++a)
      if (a != axis && g.axes[a].chunk > 1 && (longest == axis || g.axes[a].chunk > g.axes[longest].chunk))
        longest = a;
    if (longest == axis) break;
    cut& c = g.axes[longest];
    const std::int64_t half = (c.chunk + 1) / 2;
    c = {c.extent, half, half};
  }
  return g;
}

}  // namespace

array_ref taken(array_ref x, std::vector<std::int64_t> indices, std::int64_t along) {
  const grid chunks = x->chunks;
  const std::size_t axis = checked_axis(along, chunks);
  for (std::int64_t& i : indices) i = checked_index(i, axis, chunks);
  const std::size_t item = x->of.item;
  return taken_in(std::move(x), indices, axis,
                  with_extent(chunks, axis, static_cast<std::int64_t>(indices.size()), item));
}

array_ref shuffled(array_ref x, std::span<const std::vector<std::int64_t>> groups, std::int64_t along) {
  grid chunks = x->chunks;
  const std::size_t axis = checked_axis(along, chunks);
  std::vector<std::int64_t> indices;
  for (const std::vector<std::int64_t>& g : groups)
    for (const std::int64_t i : g) indices.push_back(checked_index(i, axis, x->chunks));
  chunks.axes[axis] = cut_by_groups(groups, x->chunks.axes[axis]);
  const std::size_t item = x->of.item;
  chunks = cut_beside(chunks, axis, x->chunks, item);
  return taken_in(std::move(x), indices, axis, chunks);
}

void check_mask(const grid& x, const grid& mask) {
  if (x.whole() == mask.whole()) return;
  throw misuse("weft: a mask of shape " + to_string(mask) + " for an array of shape " + to_string(x) +
               ": give one of the array's shape, or name the axis of a mask that has one axis");
}
array_ref mask_view(array_ref mask, const grid& x) {
  bool fits = mask->chunks.rank <= x.rank;
  for (std::uint32_t a = 0; fits && a < mask->chunks.rank; ++a) {
    const std::int64_t n = mask->chunks.axes[a].extent;
    fits = n == 1 || n == x.axes[a + x.rank - mask->chunks.rank].extent;
  }
  if (!fits)
    throw misuse("weft: a mask of shape " + to_string(mask->chunks) + " for an array of shape " + to_string(x) +
                 ": give one that broadcasts to the array");
  return broadcast_view(std::move(mask), x.whole());
}
void check_mask(const grid& x, const grid& mask, std::int64_t axis) {
  const std::size_t a = checked_axis(axis, x);
  if (mask.rank == 1 && mask.axes[0].extent == x.axes[a].extent) return;
  throw misuse("weft: a mask of shape " + to_string(mask) + " for axis " + std::to_string(a) +
               " of an array of shape " + to_string(x) + ": give one of one axis, of as many elements");
}

}  // namespace weft::detail::arrays
