// Elements by arrays of indices, which are known when they are computed.
//
// Each chunk of indices is sorted by the chunks of the source that they are in. For each chunk of the source there is
// a task for each chunk of the result, which picks what that has in it; and a task puts these together. The lines of
// chunks along the axis come one after the other; where there are chunks behind it, the picks of a chunk of the
// source follow each other, so that it is let go before the next one is needed: what is kept meanwhile is what was
// picked.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "array/copy_items.hpp"
#include "array/gather.hpp"
#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/lines.hpp"
#include "array/names.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct take_plan {
  grid source, chunks;                  // of what is read, and of the result
  weft::shape first = {}, counts = {};  // the box of chunks that are made
  std::uint32_t axis = 0;
  bool each = false;  // an index for each element of the result; else for each place along the axis
  element of = {};
  whole_axis named = {};  // in errors

  std::size_t tasks() const noexcept { return static_cast<std::size_t>(counts.count()); }
  std::size_t sources() const noexcept { return static_cast<std::size_t>(source.axes[axis].count()); }
  coordinates place(std::size_t r) const noexcept { return place_in_box(r, first, counts); }
};
void demand_plan(const take_plan& p) {
  demand_given(is_possible(p.of) && p.axis < p.chunks.rank && p.source.rank == p.chunks.rank &&
                   is_box_of(p.chunks, p.first, p.counts),
               "another plan than there can be");
}

/// Calls f with the indices as the integers that they are.
template <class F>
void with_indices(const block& b, F f) {
  switch (b.of().type) {
    case dtype::i8:
      return f(b.data<std::int8_t>());
    case dtype::i16:
      return f(b.data<std::int16_t>());
    case dtype::i32:
      return f(b.data<std::int32_t>());
    case dtype::i64:
      return f(b.data<std::int64_t>());
    case dtype::u8:
      return f(b.data<std::uint8_t>());
    case dtype::u16:
      return f(b.data<std::uint16_t>());
    case dtype::u32:
      return f(b.data<std::uint32_t>());
    case dtype::u64:
      return f(b.data<std::uint64_t>());
    default:
      demand_given(false, "indices that are no integers");
  }
}

/// The indices of a chunk in order of the chunks of the source: where those of each begin, where in their chunk their
/// elements are, and which of the chunk's indices they are.
struct sorted_indices {
  const std::int64_t *begins, *at, *number;
};
block sort_by_chunks(const take_plan& p, const block& indices) {
  const cut& axis = p.source.axes[p.axis];
  const std::size_t n = indices.count(), chunks = p.sources();
  const lines l = p.each ? lines_of(indices.extents(), p.axis) : lines{1, n, 1};
  block sorted(element_of<std::int64_t>, weft::shape(chunks + 1 + 2 * n));
  auto* const begins = sorted.data<std::int64_t>();
  std::fill_n(begins, chunks + 1, 0);
  std::vector<std::int64_t> place(n);
  with_indices(indices, [&](const auto* given) {
    for (std::size_t i = 0; i < n; ++i) {
      place[i] = whole_index(given[i]);
      if (place[i] < -axis.extent || place[i] >= axis.extent)
        throw misuse("weft: index " + std::to_string(place[i]) + " along axis " + std::to_string(p.named.axis) +
                     " of an array of shape " + weft::to_string(p.named.whole));
      if (place[i] < 0) place[i] += axis.extent;
      ++begins[axis.of(place[i]) + 1];
    }
  });
  for (std::size_t k = 0; k < chunks; ++k) begins[k + 1] += begins[k];
  std::vector<std::int64_t> next(begins, begins + chunks);
  auto* const at = begins + chunks + 1;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t k = axis.of(place[i]);
    const std::int64_t to = next[static_cast<std::size_t>(k)]++;
    at[to] = place[i] - axis.first(k);
    if (p.each) {
      const auto outer = static_cast<std::int64_t>(i / (l.count * l.inner));
      at[to] = (outer * axis.size(k) + at[to]) * static_cast<std::int64_t>(l.inner) +
               static_cast<std::int64_t>(i % l.inner);
    }
    at[to + static_cast<std::int64_t>(n)] = static_cast<std::int64_t>(i);
  }
  return sorted;
}
/// Those of the chunks from `first` to before `end` are looked at.
sorted_indices sorted_of(const take_plan& p, const block& b, std::size_t n, std::size_t first, std::size_t end) {
  const std::size_t chunks = p.sources();
  demand_given(b.of().item == sizeof(std::int64_t) && b.count() == chunks + 1 + 2 * n,
               "sorted indices that are none");
  const auto* const all = b.data<std::int64_t>();
  demand_given(all[first] >= 0 && std::cmp_less_equal(all[end], n) && std::is_sorted(all + first, all + end + 1),
               "sorted indices that are not sorted");
  return {all, all + chunks + 1, all + chunks + 1 + n};
}

/// How a chunk lies in memory for its indices: `outer` times `count` units of so many bytes.
struct units {
  std::size_t outer = 1, count = 1, bytes = 1;
};
units units_of(const take_plan& p, const weft::shape& chunk) {
  if (p.each) return {1, static_cast<std::size_t>(chunk.count()), p.of.item};
  const lines l = lines_of(chunk, p.axis);
  return {l.outer, l.count, l.inner * p.of.item};
}

struct sort_task {
  shared<take_plan> plan;
  block operator()(std::size_t, values<block> indices) const {
    demand_plan(*plan);
    demand_given(indices.size() == 1 && (!plan->each || indices[0].extents().size() == plan->chunks.rank),
                 "other indices than it sorts");
    return sort_by_chunks(*plan, indices[0]);
  }
  std::string task_name() const { return "take-sort"; }
  std::string task_subject(std::size_t s) const {
    const take_plan& p = *plan;
    if (p.each) return name_of_chunk(s, p.first, p.counts);
    return name_of_chunk(s, weft::shape(p.first[p.axis]), weft::shape(p.counts[p.axis]));
  }
};

/// Task t picks of chunk t / n along the axis what chunk t % n of the result has in it, of n that are made.
struct pick_task {
  shared<take_plan> plan;
  block operator()(std::size_t t, values<block> chunk, values<block> indices) const {
    const take_plan& p = *plan;
    demand_plan(p);
    demand_given(chunk.size() == 1 && indices.size() == 1 && t < p.sources() * p.tasks(),
                 "other chunks than it takes");
    const std::size_t k = t / p.tasks();
    coordinates at = p.place(t % p.tasks());
    const units result = units_of(p, p.chunks.chunk(at));
    at[p.axis] = static_cast<std::int64_t>(k);
    demand_given(chunk[0].extents() == p.source.chunk(at) && chunk[0].of().item == p.of.item,
                 "a chunk of another shape than it reads");
    const units from = units_of(p, chunk[0].extents());
    const sorted_indices all = sorted_of(p, indices[0], result.count, k, k + 1);
    const std::int64_t *const begin = all.at + all.begins[k], *const end = all.at + all.begins[k + 1];
    demand_given(std::all_of(begin, end, [&](std::int64_t i) { return i >= 0 && std::cmp_less(i, from.count); }),
                 "indices that are not in their chunk");
    const std::size_t n = static_cast<std::size_t>(end - begin), row = from.bytes / p.of.item;
    block picked(p.of,
                 weft::shape{static_cast<std::int64_t>(from.outer), end - begin, static_cast<std::int64_t>(row)});
    if (picked.count() == 0) return picked;
    with_copy(from.bytes, [&](auto copy) {
      std::byte* to = picked.bytes().data();
      for (std::size_t o = 0; o < from.outer; ++o) {
        const std::byte* const own = chunk[0].bytes().data() + o * from.count * from.bytes;
        for (std::size_t i = 0; i < n; ++i, to += from.bytes)
          copy(to, own + static_cast<std::size_t>(begin[i]) * from.bytes);
      }
    });
    return picked;
  }
  std::string task_name() const { return "take-pick"; }
  std::string task_subject(std::size_t t) const {
    const std::size_t n = std::max<std::size_t>(plan->tasks(), 1);
    return name_of_chunk(t % n, plan->first, plan->counts) + ", in " + std::to_string(t / n);
  }
};

struct join_task {
  shared<take_plan> plan;
  block operator()(std::size_t r, values<block> picked, values<block> indices) const {
    const take_plan& p = *plan;
    demand_plan(p);
    demand_given(r < p.tasks() && picked.size() == p.sources() && indices.size() == 1, "other picks than its own");
    block out(p.of, p.chunks.chunk(p.place(r)));
    const units to = units_of(p, out.extents());
    const sorted_indices all = sorted_of(p, indices[0], to.count, 0, p.sources());
    demand_given(std::all_of(all.number, all.number + to.count,
                             [&](std::int64_t i) { return i >= 0 && std::cmp_less(i, to.count); }),
                 "indices that are not in their chunk");
    if (out.count() == 0) return out;
    for (std::size_t k = 0; k < picked.size(); ++k) {
      const std::int64_t *const begin = all.number + all.begins[k], *const end = all.number + all.begins[k + 1];
      const auto n = static_cast<std::size_t>(end - begin);
      demand_given(picked[k].bytes().size() == to.outer * n * to.bytes, "picks of other elements than it takes");
      with_copy(to.bytes, [&](auto copy) {
        const std::byte* from = picked[k].bytes().data();
        for (std::size_t o = 0; o < to.outer; ++o) {
          std::byte* const own = out.bytes().data() + o * to.count * to.bytes;
          for (std::size_t i = 0; i < n; ++i, from += to.bytes)
            copy(own + static_cast<std::size_t>(begin[i]) * to.bytes, from);
        }
      });
    }
    return out;
  }
  std::uint64_t result_bytes(std::size_t r) const noexcept {
    return bytes_of_chunk(plan->chunks, plan->first, plan->counts, r, plan->of.item);
  }
  std::string task_name() const { return "take"; }
  std::string task_subject(std::size_t r) const { return name_of_chunk(r, plan->first, plan->counts); }
};

/// Which chunks of an axis are made, of what indices name: `count` from `first` on.
struct made_chunks {
  std::size_t first = 0, count = 0;
};
void demand_made(const made_chunks& m, const take_plan& p) {
  demand_given(m.first <= p.sources() && m.count <= p.sources() - m.first, "another box than there can be");
}

/// Task t takes from chunk t / n of sorted indices those that are in chunk t % n, of n that are made: in two rows,
/// where their elements are, and which of the chunk's indices they are.
struct part_task {
  shared<take_plan> plan;
  made_chunks made;
  block operator()(std::size_t t, values<block> indices) const {
    const take_plan& p = *plan;
    demand_plan(p);
    demand_made(made, p);
    demand_given(indices.size() == 1 && t < p.tasks() * made.count, "other indices than its own");
    const auto n = static_cast<std::size_t>(p.chunks.axes[p.axis].size(static_cast<std::int64_t>(t / made.count)));
    const std::size_t k = made.first + t % made.count;
    const sorted_indices all = sorted_of(p, indices[0], n, k, k + 1);
    const std::int64_t begin = all.begins[k], count = all.begins[k + 1] - begin;
    block part(element_of<std::int64_t>, {2, count});
    std::copy_n(all.at + begin, count, part.data<std::int64_t>());
    std::copy_n(all.number + begin, count, part.data<std::int64_t>() + count);
    return part;
  }
  std::string task_name() const { return "assign-part"; }
  std::string task_subject(std::size_t t) const {
    const std::size_t n = std::max<std::size_t>(made.count, 1);
    return name_of_chunk(t / n, weft::shape(0), weft::shape(plan->tasks())) + ", in " +
           std::to_string(made.first + t % n);
  }
};

/// Task r finds the last index for each element of chunk `first + r` of what they are of.
struct last_task {
  shared<take_plan> plan;
  made_chunks made;
  block operator()(std::size_t r, values<block> parts) const {
    const take_plan& p = *plan;
    demand_plan(p);
    demand_made(made, p);
    demand_given(r < made.count && parts.size() == p.tasks(), "other indices than its own");
    const cut& given = p.chunks.axes[p.axis];
    block last(element_of<std::int64_t>,
               weft::shape(p.source.axes[p.axis].size(static_cast<std::int64_t>(made.first + r))));
    auto* const found = last.data<std::int64_t>();
    std::fill_n(found, last.count(), -1);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::int64_t before = given.first(static_cast<std::int64_t>(i)),
                         n = given.size(static_cast<std::int64_t>(i));
      const weft::shape& own = parts[i].extents();
      demand_given(parts[i].of().item == sizeof(std::int64_t) && own.size() == 2 && own[0] == 2 && own[1] <= n,
                   "indices that are none of a chunk");
      const auto* const at = parts[i].data<std::int64_t>();
      const auto* const number = at + own[1];
      for (std::int64_t j = 0; j < own[1]; ++j) {
        demand_given(at[j] >= 0 && std::cmp_less(at[j], last.count()) && number[j] >= 0 && number[j] < n,
                     "indices that are not in their chunk");
        found[at[j]] = before + number[j];
      }
    }
    return last;
  }
  std::string task_name() const { return "assign-last"; }
  std::string task_subject(std::size_t r) const {
    return name_of_chunk(r, weft::shape(static_cast<std::int64_t>(made.first)),
                         weft::shape(static_cast<std::int64_t>(made.count)));
  }
};

/// Task t takes number `at[t % n]` of another layer's tasks, or that and `stride` further for each n tasks before it.
struct by_place {
  shared<std::vector<std::size_t>> at;
  std::size_t stride = 0;
  intervals of(std::size_t t) const {
    if (at->empty()) return {};
    const std::size_t i = (*at)[t % at->size()] + t / at->size() * stride;
    return interval{i, i};
  }
};
/// Task r takes tasks r, r + n, ... of `count` times n.
struct every_nth {
  std::size_t n = 1, count = 1;
  intervals of(std::size_t r) const {
    intervals found;
    for (std::size_t k = 0; k < count; ++k) found.add({k * n + r, k * n + r});
    return found;
  }
  intervals dependents(std::size_t i) const noexcept { return interval{i % n, i % n}; }
};

/// Task t takes task t / n, and there are `n` for each of another layer's.
struct n_for_each {
  std::size_t n = 1;
  intervals of(std::size_t t) const noexcept { return interval{t / n, t / n}; }
  intervals dependents(std::size_t i) const noexcept { return interval{i * n, i * n + n - 1}; }
};

/// When each pick has its turn: by the chunks before the axis, along it, and behind it, and then those of one chunk
/// of the source.
std::vector<std::uint32_t> turns_of_picks(const take_plan& p) {
  std::size_t behind = 1;
  for (std::size_t a = p.axis + 1; a < p.chunks.rank; ++a) behind *= static_cast<std::size_t>(p.counts[a]);
  const std::size_t n = p.tasks(), sources = p.sources(), along = static_cast<std::size_t>(p.counts[p.axis]);
  std::vector<std::uint32_t> turns(sources * n);
  for (std::size_t t = 0; t < turns.size(); ++t) {
    const std::size_t k = t / n, r = t % n, before = r / (behind * along);
    turns[t] =
        static_cast<std::uint32_t>(((before * sources + k) * behind + r % behind) * along + r / behind % along);
  }
  return turns;
}

struct take_by_node final : layered_node {
  take_by_node(const client& c, element e, array_ref x, array_ref indices, take_plan p)
      : layered_node(c, e, p.chunks, {{std::move(x), identity_map(p.source.rank)}, {}}), plan(std::move(p)) {
    const std::uint32_t rank = indices->chunks.rank;
    operands[1] = {std::move(indices), identity_map(rank)};
  }

  bool spell(encoder& e) const override {
    weft::encode(e, plan);
    return true;
  }
  box reads(std::size_t o, const box& wanted) const override {
    if (o == 1) return indices_of(wanted);
    box b = wanted;
    b.first[plan.axis] = 0;
    b.counts[plan.axis] = plan.source.axes[plan.axis].count();
    return b;
  }
  layer<block> lay(const box& wanted, std::span<const layer<block>> in, std::span<const box> from) const override {
    take_plan own = plan;
    own.first = wanted.first;
    own.counts = wanted.counts;
    const std::size_t n = own.tasks(), sources = own.sources(), rank = chunks.rank;
    const box sorted = indices_of(wanted);
    coordinates in_source{};
    std::size_t stride = 1;
    for (std::size_t a = 0; a < rank; ++a) in_source[a] = from[0].counts[a];
    for (std::size_t a = plan.axis + 1; a < rank; ++a) stride *= static_cast<std::size_t>(from[0].counts[a]);
    std::vector<std::size_t> of_source, of_sorted;
    for (std::size_t r = 0; r < n; ++r) {
      coordinates at = own.place(r);
      of_sorted.push_back(plan.each ? r : static_cast<std::size_t>(at[plan.axis] - wanted.first[plan.axis]));
      at[plan.axis] = 0;
      for (std::size_t a = 0; a < rank; ++a) at[a] -= from[0].first[a];
      of_source.push_back(number_of(at, in_source, rank));
    }
    std::vector<std::uint32_t> turns = turns_of_picks(own);
    const shared<take_plan> all(std::move(own));
    const by_place indices{shared<std::vector<std::size_t>>(std::move(of_sorted))};
    const by_place source{shared<std::vector<std::size_t>>(std::move(of_source)), stride};
    const layer<block> sorts =
        layer_of(sorted.tasks(), sort_task{all}, weft::from(in[1], moved(sorted, from[1], {})));
    layer<block> picks = layer_of(sources * n, pick_task{all}, weft::from(in[0], source), weft::from(sorts, indices));
    picks.get_spec()->turns = std::move(turns);
    return layer_of(n, join_task{all}, weft::from(picks, every_nth{n, sources}), weft::from(sorts, indices));
  }
  std::size_t tasks(const box& made) const noexcept override {
    return made.tasks() * (1 + plan.sources()) + indices_of(made).tasks();
  }

  const take_plan plan;

 private:
  /// The chunks of indices of a box of chunks.
  box indices_of(const box& wanted) const {
    if (plan.each) return wanted;
    return {weft::shape(wanted.first[plan.axis]), weft::shape(wanted.counts[plan.axis])};
  }
};

struct last_node final : layered_node {
  last_node(const client& c, array_ref indices, take_plan p)
      : layered_node(c, element_of<std::int64_t>, p.source, {{std::move(indices), identity_map(1)}}),
        plan(std::move(p)) {}

  bool spell(encoder& e) const override {
    weft::encode(e, plan);
    return true;
  }
  box reads(std::size_t, const box&) const override { return box::all_of(plan.chunks); }
  layer<block> lay(const box& wanted, std::span<const layer<block>> in, std::span<const box> from) const override {
    const shared<take_plan> all(plan);
    const made_chunks made{static_cast<std::size_t>(wanted.first[0]), wanted.tasks()};
    const layer<block> sorts =
        layer_of(plan.tasks(), sort_task{all}, weft::from(in[0], moved(box::all_of(plan.chunks), from[0], {})));
    // All parts of a chunk of indices follow each other, so that what is sorted is let go before the next one.
    const layer<block> parts =
        layer_of(plan.tasks() * made.count, part_task{all, made}, weft::from(sorts, n_for_each{made.count}));
    return layer_of(made.count, last_task{all, made}, weft::from(parts, every_nth{made.count, plan.tasks()}));
  }
  std::size_t tasks(const box& made) const noexcept override {
    return made.tasks() * (1 + plan.tasks()) + plan.tasks();
  }

  const take_plan plan;
};

/// Chunks that broadcasting has made larger than they were, than those of the indices and than weft chooses, are cut
/// along the other axes, of both alike.
void cut_broadcast(take_plan& p, const grid& x, const grid& indices) {
  constexpr std::int64_t index_bytes = 8;
  const auto bytes = [](const grid& g, std::int64_t item) {
    double b = static_cast<double>(item);
    for (std::size_t a = 0; a < g.rank; ++a) b *= static_cast<double>(std::max<std::int64_t>(g.axes[a].chunk, 1));
    return b;
  };
  const std::int64_t item = p.of.item;
  const double most =
      std::max({static_cast<double>(automatic_chunk_bytes), bytes(x, item), bytes(indices, index_bytes)});
  while (bytes(p.source, item) > most || bytes(p.chunks, std::max(item, index_bytes)) > most) {
    std::size_t longest = p.axis;
    for (std::size_t a = 0; a < p.source.rank; ++a)
      if (a != p.axis && (longest == p.axis || p.source.axes[a].chunk > p.source.axes[longest].chunk)) longest = a;
    if (longest == p.axis || p.source.axes[longest].chunk <= 1) return;
    const cut& c = p.source.axes[longest];
    const std::int64_t half = (c.chunk + 1) / 2;
    p.source.axes[longest] = p.chunks.axes[longest] = cut{c.extent, half, half};
  }
}
void check_picks(const take_plan& p, const grid& x, std::size_t axis, const grid& indices) {
  double picks = static_cast<double>(p.source.axes[p.axis].count());
  for (std::size_t a = 0; a < p.chunks.rank; ++a) picks *= static_cast<double>(p.chunks.axes[a].count());
  if (picks >= static_cast<double>(std::uint64_t{1} << 32))
    throw misuse("weft: indices of shape " + to_string(indices) + " along axis " + std::to_string(axis) +
                 " of an array of shape " + to_string(x) + ": 2^32 tasks or more: choose larger chunks");
}

void check_some(const grid& x, std::size_t axis, const grid& indices) {
  if (x.axes[axis].extent == 0)
    throw misuse("weft: indices of shape " + to_string(indices) + " along axis " + std::to_string(axis) +
                 " of an array of shape " + to_string(x) + ", which has no element there");
}

}  // namespace

array_ref taken_by(array_ref x, array_ref indices, std::int64_t along, const whole_axis* named) {
  const std::size_t axis = checked_axis(along, x->chunks);
  if (indices->chunks.rank != 1)
    throw misuse("weft: indices of shape " + to_string(indices->chunks) + " along axis " + std::to_string(axis) +
                 " of an array of shape " + to_string(x->chunks) +
                 ": give an array of one axis; for one of the array's axes there is take_along_axis");
  const client c = common_client(x->owner, indices->owner);
  if (indices->chunks.axes[0].extent == 0) return taken(std::move(x), {}, along);
  check_some(x->chunks, axis, indices->chunks);
  const element e = x->of;
  take_plan p{x->chunks, x->chunks, {}, {}, static_cast<std::uint32_t>(axis), false, e};
  p.named = named ? *named : whole_axis{x->chunks.whole(), p.axis};
  // As large as weft chooses chunks, or as those of x.
  grid own = indices->chunks;
  std::int64_t row = e.item;
  for (std::size_t a = 0; a < p.source.rank; ++a)
    if (a != axis) row *= std::max<std::int64_t>(p.source.axes[a].chunk, 1);
  const std::int64_t most = std::max(automatic_chunk_bytes / row, p.source.axes[axis].chunk);
  cut& length = own.axes[0];
  if (length.chunk > std::max<std::int64_t>(most, 1)) {
    const std::int64_t n = std::max<std::int64_t>(most, 1);
    length = {length.extent, n, n};
  }
  p.chunks.axes[axis] = length;
  check_picks(p, x->chunks, axis, indices->chunks);
  array_ref given = in_chunks(std::move(indices), own), source = in_chunks(std::move(x), p.source);
  return std::make_shared<const take_by_node>(c, e, std::move(source), std::move(given), std::move(p));
}

array_ref last_indices(array_ref indices, const grid& whole, std::size_t axis) {
  constexpr std::int64_t most = automatic_chunk_bytes / 16;  // sorted, an index is two numbers
  check_some(whole, axis, indices->chunks);
  take_plan p{{}, indices->chunks, weft::shape(0), {}, 0, false, element_of<std::int64_t>};
  p.source.rank = 1;
  p.source.axes[0] = whole.axes[axis];
  p.named = {whole.whole(), static_cast<std::uint32_t>(axis)};
  cut& own = p.chunks.axes[0];
  if (own.chunk > most) own = cut{own.extent, most, most};
  p.counts = weft::shape(own.count());
  check_picks(p, whole, axis, indices->chunks);
  const client c = indices->owner;
  indices = in_chunks(std::move(indices), p.chunks);
  return std::make_shared<const last_node>(c, std::move(indices), std::move(p));
}

array_ref taken_along(array_ref x, array_ref indices, std::int64_t along) {
  const grid own = x->chunks, given = indices->chunks;
  const std::size_t axis = checked_axis(along, own);
  bool fits = own.rank == given.rank;
  for (std::size_t a = 0; fits && a < own.rank; ++a) {
    const std::int64_t n = own.axes[a].extent, m = given.axes[a].extent;
    fits = a == axis || n == m || n == 1 || m == 1;
  }
  if (!fits)
    throw misuse("weft: indices of shape " + to_string(given) + " along axis " + std::to_string(axis) +
                 " of an array of shape " + to_string(own) +
                 ": give such as have as many axes, and broadcast to it along the others");
  const client c = common_client(x->owner, indices->owner);
  grid across = own, across_given = given;
  across.axes[axis] = across_given.axes[axis] = one_chunk(1);
  take_plan p{broadcast(across, across_given), {}, {}, {}, static_cast<std::uint32_t>(axis), true, x->of};
  p.chunks = p.source;
  p.source.axes[axis] = own.axes[axis];
  p.chunks.axes[axis] = given.axes[axis];
  p.named = {own.whole(), p.axis};
  if (p.chunks.whole().count() != 0) check_some(own, axis, given);
  cut_broadcast(p, own, given);
  check_picks(p, own, axis, given);
  const element e = x->of;
  x = in_chunks(broadcast_view(std::move(x), p.source), p.source);
  indices = in_chunks(broadcast_view(std::move(indices), p.chunks), p.chunks);
  return std::make_shared<const take_by_node>(c, e, std::move(x), std::move(indices), std::move(p));
}

}  // namespace weft::detail::arrays
