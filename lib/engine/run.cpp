#include "weft/run.hpp"

#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "base/config.hpp"
#include "exec/pool_core.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

pool_options options_of_program(pool_options o) {
  if (o.threads != 0) return o;
  const std::string text = setting("WEFT_THREADS", "0");
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), o.threads);
  if (error != std::errc{} || rest != text.data() + text.size())
    throw std::invalid_argument("weft: WEFT_THREADS is '" + text + "': give it a number, or 0 for all processors");
  return o;
}

int run_to_end(pool& p, const char* program, task<int> t) {
  try {
    return p.run(std::move(t));
  } catch (const cancelled&) {
    if (!p.core().stop().stop_requested()) throw;
    std::fprintf(stderr, "%s: interrupted\n", program);
    return 130;
  }
}

int say_end(const char* program, const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) { std::fprintf(stderr, "%s: %s\n", program, e.what()); } catch (...) {
    std::fprintf(stderr, "%s: an exception of unknown type\n", program);
  }
  return 1;
}

}  // namespace weft::detail
