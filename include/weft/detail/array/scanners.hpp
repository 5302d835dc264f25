#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/detail/array/reducers.hpp"

namespace weft::detail::arrays {

/// A reducer's loops along lines. What a chunk comes to is added up in the same order as its elements are given, so
/// that what follows goes on from its last element.
template <class R, class T>
class scanner_code final : public reducer_loops<R, T, scanner> {
  using accumulator = typename R::accumulator;

 public:
  using reducer_loops<R, T, scanner>::reducer_loops;
  void total(std::byte* to, const std::byte* from, std::size_t count, std::size_t inner) const override {
    const R how = this->how();
    auto* __restrict a = reinterpret_cast<accumulator*>(to);
    const auto* __restrict x = reinterpret_cast<const T*>(from);
    if (inner == 1) {
      accumulator all = how.start();
      for (std::size_t k = 0; k < count; ++k) how.add(all, x[k]);
      *a = all;
      return;
    }
    for (std::size_t i = 0; i < inner; ++i) a[i] = how.start();
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t i = 0; i < inner; ++i) how.add(a[i], x[k * inner + i]);
  }
  void scan(std::byte* out, const std::byte* before, const std::byte* from, std::size_t count,
            std::size_t inner) const override {
    const R how = this->how();
    auto* __restrict to = reinterpret_cast<typename R::result*>(out);
    const auto* __restrict b = reinterpret_cast<const accumulator*>(before);
    const auto* __restrict x = reinterpret_cast<const T*>(from);
    const auto element = [&](const accumulator& line, const accumulator& own) {
      accumulator all = line;
      how.merge(all, own);
      return how.finish(all);
    };
    if (inner == 1) {
      accumulator own = how.start();
      for (std::size_t k = 0; k < count; ++k) {
        how.add(own, x[k]);
        to[k] = element(*b, own);
      }
      return;
    }
    std::vector<accumulator> lines(inner, how.start());
    accumulator* __restrict own = lines.data();
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t i = 0; i < inner; ++i) {
        how.add(own[i], x[k * inner + i]);
        to[k * inner + i] = element(b[i], own[i]);
      }
  }
  const code_entry& entry() const noexcept override { return entry_; }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const scanner_code>(weft::decode<R>(d));
  }
  static inline const code_entry entry_{&scanner_code::make};
};

/// Along an axis, to elements `e` of the same shape. lib/array/scan.cpp. Throws misuse for an axis that is not there.
array_ref make_scan(array_ref x, element e, std::int64_t axis, any_code<scanner> what);

}  // namespace weft::detail::arrays
