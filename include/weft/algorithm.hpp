#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <numeric>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/all.hpp"
#include "weft/pool.hpp"

/// Parallel algorithms over index ranges and arrays, by halving (fork and join).
///
/// `grain` is the number of elements below which a part is not split. 0: an eighth of a worker's share, at
/// least one; give one where elements cost less than a microsecond or so together. The functions that are
/// passed must be callable from several threads at once.
namespace weft {

namespace detail {

inline std::size_t grain_for(std::size_t n, std::size_t grain) noexcept {
  return grain ? grain : std::max<std::size_t>(1, n / (std::size_t{8} * pool_size()));
}

template <class F>
task<> for_each_part(std::size_t first, std::size_t last, F& f, std::size_t grain) {
  if (last - first <= grain) {
    f(first, last);
    co_return;
  }
  const std::size_t middle = first + (last - first) / 2;
  co_await all(for_each_part(first, middle, f, grain), for_each_part(middle, last, f, grain));
}

template <class T, class Map, class Combine>
task<T> reduce_part(std::size_t first, std::size_t last, Map& map, Combine& combine, std::size_t grain) {
  if (last - first <= grain) co_return map(first, last);
  const std::size_t middle = first + (last - first) / 2;
  auto [left, right] = co_await all(reduce_part<T>(first, middle, map, combine, grain),
                                    reduce_part<T>(middle, last, map, combine, grain));
  co_return combine(std::move(left), std::move(right));
}

/// Merges two sorted runs into `out` on this thread; of equal elements those of `a` come first. Small plain elements
/// are moved without a branch: on random data every second one would be mispredicted.
template <class T, class Compare>
void merge_runs(T* a, T* a_end, T* b, T* b_end, T* out, Compare& less) {
  if constexpr (std::is_trivially_copyable_v<T> && sizeof(T) <= 2 * sizeof(void*)) {
    while (a != a_end && b != b_end) {
      const bool second = less(*b, *a);
      *out++ = second ? *b : *a;
      b += second;
      a += !second;
    }
  } else {
    while (a != a_end && b != b_end) *out++ = less(*b, *a) ? std::move(*b++) : std::move(*a++);
  }
  out = std::move(a, a_end, out);
  std::move(b, b_end, out);
}

/// Merges two sorted runs into `out`, both halves in parallel: the middle of the longer run, and its place in
/// the shorter one.
template <class T, class Compare>
task<> merge_parts(std::span<T> a, std::span<T> b, std::span<T> out, Compare& less, std::size_t grain) {
  if (out.size() <= grain) {
    merge_runs(a.data(), a.data() + a.size(), b.data(), b.data() + b.size(), out.data(), less);
    co_return;
  }
  // Equal elements of a come before those of b, so the cut is lower in b for a's middle, upper in a for b's.
  std::size_t i = 0, j = 0;
  if (a.size() >= b.size()) {
    i = a.size() / 2;
    j = static_cast<std::size_t>(std::lower_bound(b.begin(), b.end(), a[i], less) - b.begin());
  } else {
    j = b.size() / 2;
    i = static_cast<std::size_t>(std::upper_bound(a.begin(), a.end(), b[j], less) - a.begin());
  }
  co_await all(merge_parts(a.first(i), b.first(j), out.first(i + j), less, grain),
               merge_parts(a.subspan(i), b.subspan(j), out.subspan(i + j), less, grain));
}

/// Sorts `data` on this thread, with `scratch` of the same size: runs by insertion, then merges from one array to
/// the other and back. (std::stable_sort would allocate, and makes clang warn of libstdc++'s own code.)
template <class T, class Compare>
void sort_leaf(std::span<T> data, std::span<T> scratch, Compare& less) {
  constexpr std::size_t run = 24;
  const std::size_t n = data.size();
  for (std::size_t begin = 0; begin < n; begin += run)
    for (std::size_t i = begin + 1; i < std::min(n, begin + run); ++i) {
      T moving = std::move(data[i]);
      std::size_t j = i;
      for (; j > begin && less(moving, data[j - 1]); --j) data[j] = std::move(data[j - 1]);
      data[j] = std::move(moving);
    }
  std::span<T> from = data, to = scratch;
  for (std::size_t width = run; width < n; width *= 2) {
    for (std::size_t begin = 0; begin < n; begin += 2 * width) {
      const std::size_t middle = std::min(n, begin + width), end = std::min(n, begin + 2 * width);
      merge_runs(from.data() + begin, from.data() + middle, from.data() + middle, from.data() + end,
                 to.data() + begin, less);
    }
    std::swap(from, to);
  }
  if (from.data() != data.data()) std::move(from.begin(), from.end(), data.begin());
}

/// Sorts `data`; the result is in `data`, or in `scratch` of the same size if `into_scratch`.
template <class T, class Compare>
task<> sort_part(std::span<T> data, std::span<T> scratch, bool into_scratch, Compare& less, std::size_t grain) {
  if (data.size() <= grain) {
    sort_leaf(data, scratch, less);
    if (into_scratch) std::move(data.begin(), data.end(), scratch.begin());
    co_return;
  }
  const std::size_t half = data.size() / 2;
  co_await all(sort_part(data.first(half), scratch.first(half), !into_scratch, less, grain),
               sort_part(data.subspan(half), scratch.subspan(half), !into_scratch, less, grain));
  const std::span<T> from = into_scratch ? data : scratch, to = into_scratch ? scratch : data;
  co_await merge_parts(from.first(half), from.subspan(half), to, less, grain);
}

}  // namespace detail

/// Calls f(first, last) for parts that together are [begin, end).
template <std::invocable<std::size_t, std::size_t> F>
task<> for_each(std::size_t begin, std::size_t end, F f, std::size_t grain = 0) {
  if (begin < end) co_await detail::for_each_part(begin, end, f, detail::grain_for(end - begin, grain));
}

/// Calls f(element) for each element of a random-access range. What the range views must outlive the await.
template <std::ranges::random_access_range R, class F>
  requires std::ranges::borrowed_range<R> && std::invocable<F&, std::ranges::range_reference_t<R>>
task<> for_each(R&& range, F f, std::size_t grain = 0) {
  const auto n = static_cast<std::size_t>(std::ranges::distance(range));
  return for_each(
      std::size_t{0}, n,
      [begin = std::ranges::begin(range), f = std::move(f)](std::size_t first, std::size_t last) mutable {
        for (std::size_t i = first; i < last; ++i) f(begin[static_cast<std::ranges::range_difference_t<R>>(i)]);
      },
      grain);
}

/// Combines what map(first, last) gives for parts of [begin, end); `init` when it is empty. The tree of
/// combinations depends on the grain alone, so that with a grain given the result is the same bit for bit on any
/// number of workers. `combine` must be associative, and init its neutral element.
template <class T, std::invocable<std::size_t, std::size_t> Map, std::invocable<T, T> Combine = std::plus<>>
task<T> reduce(std::size_t begin, std::size_t end, T init, Map map, Combine combine = {}, std::size_t grain = 0) {
  if (begin >= end) co_return init;
  co_return combine(std::move(init),
                    co_await detail::reduce_part<T>(begin, end, map, combine, detail::grain_for(end - begin, grain)));
}

/// Combines the elements of a random-access range, each through `transform`. What the range views must outlive the
/// await.
template <std::ranges::random_access_range R, class T, class Combine = std::plus<>, class Transform = std::identity>
  requires std::ranges::borrowed_range<R> && std::invocable<Transform&, std::ranges::range_reference_t<R>> &&
           std::invocable<Combine&, T, T>
task<T> reduce(R&& range, T init, Combine combine = {}, Transform transform = {}, std::size_t grain = 0) {
  const auto n = static_cast<std::size_t>(std::ranges::distance(range));
  return reduce(
      std::size_t{0}, n, std::move(init),
      [begin = std::ranges::begin(range), combine, transform = std::move(transform)](std::size_t first,
                                                                                     std::size_t last) mutable {
        using difference = std::ranges::range_difference_t<R>;
        T sum = transform(begin[static_cast<difference>(first)]);
        for (std::size_t i = first + 1; i < last; ++i)
          sum = combine(std::move(sum), transform(begin[static_cast<difference>(i)]));
        return sum;
      },
      std::move(combine), grain);
}

/// Sorts an array; equal elements keep their order. O(n log n) work, with scratch space for n elements.
/// Merge sort with parallel merging: Cormen et al., "Introduction to Algorithms", 4th ed., section 26.3.
template <class T, std::strict_weak_order<const T&, const T&> Compare = std::less<>>
  requires std::default_initializable<T> && std::movable<T>
task<> sort(std::span<T> data, Compare less = {}, std::size_t grain = 0) {
  if (grain == 0) grain = std::max<std::size_t>(2048, detail::grain_for(data.size(), 0));
  std::vector<T> scratch(data.size());
  co_await detail::sort_part(data, std::span<T>(scratch), false, less, std::max<std::size_t>(grain, 2));
}

/// The same for a container: `co_await weft::sort(v);`
template <std::ranges::contiguous_range R, class Compare = std::less<>>
  requires(std::ranges::sized_range<R> && std::is_lvalue_reference_v<R>)
auto sort(R&& data, Compare less = {}, std::size_t grain = 0) {
  return sort(std::span<std::ranges::range_value_t<R>>(data), std::move(less), grain);
}

/// Inclusive scan: out[i] = in[0] op ... op in[i]; `out` may be `in`, and has the same size (weft::misuse
/// otherwise). `op` must be associative. Two passes over the data, twice the work of the
/// sequential scan (Blelloch, CMU-CS-90-190).
template <class T, std::invocable<T, T> Op = std::plus<>>
task<> scan(std::span<const T> in, std::span<T> out, Op op = {}, std::size_t grain = 0) {
  if (in.size() != out.size()) throw misuse("weft: scan was given an output of another size than its input");
  const std::size_t n = in.size();
  if (n == 0) co_return;
  const std::size_t part = std::max<std::size_t>(1, detail::grain_for(n, grain));
  const std::size_t parts = (n + part - 1) / part;
  struct cell {  // std::vector<bool> has no elements that threads could write apart
    T value;
  };
  std::vector<cell> sums;
  sums.reserve(parts);
  for (std::size_t k = 0; k < parts; ++k) sums.push_back(cell{in[k * part]});
  auto sum_parts = [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k)
      for (std::size_t i = k * part + 1; i < std::min(n, (k + 1) * part); ++i)
        sums[k].value = op(std::move(sums[k].value), in[i]);
  };
  if (parts > 1) co_await detail::for_each_part(0, parts, sum_parts, std::size_t{1});
  for (std::size_t k = 1; k < parts; ++k) sums[k].value = op(sums[k - 1].value, sums[k].value);
  auto scan_parts = [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      T running = k ? op(sums[k - 1].value, in[k * part]) : in[0];
      for (std::size_t i = k * part;;) {
        out[i] = running;
        if (++i == std::min(n, (k + 1) * part)) break;
        running = op(std::move(running), in[i]);
      }
    }
  };
  co_await detail::for_each_part(0, parts, scan_parts, std::size_t{1});
}

/// The same for containers: `co_await weft::scan(in, out);`, where `in` may be `out`.
template <std::ranges::contiguous_range In, std::ranges::contiguous_range Out, class Op = std::plus<>>
  requires(std::ranges::sized_range<In> && std::is_lvalue_reference_v<In> && std::is_lvalue_reference_v<Out>)
auto scan(In&& in, Out&& out, Op op = {}, std::size_t grain = 0) {
  using T = std::ranges::range_value_t<Out>;
  return scan(std::span<const T>(in), std::span<T>(out), std::move(op), grain);
}

}  // namespace weft
