#include "array/reshape.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "array/rechunk.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::int64_t product(std::span<const std::int64_t> all) noexcept {
  std::int64_t n = 1;
  for (const std::int64_t x : all) n *= x;
  return n;
}
std::span<const std::int64_t> extents_from(const weft::shape& s, std::uint32_t first, std::uint32_t count) noexcept {
  return {s.begin() + first, count};
}

void add_boxes(std::int64_t begin, std::int64_t end, std::span<const std::int64_t> extents, std::size_t axis,
               axes_box at, std::vector<axes_box>& found) {
  if (begin == end) return;
  if (axis == extents.size()) return found.push_back(at);
  const std::int64_t inner = product(extents.subspan(axis + 1));
  std::int64_t first = begin / inner;
  const std::int64_t last = end / inner;
  const auto one = [&](std::int64_t row, std::int64_t from, std::int64_t to) {
    at.first[axis] = row;
    at.extents[axis] = 1;
    add_boxes(from, to, extents, axis + 1, at, found);
  };
  if (first == last) return one(first, begin - first * inner, end - first * inner);
  if (begin != first * inner) {
    one(first, begin - first * inner, inner);
    ++first;
  }
  if (first != last) {
    axes_box all = at;
    all.first[axis] = first;
    all.extents[axis] = last - first;
    for (std::size_t a = axis + 1; a < extents.size(); ++a) {
      all.first[a] = 0;
      all.extents[a] = extents[a];
    }
    found.push_back(all);
  }
  if (end != last * inner) one(last, 0, end - last * inner);
}

/// The numbers of a group's elements from the first of one chunk to the last of another.
index_range numbers_of(const axis_group& g, const grid& chunks, const coordinates& first, const coordinates& last) {
  std::int64_t begin = 0, end = 0;
  for (std::uint32_t a = g.to; a < g.to + g.to_count; ++a) {
    const cut& c = chunks.axes[a];
    begin = begin * c.extent + c.first(first[a]);
    end = end * c.extent + c.end(last[a]) - 1;
  }
  return {begin, end + 1};
}

/// The boxes of each group.
std::vector<std::vector<axes_box>> boxes_by_group(const std::vector<axis_group>& groups, const weft::shape& from,
                                                  const grid& chunks, const coordinates& first,
                                                  const coordinates& last) {
  std::vector<std::vector<axes_box>> all;
  for (const axis_group& g : groups) {
    const index_range r = numbers_of(g, chunks, first, last);
    all.push_back(boxes_of(r.begin, r.end, extents_from(from, g.from, g.from_count)));
  }
  return all;
}

/// Along each axis of what is reshaped, the ranges of some boxes.
run_lists ranges_of(const std::vector<axis_group>& groups, const std::vector<std::vector<axes_box>>& boxes,
                    std::size_t rank) {
  run_lists ranges(rank);
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const axes_box& b : boxes[g])
      for (std::uint32_t a = 0; a < groups[g].from_count; ++a)
        ranges[groups[g].from + a].push_back({0, 1, b.extents[a], b.first[a], 1});
  return ranges;
}

struct reshape_node final : layered_node {
  reshape_node(client c, element e, const grid& g, operand o, const weft::shape& s)
      : layered_node(std::move(c), e, g, {std::move(o)}), from(s), groups(groups_of(s, g.whole())) {}

  bool spell(encoder& e) const override {
    weft::encode(e, from);
    return true;
  }
  chunk_lists lists_of(const coordinates& first, const coordinates& last) const {
    const operand& o = operands.front();
    return chunks_of(o.map, o.node->chunks,
                     ranges_of(groups, boxes_by_group(groups, from, chunks, first, last), from.size()));
  }
  box reads(std::size_t, const box& tasks) const override {
    coordinates first{}, last{};
    for (std::size_t a = 0; a < chunks.rank; ++a) {
      first[a] = tasks.first[a];
      last[a] = tasks.first[a] + tasks.counts[a] - 1;
    }
    const std::size_t rank = operands.front().node->chunks.rank;
    box b{weft::shape::of_rank(rank), weft::shape::of_rank(rank)};
    const chunk_lists lists = lists_of(first, last);
    for (std::size_t s = 0; s < rank; ++s) {
      b.first[s] = lists[s].front();
      b.counts[s] = lists[s].back() - lists[s].front() + 1;
    }
    return b;
  }
  layer<block> lay(const box& tasks, std::span<const layer<block>> in, std::span<const box> read) const override {
    needs_table table;
    coordinates counts{}, at{};
    for (std::size_t a = 0; a < chunks.rank; ++a) counts[a] = tasks.counts[a];
    do {
      coordinates place{};
      for (std::size_t a = 0; a < chunks.rank; ++a) place[a] = tasks.first[a] + at[a];
      table.add(lists_of(place, place), read[0]);
    } while (advance(at, counts, chunks.rank));
    const operand& o = operands.front();
    const shared<reshape_plan> plan(reshape_plan{chunks, tasks.first, tasks.counts, from, o.map, o.node->chunks, of});
    return layer_of(tasks.tasks(), reshape_task{plan},
                    weft::from(in[0], needs{shared<needs_table>(std::move(table))}));
  }

  const weft::shape from;
  const std::vector<axis_group> groups;
};

/// An axis of so many elements in chunks of so many.
cut cut_into(std::int64_t extent, std::int64_t chunk) noexcept {
  const std::int64_t n = std::clamp<std::int64_t>(chunk, 1, std::max<std::int64_t>(extent, 1));
  return {extent, n, n};
}

/// Chunks of the result that have about as many elements as those of what is reshaped, each a range within its group.
grid chunks_for(const std::vector<axis_group>& groups, const grid& from, const weft::shape& to) {
  grid g;
  g.rank = static_cast<std::uint32_t>(to.size());
  for (const axis_group& group : groups) {
    if (group.from_count == 1 && group.to_count == 1) {
      g.axes[group.to] = from.axes[group.from];
      continue;
    }
    std::int64_t elements = 1;
    for (std::uint32_t a = group.from; a < group.from + group.from_count; ++a)
      elements *= std::min(from.axes[a].chunk, from.axes[a].extent);
    for (std::uint32_t a = group.to + group.to_count; a-- > group.to;) {
      g.axes[a] = cut_into(to[a], elements);
      elements = g.axes[a].chunk == to[a] ? elements / to[a] : 1;
    }
  }
  return g;
}

/// Whether each chunk is a range of its group's numbers: before an axis that is cut, there is one index a chunk.
bool are_ranges(const std::vector<axis_group>& groups, const grid& g) noexcept {
  for (const axis_group& group : groups) {
    bool cut_behind = false;
    for (std::uint32_t a = group.to + group.to_count; a-- > group.to;) {
      if (cut_behind && g.axes[a].chunk != 1) return false;
      cut_behind = cut_behind || g.axes[a].count() != 1;
    }
  }
  return true;
}

}  // namespace

grid in_ranges(const std::vector<axis_group>& groups, const grid& from) {
  grid g = from;
  for (const axis_group& group : groups) {
    const std::uint32_t end = group.from + group.from_count;
    std::int64_t elements = 1;
    bool cut_behind = false, ranges = true;
    for (std::uint32_t a = end; a-- > group.from;) {
      const cut& c = from.axes[a];
      elements *= std::min(c.chunk, c.extent);
      ranges = ranges && (!cut_behind || c.chunk == 1);
      cut_behind = cut_behind || c.count() != 1;
    }
    for (std::uint32_t a = end; !ranges && a-- > group.from;) {
      g.axes[a] = cut_into(from.axes[a].extent, elements);
      elements = g.axes[a].chunk == from.axes[a].extent ? elements / from.axes[a].extent : 1;
    }
  }
  return g;
}

weft::shape completed(const weft::shape& from, weft::shape to) {
  const std::int64_t all = from.count();
  std::int64_t known = 1;
  std::size_t open = to.size();
  bool possible = true;
  for (std::size_t a = 0; a < to.size(); ++a) {
    if (to[a] == -1 && open == to.size())
      open = a;
    else
      possible = possible && to[a] >= 0 && !__builtin_mul_overflow(known, to[a], &known);
  }
  const weft::shape given = to;
  if (possible && open != to.size()) {
    possible = known != 0 && all % known == 0;
    if (possible) to[open] = all / known;
  } else {
    possible = possible && known == all;
  }
  if (!possible)
    throw misuse("weft: an array of shape " + weft::to_string(from) + ", of " + std::to_string(all) +
                 " elements, as one of shape " + weft::to_string(given) +
                 ": both have the same number; one extent may be -1, for what the others leave");
  return to;
}

std::vector<axis_group> groups_of(const weft::shape& from, const weft::shape& to) {
  std::vector<axis_group> groups;
  std::uint32_t i = 0, j = 0;
  const auto n = static_cast<std::uint32_t>(from.size()), m = static_cast<std::uint32_t>(to.size());
  while (i < n || j < m) {
    axis_group g{i, 0, j, 0};
    std::int64_t left = i < n ? from[i++] : 1, right = j < m ? to[j++] : 1;
    while (left != right) {
      if (left < right)
        left *= from[i++];
      else
        right *= to[j++];
    }
    g.from_count = i - g.from;
    g.to_count = j - g.to;
    groups.push_back(g);
  }
  return groups;
}

std::vector<axes_box> boxes_of(std::int64_t begin, std::int64_t end, std::span<const std::int64_t> extents) {
  std::vector<axes_box> found;
  add_boxes(begin, end, extents, 0, {}, found);
  return found;
}

block reshape_chunk(const reshape_plan& p, std::size_t j, values<block> in) {
  coordinates counts{};
  const std::size_t rank = p.shape.size();
  for (std::size_t a = 0; a < p.chunks.rank; ++a) counts[a] = p.counts[a];
  coordinates at = place_of(j, counts, p.chunks.rank);
  for (std::size_t a = 0; a < p.chunks.rank; ++a) at[a] += p.first[a];
  block result(p.of, p.chunks.chunk(at));
  const std::vector<axis_group> groups = groups_of(p.shape, p.chunks.whole());
  const auto boxes = boxes_by_group(groups, p.shape, p.chunks, at, at);
  const chunk_lists lists = chunks_of(p.map, p.source, ranges_of(groups, boxes, rank));
  if (in.size() != count_of(lists))
    throw std::logic_error("weft: a task of an array was given another number of chunks than it reads");
  // The result's chunk as one that has the axes of what is reshaped: number n of a group is at n times its step.
  std::array<std::ptrdiff_t, most_axes> steps{};
  std::ptrdiff_t step = p.of.item;
  std::vector<std::ptrdiff_t> begins(groups.size());
  for (std::size_t g = groups.size(); g-- > 0;) {
    const index_range r = numbers_of(groups[g], p.chunks, at, at);
    begins[g] = -r.begin * step;
    std::ptrdiff_t own = step;
    for (std::uint32_t a = groups[g].from + groups[g].from_count; a-- > groups[g].from;) {
      steps[a] = own;
      own *= p.shape[a];
    }
    step *= r.end - r.begin;
  }
  coordinates number{}, of_boxes{};
  for (std::size_t g = 0; g < groups.size(); ++g) of_boxes[g] = static_cast<std::int64_t>(boxes[g].size());
  do {
    run_lists runs(rank);
    std::ptrdiff_t offset = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const axes_box& b = boxes[g][static_cast<std::size_t>(number[g])];
      offset += begins[g];
      for (std::uint32_t a = 0; a < groups[g].from_count; ++a) {
        offset += b.first[a] * steps[groups[g].from + a];
        runs[groups[g].from + a] = {{0, 1, b.extents[a], b.first[a], 1}};
      }
    }
    copy_runs(p.map, p.source, p.of.item, runs, lists, in, result.bytes().data() + offset, {steps.data(), rank});
  } while (advance(number, of_boxes, groups.size()));
  return result;
}

array_ref reshaped(array_ref x, const weft::shape& wanted) {
  const weft::shape from = x->chunks.whole(), to = completed(from, wanted);
  if (from == to) return x;
  client c = x->owner;
  const element e = x->of;
  if (from.count() == 0) {
    return make_gather(gathering::copy, std::move(c), e, make_grid(to, {}, automatic_chunk_bytes, e.item), {}, {});
  }
  const std::vector<axis_group> groups = groups_of(from, to);
  const grid ranges = in_ranges(groups, x->chunks);
  x = rechunked_if_scattered(std::move(x), ranges);
  const grid chunks = chunks_for(groups, x->chunks, to);
  return std::make_shared<const reshape_node>(
      std::move(c), e, chunks, settled(std::move(x), identity_map(static_cast<std::uint32_t>(from.size()))), from);
}

void weft_encode(encoder& e, const reshape_plan& p) {
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.shape);
  weft::encode(e, p.map);
  weft::encode(e, p.source);
  weft::encode(e, p.of);
}
reshape_plan weft_decode(decoder& d, std::type_identity<reshape_plan>) {
  reshape_plan p{weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.shape = weft::decode<weft::shape>(d);
  p.map = weft::decode<view_map>(d);
  p.source = weft::decode<grid>(d);
  p.of = weft::decode<element>(d);
  const auto demand = [&](bool right, const char* why) {
    if (!right) d.fail("an array's reshape", why);
  };
  const auto elements = [](const weft::shape& s) {
    std::int64_t n = 1;
    for (const std::int64_t x : s)
      if (x == 0 || __builtin_mul_overflow(n, x, &n)) return std::int64_t{0};
    return n;
  };
  demand(is_box_of(p.chunks, p.first, p.counts), "its box is not in its chunks");
  const std::int64_t n = elements(p.shape);
  demand(n != 0 && n == elements(p.chunks.whole()), "its shapes have unlike numbers of elements");
  demand(are_ranges(groups_of(p.shape, p.chunks.whole()), p.chunks), "its chunks are no ranges of elements");
  reading r{p.map, p.source, p.of.item};
  for (const std::int64_t extent : p.shape) {
    r.axes.push_back({{0, 1, extent, 0, 1}});
    r.windows.push_back({-1, extent});
  }
  const char* why = why_wrong(r, p.chunks);
  demand(!why, why);
  return p;
}

}  // namespace weft::detail::arrays
