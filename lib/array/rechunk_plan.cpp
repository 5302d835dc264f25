#include "array/rechunk_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>

#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::size_t sum(std::span<const std::size_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
}

std::size_t largest(std::span<const std::size_t> sizes) { return *std::max_element(sizes.begin(), sizes.end()); }

double largest_chunk(const chunking& chunks, std::size_t item) {
  auto bytes = static_cast<double>(item);
  for (const axis_chunks& a : chunks) bytes *= static_cast<double>(largest(a));
  return bytes;
}

/// A step's cost along one axis; a step's is the product over the axes.
struct axis_cost {
  double pieces = 0;
  double input = 0;  // elements of the old chunks that one new chunk needs, at most
};

axis_cost cost_along(const axis_chunks& old_sizes, const axis_chunks& new_sizes) {
  const axis_crossing c(old_sizes, new_sizes);
  axis_cost cost{.pieces = static_cast<double>(c.pieces())};
  for (std::size_t i = 0; i < c.chunks(); ++i) {
    double input = 0;
    for (const axis_piece& p : c[i]) input += static_cast<double>(old_sizes[p.chunk]);
    cost.input = std::max(cost.input, input);
  }
  return cost;
}

/// What both sides have as boundaries, without 0 and with the end.
std::vector<std::size_t> common_boundaries(const axis_chunks& a, const axis_chunks& b) {
  std::vector<std::size_t> ends_a(a.size()), ends_b(b.size()), common;
  std::partial_sum(a.begin(), a.end(), ends_a.begin());
  std::partial_sum(b.begin(), b.end(), ends_b.begin());
  std::set_intersection(ends_a.begin(), ends_a.end(), ends_b.begin(), ends_b.end(), std::back_inserter(common));
  return common;
}

/// The finer side's chunks in groups of about `width` elements that end where both sides have a boundary: the groups
/// between two such boundaries are alike, as far as the chunks allow.
axis_chunks grouped(const axis_chunks& finer, const std::vector<std::size_t>& boundaries, std::size_t width) {
  axis_chunks groups;
  std::size_t chunk = 0, begin = 0;
  for (const std::size_t end : boundaries) {
    const std::size_t length = end - begin;
    if (length == 0) continue;
    const std::size_t count = (length + width - 1) / width;
    for (std::size_t g = 1, at = begin; at < end; ++g) {
      const std::size_t goal = g < count ? begin + length / count * g + length % count * g / count : end;
      std::size_t size = 0;
      // A group has one chunk at least, and those that end by the goal.
      while (at + size < end && (size == 0 || at + size + finer[chunk] <= goal)) size += finer[chunk++];
      groups.push_back(size);
      at += size;
    }
    begin = end;
  }
  if (groups.empty()) groups.push_back(0);
  return groups;
}

/// One way to cut an axis between two chunkings, and what both steps cost along it.
struct candidate {
  axis_chunks sizes;
  axis_cost to, onward;
  double width;  // of its largest chunk
};

std::vector<candidate> candidates(const axis_chunks& old_sizes, const axis_chunks& new_sizes, std::size_t most) {
  std::vector<candidate> all;
  const auto add = [&](axis_chunks sizes) {
    for (const candidate& c : all)
      if (c.sizes == sizes) return;
    const auto width = static_cast<double>(largest(sizes));
    all.push_back({sizes, cost_along(old_sizes, sizes), cost_along(sizes, new_sizes), width});
  };
  add(old_sizes);
  if (old_sizes == new_sizes) return all;
  add(new_sizes);
  const bool old_is_finer = old_sizes.size() >= new_sizes.size();
  const axis_chunks& finer = old_is_finer ? old_sizes : new_sizes;
  const std::vector<std::size_t> boundaries = common_boundaries(old_sizes, new_sizes);
  const auto least = static_cast<double>(std::max<std::size_t>(largest(finer), 1));
  const auto widest = static_cast<double>(std::max(largest(old_sizes), largest(new_sizes)));
  const std::size_t between = most > 2 ? most - 2 : 0;
  for (std::size_t i = 1; i <= between && widest > least; ++i)
    add(grouped(finer, boundaries,
                static_cast<std::size_t>(
                    least * std::pow(widest / least, static_cast<double>(i) / static_cast<double>(between + 1)))));
  return all;
}

/// How many candidates an axis may have, so that all combinations are a hundred thousand at most.
std::size_t most_candidates(std::size_t axes) {
  constexpr double combinations = 1e5;
  constexpr std::size_t most = 24;  // an eighth part more each, between 1 and 1,000 elements
  if (axes == 0) return 1;
  const double each = std::floor(std::pow(combinations, 1.0 / static_cast<double>(axes)) + 1e-9);
  return std::clamp<std::size_t>(static_cast<std::size_t>(each), 2, most);
}

/// A step's cost as one number to be made small: by how much it is above what is allowed.
struct excess {
  double memory = 1;  // 1: within the limit
  double pieces = 0;
  friend bool operator<(const excess& a, const excess& b) {
    return a.memory != b.memory ? a.memory < b.memory : a.pieces < b.pieces;
  }
};

class planner {
 public:
  planner(std::size_t item, const rechunk_limits& limits, double most_chunk_bytes)
      : item_(static_cast<double>(item)),
        limits_(limits),
        most_chunk_bytes_(most_chunk_bytes),
        most_input_bytes_(std::max(static_cast<double>(limits.input_bytes), most_chunk_bytes)) {}

  void add_steps(const chunking& from, const chunking& to, int cuts, std::vector<chunking>& steps) const {
    const rechunk_cost direct = cost_of_rechunk(from, to, static_cast<std::size_t>(item_));
    std::optional<chunking> between;
    if (cuts > 0 && !fits(direct)) between = best_between(from, to, direct);
    if (between) {
      add_steps(from, *between, cuts - 1, steps);
      add_steps(*between, to, cuts - 1, steps);
    } else {
      steps.push_back(to);
    }
  }

 private:
  bool fits(const rechunk_cost& c) const {
    return c.piece_bytes >= static_cast<double>(limits_.piece_bytes) && c.input_bytes <= most_input_bytes_;
  }
  double memory_excess(double input_bytes) const { return std::max(1.0, input_bytes / most_input_bytes_); }

  std::optional<chunking> best_between(const chunking& from, const chunking& to, const rechunk_cost& direct) const {
    std::size_t changed = 0;
    for (std::size_t a = 0; a < from.size(); ++a) changed += from[a] != to[a];
    std::vector<std::vector<candidate>> axes;
    for (std::size_t a = 0; a < from.size(); ++a)
      axes.push_back(candidates(from[a], to[a], most_candidates(changed)));

    std::vector<std::size_t> at(axes.size(), 0), best_at;
    excess best;
    for (;;) {
      double to_pieces = 1, to_input = item_, on_pieces = 1, on_input = item_, width = item_;
      for (std::size_t a = 0; a < axes.size(); ++a) {
        const candidate& c = axes[a][at[a]];
        to_pieces *= c.to.pieces;
        to_input *= c.to.input;
        on_pieces *= c.onward.pieces;
        on_input *= c.onward.input;
        width *= c.width;
      }
      if (width <= most_chunk_bytes_) {
        const excess e{memory_excess(std::max(to_input, on_input)), to_pieces + on_pieces};
        if (best_at.empty() || e < best) {
          best = e;
          best_at = at;
        }
      }
      std::size_t a = 0;
      for (; a < axes.size(); ++a) {
        if (++at[a] < axes[a].size()) break;
        at[a] = 0;
      }
      if (a == axes.size()) break;
    }
    const double memory = memory_excess(direct.input_bytes);
    const auto piece = static_cast<double>(limits_.piece_bytes);
    const double pass = direct.pieces * direct.piece_bytes;
    const bool worth_it =
        memory > 1 ? best.memory <= std::max(1.0, memory / 2)
                   : best.memory == 1 && 2 * pass + best.pieces * piece <= (pass + direct.pieces * piece) / 2;
    if (best_at.empty() || !worth_it) return std::nullopt;
    chunking between;
    for (std::size_t a = 0; a < axes.size(); ++a) between.push_back(axes[a][best_at[a]].sizes);
    if (between == from || between == to) return std::nullopt;
    return between;
  }

  double item_;
  rechunk_limits limits_;
  double most_chunk_bytes_, most_input_bytes_;
};

}  // namespace

axis_crossing::axis_crossing(std::span<const std::size_t> old_sizes, std::span<const std::size_t> new_sizes) {
  if (sum(old_sizes) != sum(new_sizes))
    throw misuse("weft: an axis of " + std::to_string(sum(old_sizes)) + " elements cannot have chunks of " +
                 std::to_string(sum(new_sizes)) + " in all: give sizes whose sum is the axis's");
  begins_.reserve(new_sizes.size() + 1);
  pieces_.reserve(old_sizes.size() + new_sizes.size());
  begins_.push_back(0);
  std::size_t chunk = 0, first = 0;
  for (const std::size_t size : new_sizes) {
    for (std::size_t into = 0; into < size;) {
      while (old_sizes[chunk] == first) {  // read to its end, or empty
        ++chunk;
        first = 0;
      }
      const std::size_t count = std::min(size - into, old_sizes[chunk] - first);
      pieces_.push_back({chunk, first, into, count});
      into += count;
      first += count;
    }
    begins_.push_back(pieces_.size());
  }
}

std::vector<axis_crossing> cross(const chunking& old_chunks, const chunking& new_chunks) {
  if (old_chunks.size() != new_chunks.size())
    throw misuse("weft: an array of " + std::to_string(old_chunks.size()) + " axes cannot have chunks of " +
                 std::to_string(new_chunks.size()) + ": give sizes for each axis");
  std::vector<axis_crossing> crossings;
  crossings.reserve(old_chunks.size());
  for (std::size_t a = 0; a < old_chunks.size(); ++a) {
    if (sum(old_chunks[a]) != sum(new_chunks[a]))
      throw misuse("weft: axis " + std::to_string(a) + " has " + std::to_string(sum(old_chunks[a])) +
                   " elements, and its new chunks " + std::to_string(sum(new_chunks[a])) +
                   " in all: give sizes whose sum is the axis's");
    if (old_chunks[a].empty() || new_chunks[a].empty())
      throw misuse("weft: axis " + std::to_string(a) + " has no chunks: an axis of no elements has one of size 0");
    crossings.emplace_back(old_chunks[a], new_chunks[a]);
  }
  return crossings;
}

std::vector<axis_piece> pieces_of(std::span<const axis_crossing> crossings, std::span<const std::size_t> place) {
  const std::size_t rank = crossings.size();
  std::size_t count = 1;
  for (std::size_t a = 0; a < rank; ++a) count *= crossings[a][place[a]].size();
  std::vector<axis_piece> pieces(count * rank);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t rest = i;
    for (std::size_t a = rank; a-- > 0;) {
      const std::span<const axis_piece> along = crossings[a][place[a]];
      pieces[i * rank + a] = along[rest % along.size()];
      rest /= along.size();
    }
  }
  return pieces;
}

rechunk_cost cost_of_rechunk(const chunking& old_chunks, const chunking& new_chunks, std::size_t item) {
  const std::vector<axis_crossing> checked = cross(old_chunks, new_chunks);
  double old_count = 1, new_count = 1, bytes = static_cast<double>(item);
  rechunk_cost cost{.pieces = 1, .input_bytes = static_cast<double>(item)};
  for (std::size_t a = 0; a < old_chunks.size(); ++a) {
    const axis_cost along = cost_along(old_chunks[a], new_chunks[a]);
    cost.pieces *= along.pieces;
    cost.input_bytes *= along.input;
    old_count *= static_cast<double>(old_chunks[a].size());
    new_count *= static_cast<double>(new_chunks[a].size());
    bytes *= static_cast<double>(sum(new_chunks[a]));
  }
  cost.chunks = old_count + new_count;
  if (cost.pieces > 0) cost.piece_bytes = bytes / cost.pieces;
  return cost;
}

std::vector<chunking> plan_rechunk(const chunking& old_chunks, const chunking& new_chunks, std::size_t item,
                                   const rechunk_limits& limits) {
  std::vector<chunking> steps;
  const std::vector<axis_crossing> checked = cross(old_chunks, new_chunks);
  if (old_chunks == new_chunks) return steps;
  auto bytes = static_cast<double>(item);
  for (const axis_chunks& a : old_chunks) bytes *= static_cast<double>(sum(a));
  const double part = bytes / static_cast<double>(std::max<std::size_t>(limits.least_chunks, 1));
  const double most = std::max({std::min(static_cast<double>(limits.chunk_bytes), part),
                                largest_chunk(old_chunks, item), largest_chunk(new_chunks, item)});
  constexpr int cuts = 3;
  planner(item, limits, most).add_steps(old_chunks, new_chunks, cuts, steps);
  return steps;
}

}  // namespace weft::detail::arrays
