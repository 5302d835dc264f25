#include "array/reading.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "array/copy.hpp"

namespace weft::detail::arrays {

namespace {

/// Index k of a segment, as an axis of a source sees it: first + step * k.
struct line {
  std::int64_t first, step;
};
line line_of(const axis_map& m, const segment& s) noexcept {
  return {m.start + m.step * s.from, m.step * s.from_step};
}

bool is_bound(const axis_map& m, std::size_t axis) noexcept { return m.axis == static_cast<std::int32_t>(axis); }

/// How many elements from x on, by steps of that, lie in one chunk.
std::int64_t count_in_chunk(const cut& c, std::int64_t x, std::int64_t step) noexcept {
  const std::int64_t chunk = c.of(x);
  if (step > 0) return (c.end(chunk) - 1 - x) / step + 1;
  if (step < 0) return (x - c.first(chunk)) / -step + 1;
  return std::numeric_limits<std::int64_t>::max();
}

void check_inside(const cut& c, const line& l, std::int64_t count) {
  const std::int64_t last = l.first + l.step * (count - 1);
  if (std::min(l.first, last) < 0 || std::max(l.first, last) >= c.extent)
    throw std::logic_error("weft: a task of an array reads elements that are not there");
}

/// Segments cut where the chunk of some axis of the source ends.
std::vector<segment> cells_along(const view_map& map, const grid& source, std::size_t axis,
                                 const std::vector<segment>& runs) {
  std::vector<segment> cells;
  for (const segment& r : runs) {
    for (std::int64_t k = 0; k < r.count;) {
      std::int64_t n = r.count - k;
      for (std::size_t s = 0; s < source.rank; ++s) {
        if (!is_bound(map.axes[s], axis)) continue;
        const line l = line_of(map.axes[s], r);
        n = std::min(n, count_in_chunk(source.axes[s], l.first + l.step * k, l.step));
      }
      cells.push_back({r.to + r.to_step * k, r.to_step, n, r.from + r.from_step * k, r.from_step});
      k += n;
    }
  }
  return cells;
}

coordinates steps_of(const weft::shape& extents, std::uint32_t item) noexcept {
  coordinates steps{};
  std::int64_t step = item;
  for (std::size_t a = extents.size(); a-- > 0;) {
    steps[a] = step;
    step *= extents[a];
  }
  return steps;
}

}  // namespace

std::vector<segment> segments_of(std::span<const std::int64_t> indices, std::int64_t to) {
  std::vector<segment> found;
  const auto n = static_cast<std::int64_t>(indices.size());
  const auto at = [&](std::int64_t i) { return indices[static_cast<std::size_t>(i)]; };
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t step = i + 1 < n ? at(i + 1) - at(i) : 1;
    std::int64_t end = i + 1;
    while (end < n && at(end) - at(end - 1) == step) ++end;
    found.push_back({to + i, 1, end - i, at(i), step});
    i = end;
  }
  return found;
}

std::vector<segment> segments_to(std::span<const std::int64_t> indices) {
  struct move {
    std::int64_t to, from;
  };
  std::vector<move> moves;
  for (std::size_t k = 0; k < indices.size(); ++k) moves.push_back({indices[k], static_cast<std::int64_t>(k)});
  std::sort(moves.begin(), moves.end(),
            [](const move& a, const move& b) { return a.to != b.to ? a.to < b.to : a.from > b.from; });
  moves.erase(std::unique(moves.begin(), moves.end(), [](const move& a, const move& b) { return a.to == b.to; }),
              moves.end());
  std::vector<segment> found;
  for (std::size_t i = 0; i < moves.size();) {
    segment s{moves[i].to, 1, 1, moves[i].from, 1};
    const auto goes_on = [&](const move& m) {
      return m.to == s.to + s.to_step * s.count && m.from == s.from + s.from_step * s.count;
    };
    if (i + 1 < moves.size()) {
      s.to_step = moves[i + 1].to - s.to;
      s.from_step = moves[i + 1].from - s.from;
    }
    while (++i < moves.size() && goes_on(moves[i])) ++s.count;
    found.push_back(s);
  }
  return found;
}

index_range range_of(const window& w, const grid& tasks, const coordinates& at) noexcept {
  if (w.axis < 0) return {0, w.extent};
  const auto t = static_cast<std::size_t>(w.axis);
  const std::int64_t first = tasks.axes[t].first(at[t]), end = std::max(first, tasks.axes[t].end(at[t]));
  if (w.clipped) return {std::max<std::int64_t>(0, first - w.before), std::min(w.extent, end + w.after)};
  return {first, end + w.before + w.after};
}

reading reading_of(const view_map& map, const grid& source, std::uint32_t item, const grid& whole) {
  reading r{map, source, item};
  for (std::uint32_t a = 0; a < whole.rank; ++a) {
    const std::int64_t n = whole.axes[a].extent;
    r.axes.push_back({{0, 1, n, 0, 1}});
    r.windows.push_back({static_cast<std::int32_t>(a), n});
  }
  return r;
}

const char* why_wrong(const reading& r, const grid& tasks) noexcept {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  constexpr std::uint32_t most_item = 4096;
  const auto fits = [](std::int64_t x) { return x >= -most && x <= most; };
  const auto along = [&](std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t& last) {
    return fits(first) && fits(step) && !__builtin_mul_overflow(step, count - 1, &last) &&
           !__builtin_add_overflow(first, last, &last) && fits(last);
  };
  const std::size_t rank = r.axes.size();
  if (r.item < 1 || r.item > most_item) return "its elements have an impossible size";
  if (rank > most_axes || r.windows.size() != rank || r.map.rank != r.source.rank) return "its ranks do not fit";
  for (std::size_t s = 0; s < r.map.rank; ++s) {
    const axis_map& m = r.map.axes[s];
    if (m.axis < -1 || m.axis >= static_cast<std::int32_t>(rank)) return "a view has no such axis";
    if (m.axis < 0 && (m.start < 0 || m.start >= std::max<std::int64_t>(r.source.axes[s].extent, 1)))
      return "a view is larger than its source";
  }
  for (std::size_t a = 0; a < rank; ++a) {
    const window& w = r.windows[a];
    constexpr std::int64_t most_halo = std::int64_t{1} << 40;
    if (w.axis < -1 || w.axis >= static_cast<std::int32_t>(tasks.rank) || w.extent < 0 || w.extent > most ||
        w.before < 0 || w.before > most_halo || w.after < 0 || w.after > most_halo)
      return "a window is impossible";
    for (const segment& g : r.axes[a]) {
      std::int64_t last = 0;
      if (g.count < 0 || g.count > most || g.to_step < 1 || g.to < 0) return "a segment is impossible";
      if (g.count == 0) continue;
      if (!along(g.to, g.to_step, g.count, last) || !along(g.from, g.from_step, g.count, last))
        return "a segment is impossible";
      const std::int64_t ends[] = {g.from, last};
      for (std::size_t s = 0; s < r.map.rank; ++s) {
        const axis_map& m = r.map.axes[s];
        if (!is_bound(m, a)) continue;
        for (const std::int64_t e : ends) {
          std::int64_t x = 0;
          if (__builtin_mul_overflow(m.step, e, &x) || __builtin_add_overflow(x, m.start, &x) || x < 0 ||
              x >= r.source.axes[s].extent)
            return "a segment is larger than its source";
        }
      }
    }
  }
  return nullptr;
}

std::vector<segment> runs_in(std::span<const segment> along, index_range r) {
  std::vector<segment> found;
  // The first whose last index is in the range, or behind it.
  auto at = std::partition_point(along.begin(), along.end(),
                                 [&](const segment& s) { return s.to + s.to_step * (s.count - 1) < r.begin; });
  for (; at != along.end() && at->to < r.end; ++at) {
    const std::int64_t first = at->to >= r.begin ? 0 : (r.begin - at->to + at->to_step - 1) / at->to_step;
    const std::int64_t end = std::min(at->count, (r.end - at->to + at->to_step - 1) / at->to_step);
    if (first >= end) continue;
    found.push_back({at->to + at->to_step * first - r.begin, at->to_step, end - first,
                     at->from + at->from_step * first, at->from_step});
  }
  return found;
}

run_lists runs_of(const reading& r, const grid& tasks, const coordinates& at) {
  run_lists runs;
  for (std::size_t a = 0; a < r.axes.size(); ++a)
    runs.push_back(runs_in(r.axes[a], range_of(r.windows[a], tasks, at)));
  return runs;
}

namespace {

std::vector<std::int64_t> chunks_along(const axis_map& m, const cut& c, const std::vector<segment>* runs) {
  if (!runs) return {c.of(m.start)};
  std::vector<std::int64_t> found;
  for (const segment& g : *runs) {
    const line l = line_of(m, g);
    check_inside(c, l, g.count);
    for (std::int64_t k = 0; k < g.count;) {
      const std::int64_t x = l.first + l.step * k, chunk = c.of(x);
      if (found.empty() || found.back() != chunk) found.push_back(chunk);
      k += std::min(g.count - k, count_in_chunk(c, x, l.step));
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

bool nothing(const run_lists& runs) {
  return std::any_of(runs.begin(), runs.end(), [](const auto& along) { return along.empty(); });
}

}  // namespace

chunk_lists chunks_of(const view_map& map, const grid& source, const run_lists& runs) {
  chunk_lists lists(source.rank);
  if (nothing(runs)) {  // an axis of nothing may be one that the source has not
    if (source.rank == 0) lists.emplace_back();
    return lists;
  }
  for (std::size_t s = 0; s < source.rank; ++s) {
    const axis_map& m = map.axes[s];
    lists[s] = chunks_along(m, source.axes[s], m.axis < 0 ? nullptr : &runs[static_cast<std::size_t>(m.axis)]);
  }
  return lists;
}

std::size_t count_of(const chunk_lists& lists) noexcept {
  std::size_t n = 1;
  for (const auto& l : lists) n *= l.size();
  return n;
}

void copy_runs(const view_map& map, const grid& source, std::uint32_t item, const run_lists& runs,
               const chunk_lists& lists, values<block> blocks, std::byte* to, std::span<const std::ptrdiff_t> steps) {
  if (blocks.size() != count_of(lists))
    throw std::logic_error("weft: a task of an array was given another number of chunks than it reads");
  if (nothing(runs)) return;
  const std::size_t rank = runs.size();
  run_lists cells;
  coordinates counts{}, at{};
  for (std::size_t a = 0; a < rank; ++a) {
    cells.push_back(cells_along(map, source, a, runs[a]));
    counts[a] = static_cast<std::int64_t>(cells[a].size());
  }
  do {
    std::array<std::size_t, most_axes> extents{};
    std::array<std::ptrdiff_t, most_axes> to_steps{}, from_steps{};
    std::ptrdiff_t offset = 0;
    for (std::size_t a = 0; a < rank; ++a) {
      const segment& cell = cells[a][static_cast<std::size_t>(at[a])];
      extents[a] = static_cast<std::size_t>(cell.count);
      to_steps[a] = cell.to_step * steps[a];
      offset += cell.to * steps[a];
    }
    std::size_t number = 0;
    coordinates within{};
    weft::shape expected = weft::shape::of_rank(source.rank);
    for (std::size_t s = 0; s < source.rank; ++s) {
      const axis_map& m = map.axes[s];
      const std::int64_t x = m.axis < 0
                                 ? m.start
                                 : line_of(m, cells[static_cast<std::size_t>(m.axis)]
                                                   [static_cast<std::size_t>(at[static_cast<std::size_t>(m.axis)])])
                                       .first;
      const std::int64_t chunk = source.axes[s].of(x);
      const auto place = std::lower_bound(lists[s].begin(), lists[s].end(), chunk) - lists[s].begin();
      number = number * lists[s].size() + static_cast<std::size_t>(place);
      within[s] = x - source.axes[s].first(chunk);
      expected[s] = source.axes[s].size(chunk);
    }
    const block& b = blocks[number];
    if (b.of().item != item || b.extents() != expected)
      throw std::logic_error("weft: a task of an array was given a chunk of another shape than it reads");
    const coordinates own = steps_of(expected, item);
    std::ptrdiff_t first = 0;
    for (std::size_t s = 0; s < source.rank; ++s) {
      const axis_map& m = map.axes[s];
      first += within[s] * own[s];
      if (m.axis < 0) continue;
      const auto a = static_cast<std::size_t>(m.axis);
      from_steps[a] += m.step * cells[a][static_cast<std::size_t>(at[a])].from_step * own[s];
    }
    for (std::size_t a = 0; a < rank; ++a)
      if (extents[a] == 1) to_steps[a] = from_steps[a] = 0;
    copy_box(to + offset, {to_steps.data(), rank}, b.bytes().data() + first, {from_steps.data(), rank},
             {extents.data(), rank}, item);
  } while (advance(at, counts, rank));
}

void copy_reading(const reading& r, const run_lists& runs, values<block> blocks, std::byte* to,
                  const weft::shape& extents) {
  const coordinates own = steps_of(extents, r.item);
  std::array<std::ptrdiff_t, most_axes> steps{};
  for (std::size_t a = 0; a < extents.size(); ++a) steps[a] = own[a];
  copy_runs(r.map, r.source, r.item, runs, chunks_of(r.map, r.source, runs), blocks, to,
            {steps.data(), extents.size()});
}

void needs_table::add(const chunk_lists& lists, const box& from) {
  const std::size_t rank = lists.size(), axes = from.counts.size();
  coordinates counts{}, at{};
  bool any = true;
  for (std::size_t s = 0; s < rank; ++s) {
    counts[s] = static_cast<std::int64_t>(lists[s].size());
    any = any && counts[s] != 0;
  }
  const std::size_t begin = all.size();
  if (any) {
    do {
      std::size_t n = 0;
      for (std::size_t s = 0; s < axes; ++s)
        n = n * static_cast<std::size_t>(from.counts[s]) +
            static_cast<std::size_t>(lists[s][static_cast<std::size_t>(at[s])] - from.first[s]);
      if (all.size() > begin && all.back().last + 1 == n)
        all.back().last = n;
      else
        all.push_back({n, n});
    } while (advance(at, counts, rank));
  }
  begins.push_back(all.size());
}

void weft_encode(encoder& e, const needs_table& t) {
  weft::encode(e, t.begins);
  e.put_count(t.all.size());
  for (const interval& i : t.all) {
    e.put_count(i.first);
    e.put_count(i.last);
  }
}
needs_table weft_decode(decoder& d, std::type_identity<needs_table>) {
  constexpr const char* what = "what tasks need";
  constexpr std::uint64_t most = std::uint64_t{1} << 32;  // tasks of a layer
  needs_table t;
  t.begins = weft::decode<std::vector<std::size_t>>(d);
  const std::uint64_t n = d.take_count(what);
  if (n > d.left() / 2) d.fail(what, "there are more intervals than bytes for them");
  t.all.reserve(static_cast<std::size_t>(n));
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t first = d.take_count(what), last = d.take_count(what);
    if (first > last || last >= most) d.fail(what, "an interval is impossible");
    t.all.push_back({static_cast<std::size_t>(first), static_cast<std::size_t>(last)});
  }
  if (t.begins.empty() || t.begins.front() != 0 || t.begins.back() != t.all.size() ||
      !std::is_sorted(t.begins.begin(), t.begins.end()))
    d.fail(what, "its intervals are those of other tasks");
  return t;
}

namespace {

/// The chunks of axis s that each task reads, by its coordinate along the axis on which that depends, counted from
/// the box's first; one entry where it depends on none.
std::vector<std::vector<std::int64_t>> chunks_by_task(const reading& r, std::size_t s, const grid& tasks,
                                                      const box& of) {
  const axis_map& m = r.map.axes[s];
  const cut& c = r.source.axes[s];
  if (m.axis < 0) return {chunks_along(m, c, nullptr)};
  const auto a = static_cast<std::size_t>(m.axis);
  const window& w = r.windows[a];
  std::vector<std::vector<std::int64_t>> found;
  coordinates at{};
  for (std::int64_t i = 0; i < (w.axis < 0 ? 1 : of.counts[static_cast<std::size_t>(w.axis)]); ++i) {
    if (w.axis >= 0) at[static_cast<std::size_t>(w.axis)] = of.first[static_cast<std::size_t>(w.axis)] + i;
    const std::vector<segment> runs = runs_in(r.axes[a], range_of(w, tasks, at));
    found.push_back(chunks_along(m, c, &runs));
  }
  return found;
}

}  // namespace

needs needs_of(const reading& r, const grid& tasks, const box& of, const box& from) {
  const std::size_t rank = r.source.rank;
  std::vector<std::vector<std::vector<std::int64_t>>> by_task;
  for (std::size_t s = 0; s < rank; ++s) by_task.push_back(chunks_by_task(r, s, tasks, of));
  // Axes of the domain that no axis of the source is bound to may still leave a task nothing.
  std::vector<std::size_t> unbound;
  for (std::size_t a = 0; a < r.axes.size(); ++a)
    if (std::none_of(r.map.axes.begin(), r.map.axes.begin() + r.map.rank,
                     [&](const axis_map& m) { return is_bound(m, a); }))
      unbound.push_back(a);
  needs_table t;
  coordinates counts{}, at{}, place{};
  for (std::size_t a = 0; a < tasks.rank; ++a) counts[a] = of.counts[a];
  do {
    for (std::size_t a = 0; a < tasks.rank; ++a) place[a] = of.first[a] + at[a];
    const bool any = std::all_of(unbound.begin(), unbound.end(), [&](std::size_t a) {
      return !runs_in(r.axes[a], range_of(r.windows[a], tasks, place)).empty();
    });
    chunk_lists lists(any ? rank : std::max<std::size_t>(rank, 1));
    for (std::size_t s = 0; any && s < rank; ++s) {
      const std::int32_t domain = r.map.axes[s].axis;
      const std::int32_t task = domain < 0 ? -1 : r.windows[static_cast<std::size_t>(domain)].axis;
      lists[s] = by_task[s][task < 0 ? 0 : static_cast<std::size_t>(at[static_cast<std::size_t>(task)])];
    }
    t.add(lists, from);
  } while (advance(at, counts, tasks.rank));
  return {shared<needs_table>(std::move(t))};
}

box box_read(const reading& r, const grid& tasks, const box& of) {
  const std::size_t rank = r.source.rank;
  box found{weft::shape::of_rank(rank), weft::shape::of_rank(rank)};
  for (std::size_t s = 0; s < rank; ++s) {
    std::int64_t first = std::numeric_limits<std::int64_t>::max(), last = -1;
    for (const auto& list : chunks_by_task(r, s, tasks, of)) {
      if (list.empty()) continue;
      first = std::min(first, list.front());
      last = std::max(last, list.back());
    }
    found.first[s] = last < 0 ? 0 : first;
    found.counts[s] = last < 0 ? 1 : last - first + 1;
  }
  return found;
}

}  // namespace weft::detail::arrays
