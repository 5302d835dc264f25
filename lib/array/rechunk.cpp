// The same elements in other chunks.
#include "array/rechunk.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "array/rechunk_plan.hpp"
#include "engine/budget.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

chunking chunks_of(const grid& g) {
  chunking all;
  for (std::uint32_t a = 0; a < g.rank; ++a) {
    axis_chunks sizes;
    for (std::int64_t i = 0; i < g.axes[a].count(); ++i)
      sizes.push_back(static_cast<std::size_t>(std::max<std::int64_t>(g.axes[a].size(i), 0)));
    all.push_back(std::move(sizes));
  }
  return all;
}

/// Those of the sizes that are not 0.
cut cut_of(const axis_chunks& sizes) {
  std::vector<std::int64_t> some;
  for (const std::size_t n : sizes)
    if (n != 0) some.push_back(static_cast<std::int64_t>(n));
  return cut_into_sizes(some);
}

/// `source` as for make_gather.
array_ref gathered(array_ref x, const grid& chunks, gathering purpose, std::optional<grid> source = {}) {
  client c = x->owner;
  const element e = x->of;
  operand o = settled(std::move(x), identity_map(chunks.rank));
  reading r = reading_of(o, chunks);
  return make_gather(purpose, std::move(c), e, chunks, {std::move(o)}, {std::move(r)}, {}, std::move(source));
}

/// Where the whole array fits in half of the budget, a task may have all of it: each further step is a pass over all
/// elements. Else tasks that run side by side share the budget with each other, and with what they make.
rechunk_limits limits_for(const array_node& x) {
  rechunk_limits l;
  const std::uint64_t budget = budget_here(*x.owner.get_engine());
  if (budget == 0) return l;
  const auto bytes = static_cast<std::uint64_t>(x.chunks.whole().count()) * x.of.item;
  if (bytes <= budget / 2) {
    l.input_bytes = std::max<std::size_t>(l.input_bytes, bytes);
  } else {
    l.input_bytes = std::min<std::size_t>(l.input_bytes, budget / 4);
    l.chunk_bytes = std::min<std::size_t>(l.chunk_bytes, budget / 16);
  }
  return l;
}

std::vector<chunking> plan_for(const array_node& x, const grid& wanted) {
  return plan_rechunk(chunks_of(x.chunks), chunks_of(wanted), x.of.item, limits_for(x));
}

/// Chunks in between are made chunk after chunk of x, which is read once and may go: in the order of their numbers
/// all of x would be read for each row of them, where columns become rows. Along the axis that is cut, all of x would
/// be there before the first chunk that is wanted, where tiles become rows.
array_ref by_steps(array_ref x, const grid& wanted, const std::vector<chunking>& steps) {
  for (const chunking& step : steps) {
    grid between = wanted;
    for (std::uint32_t a = 0; a < wanted.rank; ++a) between.axes[a] = cut_of(step[a]);
    std::optional<grid> source;
    if (!(between == wanted)) source = x->chunks;
    x = gathered(std::move(x), between, gathering::rechunk, std::move(source));
  }
  return x->chunks == wanted ? x : gathered(std::move(x), wanted, gathering::rechunk);
}

}  // namespace

namespace {

/// Neighbours along an axis as one, while they have no more than so many elements.
cut merged_up_to(const cut& c, std::int64_t most) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < c.count(); ++i) {
    const std::int64_t n = c.size(i);
    if (!sizes.empty() && n <= most - sizes.back())
      sizes.back() += n;
    else
      sizes.push_back(n);
  }
  return c.extent == 0 ? c : cut_into_sizes(sizes);
}
/// The open axes by the same factor each: what one of them does not need, or cannot use, is for those after it, and
/// for the first ones once more.
grid merge(grid g, const std::vector<std::uint32_t>& open, double bytes, std::size_t item) {
  for (const bool again : {false, true})
    for (std::size_t i = open.size(); i-- > 0;) {
      double now = static_cast<double>(item);
      for (const std::int64_t n : g.largest()) now *= static_cast<double>(std::max<std::int64_t>(n, 1));
      if (now > bytes) return g;
      cut& c = g.axes[open[i]];
      const double factor = again ? bytes / now : std::pow(bytes / now, 1.0 / static_cast<double>(i + 1));
      const double most = std::min(static_cast<double>(c.chunk) * factor + 1e-6, static_cast<double>(c.extent));
      c = merged_up_to(c, static_cast<std::int64_t>(most));
    }
  return g;
}
cut in_equal_chunks(std::int64_t extent, std::int64_t count) {
  if (extent == 0) return one_chunk(0);
  const std::int64_t n = (extent - 1) / count + 1;
  return {extent, n, n};
}

grid wanted_chunks(const grid& own, weft::shape chunk, std::int64_t bytes, std::size_t item, rechunking how) {
  const weft::shape named = chunk;
  const weft::shape largest = own.largest();
  if (how != rechunking::cut && chunk.size() == 0) chunk = weft::shape::of_rank(own.rank);
  for (std::size_t a = 0; a < std::min<std::size_t>(chunk.size(), own.rank); ++a) {
    const bool stays = chunk[a] == unchanged_axis || (how == rechunking::merge && chunk[a] == 0) ||
                       (how == rechunking::balance && named.size() == 0);
    if (stays) chunk[a] = std::max<std::int64_t>(largest[a], 1);
  }
  grid g = make_grid(own.whole(), chunk, bytes, item);
  std::vector<std::uint32_t> open;
  for (std::uint32_t a = 0; a < g.rank; ++a) {
    const std::int64_t wanted = named.size() == 0 ? 0 : named[a];
    cut& c = g.axes[a];
    if (wanted == unchanged_axis) {
      c = own.axes[a];
    } else if (how == rechunking::merge && wanted == 0) {
      c = own.axes[a];
      open.push_back(a);
    } else if (how == rechunking::balance) {
      c = in_equal_chunks(c.extent, named.size() == 0 ? own.axes[a].count() : c.count());
    }
  }
  return merge(g, open, static_cast<double>(bytes), item);
}

array_ref rechunked_to(array_ref x, const grid& wanted) {
  if (wanted == x->chunks) return x;
  if (wanted.whole().count() == 0) return gathered(std::move(x), wanted, gathering::rechunk);
  const std::vector<chunking> steps = plan_for(*x, wanted);
  if (steps.size() <= 1) {
    const std::uint64_t budget = budget_here(*x->owner.get_engine()), most = rechunk_limits().input_bytes;
    if (array_ref at_once = gathered_in(*x, wanted, budget == 0 ? most : std::min(budget / 4, most))) return at_once;
  }
  return by_steps(std::move(x), wanted, steps);
}

}  // namespace

array_ref rechunked(array_ref x, const weft::shape& chunk, std::int64_t bytes, rechunking how) {
  const grid wanted = wanted_chunks(x->chunks, chunk, bytes, x->of.item, how);
  return rechunked_to(std::move(x), wanted);
}
array_ref rechunked(array_ref x, std::span<const std::vector<std::int64_t>> sizes) {
  grid wanted = x->chunks;
  if (sizes.size() != wanted.rank)
    throw misuse("weft: sizes of chunks along " + std::to_string(sizes.size()) +
                 (sizes.size() == 1 ? " axis" : " axes") + " for an array of shape " + to_string(wanted) +
                 ": give a list for each axis, or an empty one for an axis that stays as it is");
  for (std::size_t a = 0; a < sizes.size(); ++a) {
    if (sizes[a].empty()) continue;
    std::int64_t left = wanted.axes[a].extent;
    for (const std::int64_t n : sizes[a]) {
      if (n < 1)
        throw misuse("weft: a chunk of " + std::to_string(n) + " elements along axis " + std::to_string(a) +
                     " of an array of shape " + to_string(wanted) + ": give 1 or more");
      left = n > left ? -1 : left - n;
      if (left < 0) break;
    }
    const std::int64_t extent = wanted.axes[a].extent;
    if (left != 0)
      throw misuse("weft: chunks along axis " + std::to_string(a) + " that come to " +
                   (left < 0 ? "more than the " : std::to_string(extent - left) + " of the ") +
                   std::to_string(extent) + " elements that it has, of an array of shape " + to_string(wanted));
    wanted.axes[a] = cut_into_sizes(sizes[a]);
  }
  check_chunks(wanted, x->of.item);
  return rechunked_to(std::move(x), wanted);
}

array_ref rechunked_if_scattered(array_ref x, const grid& wanted) {
  if (wanted == x->chunks) return x;
  const std::vector<chunking> steps = plan_for(*x, wanted);
  return steps.size() > 1 ? by_steps(std::move(x), wanted, steps) : x;
}

array_ref copied(array_ref x) {
  const grid chunks = x->chunks;
  return gathered(std::move(x), chunks, gathering::copy);
}

}  // namespace weft::detail::arrays
