#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "weft/all.hpp"
#include "weft/array/array.hpp"
#include "weft/detail/results.hpp"

/// Several arrays at once: what more than one of them needs is computed once.
namespace weft {

namespace detail::arrays {

template <class... X, std::size_t... I>
task<results<local_t<typename X::value_type, X::rank>...>> collect_all(client by, std::vector<array_ref> xs,
                                                                       std::index_sequence<I...>) {
  std::vector<std::vector<future<block>>> parts = start_by(by, xs);
  auto whole = all(assemble<typename X::value_type, X::rank>(std::move(parts[I]), grid_of(*xs[I]))...);
  co_return co_await std::move(whole);
}

template <class... X, std::size_t... I>
results<array<typename X::value_type, X::rank>...> persist_all(const client& by, const std::vector<array_ref>& xs,
                                                               std::index_sequence<I...>) {
  std::vector<std::vector<future<block>>> parts = start_by(by, xs);
  return {array<typename X::value_type, X::rank>(
      make_stored(owner_of(*xs[I]), element_of_node(*xs[I]), grid_of(*xs[I]), std::move(parts[I])))...};
}

template <class T, std::size_t N>
task<std::vector<local_t<T, N>>> collect_each(std::optional<client> by, std::vector<array_ref> xs) {
  std::vector<std::vector<future<block>>> parts = by ? start_by(*by, xs) : start_all(xs);
  std::vector<task<local_t<T, N>>> each;
  each.reserve(xs.size());
  for (std::size_t i = 0; i < xs.size(); ++i) each.push_back(assemble<T, N>(std::move(parts[i]), grid_of(*xs[i])));
  auto whole = all(std::move(each));
  co_return co_await std::move(whole);
}
template <class T, std::size_t N>
std::vector<array<T, N>> persist_each(const std::optional<client>& by, const std::vector<array_ref>& nodes) {
  auto parts = by ? start_by(*by, nodes) : start_all(nodes);
  std::vector<array<T, N>> kept;
  kept.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    kept.emplace_back(
        make_stored(owner_of(*nodes[i]), element_of_node(*nodes[i]), grid_of(*nodes[i]), std::move(parts[i])));
  return kept;
}
template <class X>
std::vector<array_ref> nodes_of(const std::vector<X>& all) {
  std::vector<array_ref> nodes;
  nodes.reserve(all.size());
  for (const X& x : all) nodes.push_back(x.node());
  return nodes;
}
template <class... X>
std::vector<array_ref> nodes_of(const std::tuple<X...>& all) {
  return std::apply([](const X&... x) { return std::vector<array_ref>{x.node()...}; }, all);
}
/// That of the first of several arrays, with options; none where there are no arrays.
inline std::optional<client> with_options(const std::vector<array_ref>& all, task_options how) {
  if (all.empty()) return std::nullopt;
  return owner_of(*all.front()).with(how);
}

template <class... X>
consteval bool checked_number() {
  constexpr bool few_enough = sizeof...(X) <= most_results;
  static_assert(few_enough, "weft: up to eight arrays are computed together");
  return few_enough;
}

/// Until a node's chunks have all been made. lib/array/start.cpp.
task<> wait_for(array_ref x);

}  // namespace detail::arrays

/// Ends when all chunks of x are there, and brings none of them here:
///
///     const weft::array<double, 2> y = x.persist();
///     co_await weft::wait(y);
///
/// What was not persisted is computed, and let go chunk by chunk. Throws what compute() would, when all have ended.
template <array_like X>
task<> wait(const X& x) {
  return detail::arrays::wait_for(x.node());
}

/// Computes up to eight arrays of one client together, and gives what their compute() gives, in order:
///
///     const weft::array<double, 2> x = weft::exp(huge);                 // has a name: both read the same array
///     const auto [mean, deviation] = co_await weft::compute(weft::mean(x), weft::std(x));
///
/// A chunk that several of them need is computed, or read, once, and let go when the last has used it; so it is a
/// single pass over x, in as much memory as either alone. So it is with an expression that is written twice,
/// but for what is not compared (docs/arrays.md). Throws misuse for arrays of different clients.
///
/// With task options before the arrays its tasks have these in the place of those of the arrays' client, as
/// x.compute(how): `weft::compute({.priority = 10}, weft::mean(x), weft::std(x))`.
///
/// Cost: a task, and a copy, for each chunk of the results.
template <array_like X, array_like Y, array_like... Z>
auto compute(const X& x, const Y& y, const Z&... more) {
  if constexpr (detail::arrays::checked_number<X, Y, Z...>()) {
    std::vector<detail::arrays::array_ref> nodes{x.node(), y.node(), more.node()...};
    return detail::arrays::collect_all<X, Y, Z...>(x.owner(), std::move(nodes),
                                                   std::make_index_sequence<sizeof...(Z) + 2>());
  }
}
template <array_like X, array_like Y, array_like... Z>
auto compute(task_options how, const X& x, const Y& y, const Z&... more) {
  if constexpr (detail::arrays::checked_number<X, Y, Z...>()) {
    std::vector<detail::arrays::array_ref> nodes{x.node(), y.node(), more.node()...};
    return detail::arrays::collect_all<X, Y, Z...>(x.owner().with(how), std::move(nodes),
                                                   std::make_index_sequence<sizeof...(Z) + 2>());
  }
}

/// Starts the tasks of several arrays together, as compute() does, and gives arrays whose chunks are theirs.
template <array_like X, array_like Y, array_like... Z>
auto persist(const X& x, const Y& y, const Z&... more) {
  if constexpr (detail::arrays::checked_number<X, Y, Z...>())
    return detail::arrays::persist_all<X, Y, Z...>(x.owner(), {x.node(), y.node(), more.node()...},
                                                   std::make_index_sequence<sizeof...(Z) + 2>());
}
template <array_like X, array_like Y, array_like... Z>
auto persist(task_options how, const X& x, const Y& y, const Z&... more) {
  if constexpr (detail::arrays::checked_number<X, Y, Z...>())
    return detail::arrays::persist_all<X, Y, Z...>(x.owner().with(how), {x.node(), y.node(), more.node()...},
                                                   std::make_index_sequence<sizeof...(Z) + 2>());
}

/// Any number of arrays of one type, and gives what their compute() gives, in order:
///
///     const std::vector<xt::xtensor<double, 2>> all = co_await weft::compute(frames);
///
/// As above otherwise; of more than eight arrays chunks are copied once more, of more than 64 twice.
template <array_like X>
task<std::vector<local_t<typename X::value_type, X::rank>>> compute(const std::vector<X>& all) {
  return detail::arrays::collect_each<typename X::value_type, X::rank>(std::nullopt, detail::arrays::nodes_of(all));
}
template <array_like X>
task<std::vector<local_t<typename X::value_type, X::rank>>> compute(task_options how, const std::vector<X>& all) {
  std::vector<detail::arrays::array_ref> nodes = detail::arrays::nodes_of(all);
  std::optional<client> by = detail::arrays::with_options(nodes, how);
  return detail::arrays::collect_each<typename X::value_type, X::rank>(std::move(by), std::move(nodes));
}
template <array_like X>
std::vector<array<typename X::value_type, X::rank>> persist(const std::vector<X>& all) {
  return detail::arrays::persist_each<typename X::value_type, X::rank>(std::nullopt, detail::arrays::nodes_of(all));
}
template <array_like X>
std::vector<array<typename X::value_type, X::rank>> persist(task_options how, const std::vector<X>& all) {
  const std::vector<detail::arrays::array_ref> nodes = detail::arrays::nodes_of(all);
  return detail::arrays::persist_each<typename X::value_type, X::rank>(detail::arrays::with_options(nodes, how),
                                                                       nodes);
}
namespace detail::arrays {

template <array_like... X>
auto compute_tuple(const client& c, const std::tuple<X...>& all) {
  return collect_all<X...>(c, nodes_of(all), std::index_sequence_for<X...>());
}
template <array_like... X>
auto persist_tuple(const client& c, const std::tuple<X...>& all) {
  return persist_all<X...>(c, nodes_of(all), std::index_sequence_for<X...>());
}

}  // namespace detail::arrays

/// Those of a tuple, as apply_gufunc() gives it: up to eight, of any types.
template <array_like... X>
  requires(sizeof...(X) > 0)
auto compute(const std::tuple<X...>& all) {
  if constexpr (detail::arrays::checked_number<X...>())
    return detail::arrays::compute_tuple(std::get<0>(all).owner(), all);
}
template <array_like... X>
  requires(sizeof...(X) > 0)
auto compute(task_options how, const std::tuple<X...>& all) {
  if constexpr (detail::arrays::checked_number<X...>())
    return detail::arrays::compute_tuple(std::get<0>(all).owner().with(how), all);
}
template <array_like... X>
  requires(sizeof...(X) > 0)
auto persist(const std::tuple<X...>& all) {
  if constexpr (detail::arrays::checked_number<X...>())
    return detail::arrays::persist_tuple(std::get<0>(all).owner(), all);
}
template <array_like... X>
  requires(sizeof...(X) > 0)
auto persist(task_options how, const std::tuple<X...>& all) {
  if constexpr (detail::arrays::checked_number<X...>())
    return detail::arrays::persist_tuple(std::get<0>(all).owner().with(how), all);
}

}  // namespace weft
