// Pictures of layers.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "engine/layers.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/weft.hpp"

using namespace layers;
using Catch::Matchers::Contains;

namespace {

number twice(number x) { return 2 * x; }
/// Fits layers of any sizes.
struct three_around {
  weft::intervals of(std::size_t j) const noexcept { return weft::interval{j == 0 ? 0 : j - 1, j + 1}; }
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a layer draws the tasks that it would run, and no others") {
  const auto leaves = weft::layer_of(12, leaf);
  const auto sums = weft::layer_of(3, fold, leaves, three_around{});  // takes 0 to 3 of them
  const std::string dot = weft::to_dot(sums, {.title = "sums"});
  CHECK_THAT(dot, Contains("sums"));
  CHECK(count(dot, "[label=\"layers::leaf ") == 4);
  CHECK_THAT(dot, Contains("leaf 3") && !Contains("leaf 4"));
  CHECK(count(dot, "[label=\"layers::fold ") == 3);
  CHECK(count(dot, " -> ") == 2 + 3 + 3);
  const std::string svg = weft::to_svg(sums, {.plain = true});
  CHECK_THAT(svg, Contains("<svg") && Contains("leaf 0") && Contains("fold 2"));
  CHECK(weft::to_svg(sums, {.plain = true}) == svg);

  // Earlier tasks of the same layer, and one layer that is taken twice.
  const auto steps = weft::layer_over_time(9, fold, weft::previous_step{3, weft::one_to_one{}});
  CHECK(count(weft::to_dot(steps), " -> ") == 6);
  const auto both =
      weft::layer_of(12, plus, weft::from(leaves, weft::one_to_one{}), weft::from(leaves, weft::one_to_one{}));
  CHECK(count(weft::to_dot(both), " -> ") == 12);
}

TEST_CASE("what is given to a layer is drawn by its key and state") {
  const std::string dot = on_client(2, [](weft::client& c) -> weft::task<std::string> {
    std::vector<weft::future<number>> values;
    values.push_back(c.submit(twice, number{4}));
    values.push_back(c.submit(twice, number{5}));
    co_await c.wait(values);
    const auto given = weft::layer_of(std::move(values));
    co_return weft::to_dot(weft::layer_of(2, plus_one, weft::from(given, weft::one_to_one{})), {.by_state = true});
  });
  CHECK(count(dot, "(done)") == 2);
  CHECK_THAT(dot, Contains("twice") && Contains("plus_one 1 (waiting)"));
}

TEST_CASE("layers of more tasks than a picture has room for are boxes") {
  const auto leaves = weft::layer_of(1'000'000'000, leaf);
  const auto sums = weft::layer_of(1'000'000'000, fold, leaves, weft::one_to_one{});
  const std::string dot = weft::to_dot(weft::layer_of(1, fold, sums, weft::every{}));
  CHECK(count(dot, " -> ") == 2);
  CHECK_THAT(dot, Contains("1000000000 tasks") && Contains("1 task\""));
  // Few tasks, but more inputs than anybody sees.
  const auto some = weft::layer_of(1000, leaf);
  CHECK(count(weft::to_dot(weft::layer_of(1000, fold, some, weft::every{})), " -> ") == 1);
  const auto steps = weft::layer_over_time(5000, fold, weft::previous_step{1, weft::one_to_one{}});
  CHECK(count(weft::to_dot(steps), " -> ") == 0);
}

TEST_CASE("pictures of layers of nothing") {
  CHECK_THROWS_AS(weft::to_dot(weft::layer<number>()), weft::misuse);
  CHECK_THAT(weft::to_dot(weft::layer_of(0, leaf)), Contains("digraph"));
  CHECK_THAT(weft::to_svg(weft::layer_of(0, leaf), {.plain = true}), Contains("<svg"));
}
