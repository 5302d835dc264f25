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

TEST_CASE("numbers of bytes have units, and what is none is named", "[base]") {
  using weft::detail::parse_bytes;
  CHECK(parse_bytes("0", "x") == 0);
  CHECK(parse_bytes("1073741824", "x") == std::uint64_t{1} << 30);
  CHECK(parse_bytes("1.5G", "x") == std::uint64_t{3} << 29);
  CHECK(parse_bytes("512m", "x") == std::uint64_t{512} << 20);
  for (const char* wrong : {"", "G", "-1", "1GB", "1 G", "1e30T", "nan", "many"})
    CHECK_THROWS_WITH(parse_bytes(wrong, "WEFT_MEMORY"), Catch::Contains("WEFT_MEMORY"));
}

// That it is said once, and not with WEFT_LOG=off, is looked at from outside: see CMakeLists.txt.
TEST_CASE("two topics are said, each once", "[.log]") {
  for (int i = 0; i < 3; ++i) {
    weft::detail::log_once("a", "first topic");
    weft::detail::log_once("b", "second topic");
  }
}
