// Which chunks the functions of map_blocks, map_overlap and blockwise are given.
#include "array/map_calls.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "array/halos.hpp"
#include "array/layered.hpp"
#include "array/pad.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// An operand of which axis a is cut as axis `bound[a]` of the tasks, or taken as a whole (-1).
struct bound_operand {
  operand from;
  reading what;
};
bound_operand bind(array_ref x, const std::array<std::int32_t, most_axes>& bound) {
  const grid whole = x->chunks;
  operand o = settled(std::move(x), identity_map(whole.rank));
  reading r = reading_of(o.map, o.node->chunks, o.node->of.item, whole);
  for (std::uint32_t a = 0; a < whole.rank; ++a) r.windows[a].axis = bound[a];
  return {std::move(o), std::move(r)};
}

/// The axes of the tasks that those of an array which broadcasts lie along, -1 where its one element stands for all.
std::array<std::int32_t, most_axes> broadcast_axes(const grid& own, const grid& tasks) {
  std::array<std::int32_t, most_axes> bound{};
  const std::uint32_t before = tasks.rank - own.rank;
  for (std::uint32_t a = 0; a < own.rank; ++a)
    bound[a] = own.axes[a].extent == tasks.axes[a + before].extent ? static_cast<std::int32_t>(a + before) : -1;
  return bound;
}

}  // namespace

void check_some(const std::vector<array_ref>& x, const char* what) {
  if (x.empty()) throw misuse(std::string("weft: ") + what + " of no array");
  for (const array_ref& y : x) common_client(x.front()->owner, y->owner);
}

array_ref mapped(std::vector<array_ref> x, const std::vector<std::array<std::int32_t, most_axes>>& bound,
                 mapped_plan plan) {
  client c = x.front()->owner;
  std::vector<operand> operands;
  for (std::size_t i = 0; i < x.size(); ++i) {
    bound_operand b = bind(std::move(x[i]), bound[i]);
    operands.push_back(std::move(b.from));
    plan.what.push_back(std::move(b.what));
  }
  return make_mapped(std::move(c), std::move(operands), std::move(plan));
}

void add_axis(grid& g, const cut& c, const std::string& where) {
  if (g.rank == most_axes) throw misuse("weft: " + where + ": a result has up to 8 axes, and would have more");
  g.axes[g.rank++] = c;
}

std::string shapes_of(const std::vector<array_ref>& x) {
  std::string text;
  for (const array_ref& y : x) text += (text.empty() ? "" : ", ") + to_string(y->chunks);
  return text;
}

namespace {

/// The axes of a result that has not some of those of `taken`, and has new ones, each of one element here.
struct changed_axes {
  grid result;
  std::array<std::int32_t, most_axes> places{};  // of the axes of `taken` in the result, -1 where they go
  std::uint32_t added = 0;                       // a bit for each axis of the result that is new
};
changed_axes change_axes(const grid& taken, const block_changes& how) {
  const std::string where = "from those of an array of shape " + to_string(taken);
  std::uint32_t gone = 0;
  for (const std::int64_t given : how.dropped) {
    const std::size_t a = checked_axis(given, taken);
    if ((gone >> a & 1) != 0) throw misuse("weft: chunks " + where + ": axis " + std::to_string(a) + " goes twice");
    if (taken.axes[a].count() != 1)
      throw misuse("weft: chunks " + where + ": axis " + std::to_string(a) + " goes, and has " +
                   std::to_string(taken.axes[a].count()) +
                   " chunks: rechunk it to one, or name it in a blockwise, which gives the whole of it");
    gone |= 1u << a;
  }
  const std::size_t rank = taken.rank - how.dropped.size() + how.added.size();
  if (rank > most_axes)
    throw misuse("weft: chunks " + where + " with " + std::to_string(how.added.size()) +
                 " new axes would have more than 8");
  changed_axes c;
  for (const std::int64_t given : how.added) {
    const auto n = static_cast<std::int64_t>(rank);
    const std::int64_t a = given < 0 ? given + n : given;
    if (a < 0 || a >= n || (c.added >> a & 1) != 0)
      throw misuse("weft: chunks " + where + ": new axis " + std::to_string(given) +
                   (a < 0 || a >= n ? " of a result of " + std::to_string(n) + (n == 1 ? " axis" : " axes")
                                    : std::string(" is named twice")));
    c.added |= 1u << a;
  }
  c.places.fill(-1);
  for (std::uint32_t a = 0; c.result.rank < rank; ++c.result.rank) {
    if ((c.added >> c.result.rank & 1) != 0) {
      c.result.axes[c.result.rank] = one_chunk(1);
      continue;
    }
    while ((gone >> a & 1) != 0) ++a;
    c.places[a] = static_cast<std::int32_t>(c.result.rank);
    c.result.axes[c.result.rank] = taken.axes[a++];
  }
  return c;
}

/// `(2, 3), (4)`
std::string to_string(std::span<const std::vector<std::int64_t>> sizes) {
  std::string text;
  for (const auto& along : sizes) {
    text += text.empty() ? "(" : ", (";
    for (std::size_t i = 0; i < along.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(along[i]);
    text += ")";
  }
  return text;
}

/// An axis in chunks of these sizes.
cut checked_sizes(std::span<const std::int64_t> sizes, std::size_t axis, const std::string& where) {
  std::int64_t extent = 0;
  for (const std::int64_t n : sizes)
    if (n < 1 || __builtin_add_overflow(extent, n, &extent))
      throw misuse("weft: " + where + ": along axis " + std::to_string(axis) + " one has " + std::to_string(n) +
                   (n < 1 ? " elements: give 1 or more" : ", so that they come to more than 2^63"));
  return cut_into_sizes(sizes);
}

/// The chunks of a result, from those of the tasks; axes whose bits are set are new, and the tasks get theirs.
void give_extents(mapped_plan& plan, const block_changes& how, std::uint32_t added, const std::string& from) {
  const weft::shape& chunk = how.extents;
  const auto axes = [&] {
    return " of " + std::to_string(plan.tasks.rank) + (plan.tasks.rank == 1 ? " axis" : " axes");
  };
  plan.chunks = plan.tasks;
  if (chunk.size() != 0 && chunk.size() != plan.tasks.rank)
    throw misuse("weft: chunks of " + weft::to_string(chunk) + " from those of " + from +
                 ": give one extent for each axis of a result" + axes());
  for (std::size_t a = 0; a < chunk.size(); ++a) {
    const std::int64_t n = chunk[a];
    if (n == 0) continue;
    std::int64_t extent = 0;
    if (n < 0 || __builtin_mul_overflow(plan.tasks.axes[a].count(), n, &extent))
      throw misuse("weft: chunks of " + weft::to_string(chunk) + " from those of " + from +
                   (n < 0 ? ": give 1 or more, or 0" : ": they come to more than 2^63 elements"));
    plan.chunks.axes[a] = {extent, n, n};
  }
  if (!how.sizes.empty()) {
    const std::string where = "chunks of " + to_string(how.sizes) + " from those of " + from;
    if (how.sizes.size() > plan.tasks.rank)
      throw misuse("weft: " + where + ": give a list for each axis of a result" + axes());
    for (std::size_t a = 0; a < how.sizes.size(); ++a) {
      const auto count = static_cast<std::int64_t>(how.sizes[a].size());
      if (count == 0) continue;
      if (count != plan.tasks.axes[a].count())
        throw misuse("weft: " + where + ": axis " + std::to_string(a) + " of the result has " +
                     std::to_string(plan.tasks.axes[a].count()) + " chunks, and there are sizes for " +
                     std::to_string(count));
      plan.chunks.axes[a] = checked_sizes(how.sizes[a], a, where);
    }
  }
  for (std::uint32_t a = 0; a < plan.tasks.rank; ++a)
    if ((added >> a & 1) != 0) plan.tasks.axes[a] = plan.chunks.axes[a];
}

}  // namespace

array_ref map_blocks_of(std::vector<array_ref> x, element e, const block_changes& how, any_code<block_function> f) {
  check_some(x, "map_blocks");
  grid taken = x.front()->chunks;
  for (const array_ref& y : x) taken = broadcast(taken, y->chunks);
  const changed_axes axes = change_axes(taken, how);
  mapped_plan plan{axes.result};
  give_extents(plan, how, axes.added, "an array of shape " + to_string(taken));
  plan.function = std::move(f);
  plan.of = e;
  std::vector<std::array<std::int32_t, most_axes>> bound;
  for (const array_ref& y : x) {
    auto& own = bound.emplace_back(broadcast_axes(y->chunks, taken));
    for (std::uint32_t a = 0; a < y->chunks.rank; ++a)
      if (own[a] >= 0) own[a] = axes.places[static_cast<std::size_t>(own[a])];
  }
  return mapped(std::move(x), bound, std::move(plan));
}

array_ref blocks_made(client c, element e, const grid& chunks, any_code<block_function> f) {
  mapped_plan plan{chunks};
  plan.chunks = chunks;
  plan.function = std::move(f);
  plan.of = e;
  return make_mapped(std::move(c), {}, std::move(plan));
}

grid grid_of_sizes(std::span<const std::vector<std::int64_t>> sizes, std::size_t item) {
  const std::string where = "an array in chunks of " + to_string(sizes);
  if (sizes.size() > most_axes) throw misuse("weft: " + where + " would have more than 8 axes");
  grid g;
  for (std::size_t a = 0; a < sizes.size(); ++a) {
    if (sizes[a].empty())
      throw misuse("weft: " + where + ": axis " + std::to_string(a) +
                   " has none: give the sizes of its chunks, or an extent and a chunk for each axis");
    add_axis(g, checked_sizes(sizes[a], a, where), where);
  }
  check_chunks(g, item);
  return g;
}

array_ref map_overlap_of(std::vector<array_ref> x, element e, overlap how, any_code<block_function> f) {
  check_some(x, "map_overlap");
  mapped_plan plan{x.front()->chunks};
  for (const array_ref& y : x) plan.tasks = broadcast(plan.tasks, y->chunks);
  const weft::shape before = depths_of(how.depth, plan.tasks);
  const weft::shape after = how.after.size() == 0 ? before : depths_of(how.after, plan.tasks);
  check_boundaries(how.beyond, plan.tasks);
  bool filled = false;
  client c = x.front()->owner;
  std::vector<operand> operands;
  for (array_ref& y : x) {
    bound_operand b = arrays::bind(y, broadcast_axes(y->chunks, plan.tasks));
    for (std::size_t a = 0; a < b.what.windows.size(); ++a) {
      window& w = b.what.windows[a];
      if (w.axis < 0) continue;
      const auto t = static_cast<std::size_t>(w.axis);
      w.before = before[t];
      w.after = after[t];
      const boundary beyond = how.beyond.along(t);
      w.clipped = beyond == boundary::nothing;
      if (w.clipped || (w.before == 0 && w.after == 0)) continue;
      filled = filled || beyond == boundary::constant;
      if (w.extent == 0 && beyond != boundary::constant)
        throw misuse("weft: axis " + std::to_string(a) + " of an array of shape " +
                     weft::to_string(plan.tasks.whole()) + " has no element to stand beyond its ends");
      b.what.axes[a] = padded_axis(w.extent, w.before, w.after, mode_of(beyond));
    }
    operands.push_back(std::move(b.from));
    plan.what.push_back(std::move(b.what));
  }
  plan.chunks = plan.tasks;
  plan.function = std::move(f);
  plan.of = e;
  if (filled) plan.fill = std::move(how.constants);
  plan.trim = how.trim;
  return make_mapped(std::move(c), std::move(operands), std::move(plan));
}

array_ref blockwise_of(std::string_view out, std::vector<array_ref> x, const std::vector<std::string_view>& axes,
                       element e, const block_changes& how, any_code<block_function> f) {
  check_some(x, "blockwise");
  const std::string from = "arrays of shapes " + shapes_of(x);
  named_axes all;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (axes[i].size() != x[i]->chunks.rank)
      throw misuse("weft: \"" + std::string(axes[i]) + "\" for the axes of an array of shape " +
                   to_string(x[i]->chunks) + ": give a letter for each");
    for (std::size_t a = 0; a < axes[i].size(); ++a)
      all.add(axes[i][a], x[i]->chunks.axes[a], "a blockwise of " + from);
  }
  mapped_plan plan;
  std::uint32_t added = 0;
  for (std::size_t a = 0; a < out.size(); ++a) {
    const std::string where =
        "axis " + std::string(1, out[a]) + " of the result of a blockwise, \"" + std::string(out) + "\", of " + from;
    if (out.find(out[a]) != a) throw misuse("weft: " + where + ", is named twice");
    if (const cut* c = all.find(out[a])) {
      add_axis(plan.tasks, *c, where);
      continue;
    }
    const bool sized = a < how.sizes.size() && !how.sizes[a].empty();
    if (!sized && (a >= how.extents.size() || how.extents[a] == 0))
      throw misuse("weft: " + where + ", is that of no array: give its extent in a weft::block_shape");
    add_axis(plan.tasks, sized ? checked_sizes(how.sizes[a], a, where) : one_chunk(1), where);
    added |= 1u << a;
  }
  give_extents(plan, how, added, from);
  plan.function = std::move(f);
  plan.of = e;
  std::vector<std::array<std::int32_t, most_axes>> bound;
  for (const std::string_view names : axes) {
    auto& own = bound.emplace_back();
    for (std::size_t a = 0; a < names.size(); ++a) {
      const std::size_t at = out.find(names[a]);
      own[a] = at == std::string_view::npos ? -1 : static_cast<std::int32_t>(at);
    }
  }
  return mapped(std::move(x), bound, std::move(plan));
}

}  // namespace weft::detail::arrays
