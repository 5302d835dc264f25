#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/join.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/reshape.hpp"
#include "weft/detail/array/counts.hpp"

namespace weft {

/// Bins of one width, from `first` to `last`, which must be given: `histogram(x, {.count = 100, .first = 0, .last =
/// 1})`. What range the elements have is known when they are computed, by compute(min(x), max(x)). Where that is
/// one number they are from half a unit below it to half a unit above, as NumPy's. (An optional takes integers in
/// braces, too.)
struct bins {
  std::int64_t count = 10;
  std::optional<double> first = {}, last = {};
};
static_assert(std::is_trivially_destructible_v<bins>, "g++ 12 destroys it twice in a co_await expression");

/// Counts, or sums of weights, of bins between edges, of which there is one more.
template <class T>
struct histogram_parts {
  array<T, 1> counts;
  std::vector<double> edges;
};
template <class T>
struct histogram2d_parts {
  array<T, 2> counts;
  std::vector<double> first_edges, second_edges;
};
template <class T>
struct histogramdd_parts {
  array<T> counts;
  std::vector<std::vector<double>> edges;  // along each axis
};
/// The different elements of an array, in order, and how often each is there.
template <class T>
struct unique_parts {
  xt::xtensor<T, 1> values;
  xt::xtensor<std::int64_t, 1> counts;
};

/// The same with where they are: `indices` has the number, row-major, of the first of each, and `inverse` for each
/// element the place of its value.
template <class T, std::size_t N>
struct unique_all_parts {
  xt::xtensor<T, 1> values;
  xt::xtensor<std::int64_t, 1> indices;
  array<std::int64_t, N> inverse;
  xt::xtensor<std::int64_t, 1> counts;
};

namespace detail::arrays {

inline find_bin finder_of(const bins& b) {
  std::vector<double> edges = bin_edges(b.count, b.first, b.last);
  const double scale = static_cast<double>(b.count) / (edges.back() - edges.front());
  return {shared<std::vector<double>>(std::move(edges)), scale};
}
template <std::ranges::range E>
find_bin finder_of(const E& list) {
  std::vector<double> edges;
  for (const auto& e : list) edges.push_back(static_cast<double>(e));
  check_edges(edges);
  return {shared<std::vector<double>>(std::move(edges)), 0};
}
inline std::int64_t bins_of(const find_bin& f) { return static_cast<std::int64_t>(f.edges->size()) - 1; }

/// Counts of numbers, or what the weights of each come to.
template <bool Strict, class X, class... W>
auto counts_of(const X& numbers, std::int64_t n, const W&... weights) {
  static_assert(sizeof...(W) <= 1, "weft: what is counted has one array of weights, or none");
  if constexpr (sizeof...(W) == 0) {
    return array<std::int64_t, 1>(make_counts(numbers.node(), n, false, Strict));
  } else {
    constexpr bool real = (std::is_arithmetic_v<typename W::value_type> && ...);
    static_assert(real, "weft: weights are real numbers");
    const auto weighed = arrays::apply_to(weigh_number{}, numbers, weights...);
    return array<double, 1>(make_counts(weighed.node(), n, true, Strict));
  }
}
/// Elements of counts_of.
template <class... W>
using count_t = std::conditional_t<sizeof...(W) == 0, std::int64_t, double>;

template <class X>
consteval bool checked_numbers() {
  constexpr bool real = std::is_arithmetic_v<typename X::value_type>;
  static_assert(real, "weft: what is counted or looked up are real numbers, integers or bools");
  return real;
}

template <class V>
auto sorted_list(const V& values) {
  using T = typename V::value_type;
  std::vector<T> all(values.begin(), values.end());
  std::sort(all.begin(), all.end(), in_order{});
  return shared<std::vector<T>>(std::move(all));
}
template <class V>
auto checked_list(const char* what, const V& values) {
  using T = typename V::value_type;
  std::vector<T> all(values.begin(), values.end());
  check_sorted(what, std::is_sorted(all.begin(), all.end(), in_order{}));
  return shared<std::vector<T>>(std::move(all));
}

template <class X, class... W>
histogram_parts<count_t<W...>> histogram_by(find_bin f, const X& x, const W&... weights) {
  static_assert(checked_numbers<X>());
  auto counts = counts_of<false>(arrays::apply_to(f, x), bins_of(f), weights...);
  return {std::move(counts), *f.edges};
}
template <class X, class Y, class... W>
histogram2d_parts<count_t<W...>> histogram2d_by(find_bin f, find_bin g, const X& x, const Y& y, const W&... weights) {
  static_assert(checked_numbers<X>() && checked_numbers<Y>());
  const std::int64_t n = bins_of(f), m = bins_of(g);
  check_length(n * m);
  const auto numbers = arrays::apply_to(join_bins{m}, arrays::apply_to(f, x), arrays::apply_to(g, y));
  return {reshape<2>(counts_of<false>(numbers, n * m, weights...), {n, m}), *f.edges, *g.edges};
}

/// Coordinate d of all points is axes[d], and its bins are those of finders[d].
template <class T, std::size_t N, class... W>
histogramdd_parts<count_t<W...>> histogramdd_by(const std::vector<array<T, N>>& axes,
                                                const std::vector<find_bin>& finders, const W&... weights) {
  static_assert(checked_numbers<array<T, N>>());
  check_axes(axes.size(), finders.size());
  histogramdd_parts<count_t<W...>> h{array<count_t<W...>>(axes.front().node()), {}};
  weft::shape extents = weft::shape::of_rank(axes.size());
  std::int64_t all = 1;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    check_length(all *= extents[d] = bins_of(finders[d]));
    h.edges.push_back(*finders[d].edges);
  }
  array<std::int64_t, N> numbers = arrays::apply_to(finders[0], axes[0]);
  for (std::size_t d = 1; d < axes.size(); ++d)
    numbers = arrays::apply_to(join_bins{extents[d]}, numbers, arrays::apply_to(finders[d], axes[d]));
  h.counts = reshape(counts_of<false>(numbers, all, weights...), extents);
  return h;
}
/// The columns of an array of two axes.
template <class X>
auto columns_of(const X& points) {
  constexpr bool rows = X::rank == 2;
  static_assert(rows,
                "weft: the points of a histogram are the rows of an array of two axes, or a std::vector of arrays");
  const array<typename X::value_type, 2> whole(points.node());
  std::vector<array<typename X::value_type, 1>> columns;
  for (std::int64_t d = 0; d < points.shape()[1] && columns.size() <= most_axes; ++d)
    columns.push_back(whole(slice(), d));
  return columns;
}
/// How a histogram's bins are said: bins, or edges.
template <class B>
std::vector<find_bin> finders_of(const std::vector<B>& each) {
  std::vector<find_bin> found;
  for (const B& b : each) found.push_back(finder_of(b));
  return found;
}

/// The widths of bins along one axis of a histogram's counts.
template <std::size_t N, class T>
auto widths_along(const array<T, N>& counts, std::size_t axis, const std::vector<double>& edges) {
  const auto place = index_array<N>(counts.owner(), counts.grid(), axis);
  return arrays::apply_to(width_of_bin{shared<std::vector<double>>(edges)}, place);
}

template <class T>
task<unique_parts<T>> collect_unique(array_ref all) {
  std::vector<future<block>> parts = start(*all);
  const block& only = co_await parts[0];
  unique_parts<T> found{xt::xtensor<T, 1>::from_shape({only.count()}),
                        xt::xtensor<std::int64_t, 1>::from_shape({only.count()})};
  for (std::size_t i = 0; i < only.count(); ++i) {
    found.values(i) = static_cast<T>(only.template data<counted<T>>()[i].value);
    found.counts(i) = only.template data<counted<T>>()[i].count;
  }
  co_return found;
}

template <class T, std::size_t N>
task<unique_all_parts<T, N>> collect_unique_all(array_ref all, array<T, N> x) {
  std::vector<future<block>> parts = start(*all);
  const block& only = co_await parts[0];
  const auto* const found = only.template data<counted_place<T>>();
  const std::size_t n = only.count();
  xt::xtensor<T, 1> values = xt::xtensor<T, 1>::from_shape({n});
  xt::xtensor<std::int64_t, 1> indices = xt::xtensor<std::int64_t, 1>::from_shape({n}), counts = indices;
  for (std::size_t i = 0; i < n; ++i) {
    values(i) = static_cast<T>(found[i].value);
    indices(i) = found[i].first;
    counts(i) = found[i].count;
  }
  find_place<T> place{shared<std::vector<T>>(std::vector<T>(values.begin(), values.end()))};
  array<std::int64_t, N> inverse = arrays::apply_to(std::move(place), x);
  co_return unique_all_parts<T, N>{std::move(values), std::move(indices), std::move(inverse), std::move(counts)};
}

template <class T>
task<xt::xtensor<T, 1>> values_of(task<unique_parts<T>> found) {
  unique_parts<T> all = co_await std::move(found);
  co_return std::move(all.values);
}

}  // namespace detail::arrays

// Counting. All elements of an array of any number of axes count; the result is one chunk. Chunks are counted by
// themselves, and counts are added by the tree of reductions, in an order that the chunks decide: a task has a
// counter of 8 bytes for each bin. Weights, behind all else, are an array that broadcasts with x, and are added in
// double.

/// How many elements are in each bin: `histogram(x, {.count = 100, .first = 0, .last = 1})`, or what their weights
/// come to: `histogram(x, bins, weights)`. A bin has what is from its edge on and below the next one, the last bin
/// that too. The edges are those of numpy.linspace, and bins are exact. Elements that are outside and NaNs are left
/// out. Throws misuse for bins that cannot be, and for those without a range.
template <array_like X, array_like... W>
auto histogram(const X& x, const bins& b, const W&... weights) {
  return detail::arrays::histogram_by(detail::arrays::finder_of(b), x, weights...);
}
/// Bins between these edges (std::vector or xt::xtensor), which increase.
template <array_like X, std::ranges::range E, array_like... W>
auto histogram(const X& x, const E& edges, const W&... weights) {
  return detail::arrays::histogram_by(detail::arrays::finder_of(edges), x, weights...);
}
/// Of pairs of elements, which broadcast: bins along two axes.
template <array_like X, array_like Y, array_like... W>
auto histogram2d(const X& x, const Y& y, const bins& first, const bins& second, const W&... weights) {
  using namespace detail::arrays;
  return histogram2d_by(finder_of(first), finder_of(second), x, y, weights...);
}
template <array_like X, array_like Y, std::ranges::range E, std::ranges::range G, array_like... W>
auto histogram2d(const X& x, const Y& y, const E& first, const G& second, const W&... weights) {
  using namespace detail::arrays;
  return histogram2d_by(finder_of(first), finder_of(second), x, y, weights...);
}
/// Of points with any number of coordinates, up to eight: the rows of an array of two axes, or a std::vector with an
/// array for each coordinate. The counts have an axis for each. `each` says the bins of each coordinate, a
/// std::vector of weft::bins or of edges. Weights, of points, are an array of one axis for rows.
template <array_like X, class B, array_like... W>
auto histogramdd(const X& points, const std::vector<B>& each, const W&... weights) {
  using namespace detail::arrays;
  return histogramdd_by(columns_of(points), finders_of(each), weights...);
}
template <class T, std::size_t N, class B, array_like... W>
auto histogramdd(const std::vector<array<T, N>>& coordinates, const std::vector<B>& each, const W&... weights) {
  using namespace detail::arrays;
  return histogramdd_by(coordinates, finders_of(each), weights...);
}
/// The density of a histogram, whose integral over the bins is 1.
template <class T>
array<double, 1> density(const histogram_parts<T>& h) {
  return h.counts / detail::arrays::widths_along(h.counts, 0, h.edges) / sum(h.counts);
}
template <class T>
array<double, 2> density(const histogram2d_parts<T>& h) {
  using namespace detail::arrays;
  return h.counts / widths_along(h.counts, 0, h.first_edges) / widths_along(h.counts, 1, h.second_edges) /
         sum(h.counts);
}
template <class T>
array<double> density(const histogramdd_parts<T>& h) {
  array<double> per_volume = astype<double>(h.counts);
  for (std::size_t d = 0; d < h.edges.size(); ++d)
    per_volume = per_volume / detail::arrays::widths_along(h.counts, d, h.edges[d]);
  return per_volume / sum(h.counts);
}

/// How often each number from 0 to n - 1 is there, or what the weights of its elements come to. The elements are
/// integers; one that is outside is an error when it is found: compute max(x) first where n is not known.
template <array_like X, array_like... W>
auto bincount(const X& x, std::int64_t n, const W&... weights) {
  using T = typename X::value_type;
  constexpr bool whole = std::is_integral_v<T>;
  static_assert(whole, "weft: bincount counts integers; for others there is histogram");
  detail::arrays::check_length(n);
  return detail::arrays::counts_of<true>(astype<std::int64_t>(x), n, weights...);
}

/// The different elements in order, with their counts; of NaNs there is one. How many there are is known when they
/// are found, which this awaits; they come to this process: `const auto u = co_await weft::unique(x);`, u.values and
/// u.counts. Each task of the tree holds those of its chunks, the last one all. The inverse is
/// `searchsorted(u.values, x)`, which unique_all() has.
template <array_like X>
task<unique_parts<typename X::value_type>> unique(const X& x) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  static_assert(checked_numbers<X>());
  return collect_unique<T>(make_digest(x.node(), element_of<counted<T>>, one_block(), mask_of(x.grid()),
                                       any_code<digest>(std::make_shared<const unique_digest<T>>())));
}

/// The same with the first place of each, and where each element of x is among them, as an array in x's chunks that
/// is computed when it is needed: `const auto u = co_await weft::unique_all(x);`. Takes an index of 64 bits beside
/// each element.
template <array_like X>
task<unique_all_parts<typename X::value_type, X::rank>> unique_all(const X& x) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  static_assert(checked_numbers<X>());
  const std::uint32_t all = mask_of(x.grid());
  const array<std::int64_t, X::rank> at(make_index(x.owner(), x.grid(), 0, place_steps(x.grid(), all)));
  const array<placed<T>, X::rank> elements(detail::arrays::apply_to(place_element{}, x, at));
  return collect_unique_all<T, X::rank>(
      make_digest(elements.node(), element_of<counted_place<T>>, one_block(), all,
                  any_code<digest>(std::make_shared<const unique_digest<placed<T>>>())),
      array<T, X::rank>(x.node()));
}

/// The different elements of both, in order, likewise: `const auto all = co_await weft::union1d(x, y);` Of unlike
/// types they are of the one that an expression of both has.
template <array_like X, array_like Y>
auto union1d(const X& x, const Y& y) {
  return detail::arrays::values_of(unique(concatenate(0, ravel(x), ravel(y))));
}

/// On which side of those that equal it an element is placed.
enum class side : std::uint8_t { left, right };
/// Where each element of x would stand in a sorted list (std::vector or xt::xtensor): how many of it are before the
/// element, with side::right those that equal it as well. O(log of the list's length) an element, in the kernel.
/// Throws misuse for a list that is not sorted.
template <class V, array_like X>
auto searchsorted(const V& values, const X& x, side at = side::left) {
  using namespace detail::arrays;
  static_assert(checked_numbers<X>());
  auto all = checked_list("the list of searchsorted", values);
  return detail::arrays::apply_to(find_place<typename V::value_type>{std::move(all), at == side::right}, x);
}
/// The number of the bin between `edges` that each element is in: 0 before the first edge, and as many as there are
/// edges behind the last one. A bin has its lower edge, with `right` its upper one. Throws misuse for edges that
/// decrease.
template <array_like X, class V>
auto digitize(const X& x, const V& edges, bool right = false) {
  return searchsorted(edges, x, right ? side::left : side::right);
}
/// Whether each element is among `values` (std::vector or xt::xtensor); NaNs are not.
template <array_like X, class V>
auto isin(const X& x, const V& values) {
  using namespace detail::arrays;
  static_assert(checked_numbers<X>());
  return detail::arrays::apply_to(is_among<typename V::value_type>{sorted_list(values)}, x);
}

}  // namespace weft