#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/all.hpp"
#include "weft/detail/memory.hpp"
#include "weft/pool.hpp"

namespace weft {

/// How many calls weft::map has under way at once.
struct in_flight {
  std::size_t most;
  explicit constexpr in_flight(std::size_t n) noexcept : most(n ? n : 1) {}
};

namespace detail {

template <class R, class F>
struct map_state {
  using result = std::invoke_result_t<F&, std::ranges::range_reference_t<R>>;
  static constexpr bool awaits = is_task<result>;
  static auto value_type() {
    if constexpr (awaits)
      return std::type_identity<task_value_t<result>>();
    else
      return std::type_identity<result>();
  }
  using value = typename decltype(value_type())::type;

  std::ranges::iterator_t<R> at;
  std::ranges::sentinel_t<R> end;
  F& f;
  short_lock lock;                                         // over the iteration and the places of the results
  std::vector<std::optional<value_or_nothing<value>>> results;
};

/// One lane: takes the next element, calls f, keeps the result, until there are no more.
template <class R, class F>
task<> map_lane(map_state<R, F>& s) {
  using state = map_state<R, F>;
  std::unique_lock guard(s.lock);
  while (s.at != s.end) {
    const std::size_t place = s.results.size();
    s.results.emplace_back();
    auto element = s.at;
    ++s.at;
    guard.unlock();
    if constexpr (std::is_void_v<typename state::value>) {
      if constexpr (state::awaits)
        co_await std::invoke(s.f, *element);
      else
        std::invoke(s.f, *element);
      guard.lock();
    } else {
      if constexpr (state::awaits) {
        auto value = co_await std::invoke(s.f, *element);
        guard.lock();
        s.results[place].emplace(std::move(value));
      } else {
        auto value = std::invoke(s.f, *element);
        guard.lock();
        s.results[place].emplace(std::move(value));
      }
    }
  }
}

}  // namespace detail

/// Calls f with each element of a forward range, at most so many calls at once, and gives the results in
/// order. f returns a task or a plain value; void gives void. The range must outlive the await. When one
/// fails, the others are cancelled, and awaited, no further ones begin, and the failure is thrown.
///
/// `std::vector<page> pages = co_await weft::map(urls, fetch, weft::in_flight(16));`
/// The default is twice as many as the pool has workers. Memory: what is in flight, and the results.
template <std::ranges::forward_range R, class F>
  requires std::ranges::borrowed_range<R> && std::invocable<F&, std::ranges::range_reference_t<R>>
auto map(R&& range, F f, in_flight limit = in_flight(std::size_t{2} * pool_size()))
    -> task<std::conditional_t<std::is_void_v<typename detail::map_state<R, F>::value>, void,
                               std::vector<detail::value_or_nothing<typename detail::map_state<R, F>::value>>>> {
  using state = detail::map_state<R, F>;
  state s{std::ranges::begin(range), std::ranges::end(range), f, {}, {}};
  std::vector<task<>> lanes;
  const auto n = static_cast<std::size_t>(std::ranges::distance(range));
  s.results.reserve(n);
  for (std::size_t i = 0; i < std::min(limit.most, n); ++i) lanes.push_back(detail::map_lane<R, F>(s));
  co_await all(std::move(lanes));
  if constexpr (!std::is_void_v<typename state::value>) {
    std::vector<detail::value_or_nothing<typename state::value>> values;
    values.reserve(n);
    for (auto& r : s.results) values.push_back(std::move(*r));
    co_return values;
  }
}

}  // namespace weft
