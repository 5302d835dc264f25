// Pictures of graphs: that they are well-formed, show everything once, and stay small.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/draw.hpp"
#include "graph/shape.hpp"
#include "weft/errors.hpp"

using namespace weft::detail;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

using ids = std::vector<std::uint32_t>;

graph_shape make(std::uint32_t tasks, const std::vector<graph_edge>& edges) {
  return graph_shape::from_edges(tasks, edges);
}
graph_shape random_graph(std::uint32_t n, std::uint32_t window, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<graph_edge> edges;
  for (std::uint32_t i = 1; i < n; ++i)
    for (std::size_t k = random() % 3; k > 0; --k)
      edges.push_back({i, i - 1 - static_cast<std::uint32_t>(random() % std::min(i, window))});
  return make(n, edges);
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// What is wrong with an XML document of the plain kind we write; empty when nothing is.
std::string fault(std::string_view text) {
  std::vector<std::string> open;
  std::size_t roots = 0;
  const auto references = [](std::string_view part) {
    for (std::size_t at = part.find('&'); at != part.npos; at = part.find('&', at + 1)) {
      const std::string_view name = part.substr(at + 1, part.substr(at + 1).find(';'));
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot") return false;
    }
    return true;
  };
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') return "a control character";
  if (text.starts_with("<?xml")) text.remove_prefix(text.find("?>") + 2);
  while (!text.empty()) {
    const std::size_t begin = text.find('<');
    const std::string_view content = text.substr(0, begin);
    if (!references(content)) return "a bare & in " + std::string(content);
    if (content.find('>') != content.npos) return "a bare > in " + std::string(content);
    if (open.empty() && content.find_first_not_of(" \n") != content.npos) return "text outside";
    if (begin == text.npos) break;
    text.remove_prefix(begin + 1);
    std::size_t end = 0;
    for (bool quoted = false; end < text.size() && (quoted || text[end] != '>'); ++end) {
      if (text[end] == '"') quoted = !quoted;
      if (text[end] == '<') return "a < within a tag";
    }
    if (end == text.size()) return "a tag without end";
    std::string_view tag = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return "a stray end " + std::string(tag);
      open.pop_back();
      continue;
    }
    const bool alone = tag.ends_with("/");
    if (alone) tag.remove_suffix(1);
    if (open.empty() && ++roots > 1) return "two roots";
    const std::size_t name = std::min(tag.find(' '), tag.size());
    if (!alone) open.emplace_back(tag.substr(0, name));
    tag.remove_prefix(name);
    ids seen;
    std::vector<std::string> names;
    while (!tag.empty()) {  // ` name="value"`, each name once
      const std::size_t equals = tag.find("=\"");
      if (tag[0] != ' ' || equals == tag.npos) return "a bad attribute in " + std::string(tag);
      names.emplace_back(tag.substr(1, equals - 1));
      if (std::count(names.begin(), names.end(), names.back()) > 1) return "an attribute twice";
      if (!std::all_of(names.back().begin(), names.back().end(), [](char c) { return std::isalnum(c) || c == '-'; }))
        return "a bad name " + names.back();
      tag.remove_prefix(equals + 2);
      const std::size_t close = tag.find('"');
      if (close == tag.npos || !references(tag.substr(0, close))) return "a bad value";
      tag.remove_prefix(close + 1);
    }
  }
  if (!open.empty()) return "no end of " + open.back();
  return roots == 1 ? "" : "no root";
}

struct rectangle {
  double x, y, width, height;
};
/// The boxes of the tasks, in the order of the tasks.
std::vector<rectangle> boxes(const std::string& svg) {
  std::vector<rectangle> found;
  const std::string mark = "</title><rect x=\"";
  for (std::size_t at = svg.find(mark); at != svg.npos; at = svg.find(mark, at + 1)) {
    const auto number = [&](const char* name) {
      return std::strtod(svg.c_str() + svg.find(std::string(" ") + name + "=\"", at) + std::string(name).size() + 3,
                         nullptr);
    };
    found.push_back({number("x"), number("y"), number("width"), number("height")});
  }
  return found;
}

}  // namespace

TEST_CASE("layers are longest paths", "[graph]") {
  CHECK(layers(make(6, {{1, 0}, {2, 1}, {3, 2}, {3, 0}, {4, 0}})) == ids{0, 1, 2, 3, 1, 0});
  CHECK(layers(graph_shape{}).empty());
  CHECK_THROWS_WITH(to_svg(make(2, {{0, 1}, {1, 0}})), Contains("cycle"));
}

TEST_CASE("DOT text names tasks and edges", "[graph]") {
  const graph_shape shape = make(3, {{2, 0}, {2, 1}});
  const std::string plain = to_dot(shape);
  CHECK_THAT(plain, StartsWith("digraph weft {\n"));
  CHECK_THAT(plain, Contains("t0 -> t2;") && Contains("t1 -> t2;") && Contains("t1 [label=\"1\""));
  CHECK(count(plain, " -> ") == 2);

  const std::vector<std::string> labels{"a \"b\" \\", "two\nlines", "x\x01y"};
  const ids ranks{1, 0, 2};
  const std::string dot = to_dot(shape, {.labels = labels, .ranks = ranks, .states = {}, .title = "A \"title\""});
  CHECK_THAT(dot, Contains("label=\"a \\\"b\\\" \\\\\\n1\"") && Contains("two\\nlines\\n0"));
  CHECK_THAT(dot, Contains("x\xef\xbf\xbdy") && Contains("label=\"A \\\"title\\\"\";"));
  CHECK_THAT(dot, Contains("t1 [") && Contains("fillcolor=\"#341e64\", fontcolor=\"#ffffff\""));

  const std::vector<task_state> states{task_state::done, task_state::failed, task_state::waiting};
  CHECK_THAT(to_dot(shape, {.labels = {}, .ranks = {}, .states = states, .title = {}}),
             Contains("tooltip=\"1 (failed)\", fillcolor=\"#e57373\""));
  CHECK_THAT(to_dot(graph_shape{}), StartsWith("digraph"));
}

TEST_CASE("a picture by states explains its colours, in either form", "[graph]") {
  const graph_shape shape = make(2, {{1, 0}});
  const std::vector<task_state> states{task_state::done, task_state::failed};
  const std::string dot = to_dot(shape, {.labels = {}, .ranks = {}, .states = states, .title = {}});
  const std::string svg = to_svg(shape, {.labels = {}, .ranks = {}, .states = states, .title = {}});
  for (const char* name : {"waiting", "ready", "running", "done", "failed", "cancelled"}) {
    CHECK_THAT(dot, Contains("label=\"" + std::string(name) + "\""));
    CHECK_THAT(svg, Contains(">" + std::string(name) + "<"));
  }
  CHECK(count(dot, "#81c784") == 2);  // the task that is done, and what explains it
  CHECK_THAT(to_dot(shape), !Contains("waiting"));
}

TEST_CASE("arrays of another length, and two colourings, are refused", "[graph]") {
  const graph_shape shape = make(3, {{2, 0}, {2, 1}});
  const std::vector<std::string> labels{"one"};
  CHECK_THROWS_WITH(to_svg(shape, {.labels = labels, .ranks = {}, .states = {}, .title = {}}),
                    Contains("1 labels were given to draw a graph of 3 tasks"));
  const ids ranks{0, 1, 2};
  const std::vector<task_state> states(3, task_state::ready);
  CHECK_THROWS_WITH(to_dot(shape, {.labels = {}, .ranks = ranks, .states = states, .title = {}}),
                    Contains("give one of the two"));
  CHECK_THROWS_AS(to_dot(shape, {.labels = labels, .ranks = {}, .states = {}, .title = {}}), weft::misuse);
}

TEST_CASE("an SVG picture is well-formed whatever the labels are", "[graph]") {
  CHECK(fault("<a><b></a></b>") != "");
  CHECK(fault("<a b=\"&x;\"/>") != "");
  const graph_shape shape = make(5, {{2, 0}, {2, 1}, {3, 2}, {4, 0}});
  const std::vector<std::string> labels{
      "<script>alert(\"&\")</script>", std::string("nul \0 byte", 10), "\xc3\x28 \xed\xa0\x80",
      "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 ]]>", std::string(200, 'w')};
  const std::vector<task_state> states{task_state::done, task_state::failed, task_state::waiting, task_state::running,
                                       task_state::cancelled};
  const std::string svg = to_svg(shape, {.labels = labels, .ranks = {}, .states = states, .title = "a < b & c"});
  CHECK(fault(svg) == "");
  CHECK_THAT(svg,
             Contains("&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;") && Contains("gr\xc3\xbc\xc3\x9f"));
  CHECK_THAT(svg, Contains("a &lt; b &amp; c") && Contains("(cancelled)"));
  CHECK(count(svg, "<path d=\"M") == 4 + 1);  // the edges, and the arrow's tip
  CHECK(boxes(svg).size() == 5);
  for (const auto& b : boxes(svg)) CHECK(b.width < 250);
  CHECK(fault(to_svg(graph_shape{})) == "");
  CHECK(fault(to_svg(make(1, {}))) == "");
}

TEST_CASE("boxes do not overlap, lie in the picture, and below what they need", "[graph]") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const graph_shape shape = random_graph(150, 5 + 10 * seed, seed);
    ids ranks(150);
    for (std::uint32_t i = 0; i < 150; ++i) ranks[i] = i;
    const std::string svg = to_svg(shape, {.labels = {}, .ranks = ranks, .states = {}, .title = {}});
    REQUIRE(fault(svg) == "");
    CHECK(svg == to_svg(shape, {.labels = {}, .ranks = ranks, .states = {}, .title = {}}));
    const auto all = boxes(svg);
    REQUIRE(all.size() == 150);
    const double width = std::strtod(svg.c_str() + svg.find(" width=\"") + 8, nullptr);
    const double height = std::strtod(svg.c_str() + svg.find(" height=\"") + 9, nullptr);
    for (std::uint32_t a = 0; a < 150; ++a) {
      REQUIRE((all[a].x >= 0 && all[a].x + all[a].width <= width));
      REQUIRE((all[a].y >= 0 && all[a].y + all[a].height <= height));
      for (std::uint32_t b = 0; b < a; ++b)
        REQUIRE((all[a].y != all[b].y || all[a].x + all[a].width <= all[b].x || all[b].x + all[b].width <= all[a].x));
      for (const std::uint32_t d : shape.dependencies(a)) REQUIRE(all[d].y + all[d].height < all[a].y);
    }
  }
}

TEST_CASE("layers are sorted so that lines need not cross", "[graph]") {
  // Two ladders side by side, their rungs numbered crosswise.
  const graph_shape shape = make(8, {{2, 1}, {3, 0}, {4, 3}, {5, 2}, {6, 5}, {7, 4}});
  const auto all = boxes(to_svg(shape));
  REQUIRE(all.size() == 8);
  const bool first_left = all[0].x < all[1].x;
  for (const auto& [first, second] : {std::pair{3, 2}, {4, 5}, {7, 6}}) {
    const auto& a = all[static_cast<std::size_t>(first)];
    const auto& b = all[static_cast<std::size_t>(second)];
    CHECK((a.x < b.x) == first_left);
  }
}

TEST_CASE("a large graph is drawn by its layers", "[graph]") {
  std::vector<graph_edge> edges;
  for (std::uint32_t i = 0; i < 10'000; ++i) edges.push_back({10'000 + i / 10, i});
  for (std::uint32_t i = 0; i < 1000; ++i) edges.push_back({11'000, 10'000 + i});
  const graph_shape shape = make(11'001, edges);
  std::vector<task_state> states(shape.size(), task_state::done);
  states[11'000] = task_state::running;
  const std::string svg = to_svg(shape, {.labels = {}, .ranks = {}, .states = states, .title = "sum"});
  CHECK(fault(svg) == "");
  CHECK(svg.size() < 10'000);
  CHECK(boxes(svg).size() == 3);
  CHECK_THAT(svg, Contains("sum: 11001 tasks and 11000 edges, by layers") && Contains("10000 tasks"));
  CHECK_THAT(svg, Contains("layer 1: 1000 tasks, 1000 done") && Contains("10000 edges from layer 0"));
  CHECK_THAT(to_dot(shape), Contains("t0 -> t1;") && Contains("layer 2\\n1 task\""));

  std::vector<graph_edge> chain;
  for (std::uint32_t i = 1; i < 20'000; ++i) chain.push_back({i, i - 1});
  const graph_shape deep = make(20'000, chain);
  ids ranks(20'000);
  for (std::uint32_t i = 0; i < 20'000; ++i) ranks[i] = i;
  const std::string summary = to_svg(deep, {.labels = {}, .ranks = ranks, .states = {}, .title = {}});
  CHECK(fault(summary) == "");
  CHECK(boxes(summary).size() == 100);

  std::vector<graph_edge> dense;
  for (std::uint32_t i = 0; i < 200; ++i)
    for (std::uint32_t j = 0; j < 200; ++j) dense.push_back({200 + j, i});
  CHECK(boxes(to_svg(make(400, dense))).size() == 2);
  CHECK(boxes(to_svg(make(3, {{2, 0}, {2, 1}}),
                     {.labels = {}, .ranks = {}, .states = {}, .title = {}, .most_tasks = 2}))
            .size() == 2);
}
