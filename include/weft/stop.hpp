#pragma once

#include <memory>
#include <utility>

#include "weft/detail/results.hpp"
#include "weft/detail/run_under.hpp"

namespace weft {

/// Stops tasks from outside their scope: `stop_source s; ... co_await with_stop(s, work());` and elsewhere, on
/// any thread, `s.request_stop();`. Copies share one state.
class stop_source {
 public:
  stop_source() : state_(std::make_shared<detail::stop_state>()) {}
  /// Returns false when it was requested before.
  bool request_stop() const noexcept { return state_->request_stop(); }
  bool stop_requested() const noexcept { return state_->stop_requested(); }
  detail::stop_state& state() const noexcept { return *state_; }

 private:
  std::shared_ptr<detail::stop_state> state_;
};

/// Awaits a task that is stopped by its surroundings, as always, and by `source` too.
template <class T>
task<T> with_stop(stop_source source, task<T> t) {
  struct relay : detail::stop_callback {
    relay(detail::stop_state& from_state, detail::stop_state* outer) noexcept
        : detail::stop_callback([](detail::stop_callback& c) noexcept { static_cast<relay&>(c).to.request_stop(); }),
          from(from_state),
          to(outer),
          listening(from.add(*this)) {
      if (!listening) to.request_stop();
    }
    ~relay() {
      if (listening) from.remove(*this);
    }
    detail::stop_state& from;
    detail::stop_state to;
    bool listening;
  };
  const auto around = co_await detail::surroundings{};
  relay r(source.state(), around.stop);
  co_return co_await detail::run_under<T>(std::move(t), &r.to);
}

template <detail::combined A>
auto with_stop(stop_source source, A a) {
  return with_stop(std::move(source), detail::to_task(std::move(a)));
}

/// Awaits a task that no stop reaches: for what must be done even when the scope is cancelled.
template <class T>
[[nodiscard("weft: co_await it")]] detail::run_under<T> shield(task<T> t) noexcept {
  return detail::run_under<T>(std::move(t), nullptr);
}
template <detail::combined A>
[[nodiscard("weft: co_await it")]] auto shield(A a) {
  return shield(detail::to_task(std::move(a)));
}

}  // namespace weft
