#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "weft/array/count.hpp"
#include "weft/array/random.hpp"
#include "weft/array/sort.hpp"
#include "weft/array/take.hpp"
#include "weft/detail/array/distributions.hpp"

/// Elements of a list, or of an array, in a random order, or chosen at random.
namespace weft {

namespace detail::arrays {

template <std::size_t N>
array<std::int64_t, N> chosen(const client& c, const weft::shape& extents, std::int64_t n,
                              const random::options& how) {
  if (n < 1) throw_no_choice(n);
  return random::integers<std::int64_t, N>(c, extents, 0, n, how);
}
template <std::size_t N>
array<std::int64_t, N> chosen(const client& c, const weft::shape& extents, std::int64_t n,
                              const std::vector<double>& p, const random::options& how) {
  if (n < 1) throw_no_choice(n);
  check_choice(n, p);
  const find_place<double> among{shared<std::vector<double>>(cumulated(p)), true};
  return array<std::int64_t, N>(arrays::apply_to(among, random::uniform<double, N>(c, extents, how)).node(true));
}
/// Numbers from 0 to n - 1, none of them twice; with p, by their probabilities. Throws misuse where there are too
/// few. lib/array/choice.cpp.
array_ref chosen_once(const client& c, const weft::shape& extents, std::int64_t n, const std::vector<double>* p,
                      const random::options& how);
template <class T>
auto picked_from(const std::vector<T>& values) {
  static_assert(!std::is_same_v<T, bool>,
                "weft: a std::vector<bool> has no elements in memory; use a vector of char");
  return pick<T>{shared<std::vector<T>>(values)};
}

}  // namespace detail::arrays

namespace random {

/// Elements of a list, or of the numbers from 0 to n - 1, each with the same probability or with that of its own, as
/// often as it comes: `choice(c, {1000}, colours)`, `choice(c, {1000}, 3, p)`. p is a std::vector<double>, and its
/// sum 1. The list goes to each worker once. Throws misuse for an n below 1, for an empty list, and for another
/// number of probabilities than there are elements.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, options how = {}) {
  return detail::arrays::chosen<N>(c, extents, n, how);
}
template <std::size_t N = dynamic_rank, std::same_as<std::vector<double>> P>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, const P& p,
                              options how = {}) {
  return detail::arrays::chosen<N>(c, extents, n, p, how);
}
template <std::size_t N = dynamic_rank, class T>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return array<T, N>(apply_to(picked_from(values), chosen<N>(c, extents, n, how)).node(true));
}
template <std::size_t N = dynamic_rank, class T, std::same_as<std::vector<double>> P>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, const P& p,
                   options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return array<T, N>(apply_to(picked_from(values), chosen<N>(c, extents, n, p, how)).node(true));
}

/// No element comes twice: `choice(c, {3}, colours, without_replacement, {.seed = 1})`.
struct without_replacement_t {};
inline constexpr without_replacement_t without_replacement{};

/// So many of those that there are, in a random order: of numbers those that permutation() of the same seed begins
/// with. With probabilities each is taken by those of all that are left, as numpy.random does it: the first ones of
/// exponential numbers, each divided by its probability (Efraimidis and Spirakis, "Weighted random sampling with a
/// reservoir", Information Processing Letters 97, 2006). By an argtopk() over n random numbers; above 65,536 elements
/// by an argsort(). Throws misuse as above, and where more are to be taken than there are, or than have a probability
/// above 0.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, without_replacement_t,
                              options how = {}) {
  return array<std::int64_t, N>(detail::arrays::chosen_once(c, extents, n, nullptr, how));
}
template <std::size_t N = dynamic_rank, std::same_as<std::vector<double>> P>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, const P& p,
                              without_replacement_t, options how = {}) {
  return array<std::int64_t, N>(detail::arrays::chosen_once(c, extents, n, &p, how));
}
template <std::size_t N = dynamic_rank, class T>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, without_replacement_t,
                   options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return apply_to(picked_from(values), choice<N>(c, extents, n, without_replacement, how));
}
template <std::size_t N = dynamic_rank, class T, std::same_as<std::vector<double>> P>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, const P& p,
                   without_replacement_t, options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return apply_to(picked_from(values), choice<N>(c, extents, n, p, without_replacement, how));
}

/// The numbers from 0 to n - 1 in a random order: by an argsort() of as many random numbers of 64 bits, which costs
/// what that does.
inline array<std::int64_t, 1> permutation(const client& c, std::int64_t n, options how = {}) {
  using limits = std::numeric_limits<std::int64_t>;
  return argsort(integers<std::int64_t, 1>(c, weft::shape(n), limits::min(), limits::max(), how));
}
/// x with the elements along an axis in a random order: that of permutation(c, n, {seed, stream}). The order is made
/// here: it takes O(n) memory, and O(n log n) time.
template <array_like X>
auto permutation(const X& x, std::int64_t axis = 0, options how = {}) {
  using namespace detail::arrays;
  const std::int64_t n = x.grid().axes[checked_axis(axis, x.grid())].extent;
  return take(x, permuted(n, how.seed, how.stream), axis);
}

}  // namespace random
}  // namespace weft
