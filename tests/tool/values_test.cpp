#include "tool/values.hpp"

#include <catch2/catch.hpp>

#include "base/config.hpp"

using namespace weft::net;
using namespace std::chrono_literals;

TEST_CASE("durations are read", "[tool][values]") {
  struct row {
    const char* text;
    std::chrono::nanoseconds is;
  };
  const row rows[] = {{"0", 0ns},
                      {"0s", 0ns},
                      {"1ns", 1ns},
                      {"7us", 7us},
                      {"250ms", 250ms},
                      {"10s", 10s},
                      {"5min", 5min},
                      {"1h", 1h},
                      {"2d", 48h},
                      {"1.5h", 90min},
                      {"0.25s", 250ms},
                      {".5s", 500ms},
                      {"0010s", 10s},
                      {"9007199254740993ns", 9007199254740993ns},
                      {"106751d", 24h * 106751}};
  for (const row& r : rows) {
    CAPTURE(r.text);
    CHECK(parse_duration(r.text) == r.is);
  }
}

TEST_CASE("what is no duration is refused", "[tool][values]") {
  for (const char* text : {"",
                           "s",
                           "10",
                           "00",
                           "1",
                           "-1s",
                           "+1s",
                           "1 s",
                           " 1s",
                           "1s ",
                           "1m",
                           "1S",
                           "1hour",
                           "1.2.3s",
                           ".s",
                           ".",
                           "1e3s",
                           "nan",
                           "infs",
                           "0x1s",
                           "106752d",
                           "9223372036854775808ns",
                           "99999999999999999999999h",
                           "1e999s",
                           "10s10s",
                           "1h30min",
                           "5MIN"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("durations and bytes that are printed can be read", "[tool][values]") {
  CHECK(format_duration(0ns) == "0s");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(60s) == "1min");
  CHECK(format_duration(48h) == "48h");
  CHECK(format_duration(1500us) == "1500us");
  CHECK(format_bytes(0) == "0");
  CHECK(format_bytes(1000) == "1000");
  CHECK(format_bytes(1024) == "1K");
  CHECK(format_bytes(1536u << 20) == "1536M");
  CHECK(format_bytes(std::uint64_t{2048} << 40) == "2048T");
  for (std::int64_t n = 1; n < 9'000'000'000'000'000; n = n * 7 + 5) {
    CHECK(parse_duration(format_duration(std::chrono::nanoseconds(n))) == std::chrono::nanoseconds(n));
    CHECK(parse_duration(format_duration(std::chrono::seconds(n % 1'000'000'000))) ==
          std::chrono::seconds(n % 1'000'000'000));
    const auto bytes = static_cast<std::uint64_t>(n);
    CHECK(weft::detail::parse_bytes(format_bytes(bytes), "x") == bytes);
  }
}

TEST_CASE("counts and numbers are read as a whole", "[tool][values]") {
  CHECK(parse_count("18446744073709551615") == 18446744073709551615u);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "1x", "18446744073709551616"})
    CHECK_FALSE(parse_count(text));
  CHECK(parse_number("1.1") == 1.1);
  for (const char* text : {"", "inf", "nan", "1.1.1", "1,1", "0x1p3", "1e999"}) CHECK_FALSE(parse_number(text));
  CHECK(format_number(1.1) == "1.1");
}

TEST_CASE("texts are quoted as TOML wants", "[tool][values]") {
  CHECK(toml_string("a") == "\"a\"");
  CHECK(toml_string("a\"b\\c\n\x7f") == "\"a\\\"b\\\\c\\u000A\\u007F\"");
  CHECK(toml_string("é") == "\"é\"");
}

TEST_CASE("slips are recognised", "[tool][values]") {
  const std::vector<std::string> words = {"scheduler", "worker", "run", "certs", "info", "config"};
  CHECK(nearest("shceduler", words) == "scheduler");
  CHECK(nearest("sched", words) == "scheduler");
  CHECK(nearest("wroker", words) == "worker");
  CHECK(nearest("workers", words) == "worker");
  CHECK(nearest("cert", words) == "certs");
  CHECK(nearest("rnu", words) == "run");
  CHECK(nearest("conf", words) == "config");
  CHECK(nearest("", words).empty());
  CHECK(nearest("x", words).empty());
  CHECK(nearest("dashboard", words).empty());
  CHECK(nearest(std::string(100'000, 's'), words).empty());
  CHECK(letters_apart("", "abc") == 3);
  CHECK(letters_apart("abc", "") == 3);
  CHECK(letters_apart("abcd", "abdc") == 1);
  CHECK(letters_apart("kitten", "sitting") == 3);
  CHECK(suggestion("wrker", words, ".") == ": did you mean 'worker'?");
  CHECK(suggestion("zzz", words, ".") == ".");
}
