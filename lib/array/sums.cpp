#include "weft/detail/array/sums.hpp"

#include "array/clones.hpp"
#include "weft/detail/array/ops.hpp"

namespace weft::detail::arrays {

namespace {

/// Adds `Count` elements to the first lanes. Every index is known to the compiler, so that the lanes stay in
/// registers. Lanes of integers are unsigned: they wrap.
template <std::size_t Count, class L, class T>
[[gnu::always_inline]] inline void add_some(L (&lane)[sum_lanes], const T*& x) noexcept {
  for (std::size_t k = 0; k < Count; ++k) lane[k] += static_cast<L>(x[k]);
  x += Count;
}
template <std::size_t Half, class L>
[[gnu::always_inline]] inline L add_up(const L* lane) noexcept {
  L sums[Half];
  for (std::size_t k = 0; k < Half; ++k) sums[k] = lane[k] + lane[k + Half];
  if constexpr (Half == 1)
    return sums[0];
  else
    return add_up<Half / 2>(sums);
}

template <class A, class T>
[[gnu::always_inline]] inline A add_row(const T* x, std::size_t n) noexcept {
  wrapping_t<A> lane[sum_lanes] = {};
  for (std::size_t i = n / sum_lanes; i != 0; --i) add_some<sum_lanes>(lane, x);
  if (n & 8) add_some<8>(lane, x);
  if (n & 4) add_some<4>(lane, x);
  if (n & 2) add_some<2>(lane, x);
  if (n & 1) add_some<1>(lane, x);
  return static_cast<A>(add_up<sum_lanes / 2>(lane));
}

template <class A, class T>
[[gnu::always_inline]] inline void add_each(A* __restrict sums, const T* __restrict x, std::size_t n) noexcept {
  using L = wrapping_t<A>;
  for (std::size_t i = 0; i < n; ++i) sums[i] = static_cast<A>(static_cast<L>(sums[i]) + static_cast<L>(x[i]));
}

}  // namespace

#define WEFT_DETAIL_SUM_LOOPS(A, T)                                                         \
  WEFT_CLONES A sum_row(const T* x, std::size_t n, A) noexcept { return add_row<A>(x, n); } \
  WEFT_CLONES void sum_each(A* sums, const T* x, std::size_t n) noexcept { add_each(sums, x, n); }
WEFT_DETAIL_SUM_LOOPS(double, double)
WEFT_DETAIL_SUM_LOOPS(double, float)
WEFT_DETAIL_SUM_LOOPS(double, std::int32_t)
WEFT_DETAIL_SUM_LOOPS(double, std::int64_t)
WEFT_DETAIL_SUM_LOOPS(std::int64_t, std::int32_t)
WEFT_DETAIL_SUM_LOOPS(std::int64_t, std::int64_t)
#undef WEFT_DETAIL_SUM_LOOPS

}  // namespace weft::detail::arrays
