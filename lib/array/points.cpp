// Elements by several lists of indices, point by point.
//
// A chunk of the source is read by tasks that pick its points out of it, a piece each, in their order. Chunks of the
// result are put together from pieces. So no task that reads the source holds more than one chunk of it, wherever the
// points lie.
//
// Let S chunks of the source have points. A piece has points of one chunk of the result, or of several and then no
// more than a part of a chunk: an S-th, or where S is larger a 16th. All points that a chunk of the source has of a
// chunk of the result are in one piece. So a task that puts a chunk together holds a chunk in what is its own, and no
// more than S / 16 chunks, or one, in what is not. Of two pieces of a source's chunk that follow each other one has
// its part of a chunk in it, or both have together, so that R chunks of the result are of no more than S + 32 R.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "array/copy_items.hpp"
#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "array/reading.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Task t is number t % n of row t / n, n being how many places there are. It takes the task at its place of each row
/// of the other layer that its row has; rows of that layer have `stride` tasks.
struct in_rows {
  shared<needs_table> rows;
  shared<std::vector<std::size_t>> places;
  std::size_t stride = 1;
  intervals of(std::size_t t) const {
    intervals found;
    const std::vector<std::size_t>& at = *places;
    if (at.empty() || t / at.size() + 1 >= rows->begins.size()) return found;
    const std::size_t row = t / at.size(), place = at[t % at.size()];
    for (std::size_t i = rows->begins[row]; i < rows->begins[row + 1]; ++i) {
      const std::size_t task = rows->all[i].first * stride + place;  // rows have tasks one by one
      found.add({task, task});
    }
    return found;
  }
};
void add_row(needs_table& t, const std::vector<std::size_t>& of) {
  for (const std::size_t i : of) t.all.push_back({i, i});
  t.begins.push_back(t.all.size());
}

/// What a piece takes, as a block of two rows: where its points are in their chunk, of which axes that have lists
/// come first, and their numbers, which grow.
struct piece_list {
  const std::int64_t *at, *number;
  std::size_t count;
};
piece_list piece_list_of(const block& b) {
  demand_given(b.of().item == sizeof(std::int64_t) && b.extents().size() == 2 && b.extents()[0] == 2,
               "a list of points that is none");
  const auto n = static_cast<std::size_t>(b.extents()[1]);
  return {b.data<std::int64_t>(), b.data<std::int64_t>() + n, n};
}

struct points_plan {
  grid chunks;  // of the result: points, and axes without lists
  weft::shape first = {}, counts = {};
  element of = {};
  std::vector<std::int64_t> points = {};  // of each piece
};

struct pick_points {
  std::uint32_t listed = 1;  // axes that have lists
  std::uint64_t width = 1;   // pieces in a row
  shared<points_plan> plan;
  block operator()(std::size_t, values<block> chunks, values<block> lists) const {
    demand_given(chunks.size() == 1 && lists.size() == 1 && chunks[0].extents().size() >= listed && listed > 0,
                 "another chunk than its points are in");
    const block& from = chunks[0];
    const piece_list list = piece_list_of(lists[0]);
    weft::shape extents = weft::shape::of_rank(from.extents().size() - listed + 1);
    extents[0] = static_cast<std::int64_t>(list.count);
    std::int64_t rows = 1;
    std::size_t bytes = from.of().item;
    for (std::size_t a = 0; a < from.extents().size(); ++a) {
      const std::int64_t n = from.extents()[a];
      if (a < listed)
        rows *= n;
      else
        bytes *= static_cast<std::size_t>(extents[a - listed + 1] = n);
    }
    block piece(from.of(), extents);
    demand_given(std::all_of(list.at, list.at + list.count, [=](std::int64_t r) { return r >= 0 && r < rows; }),
                 "points that are not in their chunk");
    if (piece.count() == 0) return piece;
    with_copy(bytes, [&](auto copy) {
      for (std::size_t i = 0; i < list.count; ++i)
        copy(piece.bytes().data() + i * bytes, from.bytes().data() + static_cast<std::size_t>(list.at[i]) * bytes);
    });
    return piece;
  }
  std::uint64_t result_bytes(std::size_t t) const noexcept {
    const std::size_t n = std::max<std::uint64_t>(width, 1), q = t / n;
    if (q >= plan->points.size()) return 0;
    constexpr std::uint32_t one_point = 1;
    return bytes_of_chunk(plan->chunks, plan->first, plan->counts, t % n, plan->of.item, one_point) *
           static_cast<std::uint64_t>(plan->points[q]);
  }
  std::string task_name() const { return "vindex-pick"; }
  std::string task_subject(std::size_t t) const {
    return "piece (" + std::to_string(t / std::max<std::uint64_t>(width, 1)) + ")";
  }
};

struct join_pieces {
  shared<points_plan> plan;
  block operator()(std::size_t j, values<block> pieces, values<block> lists) const {
    const points_plan& p = *plan;
    demand_given(is_possible(p.of) && is_box_of(p.chunks, p.first, p.counts) && p.chunks.rank > 0 &&
                     j < static_cast<std::size_t>(p.counts.count()) && pieces.size() == lists.size(),
                 "another plan than there can be");
    coordinates counts{};
    for (std::size_t a = 0; a < p.chunks.rank; ++a) counts[a] = p.counts[a];
    coordinates at = place_of(j, counts, p.chunks.rank);
    for (std::size_t a = 0; a < p.chunks.rank; ++a) at[a] += p.first[a];
    block out(p.of, p.chunks.chunk(at));
    const std::int64_t begin = p.chunks.axes[0].first(at[0]), end = p.chunks.axes[0].end(at[0]);
    std::size_t bytes = p.of.item;
    for (std::size_t a = 1; a < p.chunks.rank; ++a) bytes *= static_cast<std::size_t>(out.extents()[a]);
    std::int64_t left = end - begin;
    for (std::size_t k = 0; k < pieces.size(); ++k) {
      const piece_list list = piece_list_of(lists[k]);
      demand_given(pieces[k].bytes().size() >= list.count * bytes, "a piece of other points than it takes");
      const std::int64_t* const last = list.number + list.count;
      const std::int64_t* number = std::lower_bound(list.number, last, begin);
      with_copy(bytes, [&](auto copy) {
        for (; number != last && *number < end; ++number, --left) {
          demand_given(*number >= begin, "points that are in no order");
          if (bytes == 0) continue;
          copy(out.bytes().data() + static_cast<std::size_t>(*number - begin) * bytes,
               pieces[k].bytes().data() + static_cast<std::size_t>(number - list.number) * bytes);
        }
      });
    }
    demand_given(left == 0, "other points than its own");
    return out;
  }
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(plan->chunks, plan->first, plan->counts, j, plan->of.item);
  }
  std::string task_name() const { return "vindex"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, plan->first, plan->counts); }
};

/// Where the points are.
struct point_lists {
  std::size_t listed = 0;                         // axes that have lists: the first ones of the source
  std::vector<coordinates> chunk_of = {};         // of each piece, along these axes
  std::vector<future<block>> lists = {};          // of each piece
  std::vector<std::int64_t> counts = {};          // of points, of each piece
  std::vector<std::vector<std::size_t>> of = {};  // the pieces of each chunk of points
  coordinates first = {}, last = {};              // the chunks of the source that have some, along these axes
};

struct points_node final : layered_node {
  points_node(client c, element e, const grid& g, operand o, point_lists p)
      : layered_node(std::move(c), e, g, {std::move(o)}), points(std::move(p)) {}

  box reads(std::size_t, const box& wanted) const override {
    const std::size_t k = points.listed, rank = operands[0].node->chunks.rank;
    box b{weft::shape::of_rank(rank), weft::shape::of_rank(rank)};
    for (std::size_t a = 0; a < rank; ++a) {
      b.first[a] = a < k ? points.first[a] : wanted.first[a - k + 1];
      b.counts[a] = a < k ? points.last[a] - points.first[a] + 1 : wanted.counts[a - k + 1];
    }
    return b;
  }
  layer<block> lay(const box& wanted, std::span<const layer<block>> in, std::span<const box> from) const override {
    const std::size_t k = points.listed, rank = operands[0].node->chunks.rank, width = width_of(wanted);
    coordinates listed_counts{}, rest_counts{}, wanted_counts{};
    std::size_t stride = 1;
    for (std::size_t a = 0; a < rank; ++a) {
      (a < k ? listed_counts[a] : rest_counts[a - k]) = from[0].counts[a];
      if (a < k) continue;
      stride *= static_cast<std::size_t>(from[0].counts[a]);
      wanted_counts[a - k] = wanted.counts[a - k + 1];
    }
    std::vector<std::size_t> in_source, in_pieces, in_lists(width, 0);
    for (std::size_t r = 0; r < width; ++r) {
      coordinates at = place_of(r, wanted_counts, rank - k);
      for (std::size_t a = k; a < rank; ++a) at[a - k] += wanted.first[a - k + 1] - from[0].first[a];
      in_source.push_back(number_of(at, rest_counts, rank - k));
      in_pieces.push_back(r);
    }
    needs_table sources, own, parts;
    for (std::size_t q = 0; q < points.lists.size(); ++q) {
      coordinates at = points.chunk_of[q];
      for (std::size_t a = 0; a < k; ++a) at[a] -= from[0].first[a];
      add_row(sources, {number_of(at, listed_counts, k)});
      add_row(own, {q});
    }
    for (std::int64_t j = 0; j < wanted.counts[0]; ++j)
      add_row(parts, points.of[static_cast<std::size_t>(wanted.first[0] + j)]);
    const shared<needs_table> of_parts(std::move(parts));
    const shared<std::vector<std::size_t>> at_once(std::move(in_lists));
    const shared<points_plan> plan(points_plan{chunks, wanted.first, wanted.counts, of, points.counts});
    const layer<block> lists = layer_of(points.lists);
    const layer<block> pieces =
        layer_of(points.lists.size() * width, pick_points{static_cast<std::uint32_t>(k), width, plan},
                 weft::from(in[0], in_rows{shared<needs_table>(std::move(sources)),
                                           shared<std::vector<std::size_t>>(std::move(in_source)), stride}),
                 weft::from(lists, in_rows{shared<needs_table>(std::move(own)), at_once, 1}));
    return layer_of(
        wanted.tasks(), join_pieces{plan},
        weft::from(pieces, in_rows{of_parts, shared<std::vector<std::size_t>>(std::move(in_pieces)), width}),
        weft::from(lists, in_rows{of_parts, at_once, 1}));
  }
  std::size_t tasks(const box& made) const noexcept override {
    return made.tasks() + points.lists.size() * width_of(made);
  }

  const point_lists points;

 private:
  /// The chunks of one row: along axes without lists.
  static std::size_t width_of(const box& b) noexcept { return b.tasks() / static_cast<std::size_t>(b.counts[0]); }
};

/// What lists of these shapes broadcast to. Throws misuse where they do not.
weft::shape broadcast_lists(std::span<const weft::shape> lists) {
  weft::shape all;
  for (const weft::shape& own : lists) {
    weft::shape longer = all.size() < own.size() ? own : all;
    const weft::shape& shorter = all.size() < own.size() ? all : own;
    const std::size_t before = longer.size() - shorter.size();
    for (std::size_t a = 0; a < shorter.size(); ++a) {
      std::int64_t& n = longer[a + before];
      if (n != 1 && shorter[a] != 1 && n != shorter[a])
        throw misuse("weft: lists of shapes " + weft::to_string(all) + " and " + weft::to_string(own) +
                     " as indices: give such as broadcast to one another");
      if (n == 1) n = shorter[a];
    }
    all = longer;
  }
  make_grid(all, {}, automatic_chunk_bytes, sizeof(std::int64_t));  // so many there can be
  return all;
}
/// The elements of a list at each point, row-major.
std::vector<std::int64_t> spread(const std::vector<std::int64_t>& list, const weft::shape& own,
                                 const weft::shape& all) {
  coordinates counts{}, steps{};
  std::int64_t step = 1;
  const std::size_t before = all.size() - own.size();
  for (std::size_t a = all.size(); a-- > 0;) {
    counts[a] = all[a];
    if (a < before) continue;
    steps[a] = own[a - before] == 1 ? 0 : step;
    step *= own[a - before];
  }
  std::vector<std::int64_t> each;
  if (all.count() == 0) return each;
  each.reserve(static_cast<std::size_t>(all.count()));
  coordinates at{};
  do {
    std::int64_t i = 0;
    for (std::size_t a = 0; a < all.size(); ++a) i += at[a] * steps[a];
    each.push_back(list[static_cast<std::size_t>(i)]);
  } while (advance(at, counts, all.size()));
  return each;
}

/// A point: which chunk it is in along the axes that have lists, where in it, both row-major, and which point it is.
struct located {
  std::int64_t chunk = 0, within = 0, number = 0;
};
/// By chunks, in each of them in their order.
std::vector<located> locate(const std::vector<std::vector<std::int64_t>>& indices, const grid& source) {
  std::vector<located> all(indices.front().size());
  for (std::size_t a = 0; a < indices.size(); ++a) {
    const cut& axis = source.axes[a];
    const std::int64_t count = axis.count();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t c = axis.of(indices[a][i]);
      all[i].chunk = all[i].chunk * count + c;
      all[i].within = all[i].within * axis.size(c) + indices[a][i] - axis.first(c);
      all[i].number = static_cast<std::int64_t>(i);
    }
  }
  std::sort(all.begin(), all.end(), [](const located& p, const located& q) {
    return p.chunk != q.chunk ? p.chunk < q.chunk : p.number < q.number;
  });
  return all;
}

/// Where the piece ends that begins with that point: behind the last of those of its chunk and of as many chunks of
/// the result as together have no more than `few` points, or of one chunk.
std::size_t end_of_piece(const std::vector<located>& all, std::size_t begin, const cut& result, std::size_t few) {
  std::size_t end = begin;
  for (std::size_t i = begin; i < all.size() && all[i].chunk == all[begin].chunk;) {
    const std::int64_t border = result.end(result.of(all[i].number));
    while (i < all.size() && all[i].chunk == all[begin].chunk && all[i].number < border) ++i;
    if (end != begin && i - begin > few) break;
    end = i;
  }
  return end;
}

/// Pieces of the points of each chunk, and their lists with the client.
point_lists make_pieces(const client& c, const std::vector<located>& all, const grid& source, std::size_t listed,
                        const cut& result) {
  point_lists p{listed};
  p.of.resize(static_cast<std::size_t>(result.count()));
  const coordinates counts = source.counts();
  constexpr std::int64_t most_parts = 16;  // of a chunk: a task puts a chunk together from more of small pieces
  std::int64_t read = 0;
  for (std::size_t i = 0; i < all.size() && read < most_parts; ++i)
    read += i == 0 || all[i].chunk != all[i - 1].chunk;
  const auto few = static_cast<std::size_t>(result.chunk / std::max<std::int64_t>(read, 1));
  std::size_t begin = 0;
  do {  // one piece where there is no point
    const std::size_t end = end_of_piece(all, begin, result, few);
    const std::size_t q = p.lists.size();
    block list(element_of<std::int64_t>, {2, static_cast<std::int64_t>(end - begin)});
    auto* to = list.data<std::int64_t>();
    for (std::size_t i = begin; i < end; ++i, ++to) {
      to[0] = all[i].within;
      to[end - begin] = all[i].number;
      std::vector<std::size_t>& parts = p.of[static_cast<std::size_t>(result.of(all[i].number))];
      if (parts.empty() || parts.back() != q) parts.push_back(q);
    }
    coordinates at{};
    if (begin != end) at = place_of(static_cast<std::size_t>(all[begin].chunk), counts, listed);
    for (std::size_t a = 0; a < listed; ++a) {
      p.first[a] = q == 0 ? at[a] : std::min(p.first[a], at[a]);
      p.last[a] = q == 0 ? at[a] : std::max(p.last[a], at[a]);
    }
    p.chunk_of.push_back(at);
    p.counts.push_back(static_cast<std::int64_t>(end - begin));
    p.lists.push_back(c.scatter(std::move(list)));
    begin = end;
  } while (begin < all.size());
  return p;
}

}  // namespace

array_ref pointed(array_ref x, std::span<const index_item> indices, std::span<const weft::shape> shapes) {
  spelled_indices all = spell_out(indices, x->chunks);
  const weft::shape points = broadcast_lists(shapes);
  std::vector<std::vector<std::int64_t>> lists;
  std::vector<std::int64_t> order, rest;
  for (index_item& i : all.items) {
    const auto axis = static_cast<std::int64_t>(order.size() + rest.size());
    if (i.what == index_item::kind::number) continue;
    if (i.what != index_item::kind::list) {
      rest.push_back(axis);
      continue;
    }
    order.push_back(axis);
    lists.push_back(spread(i.list, shapes[lists.size()], points));
    i = {};  // of the whole axis, of which points are taken then
  }
  const std::size_t listed = lists.size();
  if (points.size() + rest.size() > most_axes)
    throw misuse("weft: points of " + std::to_string(points.size()) + " axes, and " + std::to_string(rest.size()) +
                 " axes without lists: an array has up to 8");
  order.insert(order.end(), rest.begin(), rest.end());
  x = transpose_view(slice_view(std::move(x), all.items), order);

  const grid source = x->chunks;
  const auto n = static_cast<std::int64_t>(lists.front().size());
  grid chunks;
  chunks.rank = static_cast<std::uint32_t>(rest.size() + 1);
  std::int64_t row_bytes = x->of.item;
  for (std::size_t a = 0; a < rest.size(); ++a) {
    chunks.axes[a + 1] = source.axes[listed + a];
    row_bytes *= source.largest()[listed + a];
  }
  const std::int64_t together = std::clamp<std::int64_t>(automatic_chunk_bytes / std::max<std::int64_t>(row_bytes, 1),
                                                         1, std::max<std::int64_t>(n, 1));
  chunks.axes[0] = {n, together, together};
  const client c = x->owner;
  const element e = x->of;
  point_lists pieces = make_pieces(c, locate(lists, source), source, listed, chunks.axes[0]);
  operand o{in_chunks(std::move(x), source), identity_map(source.rank)};
  array_ref found = std::make_shared<const points_node>(c, e, chunks, std::move(o), std::move(pieces));
  if (points.size() == 1) return found;
  weft::shape to = weft::shape::of_rank(points.size() + rest.size());
  for (std::size_t a = 0; a < to.size(); ++a)
    to[a] = a < points.size() ? points[a] : chunks.axes[a - points.size() + 1].extent;
  return reshaped(std::move(found), to);
}

}  // namespace weft::detail::arrays
