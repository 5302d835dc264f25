#pragma once

#include <exception>
#include <span>
#include <type_traits>
#include <utility>

#include "weft/client.hpp"
#include "weft/pool.hpp"

namespace weft {

namespace detail {

/// Where no number of threads is given: WEFT_THREADS, or as many as there are. Throws std::invalid_argument for what
/// is no number.
pool_options options_of_program(pool_options given);
/// Says on standard error what ended the program, and gives its exit status.
int say_end(const char* program, const std::exception_ptr& error) noexcept;
/// Runs the program on the pool, and gives its exit status; says that it was interrupted, if that is what cancelled
/// it.
int run_to_end(pool& p, const char* program, task<int> t);

template <class F>
int run_program(std::span<char*> arguments, F& f, pool_options workers, client_options memory) {
  pool p(options_of_program(std::move(workers)));
  stop_on_interrupt guard(p);
  client c(p, std::move(memory));
  constexpr bool takes_arguments = std::is_invocable_v<F&, client&, std::span<char*>>;
  auto program = [&] {
    if constexpr (takes_arguments)
      return f(c, arguments);
    else
      return f(c);
  }();
  const auto with_status = [](auto t) -> task<int> {
    if constexpr (std::is_same_v<decltype(t), task<int>>) {
      co_return co_await std::move(t);
    } else {
      co_await std::move(t);
      co_return 0;
    }
  };
  return run_to_end(p, arguments.empty() ? "weft" : arguments.front(), with_status(std::move(program)));
}

}  // namespace detail

/// A whole program on this machine: `int main(int argc, char** argv) { return weft::run(argc, argv, report); }`,
/// where `weft::task<> report(weft::client& c)` may also take the arguments (`std::span<char*>`, the program's name
/// first) and give an exit status (`task<int>`). What it throws is said on standard error, and the status is 1; after
/// Ctrl-C it is cancelled, and the status is 130.
///
/// The options say what it runs with, and where they do not the environment: WEFT_THREADS workers, WEFT_MEMORY for
/// values (`4G`), WEFT_SPILL for the directory of what does not fit.
template <class F>
int run(int argc, char** argv, F f, pool_options workers = {}, client_options memory = {}) {
  constexpr bool one = std::is_invocable_v<F&, client&>, both = std::is_invocable_v<F&, client&, std::span<char*>>;
  static_assert(one || both,
                "weft: the program takes weft::client&, or weft::client& and std::span<char*>, and is a coroutine");
  if constexpr (one || both) {
    using result = typename std::conditional_t<both, std::invoke_result<F&, client&, std::span<char*>>,
                                               std::invoke_result<F&, client&>>::type;
    constexpr bool right = std::is_same_v<result, task<>> || std::is_same_v<result, task<int>>;
    static_assert(right, "weft: the program is a coroutine that returns weft::task<> or weft::task<int>");
    if constexpr (right) {
      try {
        return detail::run_program(std::span<char*>(argv, static_cast<std::size_t>(argc)), f, std::move(workers),
                                   std::move(memory));
      } catch (...) { return detail::say_end(argc > 0 ? argv[0] : "weft", std::current_exception()); }
    }
  }
  return 1;
}

}  // namespace weft
