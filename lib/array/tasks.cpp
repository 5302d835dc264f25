// What the tasks of arrays do.
#include "array/tasks.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/given.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::size_t most_accumulator = 64;  // bytes

/// Accumulators of pieces of one row that follow each other, merged by pairs: as a counter carries, so that the order
/// depends on their number alone, and errors grow with its logarithm.
class row_counter {
 public:
  explicit row_counter(const reducer& r) noexcept : how_(r) {}
  void add(const std::byte* piece) {
    alignas(16) std::byte carry[most_accumulator];
    std::memcpy(carry, piece, how_.size());
    std::size_t level = 0;
    for (; count_ >> level & 1; ++level) {
      how_.merge(levels_[level], carry, 1);
      std::memcpy(carry, levels_[level], how_.size());
    }
    std::memcpy(levels_[level], carry, how_.size());
    ++count_;
  }
  /// What there is, into `to`; begins again.
  void end(std::byte* to) {
    alignas(16) std::byte all[most_accumulator];
    bool any = false;
    for (std::size_t level = 0; count_ >> level != 0; ++level) {
      if ((count_ >> level & 1) == 0) continue;
      if (any) {
        how_.merge(levels_[level], all, 1);  // lower levels are of later pieces
      }
      std::memcpy(all, levels_[level], how_.size());
      any = true;
    }
    if (any) how_.merge(to, all, 1);
    count_ = 0;
  }

 private:
  const reducer& how_;
  std::size_t count_ = 0;
  alignas(16) std::byte levels_[48][most_accumulator];
};

/// Axes that are neighbours, and all reduced or all kept, as one.
struct axis_group {
  std::int64_t extent;
  bool reduced;
};
std::vector<axis_group> groups_of(const weft::shape& extents, std::uint32_t axes) {
  std::vector<axis_group> groups;
  for (std::size_t a = 0; a < extents.size(); ++a) {
    const bool reduced = (axes >> a & 1) != 0;
    if (extents[a] == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced)
      groups.back().extent *= extents[a];
    else
      groups.push_back({extents[a], reduced});
  }
  if (groups.empty()) groups.push_back({1, true});
  return groups;
}

/// Elements of the accumulators; those of reduced axes go where `keep` does not hold them.
block finish(const reduction& r, const block& accumulators) {
  demand_given(r.what->result_item() == r.of.item, "a reduction that gives other elements than its own");
  weft::shape extents = weft::shape::of_rank(0);
  std::array<std::int64_t, most_axes> kept{};
  std::size_t rank = 0;
  for (std::size_t a = 0; a < accumulators.extents().size(); ++a)
    if (r.keep || (r.axes >> a & 1) == 0) kept[rank++] = accumulators.extents()[a];
  extents = weft::shape::of_rank(rank);
  for (std::size_t a = 0; a < rank; ++a) extents[a] = kept[a];
  block result(r.of, extents);
  if (result.count() != 0) r.what->finish(result.bytes().data(), accumulators.bytes().data(), result.count());
  return result;
}

}  // namespace

block taken_or_copied(values<block> in, std::size_t i) {
  if (block* own = in.take(i)) return std::exchange(*own, block());
  const block& from = in[i];
  block copy(from.of(), from.extents());
  std::copy(from.bytes().begin(), from.bytes().end(), copy.bytes().begin());
  return copy;
}

block evaluate_chunk(const program& p, std::size_t j, inputs in, own_inputs own) {
  evaluation e(p, j, in, own);
  if (block* reused = reusable_input(p, e.extents(), in, own)) {
    try {
      e.write(reused->bytes().data());
    } catch (...) {
      *reused = block();
      throw;
    }
    return std::exchange(*reused, block());
  }
  block result(p.of, e.extents());
  e.write(result.bytes().data());
  return result;
}

std::uint64_t bytes_of_reduced(const program& p, const reduction& r, std::size_t j) noexcept {
  return bytes_of_chunk(p.domain, p.first, p.counts, j, r.last ? r.of.item : r.what->size(), r.axes);
}

block reduce_chunk(const program& p, const reduction& r, std::size_t j, inputs in, own_inputs own) {
  evaluation e(p, j, in, own);
  const reducer& how = *r.what;
  const std::size_t size = how.size();
  demand_given(how.item() == p.of.item, "elements that its reduction does not take");
  if (size > most_accumulator) throw std::logic_error("weft: an accumulator of a reduction has more than 64 bytes");
  weft::shape kept = e.extents();
  for (std::size_t a = 0; a < kept.size(); ++a)
    if (r.axes >> a & 1) kept[a] = 1;
  block sums({dtype::other, static_cast<std::uint32_t>(size)}, kept);
  std::byte* const to = sums.bytes().data();
  if (sums.count() != 0) how.start(to, sums.count());

  const auto all = static_cast<std::size_t>(e.extents().count());
  block written;  // what is not one cell is written first, so that the order of elements is the same
  if (!e.whole()) {
    written = block(p.of, e.extents());
    e.write(written.bytes().data());
  }
  const std::vector<axis_group> groups = groups_of(e.extents(), r.axes);
  const axis_group row = groups.back();
  const auto length = static_cast<std::size_t>(std::max<std::int64_t>(row.extent, 1));
  coordinates at{}, counts{}, steps{};
  const std::size_t outer = groups.size() - 1;
  std::int64_t step = row.reduced ? 1 : row.extent;
  for (std::size_t g = outer; g-- > 0;) {
    counts[g] = groups[g].extent;
    steps[g] = groups[g].reduced ? 0 : step;
    if (!groups[g].reduced) step *= groups[g].extent;
  }
  const auto place = [&] {
    std::int64_t n = 0;
    for (std::size_t g = 0; g < outer; ++g) n += at[g] * steps[g];
    return to + static_cast<std::size_t>(n) * size;
  };
  row_counter pieces(how);
  std::byte* out = place();
  std::size_t done = 0;  // of the row
  for (std::size_t from = 0; from < all; from += evaluation::tile_size) {
    const std::size_t n = std::min(evaluation::tile_size, all - from);
    const std::byte* x = e.whole() ? e.tile(from, n) : written.bytes().data() + from * p.of.item;
    for (std::size_t left = n; left != 0;) {
      const std::size_t run = std::min(left, length - done);
      if (row.reduced) {
        alignas(16) std::byte piece[most_accumulator];
        how.fold(piece, x, run);
        if (run == length)
          how.merge(out, piece, 1);
        else
          pieces.add(piece);
      } else {
        how.each(out + done * size, x, run);
      }
      x += run * p.of.item;
      left -= run;
      done += run;
      if (done != length) continue;
      if (row.reduced && run != length) pieces.end(out);
      done = 0;
      if (advance(at, counts, outer)) out = place();
    }
  }
  return r.last ? finish(r, sums) : std::move(sums);
}

block combine(const reduction& r, values<block> parts) {
  demand_given(!parts.empty(), "no accumulators");
  if (parts[0].of().item != r.what->size())
    throw std::logic_error("weft: a reduction was given other accumulators than its own");
  block sums = taken_or_copied(parts, 0);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].extents() != sums.extents() || parts[i].of().item != sums.of().item)
      throw std::logic_error("weft: a reduction was given accumulators of unlike shapes");
    if (sums.count() != 0) r.what->merge(sums.bytes().data(), parts[i].bytes().data(), sums.count());
  }
  return r.last ? finish(r, sums) : std::move(sums);
}

}  // namespace weft::detail::arrays
