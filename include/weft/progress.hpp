#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "weft/client.hpp"
#include "weft/scope.hpp"
#include "weft/sleep.hpp"

namespace weft {

/// How far a computation is, on standard error: a bar on a terminal, a line for each quarter elsewhere.
class progress_bar {
 public:
  enum class style { guessed, bar, lines, silent };
  /// `guessed` asks whether standard error is a terminal.
  explicit progress_bar(std::string what, style s = style::guessed);
  ~progress_bar();
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  /// `done` of `whole`; on any thread. Draws only when there is something new to see.
  void show(std::uint64_t done, std::uint64_t whole);
  /// So much more of what set_whole() said.
  void add(std::uint64_t n);
  void set_whole(std::uint64_t whole) noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

namespace detail {

/// A computation whose progress is shown.
struct progress_of {
  progress_of(client c, std::string what, progress_bar::style s)
      : of(std::move(c)), bar(std::move(what), s), before(of.totals().ended) {}
  void show() {
    const task_totals t = of.totals();
    bar.show(t.ended - before, t.submitted - before);
  }
  client of;
  progress_bar bar;
  std::uint64_t before;
};

inline task<> tick(std::shared_ptr<progress_of> progress) {
  for (;;) {
    progress->show();
    co_await sleep_for(std::chrono::milliseconds(50));
  }
}

template <class T>
task<T> shown(nursery& n, std::shared_ptr<progress_of> progress, task<T> t) {
  n.spawn(tick(progress));
  if constexpr (std::is_void_v<T>) {
    co_await std::move(t);
    progress->show();
    n.request_stop();
  } else {
    T value = co_await std::move(t);
    progress->show();
    n.request_stop();
    co_return value;
  }
}

}  // namespace detail

/// Awaits `t`, and shows meanwhile how many of the client's tasks have ended, of those submitted so far; once more
/// when `t` has ended, unless it threw.
/// `co_await weft::show_progress(c, "ranking", rank(c));`
template <class T>
task<T> show_progress(client c, std::string what, task<T> t, progress_bar::style s = progress_bar::style::guessed) {
  return scope(&detail::shown<T>, std::make_shared<detail::progress_of>(std::move(c), std::move(what), s),
               std::move(t));
}

}  // namespace weft
