#include "weft/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>

namespace weft {

struct progress_bar::state {
  std::string what;
  bool silent, bar;
  std::atomic<std::uint64_t> whole{1}, done{0};
  std::mutex lock;
  std::uint64_t shown = 0;  // steps
  bool drawn = false;
  std::uint64_t finished_of = 0;  // the whole that was complete; 0: none is
};

progress_bar::progress_bar(std::string what, style s) : state_(std::make_unique<state>()) {
  state_->what = std::move(what);
  state_->silent = s == style::silent;
  state_->bar = s == style::bar || (s == style::guessed && ::isatty(STDERR_FILENO));
}

/// Leaves the line, if it is not complete.
progress_bar::~progress_bar() {
  if (state_->drawn && state_->finished_of == 0) std::fputc('\n', stderr);
}

void progress_bar::show(std::uint64_t done, std::uint64_t whole) {
  state& s = *state_;
  if (s.silent || whole == 0) return;
  const std::uint64_t steps = s.bar ? 40 : 4;
  const auto part = static_cast<double>(std::min(done, whole)) / static_cast<double>(whole);
  const auto step = static_cast<std::uint64_t>(part * static_cast<double>(steps));
  std::lock_guard guard(s.lock);
  // The whole may grow while tasks submit more: a bar may go back, lines do not. After what was complete all begins
  // anew.
  if (s.finished_of != 0 && whole > s.finished_of && done < whole) {
    s.drawn = false;
    s.finished_of = s.shown = 0;
  }
  if (s.finished_of != 0 || (s.bar ? step == s.shown && s.drawn : step <= s.shown)) return;
  s.shown = step;
  if (step == steps) s.finished_of = whole;
  if (s.bar) {
    std::fprintf(stderr, "\r%s [%s%s] %3.0f %%", s.what.c_str(), std::string(step, '#').c_str(),
                 std::string(steps - step, ' ').c_str(), part * 100);
    s.drawn = true;
    if (step == steps) std::fputc('\n', stderr);
    std::fflush(stderr);
  } else {
    std::fprintf(stderr, "%s: %llu %%\n", s.what.c_str(), static_cast<unsigned long long>(step * 100 / steps));
  }
}

void progress_bar::add(std::uint64_t n) {
  const std::uint64_t done = state_->done.fetch_add(n, std::memory_order_relaxed) + n;
  show(done, state_->whole.load(std::memory_order_relaxed));
}

void progress_bar::set_whole(std::uint64_t whole) noexcept {
  state_->whole.store(whole ? whole : 1, std::memory_order_relaxed);
}

}  // namespace weft
