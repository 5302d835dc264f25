#include "weft/progress.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

#include "support/said.hpp"

TEST_CASE("progress in lines says each quarter once", "[progress]") {
  CHECK(said_by([] {
          weft::progress_bar bar("work", weft::progress_bar::style::lines);
          for (std::uint64_t i = 0; i <= 100; ++i) bar.show(i, 100);
          bar.show(100, 100);
        }) == "work: 25 %\nwork: 50 %\nwork: 75 %\nwork: 100 %\n");
}

TEST_CASE("progress that was complete begins anew when there is more to do", "[progress]") {
  CHECK(said_by([] {
          weft::progress_bar bar("work", weft::progress_bar::style::lines);
          bar.show(10, 10);
          bar.show(10, 1000);
          bar.show(600, 1000);
          bar.show(500, 1000);  // another thread was quicker
          bar.show(1000, 1000);
          bar.show(999, 1000);
        }) == "work: 100 %\nwork: 50 %\nwork: 100 %\n");
}

TEST_CASE("a bar stays on its line until it is complete", "[progress]") {
  const std::string whole(40, '#'), half = std::string(20, '#') + std::string(20, ' '), none(40, ' ');
  CHECK(said_by([] {
          weft::progress_bar bar("work", weft::progress_bar::style::bar);
          bar.show(0, 10);
          bar.show(5, 10);
          bar.show(10, 10);
          bar.show(10, 20);
        }) == "\rwork [" + none + "]   0 %\rwork [" + half + "]  50 %\rwork [" + whole + "] 100 %\n\rwork [" + half +
                  "]  50 %\n");
}
