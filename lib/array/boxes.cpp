// Dependencies between the chunks of arrays.
#include "array/boxes.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace weft::detail::arrays {

namespace {

/// Ranges along all axes as intervals of row-major numbers: trailing axes that are taken as a whole are merged.
intervals numbers_in(const std::array<chunk_range, most_axes>& taken, const coordinates& counts, std::size_t rank) {
  for (std::size_t a = 0; a < rank; ++a)
    if (taken[a].last < taken[a].first) return {};
  std::size_t inner = rank;  // the axes from here on are one run
  std::int64_t run = 1;
  while (inner > 0) {
    --inner;
    const bool whole = taken[inner].first == 0 && taken[inner].last == counts[inner] - 1;
    if (!whole) break;
    run *= counts[inner];
  }
  if (rank == 0) return interval{0, 0};
  // Axis `inner` is the first from behind that is not whole, or 0.
  const bool all = taken[inner].first == 0 && taken[inner].last == counts[inner] - 1;
  if (all) return interval{0, static_cast<std::size_t>(run) - 1};
  intervals found;
  coordinates at{}, outer{};
  for (std::size_t a = 0; a < inner; ++a) outer[a] = taken[a].last - taken[a].first + 1;
  do {
    std::int64_t n = 0;
    for (std::size_t a = 0; a < inner; ++a) n = n * counts[a] + taken[a].first + at[a];
    n *= counts[inner];
    found.add({static_cast<std::size_t>((n + taken[inner].first) * run),
               static_cast<std::size_t>((n + taken[inner].last + 1) * run) - 1});
  } while (advance(at, outer, inner));
  return found;
}

/// The inverse of `of`, whose ranges move in one direction.
void invert(box_axis& x) {
  x.readers.assign(static_cast<std::size_t>(x.count), chunk_range{0, -1});
  for (std::size_t t = 0; t < x.of.size(); ++t)
    for (std::int64_t c = x.of[t].first; c <= x.of[t].last; ++c) {
      chunk_range& r = x.readers[static_cast<std::size_t>(c)];
      if (r.last < r.first) r.first = static_cast<std::int64_t>(t);
      r.last = static_cast<std::int64_t>(t);
    }
}

void put_ranges(encoder& e, const std::vector<chunk_range>& all) {
  e.put_count(all.size());
  for (const chunk_range& r : all) {  // an empty one as none
    e.put_count(static_cast<std::uint64_t>(r.first));
    e.put_count(static_cast<std::uint64_t>(r.last < r.first ? 0 : r.last - r.first + 1));
  }
}
/// So many ranges, of chunks or tasks below `end`.
std::vector<chunk_range> take_ranges(decoder& d, std::int64_t wanted, std::int64_t end) {
  constexpr const char* what = "which chunks tasks take";
  const std::uint64_t n = d.take_count(what);
  if (n != static_cast<std::uint64_t>(wanted) || n > d.left() / 2) d.fail(what, "they are those of other tasks");
  std::vector<chunk_range> all;
  all.reserve(static_cast<std::size_t>(n));
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t first = d.take_count(what), count = d.take_count(what);
    const auto last = static_cast<std::uint64_t>(end);
    if (first > last || count > last - first) d.fail(what, "there are no such chunks");
    all.push_back(count == 0
                      ? chunk_range{0, -1}
                      : chunk_range{static_cast<std::int64_t>(first), static_cast<std::int64_t>(first + count) - 1});
  }
  return all;
}

/// Whether two axes of the source move along one of the tasks, as those of a diagonal do: chunks that are beside the
/// places where both are together have no reader then.
bool is_diagonal(const box_table& t) {
  for (std::size_t s = 1; s < t.axes.size(); ++s)
    for (std::size_t before = 0; before < s; ++before)
      if (t.axes[s].axis >= 0 && t.axes[s].axis == t.axes[before].axis && t.axes[s].count > 1 &&
          t.axes[before].count > 1)
        return true;
  return false;
}

bool is_complete(const box_table& t) {
  return !is_diagonal(t) && std::all_of(t.axes.begin(), t.axes.end(), [](const box_axis& x) {
    return x.axis < 0
               ? x.count == 1
               : std::all_of(
                     x.readers.begin(), x.readers.end(), [](const chunk_range& r) { return r.last >= r.first; });
  });
}

}  // namespace

box box::all_of(const grid& g) {
  box b{weft::shape::of_rank(g.rank), weft::shape::of_rank(g.rank)};
  for (std::size_t a = 0; a < g.rank; ++a) b.counts[a] = g.axes[a].count();
  return b;
}

coordinates place_in_box(std::size_t j, const weft::shape& first, const weft::shape& counts) noexcept {
  coordinates along{};
  for (std::size_t a = 0; a < counts.size(); ++a) along[a] = counts[a];
  coordinates at = place_of(j, along, counts.size());
  for (std::size_t a = 0; a < counts.size(); ++a) at[a] += first[a];
  return at;
}

bool is_box_of(const grid& g, const weft::shape& first, const weft::shape& counts) noexcept {
  if (first.size() != g.rank || counts.size() != g.rank) return false;
  for (std::size_t a = 0; a < g.rank; ++a)
    if (counts[a] < 1 || first[a] < 0 || first[a] > g.axes[a].count() - counts[a]) return false;
  return true;
}

void weft_encode(encoder& e, const box_table& t) {
  e.put_count(t.rank);
  for (std::size_t a = 0; a < t.rank; ++a) e.put_count(static_cast<std::uint64_t>(t.counts[a]));
  e.put_count(t.axes.size());
  for (const box_axis& x : t.axes) {
    e.put_count(static_cast<std::uint64_t>(x.count));
    e.put_count(static_cast<std::uint64_t>(x.axis + 1));
    put_ranges(e, x.of);
    put_ranges(e, x.readers);
  }
  weft::encode(e, t.complete);
}
box_table weft_decode(decoder& d, std::type_identity<box_table>) {
  constexpr const char* what = "which chunks tasks take";
  constexpr std::uint64_t most = std::uint64_t{1} << 32;  // tasks of a layer
  box_table t;
  const auto take_counts = [&](std::uint64_t& all) {
    const std::uint64_t n = d.take_count(what);
    if (n < 1 || n > most || (all *= n) > most) d.fail(what, "their numbers are impossible");
    return static_cast<std::int64_t>(n);
  };
  const std::uint64_t rank = d.take_count(what);
  if (rank > most_axes) d.fail(what, "the tasks have more than 8 axes");
  t.rank = static_cast<std::uint32_t>(rank);
  std::uint64_t tasks = 1, chunks = 1;
  for (std::size_t a = 0; a < t.rank; ++a) t.counts[a] = take_counts(tasks);
  const std::uint64_t axes = d.take_count(what);
  if (axes > most_axes) d.fail(what, "the chunks have more than 8 axes");
  for (std::uint64_t s = 0; s < axes; ++s) {
    box_axis x;
    x.count = take_counts(chunks);
    const std::uint64_t axis = d.take_count(what);
    if (axis > t.rank) d.fail(what, "the tasks have no such axis");
    x.axis = static_cast<std::int32_t>(axis) - 1;
    const std::int64_t along = x.axis < 0 ? 1 : t.counts[static_cast<std::size_t>(x.axis)];
    x.of = take_ranges(d, along, x.count);
    x.readers = take_ranges(d, x.axis < 0 ? 0 : x.count, along);
    t.axes.push_back(std::move(x));
  }
  t.complete = weft::decode<bool>(d);
  return t;
}

intervals boxes::of(std::size_t j) const {
  const box_table& t = *table;
  const coordinates at = place_of(j, t.counts, t.rank);
  std::array<chunk_range, most_axes> taken{};
  coordinates counts{};
  for (std::size_t s = 0; s < t.axes.size(); ++s) {
    const box_axis& x = t.axes[s];
    taken[s] = x.of[x.axis < 0 ? 0 : static_cast<std::size_t>(at[static_cast<std::size_t>(x.axis)])];
    counts[s] = x.count;
  }
  return numbers_in(taken, counts, t.axes.size());
}

intervals boxes::dependents(std::size_t i) const {
  const box_table& t = *table;
  coordinates counts{};
  for (std::size_t s = 0; s < t.axes.size(); ++s) counts[s] = t.axes[s].count;
  const coordinates at = place_of(i, counts, t.axes.size());
  std::array<chunk_range, most_axes> readers{};
  for (std::size_t a = 0; a < t.rank; ++a) readers[a] = {0, t.counts[a] - 1};
  for (std::size_t s = 0; s < t.axes.size(); ++s) {
    const box_axis& x = t.axes[s];
    if (x.axis < 0) {
      if (at[s] < x.of[0].first || at[s] > x.of[0].last) return {};
      continue;
    }
    chunk_range& r = readers[static_cast<std::size_t>(x.axis)];
    const chunk_range& own = x.readers[static_cast<std::size_t>(at[s])];
    r = {std::max(r.first, own.first), std::min(r.last, own.last)};
  }
  return numbers_in(readers, t.counts, t.rank);
}

box box_read(const load& l, const grid& domain, const box& of) {
  box found{weft::shape::of_rank(l.source.rank), weft::shape::of_rank(l.source.rank)};
  for (std::size_t s = 0; s < l.source.rank; ++s) {
    const axis_map& m = l.map.axes[s];
    std::int64_t begin = 0, extent = 1;
    if (m.axis >= 0) {
      const auto a = static_cast<std::size_t>(m.axis);
      begin = domain.axes[a].first(of.first[a]);
      extent = domain.axes[a].end(of.first[a] + of.counts[a] - 1) - begin;
    }
    const chunk_range read = chunks_read(l.source.axes[s], m, begin, extent);
    found.first[s] = read.first;
    found.counts[s] = read.last - read.first + 1;
  }
  return found;
}

boxes dependency_on(const load& l, const grid& domain, const box& of, const box& from) {
  box_table t;
  t.rank = domain.rank;
  for (std::size_t a = 0; a < domain.rank; ++a) t.counts[a] = of.counts[a];
  for (std::size_t s = 0; s < l.source.rank; ++s) {
    const axis_map& m = l.map.axes[s];
    box_axis x{from.counts[s], m.axis, {}, {}};
    const auto a = static_cast<std::size_t>(m.axis);
    for (std::int64_t c = 0; c < (m.axis < 0 ? 1 : of.counts[a]); ++c) {
      const cut* axis = m.axis < 0 ? nullptr : &domain.axes[a];
      const std::int64_t at = axis ? of.first[a] + c : 0;
      const chunk_range r = chunks_read(l.source.axes[s], m, axis ? axis->first(at) : 0, axis ? axis->size(at) : 1);
      x.of.push_back({r.first - from.first[s], r.last - from.first[s]});
    }
    if (m.axis >= 0) invert(x);
    t.axes.push_back(std::move(x));
  }
  t.complete = is_complete(t);
  return {shared<box_table>(std::move(t))};
}

boxes moved(const box& of, const box& from, const coordinates& by) {
  box_table t;
  t.rank = static_cast<std::uint32_t>(of.counts.size());
  for (std::size_t a = 0; a < t.rank; ++a) {
    const std::int64_t n = from.counts[a];
    box_axis x{n, static_cast<std::int32_t>(a), {}, {}};
    for (std::int64_t c = 0; c < of.counts[a]; ++c) {
      const std::int64_t at = of.first[a] + c + by[a] - from.first[a];
      x.of.push_back(at < 0 || at >= n ? chunk_range{0, -1} : chunk_range{at, at});
    }
    t.counts[a] = of.counts[a];
    invert(x);
    t.axes.push_back(std::move(x));
  }
  t.complete = of.first == from.first && of.counts == from.counts && by == coordinates{};
  return {shared<box_table>(std::move(t))};
}

std::vector<std::uint32_t> turns_by(const grid& source, const grid& chunks, const box& of) {
  const coordinates sources = source.counts();
  std::vector<std::pair<std::size_t, std::uint32_t>> order;  // the chunk of the source, and the task
  for (std::size_t j = 0; j < of.tasks(); ++j) {
    coordinates at = place_in_box(j, of.first, of.counts);
    for (std::size_t a = 0; a < chunks.rank; ++a) at[a] = source.axes[a].of(chunks.axes[a].first(at[a]));
    order.emplace_back(number_of(at, sources, chunks.rank), static_cast<std::uint32_t>(j));
  }
  if (std::is_sorted(order.begin(), order.end())) return {};
  std::sort(order.begin(), order.end());
  std::vector<std::uint32_t> turns(order.size());
  for (std::size_t turn = 0; turn < order.size(); ++turn)
    turns[order[turn].second] = static_cast<std::uint32_t>(turn);
  return turns;
}

boxes grouped(const box& from, const coordinates& groups, box& tasks) {
  box_table t;
  const std::size_t rank = from.counts.size();
  t.rank = static_cast<std::uint32_t>(rank);
  tasks = {weft::shape::of_rank(rank), weft::shape::of_rank(rank)};
  for (std::size_t a = 0; a < rank; ++a) {
    const std::int64_t n = from.counts[a];
    box_axis x{n, static_cast<std::int32_t>(a), {}, {}};
    for (std::int64_t c = 0; c < n; c += groups[a]) x.of.push_back({c, std::min(n, c + groups[a]) - 1});
    tasks.first[a] = groups[a] == 1 ? from.first[a] : 0;
    tasks.counts[a] = t.counts[a] = static_cast<std::int64_t>(x.of.size());
    invert(x);
    t.axes.push_back(std::move(x));
  }
  t.complete = true;
  return {shared<box_table>(std::move(t))};
}

}  // namespace weft::detail::arrays
