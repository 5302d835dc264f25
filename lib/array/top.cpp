// The first or the last elements of each line, by a tree.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/lines.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/digests.hpp"
#include "weft/detail/array/orders.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Of blocks whose last axis is that of the lines: up to k elements of each, sorted.
class top_digest final : public digest {
 public:
  top_digest(any_code<order> what, std::size_t k, bool last) : what_(std::move(what)), k_(k), last_(last) {}

  block of_chunk(const block& x) const override {
    const lines l = lines_of(x.extents(), x.extents().size() - 1);
    const std::size_t item = checked_item(x), kept = std::min(k_, l.count);
    block top = block_like(x, kept);
    std::vector<std::byte> line(l.count * item);
    for (std::size_t o = 0; o < l.outer; ++o) {
      std::memcpy(line.data(), x.bytes().data() + o * line.size(), line.size());
      what_->select(line.data(), l.count, kept, last_);
      std::memcpy(top.bytes().data() + o * kept * item, line.data(), kept * item);
    }
    return top;
  }
  block merge(values<block> parts) const override {
    block all = block_like(parts[0], lines_of(parts[0].extents(), parts[0].extents().size() - 1).count);
    std::memcpy(all.bytes().data(), parts[0].bytes().data(), all.bytes().size());
    for (std::size_t p = 1; p < parts.size(); ++p) {
      const block& part = parts[p];
      const std::size_t item = checked_item(part);
      const lines a = lines_of(all.extents(), all.extents().size() - 1),
                  b = lines_of(part.extents(), part.extents().size() - 1);
      if (a.outer != b.outer || checked_item(all) != item)
        throw std::logic_error("weft: lines of unlike shapes were given to be merged");
      const std::size_t kept = std::min(k_, a.count + b.count);
      block both = block_like(all, kept);
      for (std::size_t o = 0; o < a.outer; ++o)
        what_->merge(both.bytes().data() + o * kept * item, kept, last_, all.bytes().data() + o * a.count * item,
                     a.count, part.bytes().data() + o * b.count * item, b.count);
      all = std::move(both);
    }
    return all;
  }
  block finish(block all) const override { return all; }
  void encode(encoder& e) const override {
    weft::encode(e, what_);
    e.put_count(k_);
    weft::encode(e, last_);
  }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("topk"); }

 private:
  std::size_t checked_item(const block& x) const {
    if (x.of().item != what_->item() || x.extents().size() == 0)
      throw std::logic_error("weft: a task that orders elements was given others than its own");
    return x.of().item;
  }
  static block block_like(const block& x, std::size_t count) {
    weft::shape extents = x.extents();
    extents[extents.size() - 1] = static_cast<std::int64_t>(count);
    return block(x.of(), extents);
  }
  static std::shared_ptr<const code> make(decoder& d) {
    auto what = weft::decode<any_code<order>>(d);
    const auto k = static_cast<std::size_t>(d.take_count("a number of elements"));
    return std::make_shared<const top_digest>(std::move(what), k, weft::decode<bool>(d));
  }
  static inline const code_entry entry_{&top_digest::make};

  const any_code<order> what_;
  const std::size_t k_;
  const bool last_;
};

}  // namespace

array_ref topmost(array_ref x, std::int64_t k, std::int64_t along, any_code<order> what) {
  const std::size_t axis = checked_axis(along, grid_of(*x));
  const std::int64_t n = grid_of(*x).axes[axis].extent;
  if (k == 0 || k < -n || k > n)
    throw misuse("weft: topk of " + std::to_string(k) + " elements along axis " + std::to_string(axis) +
                 " of an array of shape " + weft::to_string(grid_of(*x).whole()) +
                 ": give a number from 1 to the axis' extent, or from -1 to its negative for the smallest");
  const element e = element_of_node(*x);
  array_ref turned = axis_to_end(std::move(x), axis);
  grid chunks = grid_of(*turned);
  const std::uint32_t end = chunks.rank - 1;
  chunks.axes[end] = one_chunk(std::abs(k));
  check_chunks(chunks, e.item);
  const bool last = k > 0;
  array_ref top = make_digest(std::move(turned), e, chunks, 1u << end,
                              any_code<digest>(std::make_shared<const top_digest>(
                                  std::move(what), static_cast<std::size_t>(std::abs(k)), last)));
  if (last) top = flip_view(std::move(top), static_cast<std::int64_t>(end));
  return axis_from_end(std::move(top), axis);
}

}  // namespace weft::detail::arrays
