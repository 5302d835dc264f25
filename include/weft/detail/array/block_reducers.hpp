#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/xtensor.hpp"
#include "weft/codec.hpp"
#include "weft/detail/array/block_function.hpp"
#include "weft/detail/array/digests.hpp"

namespace weft::detail::arrays {

// lib/array/digest.cpp.
/// By `what`, which is a chunk_digest. `extents`: of the reduced axes, where they stay; 0: 1, none: all. Throws
/// misuse.
array_ref reduced_blocks(array_ref x, element e, std::uint32_t axes, bool keep, const weft::shape& extents,
                         any_code<digest> what);
/// What a chunk of these extents becomes a part of.
weft::shape reduced_extents(const weft::shape& chunk, std::uint32_t axes, bool keep, const weft::shape& extents);
block block_of_bytes(std::span<const std::byte> bytes);

/// What chunks have become so far, and the extents of the chunk that is made of it.
template <class A>
struct gathered_chunks {
  weft::shape extents;
  A what;
};

/// What R does with chunks of an array of T of N axes: an accumulator for each, which is encoded where tasks end.
template <class R, class T, std::size_t N>
class chunk_digest final : public digest {
  using view = view_type<T, N>;

 public:
  using accumulator = std::remove_cvref_t<decltype(std::declval<const R&>().chunk(std::declval<const view&>()))>;
  using result = std::remove_cvref_t<decltype(std::declval<const R&>().finish(std::declval<const accumulator&>()))>;
  using value = std::remove_cvref_t<typename result_element<result>::type>;

  chunk_digest(R how, std::uint32_t axes, bool keep, const weft::shape& extents)
      : how_(std::move(how)), axes_(axes), keep_(keep), extents_(extents) {}

  block of_chunk(const block& x) const override {
    if (x.of().item != sizeof(T) || (N != dynamic_rank && x.extents().size() != N))
      throw std::logic_error("weft: a task that reduces chunks was given others than its own");
    return packed({reduced_extents(x.extents(), axes_, keep_, extents_),
                   how_.chunk(view_of<const T, N>(x.data<T>(), x.extents()))});
  }
  block merge(values<block> parts) const override {
    gathered all = unpacked(parts[0]);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const gathered after = unpacked(parts[i]);
      how_.merge(all.what, after.what);
    }
    return packed(all);
  }
  block finish(block all) const override {
    const gathered last = unpacked(all);
    block b(element_of<value>, last.extents);
    const auto& given = how_.finish(last.what);
    write_result<value>(given, {b.bytes().data(), last.extents});
    return b;
  }
  bool may_be_compared() const noexcept override { return false; }
  void encode(encoder& e) const override {
    weft::encode(e, how_);
    weft::encode(e, axes_);
    weft::encode(e, keep_);
    weft::encode(e, extents_);
  }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(operation_name<R>());
  }

 private:
  using gathered = gathered_chunks<accumulator>;

  static block packed(const gathered& g) { return block_of_bytes(weft::to_bytes(g)); }
  static gathered unpacked(const block& b) { return weft::from_bytes<gathered>(b.bytes()); }
  static std::shared_ptr<const code> make(decoder& d) {
    R how = weft::decode<R>(d);
    const auto axes = weft::decode<std::uint32_t>(d);
    const bool keep = weft::decode<bool>(d);
    return std::make_shared<const chunk_digest>(std::move(how), axes, keep, weft::decode<weft::shape>(d));
  }
  static inline const code_entry entry_{&chunk_digest::make};

  [[no_unique_address]] R how_;
  std::uint32_t axes_;
  bool keep_;
  weft::shape extents_;
};

}  // namespace weft::detail::arrays
