#pragma once

#include <cstddef>
#include <cstdint>

/// The loops of sums and means, compiled for several instruction sets in lib/array/sums.cpp: the same bits whichever
/// is chosen, since what is added to what is written down here.
namespace weft::detail::arrays {

/// Lanes of a row's sum. Each 16 elements are added to them, of the rest first 8, then 4, 2 and 1 to the first ones,
/// and at last the lanes as a tree, first those that are furthest apart. So many hide how long an addition takes.
inline constexpr std::size_t sum_lanes = 16;

/// The types that are added in A by these loops.
template <class A, class T>
inline constexpr bool has_sum_loops = false;

#define WEFT_DETAIL_SUM_LOOPS(A, T)                           \
  A sum_row(const T* x, std::size_t n, A) noexcept;           \
  /* Adds each to its own sum. */                             \
  void sum_each(A* sums, const T* x, std::size_t n) noexcept; \
  template <>                                                 \
  inline constexpr bool has_sum_loops<A, T> = true;
WEFT_DETAIL_SUM_LOOPS(double, double)
WEFT_DETAIL_SUM_LOOPS(double, float)
WEFT_DETAIL_SUM_LOOPS(double, std::int32_t)
WEFT_DETAIL_SUM_LOOPS(double, std::int64_t)
WEFT_DETAIL_SUM_LOOPS(std::int64_t, std::int32_t)
WEFT_DETAIL_SUM_LOOPS(std::int64_t, std::int64_t)
#undef WEFT_DETAIL_SUM_LOOPS

}  // namespace weft::detail::arrays
