// Pictures of arrays.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"

using arrays::place;
using Catch::Contains;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}
struct shapes {
  explicit shapes(const std::string& svg) : faces(count_of(svg, "<polygon")), lines(count_of(svg, "<line")) {
    CHECK(svg.starts_with("<?xml"));
    CHECK(svg.ends_with("</svg>\n"));
  }
  std::size_t faces, lines;
};

}  // namespace

TEST_CASE("chunks are drawn as boxes, with the extents of the axes") {
  place at(1);
  const weft::client& c = at.client;
  const std::string bar = weft::chunks_to_svg(weft::zeros<double>(c, {1000}, {.chunk = {300}}));
  CHECK(shapes(bar).faces == 1);
  CHECK(shapes(bar).lines == 3);
  CHECK_THAT(bar, Contains(">1000</text>") && Contains(">4 chunks, 4 tasks</text>"));
  CHECK_THAT(bar, Contains("x1=\"96.0\" y1=\"24.0\" x2=\"96.0\" y2=\"48.0\""));  // 0.3 of 240 from the margin

  const auto x = weft::zeros<float, 2>(c, {60, 47}, {.chunk = {13, 20}});
  const std::string plane = weft::chunks_to_svg(x + 1.0F);
  CHECK(shapes(plane).faces == 1);
  CHECK(shapes(plane).lines == 4 + 2);
  CHECK_THAT(plane, Contains(">60</text>") && Contains(">47</text>") && Contains("float32, shape (60, 47)"));

  const auto y = weft::zeros<float, 3>(c, {4, 6, 10}, {.chunk = {2, 2, 2}});
  const std::string box = weft::chunks_to_svg(y);
  CHECK(shapes(box).faces == 3);
  CHECK(shapes(box).lines == (4 + 2) + (4 + 1) + (1 + 2));
  CHECK_THAT(box, Contains(">4</text>") && Contains(">6</text>") && Contains(">10</text>"));

  // A slice begins with a shorter chunk; more axes are not drawn, and said.
  const std::string part = weft::chunks_to_svg(x(weft::slice(10, 60), 0));
  CHECK(shapes(part).lines == 4);
  const std::string many =
      weft::chunks_to_svg(weft::zeros<float, 5>(c, {9, 8, 4, 6, 10}, {.chunk = {1, 1, 2, 2, 2}}));
  CHECK(shapes(many).faces == 3);
  CHECK(shapes(many).lines == 14);
  CHECK_THAT(many, Contains("the last three of 5 axes") && !Contains(">9</text>"));

  // What has no chunks to speak of, and what has too many to be seen.
  CHECK(shapes(weft::chunks_to_svg(weft::sum(x))).lines == 0);
  CHECK(shapes(weft::chunks_to_svg(weft::zeros<float, 2>(c, {0, 3}))).faces == 1);
  const std::string fine = weft::chunks_to_svg(weft::zeros<float>(c, {1'000'000'000}, {.chunk = {1000}}));
  CHECK(shapes(fine).lines == 39);
}

TEST_CASE("the graph of an array is drawn") {
  place at(1);
  const auto x =
      weft::from_function<1>(at.client, {40}, [](std::int64_t i) { return arrays::noise(i); }, {.chunk = {10}});
  const auto mean = weft::mean(x);
  const std::string dot = weft::to_dot(mean);
  CHECK(dot.starts_with("digraph weft {"));
  // Each name twice: as a label, and for those that point at it.
  for (int i = 0; i < 4; ++i) CHECK(count_of(dot, "lambda-mean of chunk (" + std::to_string(i) + ")") == 2);
  CHECK(count_of(dot, "mean-aggregate of chunk (0)") == 2 * 1);
  CHECK(count_of(dot, " -> ") == 4);
  const std::string svg = weft::to_svg(mean, {.title = "a mean", .plain = true});
  CHECK_THAT(svg, Contains("a mean") && Contains("<svg"));
  // Chunks that are there have their keys.
  const auto kept = x.persist();
  CHECK(count_of(weft::to_dot(kept + 1.0), "lambda-") == 2 * 4);
  CHECK(count_of(weft::to_dot(kept + 1.0), "add of chunk (") == 2 * 4);
  // Layers, where tasks are too many.
  const auto large = weft::ones<double>(at.client, {100'000}, {.chunk = {10}});
  CHECK_THAT(weft::to_dot(weft::sum(large)), Contains("sum\\n10000 tasks") || Contains("sum\n10000 tasks"));
}
