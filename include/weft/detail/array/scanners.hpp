#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
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
template <class R, class T>
any_code<scanner> scanner_by(const R& how) {
  return any_code<scanner>(std::make_shared<const scanner_code<R, T>>(how));
}
// As of reducers.
#define WEFT_DETAIL_USUAL_SCANNERS(T, ...)                                  \
  __VA_ARGS__ any_code<scanner> scanner_by<sum_of<T>, T>(const sum_of<T>&); \
  __VA_ARGS__ any_code<scanner> scanner_by<product_of<T>, T>(const product_of<T>&);
WEFT_DETAIL_USUAL_SCANNERS(double, extern template)
WEFT_DETAIL_USUAL_SCANNERS(float, extern template)
WEFT_DETAIL_USUAL_SCANNERS(std::int64_t, extern template)
WEFT_DETAIL_USUAL_SCANNERS(std::int32_t, extern template)

/// The last element that is no NaN, unless it is more than `most` elements ago.
template <class T>
struct last_number_of {
  static constexpr const char* name = "push";
  using result = T;
  struct accumulator {
    T last;
    std::int64_t since;  // elements behind it; where there is none, -1 less all that were added
  };
  std::int64_t most = 0;

  constexpr accumulator start() const { return {T(0), -1}; }
  constexpr void add(accumulator& a, T x) const {
    if (x == x)
      a = {x, 0};
    else
      a.since += a.since < 0 ? -1 : 1;
  }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    if (b.since >= 0)
      a = b;
    else
      a.since += a.since < 0 ? b.since + 1 : -1 - b.since;
  }
  constexpr result finish(const accumulator& a) const {
    return a.since < 0 || a.since > most ? std::numeric_limits<T>::quiet_NaN() : a.last;
  }
};
/// Throws misuse for a number of elements that cannot be filled.
void check_push(std::int64_t most);

/// Along an axis, to elements `e` of the same shape. lib/array/scan.cpp. Throws misuse for an axis that is not there.
array_ref make_scan(array_ref x, element e, std::int64_t axis, any_code<scanner> what);

}  // namespace weft::detail::arrays
