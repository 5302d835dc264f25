#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/all.hpp"
#include "weft/checkpoint.hpp"
#include "weft/detail/memory.hpp"
#include "weft/pool.hpp"

namespace weft {

/// How many calls weft::map has under way at once.
struct in_flight {
  std::size_t most;
  explicit constexpr in_flight(std::size_t n) noexcept : most(n ? n : 1) {}
};

namespace detail {

template <class Iterator, class F>
struct map_types {
  using result = std::invoke_result_t<F&, std::iter_reference_t<Iterator>>;
  static constexpr bool awaits = is_task<result>;
  static auto value_type() {
    if constexpr (awaits)
      return std::type_identity<task_value_t<result>>();
    else
      return std::type_identity<result>();
  }
  using value = typename decltype(value_type())::type;
  static constexpr bool gives = !std::is_void_v<value>;
  using values = std::conditional_t<gives, std::vector<value_or_nothing<value>>, void>;
};

template <class Iterator, class Sentinel, class F>
struct map_state : map_types<Iterator, F> {
  using iterator = Iterator;

  map_state(Iterator begin, Sentinel last, F& function) : at(std::move(begin)), end(std::move(last)), f(function) {}

  /// The next element and its place in the order; false at the end.
  bool next(Iterator& element, std::size_t& place) {
    std::lock_guard guard(lock);
    if (at == end) return false;
    element = at++;
    place = taken++;
    return true;
  }

  Iterator at;
  Sentinel end;
  std::size_t taken = 0;
  F& f;
  short_lock lock;  // over the iteration; each result has a place of its own
  std::vector<std::optional<value_or_nothing<typename map_types<Iterator, F>::value>>> results;
};

/// One lane: takes the next element, calls f, keeps the result, until there are no more.
template <class State>
task<> map_lane(State& s) {
  typename State::iterator element{};
  std::size_t place = 0;
  for (;;) {
    co_await checkpoint();  // where another lane's failure, or a stop, ends this one
    if (!s.next(element, place)) co_return;
    if constexpr (State::awaits && State::gives)
      s.results[place].emplace(co_await std::invoke(s.f, *element));
    else if constexpr (State::awaits)
      co_await std::invoke(s.f, *element);
    else if constexpr (State::gives)
      s.results[place].emplace(std::invoke(s.f, *element));
    else
      std::invoke(s.f, *element);
  }
}

template <class Iterator, class Sentinel, class F>
task<typename map_types<Iterator, F>::values> map_between(Iterator begin, Sentinel end, std::size_t n, F f,
                                                          std::optional<in_flight> limit) {
  const std::size_t most =
      limit ? limit->most : std::size_t{2} * pool_size();  // here, since the caller may be outside
  map_state<Iterator, Sentinel, F> s(std::move(begin), std::move(end), f);
  if constexpr (s.gives) s.results.resize(n);
  std::vector<task<>> lanes;
  for (std::size_t i = 0; i < std::min(most, n); ++i) lanes.push_back(map_lane(s));
  co_await all(std::move(lanes));
  if constexpr (s.gives) {
    typename map_types<Iterator, F>::values values;
    values.reserve(n);
    for (auto& r : s.results) values.push_back(std::move(*r));
    co_return values;
  }
}

}  // namespace detail

/// Calls f with each element of a forward range, at most so many calls at once, and gives the results in
/// order. f returns a task or a plain value; void gives void. What the range views must outlive the await. When one
/// fails, the others are cancelled, and awaited, no further ones begin, and the failure is thrown.
///
/// `std::vector<page> pages = co_await weft::map(urls, fetch, weft::in_flight(16));`
/// The default is twice as many as the pool that runs it has workers. Memory: what is in flight, and the results.
template <std::ranges::forward_range R, class F>
  requires std::ranges::borrowed_range<R> && std::invocable<F&, std::ranges::range_reference_t<R>>
auto map(R&& range, F f, std::optional<in_flight> limit = std::nullopt) {
  const auto n = static_cast<std::size_t>(std::ranges::distance(range));
  return detail::map_between(std::ranges::begin(range), std::ranges::end(range), n, std::move(f), limit);
}

}  // namespace weft
