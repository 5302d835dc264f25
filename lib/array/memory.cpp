// Arrays of elements that this process has in memory, and such memory as a place for arrays.
#include "weft/array/memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "array/copy.hpp"
#include "array/storing.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct dense_box {
  std::vector<std::size_t> extents;
  std::vector<std::ptrdiff_t> steps;
};
/// A chunk as its block has it.
dense_box box_of_chunk(const weft::shape& extents, std::size_t item) {
  dense_box b;
  for (const std::int64_t n : extents) b.extents.push_back(static_cast<std::size_t>(n));
  b.steps.resize(b.extents.size());
  row_major_steps(b.extents, item, b.steps);
  return b;
}
/// From the first element of all to that at a place.
std::ptrdiff_t bytes_to(const memory_layout& at, const weft::shape& place) {
  std::ptrdiff_t bytes = 0;
  for (std::size_t a = 0; a < place.size(); ++a) bytes += static_cast<std::ptrdiff_t>(place[a]) * at.steps[a];
  return bytes;
}
byte_steps steps_of(const memory_layout& at) { return {at.steps.data(), at.extents.size()}; }

/// Copies each chunk to its place. Chunks have no element in common, and one that comes twice has the same elements.
class memory_taker final : public chunk_taker_here {
 public:
  memory_taker(element e, std::byte* first, const memory_layout& at) : element_(e), first_(first), at_(at) {}
  element of() const noexcept override { return element_; }
  std::size_t rank() const noexcept override { return at_.extents.size(); }
  void take(const chunk_place& p, const chunk_in& chunk) const override {
    const dense_box b = box_of_chunk(chunk.extents, element_.item);
    if (chunk.extents.count() == 0) return;
    copy_box(first_ + bytes_to(at_, p.first), steps_of(at_), chunk.data, b.steps, b.extents, element_.item);
  }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("memory"); }

 private:
  const element element_;
  std::byte* const first_;
  const memory_layout at_;
};

class memory_kind final : public target_kind {
 public:
  memory_kind(element e, std::byte* first, const memory_layout& at)
      : element_(e),
        extents_(at.extents),
        taker_(sink_kind(any_code<chunk_taker>(std::make_shared<const memory_taker>(e, first, at)), true)) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    const weft::shape own = x->chunks.whole();
    if (x->of.type != element_.type || x->of.item != element_.item || own != extents_)
      throw misuse("weft: an array of " + said(x->of, own) + " to be stored in memory for one of " +
                   said(element_, extents_) + ": they have one type and one shape");
    return taker_->job_for(std::move(x));
  }
  target_ref part(std::vector<index_item>) const override {
    throw misuse("weft: a region of memory: give memory() a view, as xt::view makes it");
  }

 private:
  static std::string said(element e, const weft::shape& extents) {
    return weft::to_string(e.type) + " and shape " + weft::to_string(extents);
  }
  const element element_;
  const weft::shape extents_;
  const target_ref taker_;
};

/// Each axis has to step over all that the axes of smaller steps reach.
void check_apart(const memory_layout& at, std::size_t item) {
  std::vector<std::size_t> axes;
  for (std::size_t a = 0; a < at.extents.size(); ++a)
    if (at.extents[a] > 1) axes.push_back(a);
  const auto step = [&](std::size_t a) { return static_cast<std::size_t>(std::abs(at.steps[a])); };
  std::ranges::sort(axes, {}, step);
  std::size_t reached = item;
  for (const std::size_t a : axes) {
    if (step(a) < reached)
      throw misuse("weft: memory of shape " + weft::to_string(at.extents) + " whose elements along axis " +
                   std::to_string(a) + " are " + std::to_string(at.steps[a]) + " bytes apart, within the " +
                   std::to_string(reached) +
                   " that one reaches over: an array cannot be stored where they share memory");
    reached += step(a) * static_cast<std::size_t>(at.extents[a] - 1);
  }
}

}  // namespace

memory_layout dense_layout(std::size_t elements, const weft::shape& extents, std::size_t item) {
  const grid whole = make_grid(extents, {}, creation().bytes, item);  // which refuses what no array is
  if (static_cast<std::size_t>(whole.whole().count()) != elements)
    throw misuse("weft: " + std::to_string(elements) + " elements in memory for an array of shape " +
                 weft::to_string(extents) + ", which has " + std::to_string(extents.count()));
  memory_layout at{extents};
  const dense_box b = box_of_chunk(extents, item);
  std::copy(b.steps.begin(), b.steps.end(), at.steps.begin());
  return at;
}

array_ref scattered_from(const client& c, element e, const std::byte* first, const memory_layout& at,
                         const creation& how) {
  const grid chunks = make_grid(at.extents, how.chunk, how.bytes, e.item);
  std::vector<future<block>> parts;
  parts.reserve(chunks.tasks());
  for (std::size_t j = 0; j < chunks.tasks(); ++j) {
    const coordinates place = place_of(j, chunks.counts(), chunks.rank);
    block b(e, chunks.chunk(place));
    if (b.count() != 0) {
      weft::shape begin = weft::shape::of_rank(chunks.rank);
      for (std::size_t a = 0; a < chunks.rank; ++a) begin[a] = chunks.axes[a].first(place[a]);
      const dense_box to = box_of_chunk(b.extents(), e.item);
      copy_box(b.bytes().data(), to.steps, first + bytes_to(at, begin), steps_of(at), to.extents, e.item);
    }
    parts.push_back(c.scatter(std::move(b)));
  }
  return make_stored(c, e, chunks, std::move(parts));
}

target_ref memory_target(element e, std::byte* first, const memory_layout& at) {
  if (at.extents.count() != 0) check_apart(at, e.item);
  return std::make_shared<const memory_kind>(e, first, at);
}

}  // namespace weft::detail::arrays
