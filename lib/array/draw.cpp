// Pictures of arrays: of their tasks, and of their chunks.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "array/layered.hpp"
#include "array/nodes.hpp"
#include "weft/layer.hpp"

namespace weft::detail::arrays {

namespace {

constexpr double longest = 240, shortest = 24, margin = 24;  // in pixels
constexpr double line = 18, letter = 7;                      // of text of 12 pixels; a letter's width, about
constexpr std::int64_t most_cuts = 40;
constexpr const char* front = "#90caf9";
constexpr const char* side = "#64b5f6";
constexpr const char* top = "#bbdefb";

struct point {
  double x, y;
};

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", x);
  return text;
}
std::string place_of(const point& p) { return number(p.x) + "," + number(p.y); }

/// An axis as it is drawn: its length, and where chunks end along it, from 0 to that length.
struct drawn_axis {
  double length = 0;
  std::int64_t extent = 0;
  std::vector<double> cuts = {};
};
drawn_axis drawn(const cut& c, double largest) {
  drawn_axis a{std::max(shortest, longest * static_cast<double>(c.extent) / largest), c.extent};
  const std::int64_t every = (c.count() + most_cuts - 1) / most_cuts;
  if (c.extent == 0) return a;
  for (std::int64_t i = every; i < c.count(); i += every)
    a.cuts.push_back(a.length * static_cast<double>(c.first(i)) / static_cast<double>(c.extent));
  return a;
}

/// One side of what is drawn: a parallelogram from `at` along two directions, with lines where chunks end.
class face {
 public:
  face(point at, point along, point down) : at_(at), along_(along), down_(down) {}

  std::string draw(const drawn_axis& a, const drawn_axis& d, const char* fill) const {
    std::string s = "<polygon points=\"" + place_of(at(0, 0)) + " " + place_of(at(1, 0)) + " " + place_of(at(1, 1)) +
                    " " + place_of(at(0, 1)) + "\" fill=\"" + fill + "\" stroke-width=\"2\"/>\n";
    for (const double cut : a.cuts) s += stroke(at(cut / a.length, 0), at(cut / a.length, 1));
    for (const double cut : d.cuts) s += stroke(at(0, cut / d.length), at(1, cut / d.length));
    return s;
  }

 private:
  point at(double u, double v) const {
    return {at_.x + u * along_.x + v * down_.x, at_.y + u * along_.y + v * down_.y};
  }
  static std::string stroke(const point& from, const point& to) {
    return "<line x1=\"" + number(from.x) + "\" y1=\"" + number(from.y) + "\" x2=\"" + number(to.x) + "\" y2=\"" +
           number(to.y) + "\"/>\n";
  }
  point at_, along_, down_;
};

std::string text_at(const point& p, const std::string& text, const char* anchor = "middle") {
  return "<text x=\"" + number(p.x) + "\" y=\"" + number(p.y) + "\" text-anchor=\"" + anchor + "\">" + text +
         "</text>\n";
}

}  // namespace

std::string draw_tasks(const array_node& x, const drawing_options& how, drawing_form form) {
  const layer<block> l = layer_of_blocks(x);
  return draw_layer(l.get_spec(), how, form);
}

std::string draw_chunks(const array_node& x) {
  const grid& g = x.chunks;
  const std::uint32_t shown = std::min(g.rank, 3u);
  double largest = 1;
  for (std::uint32_t a = g.rank - shown; a < g.rank; ++a)
    largest = std::max(largest, static_cast<double>(g.axes[a].extent));
  std::vector<drawn_axis> axes(3);  // into the picture, down, along
  for (std::uint32_t a = 0; a < shown; ++a) axes[3 - shown + a] = drawn(g.axes[g.rank - shown + a], largest);
  const drawn_axis& down = axes[1];
  const drawn_axis& along = axes[2];
  const double height = shown > 1 ? down.length : shortest, width = shown > 0 ? along.length : shortest;
  const double depth = shown > 2 ? axes[0].length * 0.5 : 0;  // seen from the left, above

  // The extent of the axis into the picture stands left of it.
  const double room = shown > 2 ? letter * static_cast<double>(std::to_string(axes[0].extent).size()) : 0;
  const point corner{std::max(margin, room + 12 - depth / 2), margin + depth};
  std::string shapes = face(corner, {width, 0}, {0, height}).draw(along, down, front);
  if (shown > 2) {
    shapes += face(corner, {width, 0}, {depth, -depth}).draw(along, axes[0], top);
    shapes += face({corner.x + width, corner.y}, {depth, -depth}, {0, height}).draw(axes[0], down, side);
  }
  const double bottom = corner.y + height + line;
  std::string texts;
  if (shown > 0) texts += text_at({corner.x + width / 2, bottom}, std::to_string(along.extent));
  if (shown > 1)
    texts += text_at({corner.x + width + depth + 8, margin + height / 2 + 4}, std::to_string(down.extent), "start");
  if (shown > 2)
    texts += text_at({corner.x + depth / 2 - 6, margin + depth / 2}, std::to_string(axes[0].extent), "end");
  const std::string words = describe(x);
  const std::size_t colon = words.rfind(": ");
  const std::string lines[] = {words.substr(0, colon), words.substr(colon + 2),
                               g.rank > 3 ? "drawn: the last three of " + std::to_string(g.rank) + " axes" : ""};
  double y = bottom + 2 * line;
  std::size_t longest_text = 0;
  for (const std::string& l : lines) {
    if (l.empty()) continue;
    texts += text_at({margin, y}, l, "start");
    longest_text = std::max(longest_text, l.size());
    y += line;
  }
  const double whole =
      std::max(corner.x + width + depth + 100, 2 * margin + letter * static_cast<double>(longest_text));
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
         number(whole) + "\" height=\"" + number(y) +
         "\" font-family=\"sans-serif\" font-size=\"12\">\n<g stroke=\"#1a4a6e\" stroke-width=\"1\">\n" + shapes +
         "</g>\n" + texts + "</svg>\n";
}

}  // namespace weft::detail::arrays
