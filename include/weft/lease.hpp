#pragma once

#include <string_view>
#include <type_traits>
#include <utility>

#include "weft/client.hpp"

namespace weft {

/// What is leased: `co_await c.lease({.slots = 2})`.
struct lease_options {
  /// Calls that run at a time, on one worker; as many as it has threads at most.
  unsigned slots = 1;
  /// What the worker must have besides, and the lease takes from it as long as it is held: `gpu=1 licence=0.5`.
  std::string_view resources = {};
  /// A call that may have begun fails when its worker is lost, instead of being run again on another.
  bool once = false;
};
static_assert(std::is_trivially_destructible_v<lease_options>, "g++ 12 destroys it twice in a co_await expression");

/// Slots of one worker that its holder calls straight, past the scheduler: for calls that must be answered at once.
///
///     weft::lease l = co_await c.lease();
///     int four = co_await l.call(add, 2, 2);
///
/// `call` is client::submit for arguments that are values: the same functions, the same futures, failures and
/// cancellation. Any number of calls may be under way, from any thread; those for which no slot is free wait at the
/// worker in their order. Their results come along whole, so they should be small. The slots are nobody else's while
/// the lease lives. It ends with this object, or with its client, and what has not ended then is cancelled.
///
/// When the worker is lost or let go the scheduler finds another one, and the calls that have not ended are run
/// there: so a call may run more than once, unless the options say `once`.
///
/// On a client of one machine there is nothing to lease: calls are submitted to it, each with the resources.
class [[nodiscard("weft: the slots are leased while this lives")]] lease {
 public:
  lease(lease&&) noexcept = default;
  lease& operator=(lease&&) noexcept = default;

  /// Starts `f(arguments...)` there, and gives its future. Cost: a round trip to the worker, and about 1 us.
  template <class F, class... A>
  auto call(F f, A&&... arguments) const {
    constexpr bool values = !((detail::is_future<std::decay_t<A>> || detail::is_futures<std::decay_t<A>>) || ...);
    static_assert(values, "weft: a call under a lease takes values: await the future, and give what it has");
    if constexpr (values) {
      return calls_.submit(std::move(f), std::forward<A>(arguments)...);
    } else {
      return future<>();
    }
  }

 private:
  friend class client;
  explicit lease(client calls) noexcept : calls_(std::move(calls)) {}
  static task<lease> of(client calls);
  static task<lease> of(task<client> calls);

  client calls_;
};

}  // namespace weft
