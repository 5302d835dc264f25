// Settings, and the log that says each thing once.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/config.hpp"
#include "base/log.hpp"

TEST_CASE("a setting is its environment variable, or the default", "[base]") {
  ::unsetenv("WEFT_A_SETTING");
  CHECK(weft::detail::setting("WEFT_A_SETTING", "default") == "default");
  ::setenv("WEFT_A_SETTING", "", 1);
  CHECK(weft::detail::setting("WEFT_A_SETTING", "default") == "default");
  ::setenv("WEFT_A_SETTING", "other", 1);
  CHECK(weft::detail::setting("WEFT_A_SETTING", "default") == "other");
  ::unsetenv("WEFT_A_SETTING");
}

// That it is said once, and not with WEFT_LOG=off, is looked at from outside: see CMakeLists.txt.
TEST_CASE("two topics are said, each once", "[.log]") {
  for (int i = 0; i < 3; ++i) {
    weft::detail::log_once("a", "first topic");
    weft::detail::log_once("b", "second topic");
  }
}
